//! How often something is tried, and how long something is waited for. The numbers are those of `src/limits.rs`.

use platform_domain::UnixSeconds;
use platform_epoch::{EpochRow, EpochState};
use platform_store::{Change, Step, StoreError, epochs};

use crate::{
    scene::{Scene, TEMPO},
    sealed::{round, sealed},
};

/// The epoch after this one, asked for when there is one.
async fn newer(scene: &Scene, than: &EpochRow) -> EpochRow {
    loop {
        let row = scene.request().await;
        if row.epoch > than.epoch {
            return row;
        }
        scene.block().await;
    }
}

/// Waits for an epoch's first signature, and looks whether it was made when `block` was the best one. A turn goes on while the
/// next few blocks are made.
async fn is_first_signed_at(scene: &Scene, row: &EpochRow, block: u64) {
    scene.until(row.epoch, |row| row.attempts > 0).await;
    let seen = scene.devnet.best_block().0.0;
    assert!((block..block + 5).contains(&seen), "{seen}, not {block}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vector_is_committed_five_times_and_then_no_more() {
    let scene = sealed().await;
    let begun = scene.request().await;
    for attempt in 1..=5 {
        let signed = scene.until(begun.epoch, |row| row.attempts == attempt).await;
        scene.devnet.faults().skip_pulse(round(&signed));
    }
    let row = scene.over(begun.epoch).await;
    assert_eq!((row.state, row.attempts), (EpochState::Failed, 5), "{row:?}");
    assert!(row.reason.unwrap().contains("not revealed, 5 times"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sealed_in_the_last_three_blocks_of_an_epoch() {
    for (left, attempts) in [(4, 1), (3, 0)] {
        let mut scene = sealed().await;
        scene.pause().await;
        let begun = scene.request().await;
        scene.devnet.produce_blocks(u32::from(TEMPO) - left).await;
        scene.run();
        let row = scene.over(begun.epoch).await;
        assert_eq!(row.attempts, attempts, "{left} blocks before the next: {row:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_not_revealed_holds_up_the_next_for_ten_blocks() {
    let scene = sealed().await;
    let old = scene.request().await;
    let committed = scene
        .until(old.epoch, |row| row.state == EpochState::Finalised)
        .await;
    scene.devnet.faults().delay_pulses();
    let first = committed.sealed.as_ref().unwrap()["first_block"]
        .as_u64()
        .unwrap();
    let next = newer(&scene, &old).await;
    is_first_signed_at(&scene, &next, first + 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extrinsic_that_has_expired_holds_up_the_next_for_as_long_as_finality_may_be_late() {
    let scene = Scene::at(|subnet| subnet.tempo = 100, |node| node.finality_lag = 60).await;
    scene.devnet.faults().withhold_extrinsics();
    let old = scene.request().await;
    let sent = scene.until(old.epoch, |row| row.attempts == 1).await;
    let expires = sent.extrinsic.unwrap().expires.0;
    let next = newer(&scene, &old).await;
    is_first_signed_at(&scene, &next, expires + 32).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_of_two_hundred_steps_is_told_no_more_troubles() {
    let mut scene = Scene::begin(|subnet| subnet.weights_rate_limit = 60).await;
    let first = scene.over(scene.request().await.epoch).await;
    assert_eq!(first.state, EpochState::Finalised, "{first:?}");
    scene.pause().await;
    while scene.devnet.best_block().0.0 <= u64::from(TEMPO) {
        scene.devnet.produce_blocks(1).await;
    }
    let begun = scene.request().await;
    let fill = move |connection: &_| {
        let mut row = begun;
        while row.step < 200 {
            let error = format!("trouble {}", row.step);
            row = epochs::advance(connection, &row, Step::Trouble { error }, UnixSeconds(1))?;
        }
        Ok::<_, StoreError>(row)
    };
    let full = scene.store.write("fill", fill).await.unwrap();
    scene.run();
    scene
        .until(full.epoch, |_| {
            let error = scene.epochs.status().error;
            error.is_some_and(|error| error.contains("rate limit"))
        })
        .await;
    let row = scene.over(full.epoch).await;
    assert_eq!(row.state, EpochState::Finalised, "{row:?}");
    let steps = scene.epochs.journal(&row).await.unwrap();
    let troubles = steps
        .iter()
        .filter(|step| matches!(step.what, Change::Trouble { .. }));
    assert_eq!(troubles.count(), 199);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metagraph_is_read_anew_when_it_is_more_than_25_blocks_old() {
    let mut scene = Scene::begin(|_| ()).await;
    let known = scene.metagraph.wait_for(Option::is_some).await.unwrap();
    let read_at = known.unwrap().block().0;
    while scene.devnet.best_block().0.0 <= read_at + 25 {
        scene.block().await;
        let known = scene.metagraph.current().unwrap().block().0;
        assert_eq!(known, read_at, "it is good for that long");
    }
    let anew = move |known: &Option<std::sync::Arc<platform_domain::Metagraph>>| {
        known.as_ref().is_some_and(|known| known.block().0 > read_at)
    };
    let known = scene.metagraph.wait_for(anew).await.unwrap();
    assert_eq!(known.unwrap().block().0, read_at + 26);
}
