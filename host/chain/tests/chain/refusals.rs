//! What the node refuses, and under which type it reaches the caller.

use platform_chain::{ChainError, Rejection, WeightsCall};
use platform_devnet::{Devnet, SubnetGenesis};
use platform_domain::{MechanismId, Netuid};

use crate::node::{
    call, config, connect, failure, miner, paying, refused, send, sign, start, strict, subnet, validator,
};

#[tokio::test]
async fn what_the_chain_does_not_have_or_a_vector_cannot_be_is_not_composed() {
    let (_devnet, chain) = start(subnet()).await;
    let compose = async |call: WeightsCall| chain.compose(validator().hotkey(), &call).await.unwrap_err();
    let elsewhere = WeightsCall {
        mechanism: MechanismId(1),
        ..call(&[(1, 1)])
    };
    let error = compose(elsewhere).await;
    assert!(matches!(error, ChainError::NoMechanism { .. }), "{error:?}");
    let nowhere = WeightsCall {
        netuid: Netuid(2),
        ..call(&[(1, 1)])
    };
    let error = compose(nowhere).await;
    assert!(matches!(error, ChainError::NoSubnet(Netuid(2))), "{error:?}");
    let mut uneven = call(&[(1, 1)]);
    uneven.values.push(1);
    let error = compose(uneven).await;
    assert!(
        matches!(error, ChainError::Unequal { uids: 1, values: 2 }),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_call_that_fails_in_its_block_has_the_runtimes_name_for_why() {
    let (devnet, chain, good) = strict().await;
    let long = paying(&good, &[0, 1, 2, 3, 4]);
    let too_long = (validator(), long, "UidsLengthExceedUidsInSubNet");
    for (key, call, name) in refused(&good).into_iter().chain([too_long]) {
        let signed = send(&devnet, &chain, &key, &call).await;
        assert_eq!(failure(&chain, &signed).await, format!("SubtensorModule.{name}"));
    }
}

#[tokio::test]
async fn setting_weights_again_too_soon_is_refused_by_the_pool() {
    let (devnet, chain) = start(SubnetGenesis {
        weights_rate_limit: 50,
        ..subnet()
    })
    .await;
    devnet.produce_blocks(60).await;
    send(&devnet, &chain, &validator(), &call(&[(1, 1)])).await;
    let signed = sign(&chain, &validator(), &call(&[(2, 1)])).await;
    let refused = chain.submit(&signed).await.unwrap_err();
    assert!(
        matches!(&refused, ChainError::Rejected(why) if *why == Rejection::RATE_LIMITED),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_hotkey_below_the_stake_threshold_is_refused_by_the_pool() {
    let mut config = config(SubnetGenesis {
        owner: miner().hotkey(),
        ..subnet()
    });
    config.genesis.stake_threshold = 10_000_000;
    let devnet = Devnet::start(config).await.unwrap();
    let chain = connect(&devnet).await.unwrap();
    let signed = sign(&chain, &validator(), &call(&[(1, 1)])).await;
    let refused = chain.submit(&signed).await.unwrap_err();
    assert!(
        matches!(&refused, ChainError::Rejected(why) if *why == Rejection::STAKE_TOO_LOW),
        "{refused:?}"
    );
}

#[tokio::test]
async fn nonces_and_signatures_that_do_not_fit_are_told_apart() {
    let (devnet, chain) = start(subnet()).await;
    let first = sign(&chain, &validator(), &call(&[(1, 1)])).await;
    let rival = sign(&chain, &validator(), &call(&[(2, 1)])).await;
    assert_eq!(first.nonce, rival.nonce);
    chain.submit(&first).await.unwrap();
    let refused = chain.submit(&rival).await.unwrap_err();
    assert!(
        matches!(refused, ChainError::Rejected(Rejection::PriorityTooLow)),
        "{refused:?}"
    );
    devnet.produce_blocks(1).await;
    let refused = chain.submit(&rival).await.unwrap_err();
    assert!(
        matches!(refused, ChainError::Rejected(Rejection::Outdated)),
        "{refused:?}"
    );

    let mut forged = sign(&chain, &validator(), &call(&[(2, 1)])).await;
    // A bit of the last value of the call: the signature is over another vector then.
    let end = forged.bytes.len() - 9;
    forged.bytes[end] ^= 1;
    let refused = chain.submit(&forged).await.unwrap_err();
    assert!(
        matches!(refused, ChainError::Rejected(Rejection::BadProof)),
        "{refused:?}"
    );
    forged.bytes.truncate(20);
    let refused = chain.submit(&forged).await.unwrap_err();
    assert!(
        matches!(refused, ChainError::Rejected(_) | ChainError::Rpc { .. }),
        "{refused:?}"
    );
}
