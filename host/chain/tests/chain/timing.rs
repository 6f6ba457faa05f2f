//! When epochs are, by what the chain keeps.

use std::time::Duration;

use platform_chain::ChainError;
use platform_devnet::{DevnetConfig, RuntimeAge, SubnetGenesis};
use platform_domain::{BlockNumber, EpochId, Netuid};
use platform_timelock::{Schedule, ScheduleError};

use crate::{
    node::{NETUID, start, subnet},
    sealed::{begin, hidden, timed, to_block},
};

#[tokio::test]
async fn epochs_that_the_chain_counts_are_read_and_foreseen() {
    let (devnet, chain) = begin(timed(hidden())).await;
    for (block, epoch, next) in [(0, 0, 20), (18, 0, 20), (19, 1, 20), (20, 1, 40), (45, 2, 60)] {
        to_block(&devnet, block).await;
        let (number, hash) = devnet.best_block();
        let timing = chain.timing(NETUID, hash).await.unwrap();
        assert!(matches!(timing.schedule, Schedule::Epochs(_)));
        assert_eq!(timing.block, (number, hash));
        assert_eq!(timing.epoch(), Ok(EpochId(epoch)), "the block after {block}");
        assert_eq!(timing.next_epoch(), Ok(BlockNumber(next)), "after {block}");
        assert_eq!(timing.block_time, Duration::from_secs(1));
        assert_eq!(timing.reveal_period.get(), 1);
        assert_eq!(Some(&timing.beacon), devnet.beacon());
    }
}

#[tokio::test]
async fn epochs_of_an_old_runtime_are_on_the_grid() {
    let old = DevnetConfig {
        runtime: RuntimeAge::Old,
        ..timed(hidden())
    };
    let (devnet, chain) = begin(old).await;
    for (block, epoch, next) in [(0, 0, 18), (17, 0, 18), (18, 1, 39), (39, 2, 60)] {
        to_block(&devnet, block).await;
        let (_, hash) = devnet.best_block();
        let timing = chain.timing(NETUID, hash).await.unwrap();
        assert!(matches!(timing.schedule, Schedule::Grid(_)));
        assert_eq!(timing.epoch(), Ok(EpochId(epoch)), "the block after {block}");
        assert_eq!(timing.next_epoch(), Ok(BlockNumber(next)), "after {block}");
    }
}

#[tokio::test]
async fn a_subnet_without_epochs_has_none_and_one_that_is_not_there_has_no_timing() {
    for runtime in [RuntimeAge::Present, RuntimeAge::Old] {
        let still = SubnetGenesis { tempo: 0, ..hidden() };
        let config = DevnetConfig {
            runtime,
            ..timed(still)
        };
        let (_devnet, chain) = begin(config).await;
        let (_, best) = chain.best_block().await.unwrap();
        let timing = chain.timing(NETUID, best).await.unwrap();
        assert_eq!(timing.epoch(), Err(ScheduleError::NoTempo));
        assert_eq!(timing.next_epoch(), Err(ScheduleError::NoTempo));
        let error = chain.timing(Netuid(9), best).await.unwrap_err();
        assert!(matches!(error, ChainError::NoSubnet(Netuid(9))), "{error:?}");
    }
}

#[tokio::test]
async fn the_status_says_what_chain_it_is() {
    let (devnet, chain) = start(subnet()).await;
    devnet.produce_blocks(5).await;
    let status = chain.status().await.unwrap();
    assert_eq!(
        (status.spec_name.as_str(), status.spec_version, status.ss58_prefix),
        ("node-subtensor", 461, 42)
    );
    assert_eq!(status.best, devnet.best_block());
    assert_eq!(status.finalised.0, BlockNumber(3));
    assert_eq!(status.genesis, chain.genesis());
    // As in the recorded metadata.
    assert_eq!(status.block_time, Duration::from_millis(250));
    assert_eq!(status.endpoints.len(), 1);
}
