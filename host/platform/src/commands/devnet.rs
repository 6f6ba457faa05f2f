//! `platform devnet`: the loopback test node.

use std::{fs, net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::Context as _;
use clap::Args;
use platform_devnet::{Devnet, DevnetConfig, Genesis, NeuronGenesis, SubnetGenesis};
use platform_domain::{Hotkey, Netuid};
use tokio_util::sync::CancellationToken;

use crate::{output::Output, tasks::stop_on_signal};

#[derive(Debug, Args)]
pub(crate) struct DevnetArgs {
    /// Where to listen; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:9944")]
    listen: SocketAddr,
    /// The subnet.
    #[arg(long, default_value = "1")]
    netuid: Netuid,
    /// Register a validator that may set weights, from UID 0 on; repeat for more. The first owns the subnet.
    #[arg(long, value_name = "ADDRESS")]
    validator: Vec<Hotkey>,
    /// Register a miner, after the validators; repeat for more.
    #[arg(long, value_name = "ADDRESS")]
    miner: Vec<Hotkey>,
    /// Milliseconds between blocks.
    #[arg(long, default_value_t = 12_000)]
    block_ms: u64,
    /// A JSON file with the whole first block, instead of --netuid, --validator and --miner.
    #[arg(long, conflicts_with_all = ["validator", "miner"])]
    genesis: Option<PathBuf>,
}

/// Enough for every threshold a test sets: 1,000 TAO in RAO.
const STAKE: u64 = 1_000_000_000_000;

pub(crate) async fn run(args: DevnetArgs, output: Output) -> anyhow::Result<()> {
    let DevnetArgs {
        listen,
        netuid,
        validator,
        miner,
        block_ms,
        genesis,
    } = args;
    let genesis = match genesis {
        Some(path) => read_genesis(&path)?,
        None => one_subnet(netuid, &validator, &miner),
    };
    let block_time = Some(Duration::from_millis(block_ms.max(1)));
    let devnet = Devnet::start(DevnetConfig {
        listen,
        block_time,
        genesis,
        ..DevnetConfig::default()
    })
    .await?;
    let answer = serde_json::json!({ "url": devnet.url() });
    output.show(&answer, |_| format!("test node, not a chain: {}", devnet.url()))?;
    stop_on_signal(CancellationToken::new()).await?;
    devnet.stop().await;
    Ok(())
}

fn read_genesis(path: &std::path::Path) -> anyhow::Result<Genesis> {
    let json = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&json).with_context(|| format!("{} is not a genesis", path.display()))
}

fn one_subnet(netuid: Netuid, validators: &[Hotkey], miners: &[Hotkey]) -> Genesis {
    let neuron = |hotkey: &Hotkey, validator_permit| {
        let stake = if validator_permit { STAKE } else { 0 };
        NeuronGenesis {
            hotkey: *hotkey,
            stake,
            validator_permit,
        }
    };
    let validating = validators.iter().map(|hotkey| neuron(hotkey, true));
    let mining = miners.iter().map(|hotkey| neuron(hotkey, false));
    let mut subnet = SubnetGenesis {
        netuid,
        neurons: validating.chain(mining).collect(),
        ..SubnetGenesis::default()
    };
    // A test does not wait a hundred blocks before it may set weights.
    subnet.weights_rate_limit = 0;
    subnet.owner = validators.first().copied().unwrap_or(subnet.owner);
    Genesis {
        subnets: vec![subnet],
        ..Genesis::default()
    }
}
