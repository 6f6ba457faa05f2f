//! What a person wants to see of an epoch.

use anyhow::{Context as _, Result};
use serde_json::Value;

/// Rank, hotkey and length.
pub(crate) fn leaderboard(board: &Value) -> String {
    let entries = board
        .get("entries")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let mut rows = vec![["rank", "hotkey", "length"].map(str::to_owned).to_vec()];
    for (rank, entry) in (1..).zip(&entries) {
        rows.push(vec![
            rank.to_string(),
            cell(entry.get("hotkey")),
            cell(entry.get("length")),
        ]);
    }
    columns(&rows)
}

/// Hotkey, UID, what each challenge gave, the share, what was submitted and what the chain holds.
pub(crate) fn epoch(epoch: &Value, challenges: &[&str]) -> Result<String> {
    let uids = epoch
        .pointer("/report/uids")
        .and_then(Value::as_array)
        .context("the epoch has no report")?;
    let mut head = vec!["hotkey".to_owned(), "uid".to_owned()];
    head.extend(challenges.iter().map(|slug| (*slug).to_owned()));
    head.extend(["share", "u16", "on chain"].map(str::to_owned));
    let mut rows = vec![head];
    for entry in uids {
        let mut row = vec![cell(entry.get("hotkey")), cell(entry.get("uid"))];
        for slug in challenges {
            let from = entry.get("from").and_then(Value::as_array);
            let given = from.and_then(|from| {
                from.iter()
                    .find(|from| from.get("slug") == Some(&Value::from(*slug)))
            });
            row.push(share(given.and_then(|given| given.get("share"))));
        }
        row.extend([
            share(entry.get("share")),
            cell(entry.get("u16")),
            on_chain(epoch, entry.get("uid")),
        ]);
        rows.push(row);
    }
    Ok(columns(&rows))
}

fn on_chain(epoch: &Value, uid: Option<&Value>) -> String {
    let held = epoch.get("on_chain").and_then(Value::as_array);
    let pair = held.and_then(|held| held.iter().find(|pair| pair.get(0) == uid));
    cell(pair.and_then(|pair| pair.get(1)))
}

fn cell(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => "-".to_owned(),
        Some(other) => other.to_string(),
    }
}

/// Six digits are enough to compare by eye; the ledger has them all.
fn share(value: Option<&Value>) -> String {
    cell(value).chars().take(8).collect()
}

fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count)
        .map(|at| {
            rows.iter()
                .filter_map(|row| row.get(at))
                .map(String::len)
                .max()
                .unwrap_or(0)
        })
        .collect();
    let line = |row: &Vec<String>| {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
