//! The row of an epoch, as its columns hold it.

use platform_domain::{BlockNumber, EpochId, MechanismId, Netuid};
use rusqlite::{Connection, Row, named_params};
use serde::Serialize;
use serde_json::Value;

use super::{integer, key};
use crate::{
    StoreError,
    columns::{Columns, json, seconds},
    epoch::{EpochRow, Lane},
};

/// Writes the row. Trees that are `None` stay as they are, unless the epoch begins anew.
pub(super) fn write(
    connection: &Connection,
    row: &EpochRow,
    (inputs, report): (Option<&Value>, Option<&Value>),
    anew: bool,
) -> Result<(), StoreError> {
    let sql = "UPDATE epochs SET state = :state, step = :step, block = :block, block_hash = :block_hash, \
               began_at = :began_at, updated_at = :updated_at, policy = :policy, \
               inputs = iif(:anew, NULL, coalesce(:inputs, inputs)), vector = :vector, \
               report = iif(:anew, NULL, coalesce(:report, report)), attempts = :attempts, call = :call, \
               extrinsic = :extrinsic, sealed = :sealed, included_block = :included_block, \
               included_hash = :included_hash, on_chain = :on_chain, revealed_block = :revealed_block, error = :error, \
               reason = :reason WHERE genesis = :genesis AND netuid = :netuid AND mechanism = :mechanism \
               AND numbering = :numbering AND epoch = :epoch";
    let key = key(&row.key())?;
    connection.prepare_cached(sql)?.execute(named_params! {
        ":genesis": key.genesis,
        ":netuid": key.netuid,
        ":mechanism": key.mechanism,
        ":numbering": key.numbering,
        ":epoch": key.epoch,
        ":anew": anew,
        ":state": row.state.as_str(),
        ":step": integer("step", row.step)?,
        ":block": integer("block", row.block.0)?,
        ":block_hash": row.block_hash.to_string(),
        ":began_at": seconds("began_at", row.began_at)?,
        ":updated_at": seconds("updated_at", row.updated_at)?,
        ":policy": row.policy,
        ":inputs": optional_json("inputs", inputs)?,
        ":vector": optional_json("vector", row.vector.as_ref())?,
        ":report": optional_json("report", report)?,
        ":attempts": row.attempts,
        ":call": row.call,
        ":extrinsic": optional_json("extrinsic", row.extrinsic.as_ref())?,
        ":sealed": optional_json("sealed", row.sealed.as_ref())?,
        ":included_block": row.included.map(|(block, _)| integer("included_block", block.0)).transpose()?,
        ":included_hash": row.included.map(|(_, hash)| hash.to_string()),
        ":on_chain": optional_json("on_chain", row.on_chain.as_ref())?,
        ":revealed_block": row.revealed.map(|block| integer("revealed_block", block.0)).transpose()?,
        ":error": row.error,
        ":reason": row.reason,
    })?;
    Ok(())
}

pub(super) fn list(rows: &mut rusqlite::Rows<'_>) -> Result<Vec<EpochRow>, StoreError> {
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

pub(super) fn read(row: &Row<'_>) -> Result<EpochRow, StoreError> {
    let key = format!("{}", row.get::<_, i64>("epoch")?);
    let columns = Columns {
        table: "epoch",
        key: &key,
        row,
    };
    let number = |column| -> Result<u64, StoreError> {
        u64::try_from(columns.get::<i64>(column)?).map_err(|source| columns.error(column, source))
    };
    let block = |column| -> Result<Option<BlockNumber>, StoreError> {
        let found = columns.get::<Option<i64>>(column)?;
        found.map(|_| number(column).map(BlockNumber)).transpose()
    };
    let included = match block("included_block")? {
        Some(block) => Some((block, columns.text("included_hash")?)),
        None => None,
    };
    Ok(EpochRow {
        lane: Lane {
            genesis: columns.text("genesis")?,
            netuid: Netuid(columns.get("netuid")?),
            mechanism: MechanismId(columns.get("mechanism")?),
        },
        numbering: columns.text("numbering")?,
        epoch: EpochId(number("epoch")?),
        state: columns.text("state")?,
        step: number("step")?,
        block: BlockNumber(number("block")?),
        block_hash: columns.text("block_hash")?,
        began_at: columns.seconds("began_at")?,
        updated_at: columns.seconds("updated_at")?,
        policy: columns.get("policy")?,
        inputs: columns.optional_json("inputs")?,
        vector: columns.optional_json("vector")?,
        report: columns.optional_json("report")?,
        attempts: columns.get("attempts")?,
        call: columns.get("call")?,
        extrinsic: columns.optional_json("extrinsic")?,
        sealed: columns.optional_json("sealed")?,
        included,
        on_chain: columns.optional_json("on_chain")?,
        revealed: block("revealed_block")?,
        error: columns.get("error")?,
        reason: columns.get("reason")?,
    })
}

fn optional_json(column: &'static str, value: Option<&impl Serialize>) -> Result<Option<String>, StoreError> {
    value.map(|value| json(column, value)).transpose()
}
