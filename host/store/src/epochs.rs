//! The ledger of weights epochs: the row of an epoch as it is now, its journal, and what was answered. A row moves forward
//! through its states, each step in one transaction with its entry in the journal; what was recorded is never rewritten, and
//! the database itself refuses whoever tries.

mod answers;
mod journal;
mod rows;
#[cfg(test)]
mod tests;

use platform_domain::{BlockHash, BlockNumber, EpochId, UnixSeconds};
use rusqlite::{Connection, OptionalExtension as _, ToSql, named_params};

pub use self::{
    answers::{collected, last_good},
    journal::journal,
};
use crate::{
    StoreError,
    answer::Answer,
    columns::seconds,
    epoch::{EpochKey, EpochRow, EpochState, Lane},
    step::{Change, Step},
};

/// A row without what is large in it: inputs and report say of every miner what each challenge gave, a megabyte in a full
/// subnet.
macro_rules! without_trees {
    ($rest:literal) => {
        concat!(
            "SELECT genesis, netuid, mechanism, numbering, epoch, state, step, block, block_hash, began_at, updated_at, \
             policy, NULL AS inputs, vector, NULL AS report, attempts, call, extrinsic, sealed, included_block, \
             included_hash, on_chain, revealed_block, error, reason FROM epochs ",
            $rest
        )
    };
}

/// Found by the index `epochs_by_age`.
const LATEST: &str = without_trees!("ORDER BY began_at DESC, epoch DESC LIMIT ?1");
/// Found by the index `epochs_unfinished`, whose condition these are the words of.
const UNFINISHED: &str = without_trees!(
    "INDEXED BY epochs_unfinished WHERE genesis = ?1 AND netuid = ?2 AND mechanism = ?3 \
     AND state NOT IN ('revealed', 'skipped', 'failed') AND (state <> 'finalised' OR sealed IS NOT NULL) \
     ORDER BY began_at, epoch"
);
/// Found by the index `epochs_recorded`, whose condition these are the words of.
const RECORDED: &str = "SELECT * FROM epochs INDEXED BY epochs_recorded WHERE genesis = ?1 AND netuid = ?2 \
                        AND mechanism = ?3 AND vector IS NOT NULL AND began_at >= ?4 ORDER BY began_at DESC, epoch DESC";
/// Found by the index `epochs_by_number`.
const ANY: &str = "SELECT * FROM epochs WHERE genesis = ?1 AND netuid = ?2 AND mechanism = ?3 AND epoch = ?4 \
                   ORDER BY began_at DESC LIMIT 1";
/// Found by the primary key.
const ONE: &str = "SELECT * FROM epochs WHERE genesis = :genesis AND netuid = :netuid AND mechanism = :mechanism \
                   AND numbering = :numbering AND epoch = :epoch";

/// An epoch's key as its columns hold it.
struct Key {
    genesis: String,
    netuid: u16,
    mechanism: u8,
    numbering: String,
    epoch: i64,
}

impl Key {
    /// For a statement that asks for nothing else.
    fn named(&self) -> [(&'static str, &dyn ToSql); 5] {
        [
            (":genesis", &self.genesis),
            (":netuid", &self.netuid),
            (":mechanism", &self.mechanism),
            (":numbering", &self.numbering),
            (":epoch", &self.epoch),
        ]
    }
}

/// Begins an epoch, or finds it: the second call returns the same row.
pub fn begin(
    connection: &Connection,
    epoch: &EpochKey,
    (block, hash): (BlockNumber, BlockHash),
    now: UnixSeconds,
) -> Result<EpochRow, StoreError> {
    if let Some(row) = get(connection, epoch)? {
        return Ok(row);
    }
    let begun = (1, EpochState::Begun, now);
    journal::write(connection, epoch, begun, &Change::Begin { block, hash })?;
    let sql = "INSERT INTO epochs (genesis, netuid, mechanism, numbering, epoch, state, step, block, block_hash, began_at, \
               updated_at) VALUES (:genesis, :netuid, :mechanism, :numbering, :epoch, 'begun', 1, :block, :block_hash, \
               :now, :now)";
    let key = key(epoch)?;
    connection.prepare_cached(sql)?.execute(named_params! {
        ":genesis": key.genesis,
        ":netuid": key.netuid,
        ":mechanism": key.mechanism,
        ":numbering": key.numbering,
        ":epoch": key.epoch,
        ":block": integer("block", block.0)?,
        ":block_hash": hash.to_string(),
        ":now": seconds("began_at", now)?,
    })?;
    get(connection, epoch)?.ok_or(StoreError::Statement(rusqlite::Error::QueryReturnedNoRows))
}

/// Moves an epoch one step. [`StoreError::EpochMoved`] when the step may not follow, or when the row is no longer as it was
/// read: somebody else moved it.
pub fn advance(
    connection: &Connection,
    row: &EpochRow,
    step: Step,
    now: UnixSeconds,
) -> Result<EpochRow, StoreError> {
    let unmoved = newest_step(connection, &row.key())? == Some(row.step);
    let Some(to) = step.leads_to(row).filter(|_| unmoved) else {
        return Err(StoreError::EpochMoved {
            epoch: row.epoch,
            step: step.name(),
        });
    };
    let (change, inputs, report) = step.into_change();
    let anew = matches!(change, Change::Reopen { .. });
    journal::write(
        connection,
        &row.key(),
        (row.step.saturating_add(1), to, now),
        &change,
    )?;
    let mut next = change.applied_to(row.clone(), to, now);
    rows::write(connection, &next, (inputs.as_ref(), report.as_ref()), anew)?;
    next.inputs = inputs.or(next.inputs);
    next.report = report.or(next.report);
    Ok(next)
}

/// Begins an epoch anew that ended without a signature, because the operator asks for it: nothing of it can have reached the
/// chain. Any other epoch stays as it is.
pub fn reopen(
    connection: &Connection,
    row: EpochRow,
    block: (BlockNumber, BlockHash),
    now: UnixSeconds,
) -> Result<EpochRow, StoreError> {
    let reopen = Step::Reopen { block };
    match reopen.leads_to(&row) {
        Some(_) => advance(connection, &row, reopen, now),
        None => Ok(row),
    }
}

/// Keeps what the challenges answered with the step [`Step::Collect`], in one transaction.
pub fn collect(
    connection: &Connection,
    row: &EpochRow,
    collect: Step,
    answers: &[Answer],
    now: UnixSeconds,
) -> Result<EpochRow, StoreError> {
    let row = advance(connection, row, collect, now)?;
    answers::put(connection, &row, answers)?;
    Ok(row)
}

/// One epoch, with all there is.
pub fn get(connection: &Connection, epoch: &EpochKey) -> Result<Option<EpochRow>, StoreError> {
    let mut statement = connection.prepare_cached(ONE)?;
    let key = key(epoch)?;
    let mut rows = statement.query(key.named().as_slice())?;
    rows.next()?.map(rows::read).transpose()
}

/// The newest epoch of this number, however it is counted.
pub fn any_numbering(
    connection: &Connection,
    lane: Lane,
    epoch: EpochId,
) -> Result<Option<EpochRow>, StoreError> {
    let mut statement = connection.prepare_cached(ANY)?;
    let key = (lane.genesis.to_string(), lane.netuid.0, lane.mechanism.0);
    let mut rows = statement.query((key.0, key.1, key.2, integer("epoch", epoch.0)?))?;
    rows.next()?.map(rows::read).transpose()
}

/// The newest epochs first, at most `limit`, of every lane and numbering. Without inputs and reports.
pub fn latest(connection: &Connection, limit: u32) -> Result<Vec<EpochRow>, StoreError> {
    let mut statement = connection.prepare_cached(LATEST)?;
    let mut rows = statement.query([limit])?;
    rows::list(&mut rows)
}

/// The epochs of a lane that are not over, oldest first, however they are counted. Without inputs and reports.
pub fn unfinished(connection: &Connection, lane: Lane) -> Result<Vec<EpochRow>, StoreError> {
    let mut statement = connection.prepare_cached(UNFINISHED)?;
    let mut rows = statement.query((lane.genesis.to_string(), lane.netuid.0, lane.mechanism.0))?;
    rows::list(&mut rows)
}

/// The epoch of a lane that began last of those with a vector, however it is counted.
pub fn newest_recorded(connection: &Connection, lane: Lane) -> Result<Option<EpochRow>, StoreError> {
    newest_recorded_that(connection, lane, UnixSeconds(0), |_| true)
}

/// The same of those that began at `since` or later and are as `is` wants them. The newest are looked at first, and no more of
/// them than it takes.
pub fn newest_recorded_that(
    connection: &Connection,
    lane: Lane,
    since: UnixSeconds,
    is: impl Fn(&EpochRow) -> bool,
) -> Result<Option<EpochRow>, StoreError> {
    let mut statement = connection.prepare_cached(RECORDED)?;
    let since = seconds("began_at", since)?;
    let mut rows = statement.query((lane.genesis.to_string(), lane.netuid.0, lane.mechanism.0, since))?;
    while let Some(row) = rows.next()? {
        let row = rows::read(row)?;
        if is(&row) {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

/// How many steps an epoch took, if there is one.
fn newest_step(connection: &Connection, epoch: &EpochKey) -> Result<Option<u64>, StoreError> {
    let sql = "SELECT step FROM epochs WHERE genesis = ?1 AND netuid = ?2 AND mechanism = ?3 AND numbering = ?4 \
               AND epoch = ?5";
    let key = key(epoch)?;
    let key = (key.genesis, key.netuid, key.mechanism, key.numbering, key.epoch);
    let found = connection
        .prepare_cached(sql)?
        .query_row(key, |row| row.get::<_, i64>("step"));
    Ok(found.optional()?.and_then(|step| u64::try_from(step).ok()))
}

fn key(epoch: &EpochKey) -> Result<Key, StoreError> {
    Ok(Key {
        genesis: epoch.lane.genesis.to_string(),
        netuid: epoch.lane.netuid.0,
        mechanism: epoch.lane.mechanism.0,
        numbering: epoch.numbering.to_string(),
        epoch: integer("epoch", epoch.epoch.0)?,
    })
}

fn integer(column: &'static str, value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|source| StoreError::Value {
        column,
        source: source.into(),
    })
}
