//! Connections that nobody speaks on.

use platform_devnet::{Devnet, DevnetConfig};

use super::*;

/// A node that makes no blocks by itself, and a way to it that pings often.
async fn pinging() -> (Devnet, Link) {
    let config = DevnetConfig {
        block_time: None,
        ..DevnetConfig::default()
    };
    let devnet = Devnet::start(config).await.unwrap();
    let endpoint = Endpoint::new(devnet.url()).unwrap();
    let mut link = Link::new(endpoint, Duration::from_secs(10), Arc::default());
    link.pings = Pings {
        every: Duration::from_millis(50),
        silence: Duration::from_millis(300),
    };
    (devnet, link)
}

#[tokio::test]
async fn a_half_open_connection_is_found_though_nobody_asks_anything() {
    let (devnet, link) = pinging().await;
    let client = link.client().await.unwrap();
    assert!(link.live().is_some());
    devnet.faults().hang_answers();
    let gone = tokio::time::timeout(Duration::from_secs(20), client.on_disconnect());
    gone.await.unwrap();
    assert!(link.live().is_none());
    devnet.faults().resume_answers();
    assert!(link.request("chain_getHeader", None).await.is_ok());
}

#[tokio::test]
async fn an_idle_connection_is_kept_by_its_pings() {
    let (_devnet, link) = pinging().await;
    let client = link.client().await.unwrap();
    let idle = tokio::time::timeout(Duration::from_millis(1200), client.on_disconnect());
    assert!(
        idle.await.is_err(),
        "it is up after four times the silence that ends one"
    );
}
