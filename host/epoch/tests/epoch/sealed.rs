//! Where weights are committed and revealed later.

use platform_domain::Uid;
use platform_epoch::{EpochRow, EpochState};
use platform_store::Change;
use platform_timelock::Round;

use crate::scene::{MAIN, NETUID, Scene};

const PAID: [(Uid, u16); 2] = [(Uid(1), 65535), (Uid(2), 21845)];

pub(crate) async fn sealed() -> Scene {
    Scene::begin(|subnet| subnet.commit_reveal = true).await
}

pub(crate) fn round(row: &EpochRow) -> Round {
    let round = row.sealed.as_ref().unwrap()["round"].as_u64().unwrap();
    Round::new(round).unwrap()
}

/// The states that an epoch went through.
async fn path(scene: &Scene, row: &EpochRow) -> Vec<&'static str> {
    let steps = scene.epochs.journal(row).await.unwrap();
    let states = steps.iter().filter(|step| step.error.is_none());
    let mut path: Vec<_> = states.map(|step| step.state.as_str()).collect();
    path.dedup();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_is_final_first_and_revealed_in_the_next_epoch() {
    let scene = sealed().await;
    let begun = scene.request().await;
    let is_final = |row: &EpochRow| row.state == EpochState::Finalised;
    let committed = scene.until(begun.epoch, is_final).await;
    assert!(!committed.is_over());
    assert_eq!(committed.on_chain, None);
    assert!(scene.devnet.weights(NETUID, MAIN, Uid(0)).is_empty());
    let row = scene.over(begun.epoch).await;
    assert_eq!(row.state, EpochState::Revealed, "{row:?}");
    assert_eq!(row.on_chain, Some(PAID.to_vec()));
    assert_eq!(scene.devnet.weights(NETUID, MAIN, Uid(0)), PAID);
    assert!(row.revealed.unwrap() > row.included.unwrap().0);
    assert_eq!(row.call.as_deref(), Some("commit_timelocked_mechanism_weights"));
    let all = [
        "begun",
        "collected",
        "recorded",
        "submitted",
        "included",
        "finalised",
        "revealed",
    ];
    assert_eq!(path(&scene, &row).await, all);
    assert_eq!(scene.devnet.accepted_extrinsics().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_pulse_is_skipped_is_made_anew_with_the_same_vector() {
    let scene = sealed().await;
    let begun = scene.request().await;
    let submitted = scene.until(begun.epoch, |row| row.attempts == 1).await;
    scene.devnet.faults().skip_pulse(round(&submitted));
    let row = scene.over(begun.epoch).await;
    assert_eq!((row.state, row.attempts), (EpochState::Revealed, 2), "{row:?}");
    assert_ne!(round(&row), round(&submitted));
    assert_eq!(row.vector, submitted.vector);
    assert_eq!(scene.devnet.weights(NETUID, MAIN, Uid(0)), PAID);
    let steps = scene.epochs.journal(&row).await.unwrap();
    let signed = steps
        .iter()
        .filter(|step| matches!(step.what, Change::Submit { .. }));
    assert_eq!(signed.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_commit_is_not_made_anew_when_a_newer_epoch_has_weights() {
    let scene = sealed().await;
    let old = scene.request().await;
    let committed = scene
        .until(old.epoch, |row| row.state == EpochState::Finalised)
        .await;
    // From its round on the chain has none, so it waits while the next epoch is asked for.
    scene.devnet.faults().skip_pulse(round(&committed));
    let newer = loop {
        let row = scene.request().await;
        if row.epoch > old.epoch {
            break row;
        }
        scene.block().await;
    };
    let ended = scene.over(old.epoch).await;
    assert_eq!(
        (ended.state, ended.attempts),
        (EpochState::Failed, 1),
        "{ended:?}"
    );
    let reason = ended.reason.unwrap();
    assert!(
        reason.contains(&format!("epoch {} has newer ones", newer.epoch))
            && reason.contains("no pulse of round"),
        "{reason}"
    );
    let row = scene.over(newer.epoch).await;
    assert_eq!(row.state, EpochState::Revealed, "{row:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_between_commit_and_reveal_sees_the_reveal() {
    let mut scene = sealed().await;
    let begun = scene.request().await;
    scene
        .until(begun.epoch, |row| row.state == EpochState::Finalised)
        .await;
    // Nobody looks while the chain reveals.
    scene
        .devnet
        .produce_blocks(3 * u32::from(crate::scene::TEMPO))
        .await;
    scene.restart(|_| ()).await;
    let row = scene.over(begun.epoch).await;
    assert_eq!(row.state, EpochState::Revealed, "{row:?}");
    assert_eq!(row.on_chain, Some(PAID.to_vec()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_epoch_of_revealing_is_over_is_too_old_to_be_made_anew() {
    let mut scene = sealed().await;
    let begun = scene.request().await;
    let committed = scene
        .until(begun.epoch, |row| row.state == EpochState::Finalised)
        .await;
    scene.devnet.faults().skip_pulse(round(&committed));
    // Nobody looks while the chain goes past it.
    scene.pause().await;
    scene
        .devnet
        .produce_blocks(3 * u32::from(crate::scene::TEMPO))
        .await;
    scene.run();
    let row = scene.over(begun.epoch).await;
    assert_eq!((row.state, row.attempts), (EpochState::Failed, 1), "{row:?}");
    let reason = row.reason.unwrap();
    assert!(
        reason.contains("too old to commit again") && reason.contains("no pulse of round"),
        "{reason}"
    );
}
