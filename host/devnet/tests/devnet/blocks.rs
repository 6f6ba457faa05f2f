//! Blocks: their hashes, their streams, and when they appear.

use std::time::Duration;

use jsonrpsee::{
    core::client::{Subscription, SubscriptionClientT},
    rpc_params,
};
use parity_scale_codec::{Compact, Encode};
use platform_devnet::{Devnet, DevnetConfig, DevnetError, Genesis};
use serde_json::Value;

use crate::wallet::{Fixture, blake2_256, connect, unhex};

fn hash_of(header: &Value) -> String {
    let field = |name: &str| unhex(header[name].as_str().unwrap());
    let number = u32::from_str_radix(&header["number"].as_str().unwrap()[2..], 16).unwrap();
    let encoded = [
        field("parentHash"),
        Compact(number).encode(),
        field("stateRoot"),
        field("extrinsicsRoot"),
        vec![0],
    ];
    format!("0x{}", hex::encode(blake2_256(&encoded.concat())))
}

#[tokio::test]
async fn a_blocks_hash_is_the_hash_of_its_header_and_links_to_its_parent() {
    let fixture = Fixture::new().await;
    fixture.call("devnet_produceBlocks", rpc_params![3]).await;
    let mut parent = None;
    for number in 0..=3 {
        let hash = fixture
            .call("chain_getBlockHash", rpc_params![format!("{number:#x}")])
            .await;
        let header = fixture.call("chain_getHeader", rpc_params![&hash]).await;
        assert_eq!(hash, hash_of(&header));
        if let Some(parent) = parent {
            assert_eq!(header["parentHash"], parent);
        }
        let block = fixture.call("chain_getBlock", rpc_params![&hash]).await;
        assert_eq!(block["block"]["header"], header);
        parent = Some(hash);
    }
    assert_eq!(
        Some(fixture.call("chain_getBlockHash", rpc_params![]).await),
        parent
    );
    assert_eq!(
        fixture.call("chain_getBlockHash", rpc_params![9]).await,
        Value::Null
    );
    let finalized = fixture.call("chain_getFinalizedHead", rpc_params![]).await;
    assert_eq!(
        finalized,
        fixture.call("chain_getBlockHash", rpc_params![1]).await
    );
}

#[tokio::test]
async fn streams_begin_with_the_current_head_and_miss_none() {
    let fixture = Fixture::new().await;
    fixture.node.produce_blocks(3).await;
    let subscribe =
        |start: &'static str, stop: &'static str| fixture.client.subscribe(start, rpc_params![], stop);
    let mut best: Subscription<Value> = subscribe("chain_subscribeNewHeads", "chain_unsubscribeNewHeads")
        .await
        .unwrap();
    let mut all: Subscription<Value> = subscribe("chain_subscribeAllHeads", "chain_unsubscribeAllHeads")
        .await
        .unwrap();
    let mut finalized: Subscription<Value> =
        subscribe("chain_subscribeFinalizedHeads", "chain_unsubscribeFinalizedHeads")
            .await
            .unwrap();
    fixture.node.produce_blocks(2).await;
    for (stream, first) in [(&mut best, 3), (&mut all, 3), (&mut finalized, 1)] {
        for number in first..first + 3 {
            let header = stream.next().await.unwrap().unwrap();
            assert_eq!(header["number"], format!("{number:#x}"));
        }
    }
    assert!(best.unsubscribe().await.is_ok());
    let mut version: Subscription<Value> =
        subscribe("state_subscribeRuntimeVersion", "state_unsubscribeRuntimeVersion")
            .await
            .unwrap();
    assert_eq!(version.next().await.unwrap().unwrap()["specVersion"], 461);
}

#[tokio::test]
async fn blocks_appear_on_the_timer_and_stop_with_the_node() {
    let config = DevnetConfig {
        block_time: Some(Duration::from_millis(1)),
        ..DevnetConfig::default()
    };
    let node = Devnet::start(config).await.unwrap();
    let client = connect(&node).await;
    let mut heads: Subscription<Value> = client
        .subscribe(
            "chain_subscribeNewHeads",
            rpc_params![],
            "chain_unsubscribeNewHeads",
        )
        .await
        .unwrap();
    let mut number = 0;
    while number < 3 {
        // On a busy machine the third one may be over before anybody listens.
        let head = heads.next().await.unwrap().unwrap();
        number = u32::from_str_radix(&head["number"].as_str().unwrap()[2..], 16).unwrap();
    }
    node.stop().await;
    while heads.next().await.is_some() {}
    assert!(!client.is_connected());
}

#[tokio::test]
async fn a_node_that_could_be_reached_from_elsewhere_does_not_start() {
    let config = DevnetConfig {
        listen: "0.0.0.0:0".parse().unwrap(),
        ..DevnetConfig::default()
    };
    assert!(matches!(
        Devnet::start(config).await,
        Err(DevnetError::NotLoopback(_))
    ));
}

#[test]
fn a_genesis_is_read_from_json_with_defaults() {
    let owner = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    let json = format!(
        r#"{{"subnets":[{{"netuid":3,"owner":"{owner}","neurons":[{{"hotkey":"{owner}","stake":5}}]}}]}}"#
    );
    let genesis: Genesis = serde_json::from_str(&json).unwrap();
    let subnet = &genesis.subnets[0];
    assert_eq!(
        (subnet.netuid.0, subnet.tempo, subnet.neurons[0].stake),
        (3, 360, 5)
    );
    assert_eq!(
        serde_json::from_str::<Genesis>(&serde_json::to_string(&genesis).unwrap()).unwrap(),
        genesis
    );
    assert!(
        serde_json::from_str::<Genesis>(r#"{"subnet":[]}"#).is_err(),
        "unknown fields are refused"
    );
}
