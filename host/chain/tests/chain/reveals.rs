//! What comes of commits.

use platform_chain::{ChainError, Missed, Retry, RevealState};
use platform_devnet::{DevnetConfig, Hyperparameter, RuntimeAge, SubnetGenesis};
use platform_domain::{BlockNumber, Uid};
use platform_timelock::Round;

use crate::{
    node::{NETUID, call, validator},
    sealed::{
        TEMPO, begin, commit, compose, failures, hidden, look, of_mechanism, outcome, timed, to_block,
        to_final, vector,
    },
};

#[tokio::test]
async fn a_commit_waits_for_its_epoch_and_its_pulse_and_is_revealed_then() {
    for mechanism in [0, 1] {
        let (devnet, chain) = begin(timed(hidden())).await;
        let vector = of_mechanism(mechanism);
        devnet.produce_blocks(3).await;
        let composed = compose(&chain, &vector).await;
        assert_eq!(composed.call, "commit_timelocked_mechanism_weights");
        let committed = commit(&devnet, &chain, &vector).await;
        let sealed = &committed.sealed;
        assert_eq!(
            (sealed.committed_in, sealed.first_block),
            (0, BlockNumber(TEMPO.into()))
        );
        to_final(&devnet, 4).await;
        let state = look(&chain, &vector, &committed).await;
        assert!(
            matches!(state, RevealState::Waiting { first_block, .. } if first_block == sealed.first_block),
            "{state:?}"
        );
        let (seen, state) = outcome(&devnet, &chain, &vector, &committed).await;
        let RevealState::Revealed {
            block: Some((block, hash)),
        } = state
        else {
            panic!("{state:?}");
        };
        // Three blocks of safety, and one more because a block reveals with the pulses of those before.
        assert_eq!((block, seen), (BlockNumber(23), BlockNumber(23)));
        let row = chain
            .weights(NETUID, vector.mechanism, Uid(0), hash)
            .await
            .unwrap();
        assert_eq!(row, [(Uid(1), 65535), (Uid(2), 100)]);
        // Later looks say the same, also when another commit waits already.
        commit(&devnet, &chain, &call(&[(2, 1)])).await;
        let again = look(&chain, &vector, &committed).await;
        assert!(matches!(again, RevealState::Revealed { .. }), "{again:?}");
    }
}

#[tokio::test]
async fn what_the_node_has_forgotten_is_told_by_the_row() {
    let (devnet, chain) = begin(timed(hidden())).await;
    let committed = commit(&devnet, &chain, &vector()).await;
    to_block(&devnet, 400).await;
    assert_eq!(
        look(&chain, &vector(), &committed).await,
        RevealState::Revealed { block: None }
    );
    let other = look(&chain, &call(&[(1, 1)]), &committed).await;
    assert_eq!(other, RevealState::Missed { why: Missed::Unknown });
}

#[tokio::test]
async fn a_pulse_that_is_skipped_for_ever_is_noticed_and_a_new_commit_is_revealed() {
    let (devnet, chain) = begin(timed(hidden())).await;
    devnet.produce_blocks(2).await;
    let committed = commit(&devnet, &chain, &vector()).await;
    devnet
        .faults()
        .skip_pulse(Round::new(committed.sealed.round).unwrap());
    let (seen, state) = outcome(&devnet, &chain, &vector(), &committed).await;
    assert!(
        matches!(state, RevealState::PulseSkipped { last_stored_round } if last_stored_round > committed.sealed.round),
        "{state:?}"
    );
    assert!(seen.0 < 2 * u64::from(TEMPO), "while the commit is still there");
    let anew = commit(&devnet, &chain, &vector()).await;
    let (_, state) = outcome(&devnet, &chain, &vector(), &anew).await;
    assert!(matches!(state, RevealState::Revealed { .. }), "{state:?}");
}

#[tokio::test]
async fn a_pulse_that_is_skipped_is_told_also_when_the_commit_is_gone() {
    let (devnet, chain) = begin(timed(hidden())).await;
    devnet.produce_blocks(2).await;
    let committed = commit(&devnet, &chain, &vector()).await;
    devnet
        .faults()
        .skip_pulse(Round::new(committed.sealed.round).unwrap());
    to_block(&devnet, 60).await;
    let state = look(&chain, &vector(), &committed).await;
    assert!(matches!(state, RevealState::PulseSkipped { .. }), "{state:?}");
}

#[tokio::test]
async fn a_pulse_that_is_late_reveals_late_and_one_that_is_too_late_does_not() {
    let (devnet, chain) = begin(timed(hidden())).await;
    devnet.produce_blocks(2).await;
    let committed = commit(&devnet, &chain, &vector()).await;
    devnet.faults().delay_pulses();
    to_block(&devnet, 30).await;
    let state = look(&chain, &vector(), &committed).await;
    assert!(matches!(state, RevealState::Waiting { .. }), "{state:?}");
    devnet.faults().resume_pulses();
    let (_, state) = outcome(&devnet, &chain, &vector(), &committed).await;
    assert!(
        matches!(
            state,
            RevealState::Revealed {
                block: Some((BlockNumber(32), _))
            }
        ),
        "{state:?}"
    );

    let (devnet, chain) = begin(timed(hidden())).await;
    devnet.produce_blocks(2).await;
    let committed = commit(&devnet, &chain, &vector()).await;
    devnet.faults().delay_pulses();
    to_block(&devnet, 45).await;
    devnet.faults().resume_pulses();
    devnet.produce_blocks(5).await;
    let state = look(&chain, &vector(), &committed).await;
    assert_eq!(state, RevealState::Missed { why: Missed::Late });
    assert_eq!(Retry::after(Missed::Late), Retry::Resign);
}

#[tokio::test]
async fn weights_that_the_chain_refuses_at_the_reveal_are_missed_and_the_preflight_names_the_check() {
    let (devnet, chain) = begin(timed(hidden())).await;
    devnet.produce_blocks(2).await;
    let committed = commit(&devnet, &chain, &vector()).await;
    devnet
        .owner_sets(NETUID, Hyperparameter::WeightsVersion(9))
        .unwrap();
    let (_, state) = outcome(&devnet, &chain, &vector(), &committed).await;
    assert_eq!(state, RevealState::Missed { why: Missed::Refused });
    let preflight = chain.preflight(validator().hotkey(), &vector()).await.unwrap();
    assert_eq!(failures(&preflight), ["IncorrectWeightVersionKey"]);
}

#[tokio::test]
async fn a_node_that_is_behind_the_commits_block_does_not_say_that_it_is_gone() {
    let (devnet, chain) = begin(timed(hidden())).await;
    let mut committed = commit(&devnet, &chain, &vector()).await;
    devnet
        .faults()
        .skip_pulse(Round::new(committed.sealed.round).unwrap());
    to_block(&devnet, 60).await;
    let state = look(&chain, &vector(), &committed).await;
    assert!(matches!(state, RevealState::PulseSkipped { .. }), "{state:?}");
    // As if its block came later than all that this node has.
    committed.block = BlockNumber(1000);
    let state = look(&chain, &vector(), &committed).await;
    assert!(matches!(state, RevealState::Waiting { .. }), "{state:?}");
}

#[tokio::test]
async fn what_the_hotkey_said_since_is_newer_than_a_commit_that_is_gone() {
    let (devnet, chain) = begin(timed(hidden())).await;
    let committed = commit(&devnet, &chain, &vector()).await;
    devnet
        .faults()
        .skip_pulse(Round::new(committed.sealed.round).unwrap());
    to_block(&devnet, 60).await;
    commit(&devnet, &chain, &call(&[(2, 65535)])).await;
    to_final(&devnet, 61).await;
    let state = look(&chain, &vector(), &committed).await;
    let why = Missed::Replaced;
    assert_eq!(state, RevealState::Missed { why });
}

#[tokio::test]
async fn of_two_commits_in_one_epoch_the_later_one_counts() {
    let (devnet, chain) = begin(timed(hidden())).await;
    devnet.produce_blocks(2).await;
    let first = commit(&devnet, &chain, &vector()).await;
    let second = commit(&devnet, &chain, &call(&[(2, 65535)])).await;
    to_block(&devnet, 35).await;
    assert_eq!(
        look(&chain, &vector(), &first).await,
        RevealState::Missed {
            why: Missed::Replaced
        }
    );
    let state = look(&chain, &call(&[(2, 65535)]), &second).await;
    assert!(matches!(state, RevealState::Revealed { .. }), "{state:?}");
}

#[tokio::test]
async fn an_old_runtime_is_committed_to_by_its_own_call_and_its_own_epochs() {
    let old = DevnetConfig {
        runtime: RuntimeAge::Old,
        ..timed(SubnetGenesis {
            mechanisms: 1,
            ..hidden()
        })
    };
    let (devnet, chain) = begin(old).await;
    devnet.produce_blocks(2).await;
    let composed = compose(&chain, &vector()).await;
    assert_eq!(composed.call, "commit_timelocked_weights");
    let preflight = chain.preflight(validator().hotkey(), &vector()).await.unwrap();
    assert!(preflight.passes(), "{preflight:?}");
    let committed = commit(&devnet, &chain, &vector()).await;
    // Epoch 1 begins where (block + 2) is 21.
    let sealed = &committed.sealed;
    assert_eq!((sealed.committed_in, sealed.first_block), (0, BlockNumber(19)));
    let (_, state) = outcome(&devnet, &chain, &vector(), &committed).await;
    assert!(
        matches!(
            state,
            RevealState::Revealed {
                block: Some((BlockNumber(22), _))
            }
        ),
        "{state:?}"
    );
    let error = chain
        .compose(validator().hotkey(), &of_mechanism(1))
        .await
        .unwrap_err();
    assert!(matches!(error, ChainError::NoMechanism { .. }), "{error:?}");
}
