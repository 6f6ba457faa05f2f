//! The journal of epochs: one row for each step, written with it and never changed.

use platform_domain::UnixSeconds;
use rusqlite::{Connection, named_params};

use super::{integer, key};
use crate::{
    StoreError,
    columns::{Columns, json, seconds},
    epoch::{EpochKey, EpochState},
    step::{Change, JournalStep},
};

/// Found by the primary key.
pub(super) const JOURNAL: &str = "SELECT * FROM epoch_steps WHERE genesis = :genesis AND netuid = :netuid \
     AND mechanism = :mechanism AND numbering = :numbering AND epoch = :epoch ORDER BY seq";

/// Writes the step that leads to `state`. The row follows in the same transaction, or the database refuses it.
pub(super) fn write(
    connection: &Connection,
    epoch: &EpochKey,
    (seq, state, at): (u64, EpochState, UnixSeconds),
    what: &Change,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO epoch_steps (genesis, netuid, mechanism, numbering, epoch, seq, at, state, what, error) \
               VALUES (:genesis, :netuid, :mechanism, :numbering, :epoch, :seq, :at, :state, :what, :error)";
    let key = key(epoch)?;
    connection.prepare_cached(sql)?.execute(named_params! {
        ":genesis": key.genesis,
        ":netuid": key.netuid,
        ":mechanism": key.mechanism,
        ":numbering": key.numbering,
        ":epoch": key.epoch,
        ":seq": integer("seq", seq)?,
        ":at": seconds("at", at)?,
        ":state": state.as_str(),
        ":what": json("what", what)?,
        ":error": what.error(),
    })?;
    Ok(())
}

/// Every step that an epoch took, the first one first.
pub fn journal(connection: &Connection, epoch: &EpochKey) -> Result<Vec<JournalStep>, StoreError> {
    let mut statement = connection.prepare_cached(JOURNAL)?;
    let key = key(epoch)?;
    let mut rows = statement.query(key.named().as_slice())?;
    let mut steps = Vec::new();
    let name = epoch.epoch.to_string();
    while let Some(row) = rows.next()? {
        let columns = Columns {
            table: "epoch step",
            key: &name,
            row,
        };
        let seq: i64 = columns.get("seq")?;
        steps.push(JournalStep {
            seq: u64::try_from(seq).map_err(|source| columns.error("seq", source))?,
            at: columns.seconds("at")?,
            state: columns.text("state")?,
            what: columns.json("what")?,
            error: columns.get("error")?,
        });
    }
    Ok(steps)
}
