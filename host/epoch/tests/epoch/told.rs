//! What is told of recorded weights: to other hosts, and to the operator.

use std::{sync::Arc, time::SystemTime};

use platform_domain::{Uid, UnixSeconds};
use platform_epoch::{EpochRow, EpochState};
use platform_fallback::{Signed, Subject};
use platform_runtime::WeightsBoard;
use platform_weights::{Fallback, Policy};

use crate::{scene::Scene, sealed::sealed};

fn of_all(board: &Arc<WeightsBoard>) -> Option<Signed> {
    let now = UnixSeconds::from(SystemTime::now());
    board
        .of_all(now)
        .map(|told| Signed::parse(&told.bytes()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_vector_is_told_in_a_signed_document_also_after_a_restart() {
    let mut scene = Scene::begin(|_| ()).await;
    assert_eq!(of_all(&scene.board.current()), None);
    let row = scene.over(scene.request().await.epoch).await;
    let told = of_all(&scene.board.current()).expect("it is told");
    assert!(told.is_genuine().unwrap());
    assert_eq!(told.hotkey, scene.validator.hotkey());
    let document = &told.document;
    assert_eq!(
        (document.epoch, document.numbering.as_str(), document.block),
        (row.epoch, "tempo", row.block)
    );
    // Two epochs of 40 blocks of 12 s.
    assert_eq!(document.expires_at.0 - document.computed_at.0, 960);
    let vector = vec![(Uid(1), 65535), (Uid(2), 21845)];
    assert!(
        matches!(&document.subject, Subject::Final { vector: told, policy } if *told == vector && policy == "normalized/1"),
        "{document:?}"
    );
    scene.restart(|_| ()).await;
    let mut board = scene.board.clone();
    let again = board.wait_for(|board| of_all(board).is_some()).await.unwrap();
    assert_eq!(of_all(&again).unwrap().document, told.document);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_chain_keeps_sealed_is_told_when_it_is_revealed() {
    let mut scene = sealed().await;
    let begun = scene.request().await;
    let is_final = |row: &EpochRow| row.state == EpochState::Finalised;
    scene.until(begun.epoch, is_final).await;
    assert_eq!(of_all(&scene.board.current()), None);
    // Nor does a start tell it that finds it in the ledger.
    scene.restart(|_| ()).await;
    scene.block().await;
    scene.block().await;
    assert_eq!(of_all(&scene.board.current()), None);
    let row = scene.over(begun.epoch).await;
    assert_eq!(row.state, EpochState::Revealed, "{row:?}");
    let mut board = scene.board.clone();
    let revealed = board.wait_for(|board| of_all(board).is_some()).await.unwrap();
    let told = of_all(&revealed).unwrap();
    assert_eq!(told.document.epoch, begun.epoch);
    // Two epochs of 40 blocks of 12 s after the one that it was sealed for.
    assert_eq!(told.document.expires_at.0 - told.document.computed_at.0, 1440);

    // While a newer one is sealed the older one goes on being told, also after a restart.
    let newer = scene.request().await;
    scene.until(newer.epoch, is_final).await;
    assert_eq!(of_all(&scene.board.current()).as_ref(), Some(&told));
    scene.restart(|_| ()).await;
    let mut board = scene.board.clone();
    let again = board.wait_for(|board| of_all(board).is_some()).await.unwrap();
    assert_eq!(of_all(&again).unwrap().document, told.document);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_may_have_it_told_at_once() {
    let mut scene = sealed().await;
    scene.restart(|config| config.tell_sealed = true).await;
    let begun = scene.request().await;
    let recorded = |row: &EpochRow| row.attempts == 1;
    scene.until(begun.epoch, recorded).await;
    let told = of_all(&scene.board.current()).expect("it is told");
    assert_eq!(told.document.epoch, begun.epoch);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_gets_more_than_expected_is_an_alarm_until_newer_weights_are_recorded() {
    let mut scene = Scene::begin(|_| ()).await;
    scene
        .restart(|config| {
            config.policy = Policy::Normalized;
            config.fallback = Fallback::Sink;
        })
        .await;
    let row = scene.over(scene.request().await.epoch).await;
    assert_eq!(row.state, EpochState::Finalised, "{row:?}");
    let alarms = scene.epochs.status().alarms;
    let told: Vec<_> = alarms
        .iter()
        .map(|alarm| (alarm.epoch, alarm.text.as_str()))
        .collect();
    let text = "the sink gets 100.00 % of the emission and 0.00 % is expected: 100.00 % because there was nobody to pay";
    assert_eq!(told, [(row.epoch, text)]);
    // Seen by a start that finds it in the ledger; not where the operator wants none.
    scene.restart(|_| ()).await;
    scene
        .until(row.epoch, |_| !scene.epochs.status().alarms.is_empty())
        .await;
    scene.restart(|config| config.sink_alarm_percent = 100).await;
    let mut board = scene.board.clone();
    board.wait_for(|board| of_all(board).is_some()).await.unwrap();
    assert_eq!(scene.epochs.status().alarms, []);
}
