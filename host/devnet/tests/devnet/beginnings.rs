//! What a node does not begin with.

use platform_devnet::{BeaconGenesis, Devnet, DevnetConfig, DevnetError, GenesisError};
use platform_domain::{Netuid, UnixSeconds};

use crate::wallet::genesis;

#[tokio::test]
async fn a_reveal_period_that_no_chain_has_is_refused() {
    for period in [0, 101] {
        let mut genesis = genesis();
        genesis.subnets[0].reveal_period = period;
        let config = DevnetConfig {
            genesis,
            ..DevnetConfig::default()
        };
        let refused = Devnet::start(config).await.err();
        let expected = GenesisError::RevealPeriod(Netuid(1));
        assert!(matches!(refused, Some(DevnetError::Genesis(error)) if error == expected));
    }
}

#[tokio::test]
async fn a_beacon_that_the_chain_could_not_hold_is_refused() {
    for (genesis, period) in [(1, 0), (u64::MAX, 1), (1, u64::MAX)] {
        let beacon = BeaconGenesis {
            seed: [1; 32],
            genesis: UnixSeconds(genesis),
            period,
        };
        let config = DevnetConfig {
            beacon: Some(beacon),
            ..DevnetConfig::default()
        };
        let refused = Devnet::start(config).await.err();
        assert!(
            matches!(refused, Some(DevnetError::Beacon(_))),
            "{genesis} {period}"
        );
    }
}
