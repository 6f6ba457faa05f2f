//! A vector on its way: signed, kept, submitted, in a block, final; or not.

use platform_chain::{ChainError, Holding, Inclusion, MORTALITY, Rejection, Retry};
use platform_devnet::{Devnet, DevnetConfig};
use platform_domain::{BlockNumber, Uid};

use crate::node::{
    FINALITY_LAG, MAIN, NETUID, call, config, connect, miner, send, sign, start, subnet, validator,
};

#[tokio::test]
async fn a_vector_goes_from_the_pool_to_finality_and_is_read_back() {
    let (devnet, chain) = start(subnet()).await;
    devnet.produce_blocks(5).await;
    let signed = sign(&chain, &validator(), &call(&[(1, 65535), (2, 21845)])).await;
    assert_eq!(chain.inclusion(&signed).await.unwrap(), Inclusion::Pending);
    chain.submit(&signed).await.unwrap();
    assert_eq!(chain.inclusion(&signed).await.unwrap(), Inclusion::Pending);

    devnet.produce_blocks(1).await;
    let (number, best) = devnet.best_block();
    let Inclusion::Included {
        block,
        hash,
        finalised,
        outcome,
        ..
    } = chain.inclusion(&signed).await.unwrap()
    else {
        panic!("not included");
    };
    assert_eq!((block, hash, finalised, outcome), (number, best, false, Ok(())));
    let weights = chain.weights(NETUID, MAIN, Uid(0), best).await.unwrap();
    assert_eq!(weights, [(Uid(1), 65535), (Uid(2), 21845)]);
    assert_eq!(weights, devnet.weights(NETUID, MAIN, Uid(0)));

    devnet.produce_blocks(FINALITY_LAG).await;
    let now = chain.inclusion(&signed).await.unwrap();
    assert!(
        matches!(now, Inclusion::Included { finalised: true, block, .. } if block == number),
        "{now:?}"
    );
    // Long afterwards it is found where it was, not taken for expired.
    devnet.produce_blocks(u32::try_from(MORTALITY).unwrap()).await;
    let now = chain.inclusion(&signed).await.unwrap();
    assert!(
        matches!(now, Inclusion::Included { finalised: true, block, .. } if block == number),
        "{now:?}"
    );
}

#[tokio::test]
async fn the_same_bytes_sent_again_are_executed_once() {
    let (devnet, chain) = start(subnet()).await;
    let signed = sign(&chain, &validator(), &call(&[(1, 1)])).await;
    chain.submit(&signed).await.unwrap();
    chain.submit(&signed).await.unwrap();
    // As after a restart of the host: another connection, the bytes from the store.
    connect(&devnet).await.unwrap().submit(&signed).await.unwrap();
    devnet.produce_blocks(1).await;
    let again = chain.submit(&signed).await;
    assert!(
        matches!(again, Err(ChainError::Rejected(Rejection::Outdated))),
        "{again:?}"
    );
    assert_eq!(devnet.accepted_extrinsics().len(), 1);
    let now = chain.inclusion(&signed).await.unwrap();
    assert!(
        matches!(now, Inclusion::Included { outcome: Ok(()), .. }),
        "{now:?}"
    );
}

#[tokio::test]
async fn the_next_nonce_counts_what_is_still_in_the_pool() {
    let (devnet, chain) = start(subnet()).await;
    let first = send(&devnet, &chain, &validator(), &call(&[(1, 1)])).await;
    let second = sign(&chain, &validator(), &call(&[(2, 1)])).await;
    chain.submit(&second).await.unwrap();
    let third = sign(&chain, &validator(), &call(&[(1, 1)])).await;
    assert_eq!([first.nonce, second.nonce, third.nonce], [0, 1, 2]);
    let elsewhere = sign(&chain, &miner(), &call(&[(1, 1)])).await;
    assert_eq!(elsewhere.nonce, 0);
}

#[tokio::test]
async fn a_reorganisation_takes_an_inclusion_back_and_the_next_block_restores_it() {
    let (devnet, chain) = start(subnet()).await;
    devnet.produce_blocks(3).await;
    let signed = send(&devnet, &chain, &validator(), &call(&[(1, 1)])).await;
    let first = chain.inclusion(&signed).await.unwrap();
    assert!(matches!(first, Inclusion::Included { .. }), "{first:?}");
    devnet.faults().reorg_best_block().unwrap();
    assert_eq!(chain.inclusion(&signed).await.unwrap(), Inclusion::Pending);
    devnet.produce_blocks(1).await;
    let second = chain.inclusion(&signed).await.unwrap();
    assert!(
        matches!(second, Inclusion::Included { outcome: Ok(()), .. }),
        "{second:?}"
    );
    assert_ne!(first, second);
}

#[tokio::test]
async fn an_extrinsic_that_no_block_took_in_time_has_expired_once_that_is_final() {
    let (devnet, chain) = start(subnet()).await;
    devnet.produce_blocks(4).await;
    let signed = sign(&chain, &validator(), &call(&[(1, 1)])).await;
    let finalised = chain.finalised_block().await.unwrap().0;
    assert_eq!(
        (signed.birth, signed.expires.0),
        (finalised, finalised.0 + MORTALITY)
    );
    devnet.produce_blocks(u32::try_from(MORTALITY).unwrap() - 1).await;
    assert_eq!(chain.inclusion(&signed).await.unwrap(), Inclusion::Pending);
    devnet.produce_blocks(1).await;
    assert_eq!(chain.inclusion(&signed).await.unwrap(), Inclusion::Expired);
    let late = chain.submit(&signed).await;
    assert!(
        matches!(late, Err(ChainError::Rejected(Rejection::BadProof))),
        "{late:?}"
    );
}

#[tokio::test]
async fn an_inclusion_whose_events_are_discarded_is_an_inclusion_still() {
    let (devnet, chain) = start(subnet()).await;
    let signed = send(&devnet, &chain, &validator(), &call(&[(1, 1)])).await;
    let (number, best) = devnet.best_block();
    devnet.produce_blocks(600).await;
    let late = chain.inclusion(&signed).await;
    let Err(ChainError::EventsDiscarded { block, hash }) = late else {
        panic!("{late:?}");
    };
    assert_eq!((block, hash), (number, best));
    let read = chain.weights(NETUID, MAIN, Uid(0), best).await;
    assert!(
        matches!(read, Err(ChainError::BlockUnavailable(at)) if at == best),
        "{read:?}"
    );
}

#[tokio::test]
async fn an_extrinsic_is_dead_when_a_final_block_has_spent_its_nonce_for_another() {
    let (devnet, chain) = start(subnet()).await;
    devnet.produce_blocks(3).await;
    let kept = sign(&chain, &validator(), &call(&[(1, 1)])).await;
    assert!(!chain.is_dead(&kept).await.unwrap());
    let other = send(&devnet, &chain, &validator(), &call(&[(2, 1)])).await;
    assert_eq!(other.nonce, kept.nonce);
    let late = chain.submit(&kept).await;
    assert!(
        matches!(late, Err(ChainError::Rejected(Rejection::Outdated))),
        "{late:?}"
    );
    // The block that spent the nonce may still be replaced, and then these bytes are good again.
    assert!(!chain.is_dead(&kept).await.unwrap());
    devnet.produce_blocks(FINALITY_LAG).await;
    assert!(chain.is_dead(&kept).await.unwrap());
    assert!(!chain.is_dead(&other).await.unwrap(), "it is included");
}

#[tokio::test]
async fn an_extrinsic_born_after_the_last_final_block_is_not_dead() {
    let late = DevnetConfig {
        finality_lag: 100,
        ..config(subnet())
    };
    let devnet = Devnet::start(late).await.unwrap();
    let chain = connect(&devnet).await.unwrap();
    devnet.produce_blocks(150).await;
    let signed = sign(&chain, &validator(), &call(&[(1, 1)])).await;
    assert!(chain.finalised_block().await.unwrap().0 < signed.birth);
    assert!(!chain.is_dead(&signed).await.unwrap());
}

#[tokio::test]
async fn a_nonce_of_a_lagging_node_is_refused_and_signing_anew_helps() {
    let (devnet, chain) = start(subnet()).await;
    send(&devnet, &chain, &validator(), &call(&[(1, 1)])).await;
    devnet.faults().serve_stale_nonces();
    let stale = sign(&chain, &validator(), &call(&[(2, 1)])).await;
    assert_eq!(stale.nonce, 0);
    let refused = chain.submit(&stale).await.unwrap_err();
    assert!(
        matches!(refused, ChainError::Rejected(Rejection::Outdated)),
        "{refused:?}"
    );
    assert_eq!(Retry::after(&refused), Retry::Resign);
    devnet.faults().serve_fresh_nonces();
    devnet.produce_blocks(FINALITY_LAG).await;
    assert!(chain.is_dead(&stale).await.unwrap());
    let anew = send(&devnet, &chain, &validator(), &call(&[(2, 1)])).await;
    let now = chain.inclusion(&anew).await.unwrap();
    assert!(
        matches!(now, Inclusion::Included { outcome: Ok(()), .. }),
        "{now:?}"
    );
}

#[tokio::test]
async fn what_the_chain_holds_of_a_plain_vector_is_told_from_what_it_held_before() {
    let (devnet, chain) = start(subnet()).await;
    let ours = call(&[(1, 1), (2, 2)]);
    send(&devnet, &chain, &validator(), &ours).await;
    let held = async |since| {
        let hotkey = validator().hotkey();
        chain.held(hotkey, &ours, None, BlockNumber(since)).await.unwrap()
    };
    let after = held(1).await;
    assert_eq!(
        (after.what, after.finalised, after.last_update),
        (Holding::Weights, false, Some(BlockNumber(1)))
    );
    // The same vector of an earlier epoch is not the one in question.
    assert_eq!(held(2).await.what, Holding::Nothing);
    devnet.produce_blocks(FINALITY_LAG).await;
    assert!(held(1).await.finalised);
    send(&devnet, &chain, &validator(), &call(&[(1, 1)])).await;
    assert_eq!(held(1).await.what, Holding::Other);
    let stranger = platform_keys::Keypair::from_seed([9; 32]).hotkey();
    let nobody = chain.held(stranger, &ours, None, BlockNumber(1)).await.unwrap();
    assert_eq!((nobody.uid, nobody.what), (None, Holding::Nothing));
}
