//! A node on a bad day, and a node of another chain.

use std::time::Duration;

use platform_chain::{Chain, ChainConfig, ChainError, Inclusion};
use platform_devnet::{Devnet, DevnetConfig, SubnetGenesis};

use crate::node::{call, config, sign, start, subnet, to, validator};

async fn impatient(devnet: &Devnet) -> Chain {
    let rpc_timeout = Duration::from_millis(500);
    let config = ChainConfig {
        rpc_timeout,
        ..to(&[devnet])
    };
    Chain::connect(config).await.unwrap()
}

/// Asks until the connection is back; the first question may meet the broken one.
async fn recover(chain: &Chain) {
    let attempts = async {
        while let Err(error) = chain.best_block().await {
            assert!(error.is_transient(), "{error:?}");
        }
    };
    tokio::time::timeout(Duration::from_secs(20), attempts)
        .await
        .unwrap();
}

#[tokio::test]
async fn another_chain_than_the_configured_one_is_refused() {
    let (devnet, chain) = start(subnet()).await;
    let wrong = platform_domain::BlockHash([7; 32]);
    let config = |genesis| ChainConfig {
        genesis: Some(genesis),
        ..to(&[&devnet])
    };
    let refused = Chain::connect(config(wrong)).await.unwrap_err();
    let ChainError::Genesis { expected, found } = refused else {
        panic!("{refused:?}");
    };
    assert_eq!((expected, found), (wrong, chain.genesis()));
    assert!(Chain::connect(config(chain.genesis())).await.is_ok());
}

#[tokio::test]
async fn a_node_that_comes_back_as_another_chain_is_refused_for_good() {
    let (devnet, chain) = start(subnet()).await;
    let listen = devnet.addr();
    devnet.stop().await;
    let other = config(SubnetGenesis {
        tempo: 17,
        ..subnet()
    });
    let other = DevnetConfig { listen, ..other };
    let _other = Devnet::start(other).await.unwrap();
    let refused = async {
        loop {
            match chain.best_block().await.unwrap_err() {
                error if error.is_transient() => {}
                error => return error,
            }
        }
    };
    let refused = tokio::time::timeout(Duration::from_secs(20), refused)
        .await
        .unwrap();
    assert!(matches!(refused, ChainError::Genesis { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_broken_connection_is_made_anew() {
    let (devnet, chain) = start(subnet()).await;
    for _ in 0..3 {
        devnet.faults().close_connections();
        recover(&chain).await;
    }
    assert_eq!(chain.best_block().await.unwrap(), devnet.best_block());
}

#[tokio::test]
async fn a_half_dead_socket_ends_in_a_timeout_and_is_replaced() {
    let (devnet, _) = start(subnet()).await;
    let chain = impatient(&devnet).await;
    devnet.faults().hang_answers();
    let late = chain.best_block().await.unwrap_err();
    assert!(matches!(late, ChainError::Timeout { .. }), "{late:?}");
    devnet.faults().resume_answers();
    recover(&chain).await;
}

#[tokio::test]
async fn a_submission_whose_answer_is_lost_is_found_in_its_block_and_never_doubled() {
    let (devnet, chain) = start(subnet()).await;
    let signed = sign(&chain, &validator(), &call(&[(1, 1)])).await;
    devnet.faults().lose_next_submission_answer();
    let lost = chain.submit(&signed).await.unwrap_err();
    assert!(lost.is_transient(), "{lost:?}");
    recover(&chain).await;
    chain.submit(&signed).await.unwrap();
    devnet.produce_blocks(1).await;
    let now = chain.inclusion(&signed).await.unwrap();
    assert!(
        matches!(now, Inclusion::Included { outcome: Ok(()), .. }),
        "{now:?}"
    );
    assert_eq!(devnet.accepted_extrinsics().len(), 1);
}
