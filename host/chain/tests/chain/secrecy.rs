//! Providers put their customers' keys into the addresses of their endpoints.

use std::{
    io::{self, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use jsonrpsee::{RpcModule, server::Server, types::ErrorObjectOwned};
use platform_chain::{Chain, ChainConfig, ChainError};
use platform_domain::with_causes;

use crate::node::{start, subnet, to};

const SECRET: &str = "SECRET";

fn keyed(host: impl std::fmt::Display) -> String {
    format!("ws://{SECRET}:{SECRET}@{host}/{SECRET}?key={SECRET}#{SECRET}")
}

fn config(endpoints: Vec<String>) -> ChainConfig {
    ChainConfig {
        endpoints,
        rpc_timeout: Duration::from_secs(2),
        ..to(&[])
    }
}

/// Where nobody listens.
const NOBODY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

fn shown(error: &ChainError) -> String {
    format!("{error:?} {error} {}", with_causes(error))
}

#[tokio::test]
async fn keys_in_an_endpoints_address_are_in_no_error_and_in_no_status() {
    let (devnet, _) = start(subnet()).await;
    let gone = config(vec![keyed(NOBODY)]);
    assert!(!format!("{gone:?}").contains(SECRET));
    let error = Chain::connect(gone).await.unwrap_err();
    assert!(!shown(&error).contains(SECRET), "{}", shown(&error));
    let bad = Chain::connect(config(vec![format!("http://{SECRET}")]))
        .await
        .unwrap_err();
    assert!(!shown(&bad).contains(SECRET));

    let both = config(vec![keyed(NOBODY), devnet.url()]);
    let chain = Chain::connect(both).await.unwrap();
    let status = chain.status().await.unwrap();
    let shown = format!("{status:?} {chain:?} {}", serde_json::to_string(&status).unwrap());
    assert!(!shown.contains(SECRET), "{shown}");
    assert_eq!(status.endpoints[0].endpoint, format!("ws://{NOBODY}"));
}

#[tokio::test]
async fn a_provider_that_repeats_the_key_is_not_quoted() {
    let mut module = RpcModule::new(());
    let refuse = |_: jsonrpsee::types::Params<'_>, _: &(), _: &_| -> Result<(), ErrorObjectOwned> {
        Err(ErrorObjectOwned::owned(
            -32_000,
            format!("unknown key {SECRET}"),
            Some(SECRET),
        ))
    };
    module.register_method("chain_getBlockHash", refuse).unwrap();
    let server = Server::builder().build("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let _running = server.start(module);
    let error = Chain::connect(config(vec![keyed(address)])).await.unwrap_err();
    assert!(!shown(&error).contains(SECRET), "{}", shown(&error));
}

/// Keeps all that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn keys_in_an_endpoints_address_are_in_no_log_at_any_level() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        // The node is in this process too, and logs what it is asked.
        .with_env_filter("trace,jsonrpsee-server=off")
        .with_writer(move || writer.clone())
        .finish();
    let (devnet, _) = start(subnet()).await;
    let (here, gone) = (devnet.addr(), NOBODY);
    {
        let _guard = tracing_subscriber::util::SubscriberInitExt::set_default(subscriber);
        let chain = Chain::connect(config(vec![keyed(gone), keyed(here)]))
            .await
            .unwrap();
        chain.status().await.unwrap();
        devnet.faults().close_connections();
        chain.best_block().await.unwrap();
    }
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(
        text.contains(&gone.to_string()),
        "the log says which endpoint failed"
    );
    assert!(!text.contains(SECRET), "{text}");
}
