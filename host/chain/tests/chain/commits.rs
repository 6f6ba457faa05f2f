//! Commits: what is composed, what is foreseen, and what the chain has of one whose fate is unknown.

use platform_chain::{
    ChainConfig, ChainError, Held, Holding, Inclusion, Retry, RevealState, Submitter, WeightsCall,
};
use platform_devnet::{DevnetConfig, Genesis, Hyperparameter, Retracted, SubnetGenesis};
use platform_domain::{BlockNumber, Uid};

use crate::{
    node::{NETUID, failure, quicknet, send, to, validator},
    sealed::{begin, commit, compose, failures, hidden, of_mechanism, outcome, timed, to_block, vector},
};

#[tokio::test]
async fn ten_commits_may_wait_in_an_epoch_and_the_eleventh_is_foreseen_to_fail() {
    let (devnet, chain) = begin(timed(hidden())).await;
    for _ in 0..9 {
        commit(&devnet, &chain, &vector()).await;
    }
    let preflight = chain.preflight(validator().hotkey(), &vector()).await.unwrap();
    assert!(preflight.passes(), "{preflight:?}");
    commit(&devnet, &chain, &vector()).await;
    let preflight = chain.preflight(validator().hotkey(), &vector()).await.unwrap();
    assert_eq!(failures(&preflight), ["TooManyUnrevealedCommits"]);
    let eleventh = send(&devnet, &chain, &validator(), &vector()).await;
    assert_eq!(
        failure(&chain, &eleventh).await,
        "SubtensorModule.TooManyUnrevealedCommits"
    );
    // The other mechanism has a queue of its own, and so has the next epoch.
    let second = chain
        .preflight(validator().hotkey(), &of_mechanism(1))
        .await
        .unwrap();
    assert!(second.passes(), "{second:?}");
    to_block(&devnet, 20).await;
    let preflight = chain.preflight(validator().hotkey(), &vector()).await.unwrap();
    assert!(preflight.passes(), "{preflight:?}");
}

#[tokio::test]
async fn another_beacon_than_the_chains_is_found_out_before_anything_is_committed() {
    let (devnet, chain) = begin(timed(hidden())).await;
    let wrong = ChainConfig {
        beacon: quicknet(),
        ..to(&[&devnet])
    };
    let wrong = platform_chain::Chain::connect(wrong).await.unwrap();
    devnet.produce_blocks(2).await;
    let error = wrong.compose(validator().hotkey(), &vector()).await.unwrap_err();
    assert!(matches!(error, ChainError::Rehearsal(_)), "{error:?}");
    let preflight = wrong.preflight(validator().hotkey(), &vector()).await.unwrap();
    assert!(failures(&preflight).contains(&"Beacon"), "{preflight:?}");
    let preflight = chain.preflight(validator().hotkey(), &vector()).await.unwrap();
    assert!(preflight.passes(), "{preflight:?}");
}

#[tokio::test]
async fn a_version_of_commits_that_is_not_known_is_refused_by_name() {
    let mut config = timed(hidden());
    config.genesis.commit_reveal_version = 5;
    let (_devnet, chain) = begin(config).await;
    let error = chain.compose(validator().hotkey(), &vector()).await.unwrap_err();
    assert!(matches!(error, ChainError::CommitRevealVersion(5)), "{error:?}");
    let preflight = chain.preflight(validator().hotkey(), &vector()).await.unwrap();
    assert_eq!(failures(&preflight), ["IncorrectCommitRevealVersion"]);
}

#[tokio::test]
async fn commit_reveal_that_is_switched_after_composing_fails_in_the_block_and_the_next_call_is_the_other() {
    let (devnet, chain) = begin(timed(SubnetGenesis {
        commit_reveal: false,
        ..hidden()
    }))
    .await;
    for (on, error) in [(true, "CommitRevealEnabled"), (false, "CommitRevealDisabled")] {
        let submitter = Submitter::from(validator());
        let composed = compose(&chain, &vector()).await;
        assert_eq!(composed.sealed.is_some(), !on);
        devnet
            .owner_sets(NETUID, Hyperparameter::CommitReveal(on))
            .unwrap();
        devnet.produce_blocks(1).await;
        let signed = chain.sign(&submitter, &composed).await.unwrap();
        chain.submit(&signed).await.unwrap();
        devnet.produce_blocks(1).await;
        let Inclusion::Included {
            outcome: Err(failed), ..
        } = chain.inclusion(&signed).await.unwrap()
        else {
            panic!("it should have failed");
        };
        assert_eq!(failed.to_string(), format!("SubtensorModule.{error}"));
        assert_eq!(Retry::after(&failed), Retry::Resign);
        assert_eq!(compose(&chain, &vector()).await.sealed.is_some(), on);
    }
}

#[tokio::test]
async fn a_commit_is_too_fast_within_the_rate_limit_which_only_the_block_says() {
    let (devnet, chain) = begin(timed(SubnetGenesis {
        weights_rate_limit: 5,
        ..hidden()
    }))
    .await;
    commit(&devnet, &chain, &vector()).await;
    let preflight = chain.preflight(validator().hotkey(), &vector()).await.unwrap();
    assert_eq!(failures(&preflight), ["CommittingWeightsTooFast"]);
    let second = send(&devnet, &chain, &validator(), &vector()).await;
    assert_eq!(
        failure(&chain, &second).await,
        "SubtensorModule.CommittingWeightsTooFast"
    );
    to_block(&devnet, 4).await;
    let held = held(&chain, &vector(), None).await;
    assert_eq!((held.last_update, held.limit_left), (Some(BlockNumber(1)), 1));
    to_block(&devnet, 5).await;
    let preflight = chain.preflight(validator().hotkey(), &vector()).await.unwrap();
    assert!(preflight.passes(), "{preflight:?}");
    commit(&devnet, &chain, &vector()).await;
}

async fn held(
    chain: &platform_chain::Chain,
    call: &WeightsCall,
    sealed: Option<&platform_chain::Sealed>,
) -> Held {
    let since = BlockNumber(1);
    chain
        .held(validator().hotkey(), call, sealed, since)
        .await
        .unwrap()
}

#[tokio::test]
async fn after_a_lost_answer_the_chain_says_whether_it_has_the_commit() {
    let (devnet, chain) = begin(timed(hidden())).await;
    let submitter = Submitter::from(validator());
    let composed = compose(&chain, &vector()).await;
    let sealed = composed.sealed.unwrap();
    let signed = chain.sign(&submitter, &composed).await.unwrap();
    devnet.faults().lose_next_submission_answer();
    chain.submit(&signed).await.unwrap_err();
    let before = held(&chain, &vector(), Some(&sealed)).await;
    assert_eq!((before.what, before.uid), (Holding::Nothing, Some(Uid(0))));
    devnet.produce_blocks(1).await;
    let after = held(&chain, &vector(), Some(&sealed)).await;
    assert_eq!(
        (after.what, after.finalised),
        (Holding::Commit { epoch: 0 }, false)
    );
    devnet.produce_blocks(2).await;
    assert!(held(&chain, &vector(), Some(&sealed)).await.finalised);
    // Another commit of the same vector is not this one.
    let other = compose(&chain, &vector()).await.sealed.unwrap();
    assert_eq!(held(&chain, &vector(), Some(&other)).await.what, Holding::Other);
    to_block(&devnet, 30).await;
    assert_eq!(
        held(&chain, &vector(), Some(&sealed)).await.what,
        Holding::Weights
    );
    assert_eq!(devnet.accepted_extrinsics().len(), 1);
}

#[tokio::test]
async fn a_reorganisation_takes_a_commit_away_and_the_same_bytes_bring_it_back() {
    for fate in [Retracted::Return, Retracted::Lose] {
        let (devnet, chain) = begin(timed(hidden())).await;
        devnet.produce_blocks(3).await;
        let committed = commit(&devnet, &chain, &vector()).await;
        devnet.faults().reorg(1, fate).unwrap();
        let now = held(&chain, &vector(), Some(&committed.sealed)).await;
        assert_eq!(now.what, Holding::Nothing);
        assert_eq!(
            chain.inclusion(&committed.signed).await.unwrap(),
            Inclusion::Pending
        );
        if fate == Retracted::Lose {
            devnet.produce_blocks(1).await;
            assert_eq!(
                chain.inclusion(&committed.signed).await.unwrap(),
                Inclusion::Pending
            );
        }
        chain.submit(&committed.signed).await.unwrap();
        let (_, state) = {
            devnet.produce_blocks(3).await;
            outcome(&devnet, &chain, &vector(), &committed).await
        };
        assert!(matches!(state, RevealState::Revealed { .. }), "{state:?}");
    }
}

#[tokio::test]
async fn in_safe_mode_no_commit_is_taken() {
    let config = timed(hidden());
    let config = DevnetConfig {
        genesis: Genesis {
            safe_mode_until: Some(BlockNumber(5)),
            ..config.genesis
        },
        ..config
    };
    let (devnet, chain) = begin(config).await;
    let preflight = chain.preflight(validator().hotkey(), &vector()).await.unwrap();
    assert_eq!(failures(&preflight), ["CallFiltered"]);
    let signed = send(&devnet, &chain, &validator(), &vector()).await;
    assert_eq!(failure(&chain, &signed).await, "System.CallFiltered");
    to_block(&devnet, 5).await;
    let preflight = chain.preflight(validator().hotkey(), &vector()).await.unwrap();
    assert!(preflight.passes(), "{preflight:?}");
}
