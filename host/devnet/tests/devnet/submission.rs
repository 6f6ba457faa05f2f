//! What happens to a good extrinsic, and to the pool.

use jsonrpsee::{
    core::client::{Subscription, SubscriptionClientT},
    rpc_params,
};
use platform_domain::BlockNumber;
use serde_json::{Value, json};

use crate::wallet::{Fixture, blake2_256, connect, key, mechanism_weights, set_weights};

#[tokio::test]
async fn good_weights_are_scaled_written_and_announced() {
    let fixture = Fixture::new().await;
    // The key has no account at all: weights calls are free.
    let hash = fixture
        .include(&key(0), set_weights(&[(1, 100), (2, 50)]))
        .await
        .unwrap();
    assert_eq!(fixture.weights(0, 0), [(1, 65535), (2, 32768)]);
    // Extrinsic 1: event 5 of pallet 7 with index 1 and UID 0, then success (Normal, free).
    let expected = "000100000007050100000000000100000000000000000100";
    let events = fixture.events().await;
    assert!(events.ends_with(expected), "{events}");
    let accepted = fixture.node.accepted_extrinsics();
    assert_eq!(accepted.len(), 1);
    assert_eq!(format!("0x{}", hex::encode(accepted[0].hash)), hash);
    assert_eq!(
        (accepted[0].signer, accepted[0].block),
        (key(0).hotkey(), Some(BlockNumber(1)))
    );
}

#[tokio::test]
async fn mechanisms_have_their_own_rows_and_rate_limits() {
    let fixture = Fixture::new().await;
    for mechanism in [0, 1] {
        let weights = [(0, 1), (u16::from(mechanism) + 1, 2)];
        fixture
            .include(&key(0), mechanism_weights(1, mechanism, &weights, 7))
            .await
            .unwrap();
    }
    assert_eq!(fixture.weights(0, 0), [(0, 32768), (1, 65535)]);
    assert_eq!(fixture.weights(1, 0), [(0, 32768), (2, 65535)]);
}

#[tokio::test]
async fn a_long_payload_is_signed_by_its_hash() {
    let fixture = Fixture::new().await;
    let weights: Vec<(u16, u16)> = (0..100).map(|uid| (uid, 1)).collect();
    let draft = fixture.draft(&key(0), set_weights(&weights)).await;
    assert_eq!(draft.payload().len(), 32);
    fixture.submit(&draft.sign(&key(0))).await.unwrap();
    fixture.node.produce_blocks(1).await;
    // Included, and refused there for its length: the signature was good.
    assert!(fixture.node.accepted_extrinsics()[0].block.is_some());
}

#[tokio::test]
async fn a_nonce_ahead_waits_for_its_predecessor() {
    let fixture = Fixture::new().await;
    let mut first = fixture.draft(&key(0), set_weights(&[(1, 1), (2, 1)])).await;
    first.nonce = 1;
    first.call = vec![0, 0, 0];
    fixture.submit(&first.sign(&key(0))).await.unwrap();
    fixture.node.produce_blocks(1).await;
    assert_eq!(fixture.node.accepted_extrinsics()[0].block, None);
    let next = || {
        let address = key(0).hotkey().to_string();
        fixture.call("system_accountNextIndex", rpc_params![address])
    };
    assert_eq!(next().await, 0);
    let mut second = first.clone();
    second.nonce = 0;
    fixture.submit(&second.sign(&key(0))).await.unwrap();
    assert_eq!(next().await, 2, "the next nonce counts what waits");
    assert_eq!(
        fixture
            .call("author_pendingExtrinsics", rpc_params![])
            .await
            .as_array()
            .unwrap()
            .len(),
        2
    );
    fixture.node.produce_blocks(1).await;
    let blocks: Vec<_> = fixture
        .node
        .accepted_extrinsics()
        .iter()
        .map(|accepted| accepted.block)
        .collect();
    assert_eq!(blocks, [Some(BlockNumber(2)); 2]);
    assert_eq!(next().await, 2);
}

#[tokio::test]
async fn any_other_call_is_filtered_in_its_block() {
    let fixture = Fixture::new().await;
    // Balances.transfer_keep_alive.
    let call = [vec![5, 3, 0], vec![1; 32], vec![4]].concat();
    fixture.include(&key(0), call).await.unwrap();
    let events = fixture.events().await;
    // Extrinsic 1: ExtrinsicFailed with DispatchError::Module, pallet 0, error 5.
    assert!(events.contains("000100000000010300050000"), "{events}");
}

#[tokio::test]
async fn a_watcher_is_told_of_every_step() {
    let fixture = Fixture::new().await;
    let extrinsic = fixture
        .draft(&key(0), set_weights(&[(1, 1), (2, 1)]))
        .await
        .sign(&key(0));
    let mut statuses: Subscription<Value> = fixture
        .client
        .subscribe(
            "author_submitAndWatchExtrinsic",
            rpc_params![format!("0x{}", hex::encode(&extrinsic))],
            "author_unwatchExtrinsic",
        )
        .await
        .unwrap();
    fixture.node.produce_blocks(3).await;
    let hash = format!("0x{}", hex::encode(fixture.hash_at(1).await));
    for expected in [
        json!("ready"),
        json!({ "inBlock": hash }),
        json!({ "finalized": hash }),
    ] {
        assert_eq!(statuses.next().await.unwrap().unwrap(), expected);
    }
    assert_eq!(fixture.node.accepted_extrinsics()[0].hash, blake2_256(&extrinsic));
}

#[tokio::test]
async fn what_stops_being_valid_is_dropped_from_the_pool() {
    let fixture = Fixture::new().await;
    let mut draft = fixture.draft(&key(0), set_weights(&[(1, 1), (2, 1)])).await;
    fixture.submit(&draft.sign(&key(0))).await.unwrap();
    draft.nonce = 1;
    let other = connect(&fixture.node).await;
    let mut statuses: Subscription<Value> = other
        .subscribe(
            "author_submitAndWatchExtrinsic",
            rpc_params![format!("0x{}", hex::encode(draft.sign(&key(0))))],
            "author_unwatchExtrinsic",
        )
        .await
        .unwrap();
    // The first one starts the rate limit, in the same block.
    fixture.node.produce_blocks(1).await;
    assert_eq!(statuses.next().await.unwrap().unwrap(), json!("ready"));
    assert_eq!(statuses.next().await.unwrap().unwrap(), json!("invalid"));
}
