//! `platform devnet`: the loopback test node.

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use anyhow::Context as _;
use clap::Args;
use platform_devnet::{BeaconGenesis, Clock, Devnet, DevnetConfig, Genesis, NeuronGenesis, SubnetGenesis};
use platform_domain::{Hotkey, Netuid, UnixSeconds};
use platform_timelock::{BeaconConfig, BeaconKey};
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
    /// Milliseconds between blocks. The chain's own clock goes on by 12 seconds in each, however fast they are.
    #[arg(long, default_value_t = 12_000)]
    block_ms: u64,
    /// Blocks between the subnet's epochs.
    #[arg(long, default_value_t = 360, conflicts_with = "genesis")]
    tempo: u16,
    /// Take weights as commits only, and reveal them an epoch later with a beacon of the node's own. The beacon is printed as
    /// the host's configuration has it under [chain].
    #[arg(long)]
    commit_reveal: bool,
    /// A JSON file with the whole first block, instead of --netuid, --validator and --miner.
    #[arg(long, conflicts_with_all = ["validator", "miner", "commit_reveal"])]
    genesis: Option<PathBuf>,
}

/// Enough for every threshold a test sets: 1,000 TAO in RAO.
const STAKE: u64 = 1_000_000_000_000;
/// What the runtime says a block takes, whatever it takes here.
const BLOCK: Duration = Duration::from_secs(12);
/// Of the node's own beacon, which is no secret.
const BEACON_SEED: [u8; 32] = *b"a beacon that everybody may know";
/// Seconds between its rounds, as of drand's quicknet, and how old it is when the chain begins.
const BEACON_PERIOD: u64 = 3;
const BEACON_AGE: u64 = 3000;

pub(crate) async fn run(args: DevnetArgs, output: Output) -> anyhow::Result<()> {
    let DevnetArgs {
        listen,
        netuid,
        validator,
        miner,
        block_ms,
        tempo,
        commit_reveal,
        genesis,
    } = args;
    let genesis = match genesis {
        Some(path) => read_genesis(&path)?,
        None => {
            let mut genesis = one_subnet(netuid, &validator, &miner);
            for subnet in &mut genesis.subnets {
                (subnet.tempo, subnet.commit_reveal) = (tempo, commit_reveal);
            }
            genesis
        }
    };
    let start = UnixSeconds::from(SystemTime::now());
    let beacon = commit_reveal.then(|| BeaconGenesis {
        seed: BEACON_SEED,
        genesis: UnixSeconds(start.0.saturating_sub(BEACON_AGE)),
        period: BEACON_PERIOD,
    });
    let config = beacon.as_ref().map(beacon_config).transpose()?;
    let block_time = Some(Duration::from_millis(block_ms.max(1)));
    let devnet = Devnet::start(DevnetConfig {
        listen,
        block_time,
        clock: Clock::Blocks { start, step: BLOCK },
        beacon,
        genesis,
        ..DevnetConfig::default()
    })
    .await?;
    let answer = serde_json::json!({ "url": devnet.url(), "beacon": config });
    output.show(&answer, |_| {
        let mut text = format!("test node, not a chain: {}", devnet.url());
        if let Some(BeaconConfig {
            public_key,
            genesis,
            period,
            ..
        }) = &config
        {
            text.push_str(&format!(
                "\n\n[chain.beacon]\npublic_key = \"{public_key}\"\ngenesis = {genesis}\nperiod = {period}"
            ));
        }
        text
    })?;
    stop_on_signal(CancellationToken::new()).await?;
    devnet.stop().await;
    Ok(())
}

fn beacon_config(genesis: &BeaconGenesis) -> anyhow::Result<BeaconConfig> {
    let key = BeaconKey::from_seed(&genesis.seed)?;
    Ok(key.config(genesis.genesis, genesis.period))
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
