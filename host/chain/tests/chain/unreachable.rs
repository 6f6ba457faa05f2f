//! Endpoints that are no node: each ends in its own error, in time and without a panic.

use std::time::Duration;

use jsonrpsee::{
    RpcModule,
    server::{Server, ServerConfig},
};
use platform_chain::{Chain, ChainConfig, ChainError};
use tokio::net::TcpListener;

use crate::node::quicknet;

async fn connect(endpoint: String) -> ChainError {
    let rpc_timeout = Duration::from_millis(200);
    let config = ChainConfig {
        endpoints: vec![endpoint],
        rpc_timeout,
        genesis: None,
        beacon: quicknet(),
    };
    let within = Duration::from_secs(5);
    let connected = tokio::time::timeout(within, Chain::connect(config)).await;
    connected
        .expect("the deadline of a request bounds connecting")
        .unwrap_err()
}

#[tokio::test]
async fn an_endpoint_that_never_answers_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    // The kernel accepts connections into the backlog; nobody ever speaks on them.
    for scheme in ["ws", "wss"] {
        let error = connect(format!("{scheme}://{}", listener.local_addr().unwrap())).await;
        assert!(matches!(error, ChainError::Timeout { .. }), "{error:?}");
        assert!(error.is_transient());
    }
}

#[tokio::test]
async fn an_endpoint_where_nobody_listens_is_a_connection_error() {
    let error = connect("ws://127.0.0.1:1".to_owned()).await;
    assert!(matches!(error, ChainError::Connection(_)), "{error:?}");
    assert!(error.is_transient());
}

#[tokio::test]
async fn an_endpoint_that_hangs_up_is_a_connection_error_with_and_without_tls() {
    for scheme in ["ws", "wss"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("{scheme}://{}", listener.local_addr().unwrap());
        let hang_up = async {
            loop {
                drop(listener.accept().await.unwrap());
            }
        };
        let error = tokio::select! {
            error = connect(endpoint) => error,
            () = hang_up => unreachable!("the loop does not end"),
        };
        assert!(matches!(error, ChainError::Connection(_)), "{error:?}");
    }
}

#[tokio::test]
async fn an_endpoint_that_is_no_websocket_address_is_refused_without_connecting() {
    for endpoint in ["", "http://127.0.0.1:1", "127.0.0.1:9944", "wss:/x"] {
        let error = connect(endpoint.to_owned()).await;
        assert!(matches!(error, ChainError::Endpoint), "{endpoint:?}: {error:?}");
        assert!(!error.is_transient());
    }
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    const TOO_MUCH: u32 = 17 * 1024 * 1024;
    let mut module = RpcModule::new(());
    let endless = "0".repeat(usize::try_from(TOO_MUCH).unwrap());
    module
        .register_method("chain_getBlockHash", move |_, _, _| endless.clone())
        .unwrap();
    let config = ServerConfig::builder().max_response_body_size(2 * TOO_MUCH);
    let server = Server::builder().set_config(config.build());
    let server = server.build("127.0.0.1:0").await.unwrap();
    let endpoint = format!("ws://{}", server.local_addr().unwrap());
    let _running = server.start(module);
    let config = ChainConfig {
        endpoints: vec![endpoint],
        rpc_timeout: Duration::from_secs(20),
        genesis: None,
        beacon: quicknet(),
    };
    let error = Chain::connect(config).await.unwrap_err();
    assert!(matches!(error, ChainError::Connection(_)), "{error:?}");
}
