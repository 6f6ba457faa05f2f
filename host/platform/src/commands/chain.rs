//! `platform chain`: the nodes, the subnet, and whether the chain would take this host's weights.

use anyhow::bail;
use clap::Subcommand;
use platform_admin_types::{ChainStatusView, Client, MetagraphView, PreflightView};

use crate::output::{Output, table};

#[derive(Debug, Subcommand)]
pub(crate) enum ChainCommand {
    /// Show the nodes and how they do, the runtime, the subnet's rules, and when its next epoch is.
    Status,
    /// Show who is registered: UID, hotkey, stake, permit.
    Metagraph,
    /// Make every check that the chain makes of weights, also those of which it says nothing. Exit code 1 if one fails.
    ///
    /// The vector is that of the newest recorded epoch; without one, the hotkey's weight for itself.
    Preflight,
}

pub(crate) async fn run(command: ChainCommand, client: &Client, output: Output) -> anyhow::Result<()> {
    match command {
        ChainCommand::Status => output.show(&client.chain_status().await?, status),
        ChainCommand::Metagraph => output.show(&client.chain_metagraph().await?, metagraph),
        ChainCommand::Preflight => {
            let view = client.chain_preflight().await?;
            output.show(&view, checks)?;
            if view.passed {
                return Ok(());
            }
            let failed = view.checks.iter().filter(|check| check.verdict == "failed");
            let names: Vec<_> = failed.map(|check| check.name.as_str()).collect();
            bail!("the chain would not take weights: {}", names.join(", "))
        }
    }
}

fn status(view: &ChainStatusView) -> String {
    let ChainStatusView {
        spec_name,
        spec_version,
        genesis,
        ss58_prefix,
        best,
        finalised,
        hotkey,
        proxied,
        subnet,
        nodes,
    } = view;
    let timing = &subnet.timing;
    let whose = match hotkey {
        Some(hotkey) if *proxied => format!("{hotkey}, by a proxy"),
        Some(hotkey) => hotkey.to_string(),
        None => "none: weights are recorded and not submitted".to_owned(),
    };
    let form = if subnet.commit_reveal {
        format!("committed, and revealed after {} epoch(s)", timing.reveal_period)
    } else {
        "set openly".to_owned()
    };
    let left = timing.next_epoch_block.0.saturating_sub(best.0);
    let facts = [
        (
            "chain",
            format!("{spec_name} {spec_version}, genesis {genesis}, addresses {ss58_prefix}"),
        ),
        (
            "blocks",
            format!("best {best}, final {finalised}, one each {} ms", timing.block_ms),
        ),
        ("hotkey", whose),
        (
            "subnet",
            format!(
                "{}, mechanism {}, {} neurons",
                subnet.netuid, subnet.mechanism, subnet.neurons
            ),
        ),
        (
            "epoch",
            format!(
                "{}, tempo {}, the next in block {} ({left} to go)",
                timing.epoch, timing.tempo, timing.next_epoch_block
            ),
        ),
        (
            "weights",
            format!(
                "{form}; at least {} entries, at most {}/65535 for one, once in {} blocks, version {}",
                subnet.min_allowed_weights,
                subnet.max_weight_limit,
                subnet.weights_rate_limit,
                subnet.weights_version
            ),
        ),
    ];
    let facts = facts.map(|(name, value)| format!("{name:<8} {value}"));
    let rows: Vec<_> = nodes
        .iter()
        .map(|node| {
            let shown = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
            [
                if node.current { "*" } else { "" }.to_owned(),
                node.endpoint.clone(),
                node.state.clone(),
                shown(node.best.map(|best| best.to_string())),
                shown(node.latency_ms.map(|ms| format!("{ms} ms"))),
                node.error.clone().unwrap_or_default(),
            ]
        })
        .collect();
    let head = ["", "NODE", "STATE", "BEST", "ANSWERS IN", "LAST ERROR"];
    format!("{}\n\n{}", facts.join("\n"), table(head, &rows))
}

fn metagraph(view: &MetagraphView) -> String {
    let owner = view.owner.map_or("nobody".to_owned(), |owner| owner.to_string());
    let rows: Vec<_> = view
        .neurons
        .iter()
        .map(|neuron| {
            let permit = if neuron.validator_permit { "yes" } else { "" };
            [
                neuron.uid.to_string(),
                neuron.hotkey.to_string(),
                neuron.stake.to_string(),
                permit.to_owned(),
            ]
        })
        .collect();
    format!(
        "subnet {} at block {}, owned by {owner}\n\n{}",
        view.netuid,
        view.block,
        table(["UID", "HOTKEY", "STAKE", "PERMIT"], &rows)
    )
}

/// Every check with its verdict; what failed comes with what to do.
pub(crate) fn checks(view: &PreflightView) -> String {
    let rows: Vec<_> = view
        .checks
        .iter()
        .map(|check| {
            let hint = check
                .hint
                .clone()
                .filter(|_| check.verdict != "passed")
                .unwrap_or_default();
            [
                check.verdict.clone(),
                check.name.clone(),
                check.detail.clone(),
                hint,
            ]
        })
        .collect();
    table(["", "CHECK", "FOUND", "WHAT TO DO"], &rows)
}
