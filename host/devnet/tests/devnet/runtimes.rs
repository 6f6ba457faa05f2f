//! What the metadata says of the runtime.

use std::time::Duration;

use frame_metadata::{RuntimeMetadata, RuntimeMetadataPrefixed, v15::RuntimeMetadataV15};
use jsonrpsee::rpc_params;
use parity_scale_codec::Decode;
use platform_devnet::{Clock, DevnetConfig, RuntimeAge};
use platform_domain::{BlockNumber, UnixSeconds};

use crate::{
    commits::hidden,
    wallet::{Fixture, commit, genesis, key, set_weights, unhex},
};

async fn metadata(fixture: &Fixture) -> (Vec<u8>, RuntimeMetadataV15) {
    let answer = fixture.call("state_getMetadata", rpc_params![]).await;
    let bytes = unhex(answer.as_str().unwrap());
    let RuntimeMetadata::V15(v15) = RuntimeMetadataPrefixed::decode(&mut bytes.as_slice()).unwrap().1 else {
        panic!("not of version 15");
    };
    (bytes, v15)
}

fn has_item(v15: &RuntimeMetadataV15, item: &str) -> bool {
    let pallet = v15.pallets.iter().find(|entry| entry.name == "SubtensorModule");
    let storage = pallet.unwrap().storage.as_ref().unwrap();
    storage.entries.iter().any(|entry| entry.name == item)
}

#[tokio::test]
async fn the_metadata_is_the_recorded_one_but_for_the_time_that_blocks_take() {
    let recorded = include_bytes!("../../metadata/spec-461-v15.scale");
    let fixture = Fixture::new().await;
    assert_eq!(metadata(&fixture).await.0, recorded);
    let clock = Clock::Blocks {
        start: UnixSeconds(1),
        step: Duration::from_secs(12),
    };
    let fixture = Fixture::of(DevnetConfig {
        genesis: genesis(),
        clock,
        ..DevnetConfig::default()
    })
    .await;
    let (bytes, v15) = metadata(&fixture).await;
    let aura = v15.pallets.iter().find(|entry| entry.name == "Aura").unwrap();
    assert_eq!(aura.constants[0].value, 12_000_u64.to_le_bytes());
    assert_eq!(bytes.len(), recorded.len());
    let answer = fixture
        .call("state_call", rpc_params!["AuraApi_slot_duration", "0x"])
        .await;
    assert_eq!(unhex(answer.as_str().unwrap()), 12_000_u64.to_le_bytes());
}

#[tokio::test]
async fn an_old_runtime_has_neither_mechanisms_nor_epochs_that_are_counted() {
    let fixture = Fixture::of(DevnetConfig {
        genesis: genesis(),
        runtime: RuntimeAge::Old,
        ..DevnetConfig::default()
    })
    .await;
    let (_, v15) = metadata(&fixture).await;
    assert!(has_item(&v15, "Tempo"));
    assert!(!has_item(&v15, "LastEpochBlock") && !has_item(&v15, "MechanismCountCurrent"));
    fixture
        .include(&key(0), set_weights(&[(1, 1), (2, 2)]))
        .await
        .unwrap();
    assert_eq!(fixture.weights(0, 0).len(), 2);
}

/// The epochs under which commits wait.
async fn filed(fixture: &Fixture) -> Vec<u64> {
    let prefix = Fixture::prefix("SubtensorModule", "TimelockedWeightCommits");
    let keys = fixture.keys(&prefix).await;
    let epochs = keys
        .iter()
        .map(|key| u64::from_le_bytes(*key.last_chunk().unwrap()));
    let mut epochs: Vec<u64> = epochs.collect();
    epochs.sort_unstable();
    epochs
}

#[tokio::test]
async fn on_the_grid_a_commit_is_filed_under_the_epoch_of_its_block() {
    // Tempo 10, netuid 1: epoch 1 begins with block 9.
    let fixture = Fixture::of(DevnetConfig {
        genesis: hidden(),
        runtime: RuntimeAge::Old,
        ..DevnetConfig::default()
    })
    .await;
    fixture.include(&key(0), commit(None, &[1], 9, 4)).await.unwrap();
    fixture.node.produce_blocks(7).await;
    fixture.include(&key(0), commit(None, &[2], 9, 4)).await.unwrap();
    // Those of epoch 0 are due, and wait for a pulse that never comes.
    assert_eq!(filed(&fixture).await, [0, 1]);
    fixture.node.produce_blocks(11).await;
    assert_eq!(fixture.node.best_block().0, BlockNumber(20));
    assert_eq!(filed(&fixture).await, [1]);
}
