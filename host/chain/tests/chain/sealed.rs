//! A subnet with commit-reveal: a block takes a second and so does a round, epochs are twenty blocks apart, and what is committed
//! in one is revealed in the next.

use std::time::{Duration, SystemTime};

use platform_chain::{
    Chain, Composed, Inclusion, Preflight, RevealState, Sealed, SignedExtrinsic, Submitter, WeightsCall,
};
use platform_devnet::{BeaconGenesis, Clock, Devnet, DevnetConfig, SubnetGenesis};
use platform_domain::{BlockNumber, MechanismId, UnixSeconds};

use crate::node::{FINALITY_LAG, call, config, connect, subnet, validator};

pub(crate) const TEMPO: u16 = 20;

/// The subnet of most tests, with commit-reveal.
pub(crate) fn hidden() -> SubnetGenesis {
    SubnetGenesis {
        tempo: TEMPO,
        commit_reveal: true,
        mechanisms: 2,
        ..subnet()
    }
}

/// Blocks of a second, and a beacon that signs a round each second.
pub(crate) fn timed(subnet: SubnetGenesis) -> DevnetConfig {
    let start = UnixSeconds::from(SystemTime::now());
    DevnetConfig {
        clock: Clock::Blocks {
            start,
            step: Duration::from_secs(1),
        },
        beacon: Some(BeaconGenesis {
            seed: [3; 32],
            genesis: UnixSeconds(start.0 - 1000),
            period: 1,
        }),
        ..config(subnet)
    }
}

pub(crate) fn vector() -> WeightsCall {
    call(&[(1, 65535), (2, 100)])
}

pub(crate) fn of_mechanism(mechanism: u8) -> WeightsCall {
    WeightsCall {
        mechanism: MechanismId(mechanism),
        ..vector()
    }
}

/// The names of the checks that failed.
pub(crate) fn failures(preflight: &Preflight) -> Vec<&'static str> {
    preflight.failures().map(|check| check.name).collect()
}

/// A commit on its way.
pub(crate) struct Committed {
    pub(crate) sealed: Sealed,
    /// The block that it is in.
    pub(crate) block: BlockNumber,
    pub(crate) signed: SignedExtrinsic,
}

pub(crate) async fn begin(config: DevnetConfig) -> (Devnet, Chain) {
    let devnet = Devnet::start(config).await.unwrap();
    let chain = connect(&devnet).await.unwrap();
    (devnet, chain)
}

pub(crate) async fn compose(chain: &Chain, call: &WeightsCall) -> Composed {
    chain.compose(validator().hotkey(), call).await.unwrap()
}

/// Composes, signs and submits, and makes one block.
pub(crate) async fn commit(devnet: &Devnet, chain: &Chain, call: &WeightsCall) -> Committed {
    let submitter = Submitter::from(validator());
    let composed = compose(chain, call).await;
    let signed = chain.sign(&submitter, &composed).await.unwrap();
    chain.submit(&signed).await.unwrap();
    devnet.produce_blocks(1).await;
    let now = chain.inclusion(&signed).await.unwrap();
    let Inclusion::Included {
        outcome: Ok(()),
        block,
        ..
    } = now
    else {
        panic!("{now:?}");
    };
    let sealed = composed.sealed.unwrap();
    Committed {
        sealed,
        block,
        signed,
    }
}

pub(crate) async fn to_block(devnet: &Devnet, block: u64) {
    let left = block - devnet.best_block().0.0;
    devnet.produce_blocks(u32::try_from(left).unwrap()).await;
}

/// Makes a block final.
pub(crate) async fn to_final(devnet: &Devnet, block: u64) {
    to_block(devnet, block + u64::from(FINALITY_LAG)).await;
}

pub(crate) async fn look(chain: &Chain, call: &WeightsCall, commit: &Committed) -> RevealState {
    chain
        .reveal(validator().hotkey(), call, &commit.sealed, commit.block)
        .await
        .unwrap()
}

/// Makes blocks until the commit has come to something: the block, and what.
pub(crate) async fn outcome(
    devnet: &Devnet,
    chain: &Chain,
    call: &WeightsCall,
    commit: &Committed,
) -> (BlockNumber, RevealState) {
    for _ in 0..3 * TEMPO {
        match look(chain, call, commit).await {
            RevealState::Waiting { .. } => devnet.produce_blocks(1).await,
            state => return (chain.finalised_block().await.unwrap().0, state),
        }
    }
    panic!("it waits for ever");
}
