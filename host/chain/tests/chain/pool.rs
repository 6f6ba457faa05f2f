//! Several endpoints: which one is asked, when another one is, and what is shown of them.

use std::time::Duration;

use jsonrpsee::{
    RpcModule,
    server::{Server, ServerHandle},
};
use platform_chain::{Chain, ChainConfig, ChainError, EndpointHealth, EndpointState, Inclusion, WeightsCall};
use platform_devnet::{Devnet, DevnetConfig, Exhausted, SubnetGenesis};
use serde_json::json;
use tokio::net::TcpListener;

use crate::node::{call, config, sign, start, subnet, to, validator};

async fn devnet() -> Devnet {
    Devnet::start(config(subnet())).await.unwrap()
}

async fn of_another_chain() -> Devnet {
    let other = SubnetGenesis {
        tempo: 17,
        ..subnet()
    };
    Devnet::start(config(other)).await.unwrap()
}

fn impatient(devnets: &[&Devnet]) -> ChainConfig {
    ChainConfig {
        rpc_timeout: Duration::from_millis(1500),
        ..to(devnets)
    }
}

fn states(health: &[EndpointHealth]) -> Vec<(EndpointState, bool)> {
    health.iter().map(|entry| (entry.state, entry.current)).collect()
}

const HEALTHY: EndpointState = EndpointState::Healthy;

#[tokio::test]
async fn the_first_endpoint_is_asked_as_long_as_it_answers() {
    let (first, second) = (devnet().await, devnet().await);
    first.produce_blocks(3).await;
    let chain = Chain::connect(to(&[&first, &second])).await.unwrap();
    assert_eq!(chain.best_block().await.unwrap(), first.best_block());
    let health = chain.status().await.unwrap().endpoints;
    assert_eq!(states(&health), [(HEALTHY, true), (HEALTHY, false)]);
    assert_eq!(health[0].endpoint, first.url());
    assert_eq!((health[0].behind, health[1].behind), (Some(0), Some(3)));
    assert!(
        health
            .iter()
            .all(|entry| entry.latency_ms.is_some() && entry.last_success.is_some() && entry.failures == 0)
    );
}

#[tokio::test]
async fn questions_go_to_the_next_endpoint_when_the_first_goes_away_and_stay_there() {
    let (first, second) = (devnet().await, devnet().await);
    second.produce_blocks(5).await;
    let chain = Chain::connect(to(&[&first, &second])).await.unwrap();
    let listen = first.addr();
    first.stop().await;
    assert_eq!(chain.best_block().await.unwrap(), second.best_block());
    let health = chain.endpoints();
    assert_eq!(
        states(&health),
        [(EndpointState::Waiting, false), (HEALTHY, true)]
    );
    assert!(health[0].failures > 0 && health[0].error.is_some());
    // It comes back, and the one that works is kept.
    let back = DevnetConfig {
        listen,
        ..config(subnet())
    };
    let _first = Devnet::start(back).await.unwrap();
    assert_eq!(chain.best_block().await.unwrap(), second.best_block());
}

#[tokio::test]
async fn a_silent_a_half_open_and_a_slow_endpoint_cost_one_deadline_and_are_left() {
    type Fault = fn(&Devnet);
    let faults: [Fault; 3] = [
        |devnet| devnet.faults().hang_answers(),
        |devnet| devnet.faults().limit_requests(0, Exhausted::Silence),
        |devnet| devnet.faults().slow_answers(Duration::from_secs(30)),
    ];
    for fault in faults {
        let (first, second) = (devnet().await, devnet().await);
        second.produce_blocks(2).await;
        let chain = Chain::connect(impatient(&[&first, &second])).await.unwrap();
        assert_eq!(chain.best_block().await.unwrap(), first.best_block());
        fault(&first);
        assert_eq!(chain.best_block().await.unwrap(), second.best_block());
        assert_eq!(chain.endpoints()[0].state, EndpointState::Waiting);
        // From now on nothing waits for the first one.
        let failures = chain.endpoints()[0].failures;
        chain.best_block().await.unwrap();
        assert_eq!(chain.endpoints()[0].failures, failures);
    }
}

#[tokio::test]
async fn a_connection_that_is_closed_after_each_request_is_made_anew_or_another_is_used() {
    let (first, second) = (devnet().await, devnet().await);
    let chain = Chain::connect(to(&[&first, &second])).await.unwrap();
    for _ in 0..3 {
        first.faults().close_connections();
        second.faults().close_connections();
        let (number, _) = chain.best_block().await.unwrap();
        assert_eq!(number.0, 0);
    }
}

#[tokio::test]
async fn an_endpoint_that_is_far_behind_is_left_for_one_that_is_not() {
    let (first, second) = (devnet().await, devnet().await);
    let chain = Chain::connect(to(&[&first, &second])).await.unwrap();
    second.produce_blocks(10).await;
    chain.status().await.unwrap();
    assert_eq!(
        chain.best_block().await.unwrap(),
        first.best_block(),
        "a few blocks are nothing"
    );
    second.produce_blocks(1).await;
    chain.status().await.unwrap();
    assert_eq!(chain.best_block().await.unwrap(), second.best_block());
    let health = chain.status().await.unwrap().endpoints;
    assert_eq!(states(&health), [(EndpointState::Behind, false), (HEALTHY, true)]);
    assert_eq!(health[0].behind, Some(11));
    // A node that lags is better than none.
    second.stop().await;
    assert_eq!(chain.best_block().await.unwrap(), first.best_block());
}

#[tokio::test]
async fn an_endpoint_of_another_chain_is_refused_and_the_others_go_on() {
    let (wrong, right) = (of_another_chain().await, devnet().await);
    let genesis = Chain::connect(to(&[&right])).await.unwrap().genesis();
    let config = ChainConfig {
        genesis: Some(genesis),
        ..to(&[&wrong, &right])
    };
    let chain = Chain::connect(config).await.unwrap();
    assert_eq!(chain.genesis(), genesis);
    let health = chain.status().await.unwrap().endpoints;
    assert_eq!(
        states(&health),
        [(EndpointState::Refused, false), (HEALTHY, true)]
    );
    assert!(health[0].error.as_ref().unwrap().contains("genesis"));
    // Without a genesis the first one decides.
    let chain = Chain::connect(to(&[&wrong, &right])).await.unwrap();
    assert_ne!(chain.genesis(), genesis);
    assert_eq!(chain.endpoints()[1].state, EndpointState::Refused);
}

/// A node that says of itself what it is told to.
async fn saying(prefix: u64, spec_name: &'static str) -> (String, ServerHandle) {
    let mut module = RpcModule::new(());
    module
        .register_method("chain_getBlockHash", |_, _, _| format!("0x{}", "11".repeat(32)))
        .unwrap();
    module
        .register_method(
            "system_properties",
            move |_, _, _| json!({ "ss58Format": prefix }),
        )
        .unwrap();
    module
        .register_method(
            "state_getRuntimeVersion",
            move |_, _, _| json!({ "specName": spec_name, "specVersion": 1, "transactionVersion": 1 }),
        )
        .unwrap();
    let server = Server::builder().build("127.0.0.1:0").await.unwrap();
    let endpoint = format!("ws://{}", server.local_addr().unwrap());
    (endpoint, server.start(module))
}

#[tokio::test]
async fn a_node_of_another_network_is_refused_by_its_prefix_or_its_runtime() {
    let right = devnet().await;
    for (prefix, name) in [(0, "node-subtensor"), (43, "node-subtensor"), (42, "polkadot")] {
        let (endpoint, _server) = saying(prefix, name).await;
        let alone = ChainConfig {
            endpoints: vec![endpoint.clone()],
            ..to(&[&right])
        };
        let refused = Chain::connect(alone).await.unwrap_err();
        match &refused {
            ChainError::Prefix(found) => assert_eq!(*found, prefix),
            ChainError::NotSubtensor(found) => assert_eq!(found, name),
            other => panic!("{other:?}"),
        }
        assert!(!refused.is_transient());
        let both = ChainConfig {
            endpoints: vec![endpoint, right.url()],
            ..to(&[&right])
        };
        let chain = Chain::connect(both).await.unwrap();
        assert_eq!(chain.endpoints()[0].state, EndpointState::Refused);
    }
}

#[tokio::test]
async fn a_submission_whose_answer_is_lost_is_not_repeated_at_another_endpoint() {
    let (first, second) = (devnet().await, devnet().await);
    let chain = Chain::connect(to(&[&first, &second])).await.unwrap();
    let signed = sign(&chain, &validator(), &call(&[(1, 1)])).await;
    first.faults().lose_next_submission_answer();
    let lost = chain.submit(&signed).await.unwrap_err();
    assert!(lost.is_transient(), "{lost:?}");
    assert_eq!(first.accepted_extrinsics().len(), 1);
    assert_eq!(second.accepted_extrinsics().len(), 0);
}

#[tokio::test]
async fn a_submission_that_was_not_sent_goes_to_the_next_endpoint() {
    let (first, second) = (devnet().await, devnet().await);
    let chain = Chain::connect(to(&[&first, &second])).await.unwrap();
    let signed = sign(&chain, &validator(), &call(&[(1, 1)])).await;
    first.stop().await;
    // The broken connection may be noticed by the submission only; then nobody knows, and the caller looks and sends again.
    if let Err(error) = chain.submit(&signed).await {
        assert!(error.is_transient(), "{error:?}");
        assert_eq!(chain.inclusion(&signed).await.unwrap(), Inclusion::Pending);
        chain.submit(&signed).await.unwrap();
    }
    assert_eq!(second.accepted_extrinsics().len(), 1);
}

#[tokio::test]
async fn when_every_endpoint_fails_the_error_says_what_may_pass() {
    let (first, wrong) = (devnet().await, of_another_chain().await);
    let genesis = Chain::connect(to(&[&first])).await.unwrap().genesis();
    let config = ChainConfig {
        genesis: Some(genesis),
        ..to(&[&first, &wrong])
    };
    let chain = Chain::connect(config).await.unwrap();
    first.stop().await;
    let error = chain.best_block().await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    let none = ChainConfig {
        endpoints: Vec::new(),
        ..to(&[])
    };
    let error = Chain::connect(none).await.unwrap_err();
    assert!(matches!(error, ChainError::NoEndpoint), "{error:?}");
}

#[tokio::test]
async fn a_vector_gets_to_the_chain_by_whichever_endpoint_there_is() {
    let (devnet, _) = start(subnet()).await;
    let away = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = ChainConfig {
        endpoints: vec![format!("ws://{}", away.local_addr().unwrap()), devnet.url()],
        ..impatient(&[&devnet])
    };
    let chain = Chain::connect(config).await.unwrap();
    let weights: WeightsCall = call(&[(1, 1)]);
    let signed = sign(&chain, &validator(), &weights).await;
    chain.submit(&signed).await.unwrap();
    devnet.produce_blocks(1).await;
    let now = chain.inclusion(&signed).await.unwrap();
    assert!(
        matches!(now, Inclusion::Included { outcome: Ok(()), .. }),
        "{now:?}"
    );
}
