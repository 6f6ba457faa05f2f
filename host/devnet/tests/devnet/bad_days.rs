//! Faults of the chain itself: another runtime, another branch, nonces of yesterday.

use jsonrpsee::{
    core::client::{Subscription, SubscriptionClientT},
    rpc_params,
};
use platform_devnet::{ReorgRefused, Retracted};
use serde_json::{Value, json};

use crate::wallet::{Fixture, SPEC, key, set_weights};

async fn spec_version(fixture: &Fixture, block: Option<u32>) -> Value {
    let hash = match block {
        Some(number) => json!(format!("0x{}", hex::encode(fixture.hash_at(number).await))),
        None => Value::Null,
    };
    let version = fixture.call("state_getRuntimeVersion", rpc_params![hash]).await;
    version["specVersion"].clone()
}

async fn watch(fixture: &Fixture, extrinsic: &[u8]) -> Subscription<Value> {
    let params = rpc_params![format!("0x{}", hex::encode(extrinsic))];
    let (start, stop) = ("author_submitAndWatchExtrinsic", "author_unwatchExtrinsic");
    fixture.client.subscribe(start, params, stop).await.unwrap()
}

#[tokio::test]
async fn an_upgrade_changes_the_version_from_its_block_on_and_leaves_the_metadata() {
    let fixture = Fixture::new().await;
    let metadata = fixture.call("state_getMetadata", rpc_params![]).await;
    let (start, stop) = ("state_subscribeRuntimeVersion", "state_unsubscribeRuntimeVersion");
    let mut versions: Subscription<Value> = fixture
        .client
        .subscribe(start, rpc_params![], stop)
        .await
        .unwrap();
    assert_eq!(versions.next().await.unwrap().unwrap()["specVersion"], SPEC);
    fixture.node.produce_blocks(1).await;
    fixture.node.faults().upgrade_runtime(SPEC + 1);
    assert_eq!(spec_version(&fixture, None).await, SPEC);
    fixture.node.produce_blocks(2).await;
    assert_eq!(versions.next().await.unwrap().unwrap()["specVersion"], SPEC + 1);
    assert_eq!(spec_version(&fixture, Some(1)).await, SPEC);
    let hash = format!("0x{}", hex::encode(fixture.hash_at(2).await));
    let header = fixture.call("chain_getHeader", rpc_params![hash]).await;
    assert_eq!(header["digest"]["logs"], json!(["0x08"]));
    assert_eq!(spec_version(&fixture, Some(2)).await, SPEC + 1);
    assert_eq!(spec_version(&fixture, None).await, SPEC + 1);
    assert_eq!(fixture.call("state_getMetadata", rpc_params![]).await, metadata);
}

#[tokio::test]
async fn what_is_signed_for_the_old_runtime_is_refused_after_an_upgrade() {
    let fixture = Fixture::new().await;
    let mut draft = fixture.draft(&key(0), set_weights(&[(1, 1), (2, 1)])).await;
    // It waits in the pool while the runtime is replaced.
    fixture.node.faults().withhold_extrinsics();
    let mut statuses = watch(&fixture, &draft.sign(&key(0))).await;
    fixture.node.faults().upgrade_runtime(SPEC + 1);
    fixture.node.produce_blocks(1).await;
    fixture.node.faults().release_extrinsics();
    fixture.node.produce_blocks(1).await;
    for expected in ["ready", "invalid"] {
        assert_eq!(statuses.next().await.unwrap().unwrap(), expected);
    }
    let error = fixture.submit(&draft.sign(&key(0))).await.unwrap_err();
    assert!(error.data().unwrap().get().contains("bad signature"), "{error:?}");
    draft.spec = SPEC + 1;
    fixture.submit(&draft.sign(&key(0))).await.unwrap();
    fixture.node.produce_blocks(1).await;
    assert_eq!(fixture.weights(0, 0).len(), 2);
}

#[tokio::test]
async fn a_lagging_node_gives_a_nonce_that_was_used_already() {
    let fixture = Fixture::new().await;
    let next = || {
        let address = key(0).hotkey().to_string();
        fixture.call("system_accountNextIndex", rpc_params![address])
    };
    fixture
        .include(&key(0), set_weights(&[(1, 1), (2, 1)]))
        .await
        .unwrap();
    fixture.node.faults().serve_stale_nonces();
    assert_eq!(next().await, 0);
    let draft = fixture.draft(&key(0), vec![0, 0, 0]).await;
    let error = fixture.submit(&draft.sign(&key(0))).await.unwrap_err();
    assert!(
        error.data().unwrap().get().contains("Transaction is outdated"),
        "{error:?}"
    );
    // Two blocks later it is final.
    fixture.node.produce_blocks(2).await;
    assert_eq!(next().await, 1);
    fixture.node.faults().serve_fresh_nonces();
    assert_eq!(next().await, 1);
}

/// Weights in block 4 of 5, of which 3 are final.
async fn two_blocks_that_are_not_final() -> (Fixture, Subscription<Value>) {
    let fixture = Fixture::new().await;
    fixture.node.produce_blocks(3).await;
    let draft = fixture.draft(&key(0), set_weights(&[(1, 1), (2, 1)])).await;
    let mut statuses = watch(&fixture, &draft.sign(&key(0))).await;
    fixture.node.produce_blocks(2).await;
    assert_eq!(fixture.weights(0, 0).len(), 2);
    assert_eq!(statuses.next().await.unwrap().unwrap(), "ready");
    assert!(statuses.next().await.unwrap().unwrap()["inBlock"].is_string());
    (fixture, statuses)
}

#[tokio::test]
async fn another_branch_takes_back_what_is_not_final_and_includes_it_later() {
    let (fixture, mut statuses) = two_blocks_that_are_not_final().await;
    let (old, below) = (fixture.hash_at(4).await, fixture.hash_at(3).await);
    let best = fixture.node.faults().reorg(2, Retracted::Return).unwrap();
    assert_eq!(fixture.node.best_block().1, best);
    assert_eq!(fixture.node.best_block().0.0, 5);
    assert_ne!(fixture.hash_at(4).await, old);
    assert_eq!(fixture.hash_at(3).await, below);
    assert!(fixture.weights(0, 0).is_empty());
    assert!(statuses.next().await.unwrap().unwrap()["retracted"].is_string());
    fixture.node.produce_blocks(1).await;
    assert_eq!(fixture.weights(0, 0).len(), 2);
    assert!(statuses.next().await.unwrap().unwrap()["inBlock"].is_string());
}

#[tokio::test]
async fn another_branch_may_lose_what_the_old_one_included() {
    let (fixture, mut statuses) = two_blocks_that_are_not_final().await;
    fixture.node.faults().reorg(2, Retracted::Lose).unwrap();
    fixture.node.produce_blocks(3).await;
    assert!(fixture.weights(0, 0).is_empty());
    assert_eq!(fixture.node.accepted_extrinsics()[0].block, None);
    assert!(statuses.next().await.unwrap().unwrap()["retracted"].is_string());
    assert_eq!(statuses.next().await.unwrap().unwrap(), "dropped");
}

#[tokio::test]
async fn a_branch_that_goes_below_the_final_block_is_refused() {
    let (fixture, _statuses) = two_blocks_that_are_not_final().await;
    let best = fixture.node.best_block();
    let refused = fixture.node.faults().reorg(3, Retracted::Return);
    assert!(matches!(refused, Err(ReorgRefused::Final)));
    assert_eq!(fixture.node.best_block(), best);
}

#[tokio::test]
async fn an_upgrade_in_a_block_that_is_replaced_has_not_been() {
    let fixture = Fixture::new().await;
    fixture.node.produce_blocks(3).await;
    fixture.node.faults().upgrade_runtime(SPEC + 1);
    fixture.node.produce_blocks(1).await;
    assert_eq!(spec_version(&fixture, None).await, SPEC + 1);
    fixture.node.faults().reorg(1, Retracted::Return).unwrap();
    assert_eq!(spec_version(&fixture, None).await, SPEC);
}
