//! Everything but the sending.

use platform_epoch::{EpochError, EpochState, Schedule};
use platform_weights::Fallback;

use crate::scene::Scene;

async fn rehearse(scene: &Scene) -> platform_epoch::Rehearsal {
    let rehearsal = scene.epochs.rehearse().await.unwrap();
    assert!(
        scene.epochs.history(10).await.unwrap().is_empty(),
        "nothing is written"
    );
    assert!(scene.devnet.accepted_extrinsics().is_empty(), "nothing is sent");
    rehearsal
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_shows_the_call_and_neither_writes_nor_sends() {
    let scene = Scene::begin(|_| ()).await;
    let rehearsal = rehearse(&scene).await;
    assert!(rehearsal.preflight.unwrap().passes());
    let call = rehearsal.call.unwrap();
    assert_eq!(
        (call.name.as_str(), call.sealed, call.proxied),
        ("set_mechanism_weights", None, false)
    );
    // Pallet 7, call 119: subnet 3, mechanism 0, two UIDs, their weights, version key 0.
    let data = "0x0777030000080100020008ffff55550000000000000000";
    assert_eq!(call.data, data);
    // What it showed is what is then sent.
    let row = scene.over(scene.request().await.epoch).await;
    assert_eq!(row.state, EpochState::Finalised, "{row:?}");
    let bytes = row.extrinsic.unwrap().bytes;
    assert!(bytes.ends_with(data.trim_start_matches("0x")), "{bytes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_of_a_commit_tells_the_round() {
    let scene = Scene::begin(|subnet| subnet.commit_reveal = true).await;
    let rehearsal = rehearse(&scene).await;
    let call = rehearsal.call.unwrap();
    assert_eq!(call.name, "commit_timelocked_mechanism_weights");
    let (round, first_block) = call.sealed.unwrap();
    assert!(round > 1000 && first_block > rehearsal.preview.block);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_names_what_the_chain_would_refuse() {
    let scene = Scene::begin(|subnet| {
        subnet.owner = crate::scene::miner(9);
        subnet.neurons[0].validator_permit = false;
    })
    .await;
    let rehearsal = rehearse(&scene).await;
    let preflight = rehearsal.preflight.unwrap();
    let failed: Vec<_> = preflight.failures().map(|check| check.name).collect();
    assert_eq!(failed, ["NeuronNoValidatorPermit"]);
    let row = scene.over(scene.request().await.epoch).await;
    assert_eq!((row.state, row.attempts), (EpochState::Failed, 0));
    let reason = row.reason.unwrap();
    assert!(
        reason.contains("NeuronNoValidatorPermit") && reason.contains("among the subnet's validators"),
        "{reason}"
    );
    assert!(scene.devnet.accepted_extrinsics().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_nothing_to_pay_there_is_no_call() {
    let mut scene = Scene::begin(|_| ()).await;
    scene.restart(|config| config.fallback = Fallback::Skip).await;
    let rehearsal = rehearse(&scene).await;
    assert!(rehearsal.preview.nothing_to_pay && rehearsal.call.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_epoch_begins_in_the_last_blocks_of_one() {
    // The chain's first epoch ends when block 200 begins; the five before that are the last.
    let scene = Scene::begin(|subnet| subnet.tempo = 200).await;
    scene.devnet.produce_blocks(194).await;
    assert_eq!(scene.epochs.request().await.unwrap().epoch.0, 0);

    let mut scene = Scene::begin(|subnet| subnet.tempo = 200).await;
    scene.devnet.produce_blocks(195).await;
    let error = scene.epochs.request().await.unwrap_err();
    let EpochError::TooLate { epoch, from } = error else {
        panic!("{error}");
    };
    assert_eq!((epoch.0, from.0), (0, 200));
    // Counted otherwise it is another one, of which there is more left.
    scene
        .restart(|config| config.schedule = Schedule::Every(1000))
        .await;
    let row = scene.over(scene.request().await.epoch).await;
    assert_eq!(row.state, EpochState::Finalised, "{row:?}");
}
