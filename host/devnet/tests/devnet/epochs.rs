//! The schedule of epochs, read as clients read it: item by item, under the chain's keys.

use jsonrpsee::rpc_params;
use parity_scale_codec::Decode;
use platform_devnet::{Genesis, Hyperparameter, NoSubnet, SubnetGenesis};
use platform_domain::{BlockNumber, Netuid};

use crate::wallet::{Fixture, genesis};

/// The value of an item of one subnet, whose key is hashed by `Identity`.
async fn of_subnet<V: Decode>(fixture: &Fixture, item: &str, netuid: u16) -> V {
    let key = [
        Fixture::prefix("SubtensorModule", item),
        netuid.to_le_bytes().to_vec(),
    ]
    .concat();
    V::decode(&mut fixture.storage(&key).await.unwrap().as_slice()).unwrap()
}

/// Index, last block, pending block, blocks since.
async fn schedule(fixture: &Fixture, netuid: u16) -> [u64; 4] {
    let mut values = [0; 4];
    let items = [
        "SubnetEpochIndex",
        "LastEpochBlock",
        "PendingEpochAt",
        "BlocksSinceLastStep",
    ];
    for (value, item) in values.iter_mut().zip(items) {
        *value = of_subnet(fixture, item, netuid).await;
    }
    values
}

#[tokio::test]
async fn an_epoch_is_counted_where_it_runs_and_nowhere_else() {
    let fixture = Fixture::new().await;
    assert_eq!(schedule(&fixture, 1).await, [0, 0, 0, 0]);
    assert_eq!(of_subnet::<u16>(&fixture, "Tempo", 1).await, 10);
    fixture.node.produce_blocks(9).await;
    assert_eq!(schedule(&fixture, 1).await, [0, 0, 0, 9]);
    fixture.node.produce_blocks(1).await;
    assert_eq!(schedule(&fixture, 1).await, [1, 10, 0, 0]);
    fixture.node.produce_blocks(25).await;
    assert_eq!(schedule(&fixture, 1).await, [3, 30, 0, 5]);
}

#[tokio::test]
async fn an_epoch_that_the_owner_wants_sooner_moves_all_that_follow() {
    let mut genesis = genesis();
    genesis.subnets[0].pending_epoch_at = BlockNumber(4);
    let fixture = Fixture::with(genesis).await;
    fixture.node.produce_blocks(3).await;
    assert_eq!(schedule(&fixture, 1).await, [0, 0, 4, 3]);
    fixture.node.produce_blocks(1).await;
    assert_eq!(schedule(&fixture, 1).await, [1, 4, 0, 0]);
    fixture.node.produce_blocks(10).await;
    assert_eq!(schedule(&fixture, 1).await, [2, 14, 0, 0]);
}

#[tokio::test]
async fn of_more_epochs_than_a_block_may_run_the_last_waits_a_block() {
    /// The default of `MaxEpochsPerBlock` in the metadata.
    const MAX: u16 = 32;
    let subnet = |netuid| SubnetGenesis {
        netuid: Netuid(netuid),
        tempo: 5,
        ..SubnetGenesis::default()
    };
    let subnets = (1..=MAX + 1).map(subnet).collect();
    let genesis = Genesis {
        subnets,
        ..Genesis::default()
    };
    let fixture = Fixture::with(genesis).await;
    fixture.node.produce_blocks(5).await;
    assert_eq!(schedule(&fixture, MAX).await, [1, 5, 0, 0]);
    assert_eq!(schedule(&fixture, MAX + 1).await, [0, 0, 0, 5]);
    fixture.node.produce_blocks(1).await;
    assert_eq!(schedule(&fixture, MAX + 1).await, [1, 6, 0, 0]);
}

#[tokio::test]
async fn a_subnet_without_a_tempo_has_no_epochs() {
    let mut genesis = genesis();
    genesis.subnets[0].tempo = 0;
    let fixture = Fixture::with(genesis).await;
    fixture.node.produce_blocks(30).await;
    assert_eq!(schedule(&fixture, 1).await, [0, 0, 0, 30]);
}

#[tokio::test]
async fn the_reveal_period_is_where_a_client_looks_for_it() {
    let mut genesis = genesis();
    genesis.subnets[0].reveal_period = 3;
    let fixture = Fixture::with(genesis).await;
    let prefix = Fixture::prefix("SubtensorModule", "RevealPeriodEpochs");
    let keys = fixture.keys(&prefix).await;
    // `Twox64Concat` ends with what it hashes.
    assert!(
        keys.len() == 1 && keys[0].len() == 42 && keys[0].ends_with(&[1, 0]),
        "{keys:?}"
    );
    assert_eq!(fixture.storage(&keys[0]).await.unwrap(), 3_u64.to_le_bytes());
    let absent = fixture.call("state_getStorage", rpc_params!["0x1234"]).await;
    assert!(absent.is_null());
}

#[tokio::test]
async fn an_owner_moves_the_epochs_while_the_chain_runs() {
    let fixture = Fixture::new().await;
    let owner = |change| fixture.node.owner_sets(Netuid(1), change);
    fixture.node.produce_blocks(3).await;
    owner(Hyperparameter::Tempo(20)).unwrap();
    fixture.node.produce_blocks(1).await;
    assert_eq!(schedule(&fixture, 1).await, [0, 4, 0, 4]);
    fixture.node.produce_blocks(10).await;
    assert_eq!(schedule(&fixture, 1).await, [0, 4, 0, 14]);
    owner(Hyperparameter::PendingEpochAt(BlockNumber(17))).unwrap();
    fixture.node.produce_blocks(1).await;
    assert_eq!(schedule(&fixture, 1).await, [0, 4, 17, 15]);
    fixture.node.produce_blocks(2).await;
    assert_eq!(schedule(&fixture, 1).await, [1, 17, 0, 0]);
    let unknown = fixture.node.owner_sets(Netuid(2), Hyperparameter::Tempo(20));
    assert_eq!(unknown, Err(NoSubnet(Netuid(2))));
}
