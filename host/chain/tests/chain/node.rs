//! A subnet of three: a validator, who owns it, and two miners.

use std::{net::SocketAddr, time::Duration};

use platform_chain::{Chain, ChainConfig, ChainError, Inclusion, SignedExtrinsic, Submitter, WeightsCall};
use platform_devnet::{Devnet, DevnetConfig, Genesis, NeuronGenesis, SubnetGenesis};
use platform_domain::{MechanismId, Netuid, Uid};
use platform_keys::Keypair;
use platform_timelock::{Beacon, BeaconConfig};

pub(crate) const NETUID: Netuid = Netuid(1);
pub(crate) const MAIN: MechanismId = MechanismId(0);
/// How far finality is behind on the test node.
pub(crate) const FINALITY_LAG: u32 = 2;

pub(crate) fn validator() -> Keypair {
    Keypair::from_seed([1; 32])
}

pub(crate) fn miner() -> Keypair {
    Keypair::from_seed([2; 32])
}

pub(crate) fn other_miner() -> Keypair {
    Keypair::from_seed([3; 32])
}

pub(crate) fn neuron(key: &Keypair, stake: u64, validator_permit: bool) -> NeuronGenesis {
    let hotkey = key.hotkey();
    NeuronGenesis {
        hotkey,
        stake,
        validator_permit,
    }
}

pub(crate) fn subnet() -> SubnetGenesis {
    SubnetGenesis {
        netuid: NETUID,
        owner: validator().hotkey(),
        neurons: vec![
            neuron(&validator(), 1_000_000, true),
            neuron(&miner(), 0, false),
            neuron(&other_miner(), 0, false),
        ],
        weights_rate_limit: 0,
        ..SubnetGenesis::default()
    }
}

pub(crate) fn config(subnet: SubnetGenesis) -> DevnetConfig {
    let genesis = Genesis {
        subnets: vec![subnet],
        ..Genesis::default()
    };
    DevnetConfig {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        block_time: None,
        finality_lag: FINALITY_LAG,
        genesis,
        ..DevnetConfig::default()
    }
}

/// Starts a node that makes blocks on request only, and connects to it.
pub(crate) async fn start(subnet: SubnetGenesis) -> (Devnet, Chain) {
    let devnet = Devnet::start(config(subnet)).await.unwrap();
    let chain = connect(&devnet).await.unwrap();
    (devnet, chain)
}

pub(crate) async fn connect(devnet: &Devnet) -> Result<Chain, ChainError> {
    Chain::connect(to(&[devnet])).await
}

/// How to reach these nodes, in this order.
pub(crate) fn to(devnets: &[&Devnet]) -> ChainConfig {
    let beacon = devnets.iter().find_map(|devnet| devnet.beacon().copied());
    ChainConfig {
        endpoints: devnets.iter().map(|devnet| devnet.url()).collect(),
        rpc_timeout: Duration::from_secs(10),
        genesis: None,
        beacon: beacon.unwrap_or_else(quicknet),
    }
}

pub(crate) fn quicknet() -> Beacon {
    BeaconConfig::default().build().unwrap()
}

/// Composes and signs.
pub(crate) async fn sign(chain: &Chain, key: &Keypair, call: &WeightsCall) -> SignedExtrinsic {
    let submitter = Submitter::from(key.clone());
    let composed = chain.compose(&submitter, call).await.unwrap();
    chain.sign(&submitter, &composed).await.unwrap()
}

pub(crate) fn call(weights: &[(u16, u16)]) -> WeightsCall {
    WeightsCall {
        netuid: NETUID,
        mechanism: MAIN,
        uids: weights.iter().map(|(uid, _)| Uid(*uid)).collect(),
        values: weights.iter().map(|(_, value)| *value).collect(),
        version_key: 0,
    }
}

/// Signs and submits, and makes one block.
pub(crate) async fn send(
    devnet: &Devnet,
    chain: &Chain,
    key: &Keypair,
    call: &WeightsCall,
) -> SignedExtrinsic {
    let signed = sign(chain, key, call).await;
    chain.submit(&signed).await.unwrap();
    devnet.produce_blocks(1).await;
    signed
}

/// The error of a call that is in a block and failed there.
pub(crate) async fn failure(chain: &Chain, signed: &SignedExtrinsic) -> String {
    match chain.inclusion(signed).await.unwrap() {
        Inclusion::Included { outcome, .. } => outcome.unwrap_err().to_string(),
        other => panic!("{other:?}"),
    }
}

/// A subnet with rules that can be broken, a second neuron that has no permit, and a vector that meets the rules.
pub(crate) async fn strict() -> (Devnet, Chain, WeightsCall) {
    let mut strict = SubnetGenesis {
        min_allowed_weights: 2,
        weights_version: 3,
        ..subnet()
    };
    strict.neurons.push(neuron(&without_permit(), 5, false));
    let (devnet, chain) = start(strict).await;
    let good = WeightsCall {
        version_key: 3,
        ..call(&[(1, 1), (2, 2)])
    };
    (devnet, chain, good)
}

fn without_permit() -> Keypair {
    Keypair::from_seed([4; 32])
}

/// The same weight for each of these.
pub(crate) fn paying(good: &WeightsCall, uids: &[u16]) -> WeightsCall {
    WeightsCall {
        uids: uids.iter().copied().map(Uid).collect(),
        values: vec![1; uids.len()],
        ..good.clone()
    }
}

/// What [`strict`] refuses: who sends it, what, and the one error that the runtime has for it.
pub(crate) fn refused(good: &WeightsCall) -> [(Keypair, WeightsCall, &'static str); 6] {
    let old = WeightsCall {
        version_key: 2,
        ..good.clone()
    };
    let stranger = Keypair::from_seed([9; 32]);
    [
        (validator(), old, "IncorrectWeightVersionKey"),
        (validator(), paying(good, &[1, 1]), "DuplicateUids"),
        (validator(), paying(good, &[1, 9]), "UidVecContainInvalidOne"),
        (validator(), paying(good, &[1]), "WeightVecLengthIsLow"),
        (without_permit(), good.clone(), "NeuronNoValidatorPermit"),
        (stranger, good.clone(), "HotKeyNotRegisteredInSubNet"),
    ]
}
