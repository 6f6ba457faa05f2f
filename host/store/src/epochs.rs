//! The ledger of weights epochs. A row moves forward through its states; from the first signature on, what was
//! recorded is never rewritten.

use platform_domain::{BlockHash, BlockNumber, EpochId, MechanismId, Netuid, RawWeight, UnixSeconds};
use rusqlite::{Connection, Row, named_params};
use serde::Serialize;

use crate::{
    StoreError,
    columns::{Columns, json, seconds},
    epoch::{Answer, EpochRow, Lane, Step},
};

/// Found by the index `epochs_by_age`. Without the report.
const LATEST: &str = "SELECT genesis, netuid, mechanism, epoch, state, block, block_hash, began_at, updated_at, \
                      policy, vector, NULL AS report, attempts, extrinsic, included_block, included_hash, \
                      on_chain, reason FROM epochs ORDER BY began_at DESC, epoch DESC LIMIT ?1";
/// Found by the index `epochs_unfinished`, whose condition these are the words of.
const UNFINISHED: &str = "SELECT * FROM epochs INDEXED BY epochs_unfinished WHERE genesis = ?1 AND netuid = ?2 \
                          AND mechanism = ?3 AND state NOT IN ('finalised', 'skipped', 'failed') ORDER BY epoch";

/// Begins an epoch, or finds it: the second call returns the same row. An epoch that began and recorded
/// nothing (the host was killed while it asked) takes the new block: nothing depends on the old one.
pub fn begin(
    connection: &Connection,
    lane: Lane,
    epoch: EpochId,
    (block, block_hash): (BlockNumber, BlockHash),
    now: UnixSeconds,
) -> Result<EpochRow, StoreError> {
    let sql = "INSERT INTO epochs (genesis, netuid, mechanism, epoch, state, block, block_hash, began_at, updated_at) \
               VALUES (:genesis, :netuid, :mechanism, :epoch, 'begun', :block, :block_hash, :now, :now) \
               ON CONFLICT DO UPDATE SET block = :block, block_hash = :block_hash, began_at = :now, updated_at = :now \
               WHERE state = 'begun'";
    connection.prepare_cached(sql)?.execute(named_params! {
        ":genesis": lane.genesis.to_string(),
        ":netuid": lane.netuid.0,
        ":mechanism": lane.mechanism.0,
        ":epoch": integer("epoch", epoch.0)?,
        ":block": integer("block", block.0)?,
        ":block_hash": block_hash.to_string(),
        ":now": integer("began_at", now.0)?,
    })?;
    get(connection, lane, epoch)?.ok_or(StoreError::Statement(rusqlite::Error::QueryReturnedNoRows))
}

/// Begins an epoch anew that ended without a signature, because the operator asks for it: nothing of it can have
/// reached the chain. Any other epoch stays as it is.
pub fn reopen(connection: &Connection, row: &EpochRow, now: UnixSeconds) -> Result<EpochRow, StoreError> {
    let sql = "UPDATE epochs SET state = 'begun', began_at = :now, updated_at = :now, policy = NULL, vector = NULL, \
               report = NULL, reason = NULL \
               WHERE genesis = :genesis AND netuid = :netuid AND mechanism = :mechanism AND epoch = :epoch \
               AND state IN ('skipped', 'failed') AND attempts = 0";
    connection.prepare_cached(sql)?.execute(named_params! {
        ":genesis": row.lane.genesis.to_string(),
        ":netuid": row.lane.netuid.0,
        ":mechanism": row.lane.mechanism.0,
        ":epoch": integer("epoch", row.epoch.0)?,
        ":now": seconds("updated_at", now)?,
    })?;
    get(connection, row.lane, row.epoch)?.ok_or(StoreError::Statement(rusqlite::Error::QueryReturnedNoRows))
}

/// Moves an epoch one step. [`StoreError::EpochMoved`] when it is not in a state that the step follows:
/// somebody else moved it.
pub fn advance(
    connection: &Connection,
    row: &EpochRow,
    step: Step,
    now: UnixSeconds,
) -> Result<EpochRow, StoreError> {
    let (from, _) = step.transition();
    let from: Vec<&str> = from.iter().map(|state| state.as_str()).collect();
    let next = step.applied_to(row, now);
    let sql = "UPDATE epochs SET state = :state, updated_at = :now, policy = :policy, vector = :vector, \
               report = :report, attempts = :attempts, extrinsic = :extrinsic, included_block = :included_block, \
               included_hash = :included_hash, on_chain = :on_chain, reason = :reason \
               WHERE genesis = :genesis AND netuid = :netuid AND mechanism = :mechanism AND epoch = :epoch \
               AND state IN (SELECT value FROM json_each(:from))";
    let changed = connection.prepare_cached(sql)?.execute(named_params! {
        ":genesis": next.lane.genesis.to_string(),
        ":netuid": next.lane.netuid.0,
        ":mechanism": next.lane.mechanism.0,
        ":epoch": integer("epoch", next.epoch.0)?,
        ":from": json("state", &from)?,
        ":state": next.state.as_str(),
        ":now": integer("updated_at", now.0)?,
        ":policy": next.policy,
        ":vector": optional_json("vector", next.vector.as_ref())?,
        ":report": optional_json("report", next.report.as_ref())?,
        ":attempts": next.attempts,
        ":extrinsic": optional_json("extrinsic", next.extrinsic.as_ref())?,
        ":included_block": next.included.map(|(block, _)| integer("included_block", block.0)).transpose()?,
        ":included_hash": next.included.map(|(_, hash)| hash.to_string()),
        ":on_chain": optional_json("on_chain", next.on_chain.as_ref())?,
        ":reason": next.reason,
    })?;
    match changed {
        0 => Err(StoreError::EpochMoved {
            epoch: row.epoch,
            to: next.state.as_str(),
        }),
        _ => Ok(next),
    }
}

/// Keeps what the challenges answered; answers of an earlier, interrupted collection are replaced.
pub fn put_answers(connection: &Connection, row: &EpochRow, answers: &[Answer]) -> Result<(), StoreError> {
    let (genesis, epoch) = (row.lane.genesis.to_string(), integer("epoch", row.epoch.0)?);
    let (netuid, mechanism) = (row.lane.netuid.0, row.lane.mechanism.0);
    let delete =
        "DELETE FROM epoch_answers WHERE genesis = ?1 AND netuid = ?2 AND mechanism = ?3 AND epoch = ?4";
    connection
        .prepare_cached(delete)?
        .execute((&genesis, netuid, mechanism, epoch))?;
    let insert = "INSERT INTO epoch_answers (genesis, netuid, mechanism, epoch, slug, component, emission_percent, \
                  weights, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let mut insert = connection.prepare_cached(insert)?;
    for Answer {
        slug,
        component,
        emission_percent,
        weights,
    } in answers
    {
        let pairs = |weights: &Vec<RawWeight>| -> Vec<(String, String)> {
            // As text: JSON has no NaN, and an answer is kept as it came.
            weights
                .iter()
                .map(|weight| (weight.hotkey.clone(), format!("{:?}", weight.score)))
                .collect()
        };
        let kept = optional_json("weights", weights.as_ref().ok().map(pairs).as_ref())?;
        let percent = emission_percent.to_string();
        let reason = weights.as_ref().err();
        insert.execute((
            &genesis,
            netuid,
            mechanism,
            epoch,
            slug.as_str(),
            component,
            percent,
            kept,
            reason,
        ))?;
    }
    Ok(())
}

/// One epoch.
pub fn get(connection: &Connection, lane: Lane, epoch: EpochId) -> Result<Option<EpochRow>, StoreError> {
    let sql = "SELECT * FROM epochs WHERE genesis = ?1 AND netuid = ?2 AND mechanism = ?3 AND epoch = ?4";
    let mut statement = connection.prepare_cached(sql)?;
    let key = (
        lane.genesis.to_string(),
        lane.netuid.0,
        lane.mechanism.0,
        integer("epoch", epoch.0)?,
    );
    let mut rows = statement.query(key)?;
    rows.next()?.map(read).transpose()
}

/// The newest epochs first, at most `limit`, of every lane. Without their reports, which say of every miner
/// what each challenge gave: a megabyte in a full subnet.
pub fn latest(connection: &Connection, limit: u32) -> Result<Vec<EpochRow>, StoreError> {
    let mut statement = connection.prepare_cached(LATEST)?;
    let mut rows = statement.query([limit])?;
    collect(&mut rows)
}

/// The epochs of a lane that have not ended, oldest first.
pub fn unfinished(connection: &Connection, lane: Lane) -> Result<Vec<EpochRow>, StoreError> {
    let mut statement = connection.prepare_cached(UNFINISHED)?;
    let mut rows = statement.query((lane.genesis.to_string(), lane.netuid.0, lane.mechanism.0))?;
    collect(&mut rows)
}

fn collect(rows: &mut rusqlite::Rows<'_>) -> Result<Vec<EpochRow>, StoreError> {
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

fn read(row: &Row<'_>) -> Result<EpochRow, StoreError> {
    let key = format!("{}", row.get::<_, i64>("epoch")?);
    let columns = Columns {
        table: "epoch",
        key: &key,
        row,
    };
    let number = |column| -> Result<u64, StoreError> {
        u64::try_from(columns.get::<i64>(column)?).map_err(|source| columns.error(column, source))
    };
    let included = match columns.get::<Option<i64>>("included_block")? {
        Some(_) => Some((
            BlockNumber(number("included_block")?),
            columns.text("included_hash")?,
        )),
        None => None,
    };
    Ok(EpochRow {
        lane: Lane {
            genesis: columns.text("genesis")?,
            netuid: Netuid(columns.get("netuid")?),
            mechanism: MechanismId(columns.get("mechanism")?),
        },
        epoch: EpochId(number("epoch")?),
        state: columns.text("state")?,
        block: BlockNumber(number("block")?),
        block_hash: columns.text("block_hash")?,
        began_at: columns.seconds("began_at")?,
        updated_at: columns.seconds("updated_at")?,
        policy: columns.get("policy")?,
        vector: columns.optional_json("vector")?,
        report: columns.optional_json("report")?,
        attempts: columns.get("attempts")?,
        extrinsic: columns.optional_json("extrinsic")?,
        included,
        on_chain: columns.optional_json("on_chain")?,
        reason: columns.get("reason")?,
    })
}

fn optional_json(column: &'static str, value: Option<&impl Serialize>) -> Result<Option<String>, StoreError> {
    value.map(|value| json(column, value)).transpose()
}

fn integer(column: &'static str, value: u64) -> Result<i64, StoreError> {
    i64::try_from(value).map_err(|source| StoreError::Value {
        column,
        source: source.into(),
    })
}

#[cfg(test)]
mod tests {
    use platform_domain::Uid;

    use super::*;
    use crate::{
        Store,
        epoch::{EpochState, RecordedExtrinsic, RecordedVector},
    };

    const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

    fn lane() -> Lane {
        Lane {
            genesis: BlockHash([1; 32]),
            netuid: Netuid(1),
            mechanism: MechanismId(0),
        }
    }

    fn vector() -> RecordedVector {
        RecordedVector {
            uids: vec![Uid(0)],
            weights: vec!["1".into()],
            u16: vec![65535],
        }
    }

    fn extrinsic(nonce: u64) -> RecordedExtrinsic {
        let (birth, expires) = (BlockNumber(5), BlockNumber(133));
        RecordedExtrinsic {
            bytes: "00".into(),
            hash: BlockHash([2; 32]),
            nonce,
            birth,
            expires,
        }
    }

    fn record() -> Step {
        Step::Record {
            policy: "normalized/1".into(),
            vector: vector(),
            report: serde_json::json!({"a": 1}),
        }
    }

    async fn at<T: Send + 'static>(
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> T {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("host.sqlite3")).unwrap();
        store.write("test", work).await.unwrap()
    }

    #[tokio::test]
    async fn a_second_begin_returns_the_recorded_row() {
        at(|connection| {
            let block = |n| (BlockNumber(n), BlockHash([9; 32]));
            let first = begin(connection, lane(), EpochId(3), block(5), NOW)?;
            assert_eq!(
                begin(connection, lane(), EpochId(3), block(6), NOW)?.block,
                BlockNumber(6)
            );
            advance(connection, &first, record(), NOW)?;
            let again = begin(connection, lane(), EpochId(3), block(7), NOW)?;
            assert_eq!(
                (again.state, again.vector),
                (EpochState::Recorded, Some(vector()))
            );
            assert_eq!(again.block, BlockNumber(6));
            Ok(())
        })
        .await;
    }

    #[tokio::test]
    async fn a_row_moves_forward_only_and_reads_back_as_written() {
        at(|connection| {
            let row = begin(
                connection,
                lane(),
                EpochId(3),
                (BlockNumber(5), BlockHash([9; 32])),
                NOW,
            )?;
            let row = advance(connection, &row, record(), NOW)?;
            assert!(matches!(
                advance(connection, &row, record(), NOW),
                Err(StoreError::EpochMoved { .. })
            ));
            let row = advance(connection, &row, Step::Sign(extrinsic(1)), NOW)?;
            let row = advance(
                connection,
                &row,
                Step::Include(BlockNumber(7), BlockHash([3; 32])),
                NOW,
            )?;
            let row = advance(connection, &row, Step::Dropped, NOW)?;
            let row = advance(connection, &row, Step::Sign(extrinsic(2)), NOW)?;
            let row = advance(
                connection,
                &row,
                Step::Include(BlockNumber(8), BlockHash([4; 32])),
                NOW,
            )?;
            assert_eq!(unfinished(connection, lane())?.len(), 1);
            let row = advance(
                connection,
                &row,
                Step::Finalise {
                    on_chain: vec![(Uid(0), 65535)],
                },
                NOW,
            )?;
            let failed = advance(
                connection,
                &row,
                Step::Fail {
                    reason: "late".into(),
                },
                NOW,
            );
            assert!(matches!(failed, Err(StoreError::EpochMoved { .. })));
            let read = get(connection, lane(), EpochId(3))?.expect("the row");
            assert_eq!(format!("{read:?}"), format!("{row:?}"));
            assert_eq!((read.attempts, unfinished(connection, lane())?.len()), (2, 0));
            Ok(())
        })
        .await;
    }

    #[tokio::test]
    async fn a_history_leaves_the_reports_out_and_nothing_reads_the_whole_ledger() {
        at(|connection| {
            let block = (BlockNumber(5), BlockHash([9; 32]));
            let row = begin(connection, lane(), EpochId(3), block, NOW)?;
            advance(connection, &row, record(), NOW)?;
            let one = latest(connection, 10)?.pop().expect("the row");
            assert_eq!((one.vector, one.report), (Some(vector()), None));
            assert!(get(connection, lane(), EpochId(3))?.is_some_and(|row| row.report.is_some()));
            for (sql, index) in [(LATEST, "epochs_by_age"), (UNFINISHED, "epochs_unfinished")] {
                let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
                let count = plan.parameter_count();
                let steps: Vec<String> = plan
                    .query_map(rusqlite::params_from_iter(vec![1; count]), |row| {
                        row.get("detail")
                    })?
                    .collect::<Result<_, _>>()?;
                assert!(
                    steps.len() == 1 && steps[0].contains(&format!("USING INDEX {index}")),
                    "{steps:?}"
                );
            }
            Ok(())
        })
        .await;
    }
}
