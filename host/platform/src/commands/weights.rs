//! `platform weights`: preview, submit, look back, compute offline.

use std::{
    io::{self, Read as _, Write as _},
    time::Duration,
};

use anyhow::{Context as _, bail};
use platform_admin_types::{Client, EpochView, PreviewView, VectorView};
use platform_weights::{ComputeRequest, Policy, Report};
use tokio::time::{Instant, sleep};

use crate::{
    cli::WeightsCommand,
    output::{Output, table},
};

/// How often `submit` looks how far the epoch is: well below a block of the fastest chain.
const POLL: Duration = Duration::from_millis(200);
/// Input of `compute`: far above what 128 challenges with 4,096 entries each need.
const MAX_INPUT: u64 = 256 << 20;

pub(crate) async fn run(command: WeightsCommand, client: &Client, output: Output) -> anyhow::Result<()> {
    match command {
        WeightsCommand::Preview => output.show(&client.weights_preview().await?, preview_text),
        WeightsCommand::Submit { timeout } => submit(client, output, Duration::from_secs(timeout)).await,
        WeightsCommand::History { limit } => output.show(&client.weights_history(limit).await?, |list| {
            history_text(&list.epochs)
        }),
        WeightsCommand::Show { epoch } => output.show(&client.weights_epoch(epoch).await?, epoch_text),
        WeightsCommand::Compute { policy } => compute(policy),
    }
}

/// Asks for the current epoch and follows it to its end, telling each step.
async fn submit(client: &Client, output: Output, timeout: Duration) -> anyhow::Result<()> {
    let mut view = client.weights_submit().await?;
    let submits = client.weights_status().await?.submits;
    let until = Instant::now() + timeout;
    let mut told = String::new();
    while !(view.ended || view.state == "recorded" && !submits) {
        if view.state != told {
            output.progress(&format!("epoch {}: {}", view.epoch, view.state));
            told.clone_from(&view.state);
        }
        if Instant::now() >= until {
            let status = client.weights_status().await?;
            let why = status.error.map(|error| format!(": {error}")).unwrap_or_default();
            bail!(
                "epoch {} is only {} after {} s{why}",
                view.epoch,
                view.state,
                timeout.as_secs()
            );
        }
        sleep(POLL).await;
        view = client.weights_epoch(view.epoch).await?;
    }
    output.show(&view, epoch_text)?;
    if view.state == "failed" {
        bail!("epoch {} failed: {}", view.epoch, view.reason.unwrap_or_default());
    }
    Ok(())
}

/// `platform weights compute`: the same code as an epoch, without a host.
pub(crate) fn compute(policy: Policy) -> anyhow::Result<()> {
    let mut input = Vec::new();
    io::stdin()
        .take(MAX_INPUT)
        .read_to_end(&mut input)
        .context("cannot read standard input")?;
    let request: ComputeRequest =
        serde_json::from_slice(&input).context("standard input is not what compute reads")?;
    let answer = platform_weights::compute(request, policy)?;
    let mut answer = serde_json::to_vec(&answer)?;
    answer.push(b'\n');
    Ok(io::stdout().write_all(&answer)?)
}

fn vector_text(vector: &VectorView) -> String {
    let entries = vector.uids.iter().zip(&vector.weights).zip(&vector.u16);
    let rows: Vec<_> = entries
        .map(|((uid, share), u16)| [uid.to_string(), share.clone(), u16.to_string()])
        .collect();
    table(["UID", "SHARE", "U16"], &rows)
}

fn preview_text(view: &PreviewView) -> String {
    let rows: Vec<_> = view
        .answers
        .iter()
        .map(|answer| {
            let entries = answer
                .entries
                .map_or("-".to_owned(), |entries| entries.to_string());
            let reason = answer.reason.clone().unwrap_or_default();
            [
                answer.slug.to_string(),
                answer.emission_percent.to_string(),
                entries,
                reason,
            ]
        })
        .collect();
    let head = format!(
        "epoch {} at block {}, policy {}",
        view.epoch, view.block, view.policy
    );
    let answers = table(["CHALLENGE", "EMISSION %", "ENTRIES", "FAILED BECAUSE"], &rows);
    let vector = match &view.vector {
        Some(vector) => vector_text(vector),
        None => format!("no vector: {}", view.reason.as_deref().unwrap_or("unknown")),
    };
    format!("{head}\n\n{answers}\n\n{vector}")
}

fn history_text(epochs: &[EpochView]) -> String {
    let rows: Vec<_> = epochs
        .iter()
        .map(|view| {
            let entries = view
                .vector
                .as_ref()
                .map_or("-".to_owned(), |vector| vector.uids.len().to_string());
            let hash = view
                .extrinsic_hash
                .map_or("-".to_owned(), |hash| hash.to_string());
            let (block, reason) = (view.block.to_string(), view.reason.clone().unwrap_or_default());
            [
                view.epoch.to_string(),
                block,
                view.state.clone(),
                entries,
                hash,
                reason,
            ]
        })
        .collect();
    table(
        ["EPOCH", "BLOCK", "STATE", "ENTRIES", "EXTRINSIC", "REASON"],
        &rows,
    )
}

fn challenges_text(report: &Report) -> String {
    let rows: Vec<_> = report
        .challenges
        .iter()
        .map(|one| {
            let reason = one.reason.clone().unwrap_or_default();
            [
                one.slug.to_string(),
                one.emission_percent.to_string(),
                one.share.to_string(),
                one.scored.to_string(),
                reason,
            ]
        })
        .collect();
    table(
        ["CHALLENGE", "EMISSION %", "SHARE", "SCORES", "FAILED BECAUSE"],
        &rows,
    )
}

fn epoch_text(view: &EpochView) -> String {
    let mut lines = vec![format!(
        "epoch {} at block {}: {}",
        view.epoch, view.block, view.state
    )];
    lines.extend(view.reason.iter().map(|reason| format!("reason     {reason}")));
    lines.extend(view.policy.iter().map(|policy| format!("policy     {policy}")));
    lines.extend(
        view.extrinsic_hash
            .iter()
            .map(|hash| format!("extrinsic  {hash}")),
    );
    lines.extend(
        view.included_block
            .iter()
            .map(|block| format!("in block   {block}")),
    );
    let report = view
        .report
        .clone()
        .and_then(|report| serde_json::from_value(report).ok());
    lines.extend(report.map(|report: Report| format!("\n{}", challenges_text(&report))));
    lines.extend(
        view.vector
            .iter()
            .map(|vector| format!("\n{}", vector_text(vector))),
    );
    lines.join("\n")
}
