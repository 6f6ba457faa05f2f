//! Bad days: what a client sees, and what the node did meanwhile.

use std::time::Duration;

use jsonrpsee::{
    core::client::{ClientT, Error, Subscription, SubscriptionClientT},
    rpc_params,
    ws_client::WsClientBuilder,
};
use platform_devnet::{Exhausted, ReorgRefused};
use serde_json::{Value, json};

use crate::wallet::{Fixture, connect, key, set_weights};

#[tokio::test]
async fn a_hung_node_works_on_in_silence_and_answers_when_it_resumes() {
    let fixture = Fixture::new().await;
    fixture.node.faults().hang_answers();
    let request = WsClientBuilder::default().request_timeout(Duration::from_millis(200));
    let hung = request.build(fixture.node.url());
    assert!(
        tokio::time::timeout(Duration::from_millis(200), hung)
            .await
            .is_err(),
        "not even a handshake"
    );
    let waiting = fixture
        .client
        .request::<Value, _>("devnet_produceBlocks", rpc_params![2]);
    let resume = async {
        while fixture.node.best_block().0.0 < 2 {
            tokio::task::yield_now().await;
        }
        fixture.node.faults().resume_answers();
    };
    let (answer, ()) = tokio::join!(waiting, resume);
    assert!(answer.unwrap().is_string());
}

#[tokio::test]
async fn closed_connections_end_and_new_ones_are_taken() {
    let fixture = Fixture::new().await;
    fixture.call("system_health", rpc_params![]).await;
    fixture.node.faults().close_connections();
    fixture.client.on_disconnect().await;
    let again = connect(&fixture.node).await;
    assert!(
        again
            .request::<Value, _>("system_health", rpc_params![])
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_connection_is_closed_on_the_request_that_is_one_too_many() {
    let fixture = Fixture::new().await;
    fixture.call("system_health", rpc_params![]).await;
    fixture.node.faults().limit_requests(2, Exhausted::Close);
    fixture.call("system_health", rpc_params![]).await;
    let third = fixture
        .client
        .request::<Value, _>("devnet_produceBlocks", rpc_params![1]);
    assert!(matches!(third.await, Err(Error::RestartNeeded(_))));
    assert_eq!(fixture.node.best_block().0.0, 0, "it was not carried out");
    // Another connection has requests of its own.
    let again = connect(&fixture.node).await;
    for _ in 0..2 {
        again
            .request::<Value, _>("system_health", rpc_params![])
            .await
            .unwrap();
    }
    again
        .request::<Value, _>("system_health", rpc_params![])
        .await
        .unwrap_err();
}

#[tokio::test]
async fn a_half_open_connection_takes_requests_and_never_answers() {
    let fixture = Fixture::new().await;
    fixture.node.faults().limit_requests(1, Exhausted::Silence);
    let builder = WsClientBuilder::default().request_timeout(Duration::from_millis(200));
    let client = builder.build(fixture.node.url()).await.unwrap();
    client
        .request::<Value, _>("system_health", rpc_params![])
        .await
        .unwrap();
    for _ in 0..2 {
        let answer = client
            .request::<Value, _>("devnet_produceBlocks", rpc_params![1])
            .await;
        assert!(matches!(answer, Err(Error::RequestTimeout)), "{answer:?}");
    }
    assert!(client.is_connected());
    assert_eq!(fixture.node.best_block().0.0, 0, "they were not carried out");
    fixture.node.faults().lift_request_limit();
    assert!(fixture.call("system_health", rpc_params![]).await.is_object());
}

#[tokio::test]
async fn a_lost_answer_leaves_an_accepted_extrinsic_behind() {
    for watch in [false, true] {
        let fixture = Fixture::new().await;
        let extrinsic = fixture
            .draft(&key(0), set_weights(&[(1, 1), (2, 1)]))
            .await
            .sign(&key(0));
        let params = rpc_params![format!("0x{}", hex::encode(extrinsic))];
        fixture.node.faults().lose_next_submission_answer();
        let error = if watch {
            let (start, stop) = ("author_submitAndWatchExtrinsic", "author_unwatchExtrinsic");
            fixture
                .client
                .subscribe::<Value, _>(start, params, stop)
                .await
                .err()
        } else {
            fixture
                .client
                .request::<Value, _>("author_submitExtrinsic", params)
                .await
                .err()
        };
        assert!(matches!(error, Some(Error::RestartNeeded(_))), "{error:?}");
        assert_eq!(fixture.node.accepted_extrinsics().len(), 1);
        fixture.node.produce_blocks(1).await;
        assert_eq!(fixture.weights(0, 0).len(), 2);
    }
}

#[tokio::test]
async fn a_retracted_block_takes_its_weights_with_it_until_the_next() {
    let fixture = Fixture::new().await;
    fixture.node.produce_blocks(3).await;
    let extrinsic = fixture
        .draft(&key(0), set_weights(&[(1, 1), (2, 1)]))
        .await
        .sign(&key(0));
    let params = rpc_params![format!("0x{}", hex::encode(extrinsic))];
    let (start, stop) = ("author_submitAndWatchExtrinsic", "author_unwatchExtrinsic");
    let mut statuses: Subscription<Value> = fixture.client.subscribe(start, params, stop).await.unwrap();
    fixture.node.produce_blocks(1).await;
    let (number, retracted) = fixture.node.best_block();
    let sibling = fixture.node.faults().reorg_best_block().unwrap();
    assert_eq!(fixture.node.best_block(), (number, sibling));
    assert_ne!(retracted, sibling);
    assert!(fixture.weights(0, 0).is_empty());
    assert_eq!(fixture.node.accepted_extrinsics()[0].block, None);
    // The block is gone from the chain, not from the node.
    assert!(
        fixture
            .call("chain_getHeader", rpc_params![retracted.to_string()])
            .await
            .is_object()
    );
    fixture.node.produce_blocks(1).await;
    let included = fixture.node.best_block().1;
    assert_eq!(fixture.weights(0, 0).len(), 2);
    for expected in [
        json!("ready"),
        json!({ "inBlock": retracted.to_string() }),
        json!({ "retracted": retracted.to_string() }),
        json!({ "inBlock": included.to_string() }),
    ] {
        assert_eq!(statuses.next().await.unwrap().unwrap(), expected);
    }
}

#[tokio::test]
async fn an_empty_block_is_replaced_by_another_again_and_again() {
    let fixture = Fixture::new().await;
    // So many at once that the time stamps run ahead of the clock.
    fixture.node.produce_blocks(50).await;
    let mut seen = vec![fixture.node.best_block().1];
    for _ in 0..3 {
        seen.push(fixture.node.faults().reorg_best_block().unwrap());
    }
    fixture.node.produce_blocks(5).await;
    for (at, hash) in seen.iter().enumerate() {
        assert!(!seen[..at].contains(hash), "each is another block");
        let found = fixture
            .call("chain_getHeader", rpc_params![hash.to_string()])
            .await
            .is_object();
        assert_eq!(
            found,
            at == 3,
            "retracted blocks are forgotten once their height is final"
        );
    }
}

#[tokio::test]
async fn a_final_block_is_not_replaced() {
    let fixture = Fixture::new().await;
    assert!(matches!(
        fixture.node.faults().reorg_best_block(),
        Err(ReorgRefused::Final)
    ));
}

#[tokio::test]
async fn what_is_withheld_waits_in_the_pool_until_it_is_released() {
    let fixture = Fixture::new().await;
    let extrinsic = fixture
        .draft(&key(0), set_weights(&[(1, 1), (2, 1)]))
        .await
        .sign(&key(0));
    fixture.node.faults().withhold_extrinsics();
    fixture.submit(&extrinsic).await.unwrap();
    fixture.node.produce_blocks(3).await;
    assert_eq!(fixture.node.accepted_extrinsics()[0].block, None);
    fixture.node.faults().release_extrinsics();
    fixture.node.produce_blocks(1).await;
    let block = fixture.node.accepted_extrinsics()[0].block;
    assert_eq!(block, Some(fixture.node.best_block().0));
}

#[tokio::test]
async fn forgotten_blocks_are_gone_and_the_chain_goes_on() {
    let fixture = Fixture::new().await;
    fixture.node.produce_blocks(5).await;
    let (old, last_final) = (fixture.hash_at(2).await, fixture.hash_at(3).await);
    fixture.node.faults().forget_final_blocks();
    let block = async |hash: [u8; 32]| {
        let hash = format!("0x{}", hex::encode(hash));
        fixture.call("chain_getBlock", rpc_params![hash]).await
    };
    assert_eq!(block(old).await, Value::Null);
    assert!(block(last_final).await.is_object());
    fixture.node.produce_blocks(1).await;
    assert_eq!(fixture.node.best_block().0.0, 6);
}

#[tokio::test]
async fn a_slow_node_answers_late() {
    let fixture = Fixture::new().await;
    let pause = Duration::from_millis(150);
    fixture.node.faults().slow_answers(pause);
    let begun = std::time::Instant::now();
    fixture.call("chain_getHeader", rpc_params![]).await;
    assert!(begun.elapsed() >= pause);
    fixture.node.faults().slow_answers(Duration::ZERO);
    fixture.call("chain_getHeader", rpc_params![]).await;
}
