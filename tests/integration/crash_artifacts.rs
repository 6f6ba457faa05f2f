//! The host killed while it gets, compiles, swaps and removes components, and started again on what it left: every
//! challenge runs one whole component, the one before or the next; the content store is a valid layout; and what was
//! begun can be done again and leaves nothing.

mod collecting;
mod first_start;
mod left;
mod life;
mod migrating;
mod scene;
mod valve;

use scene::{
    Moment::{self, After, Logged, LongAfter, Sent, There},
    Operation::{self, Register, RollBack, Update},
    Place, Scene,
};

const COMPILING: &str = "compiling a component";

async fn killed(moments: impl IntoIterator<Item = (Operation, Moment)>) -> Scene {
    let mut scene = Scene::begin().await;
    for (operation, moment) in moments {
        println!("{operation:?}, {moment:?}");
        scene.kill(operation, moment).await;
    }
    println!("{:?}", scene.met);
    scene
}

/// From nothing to everything.
fn shares<T: From<u16>>(steps: u16) -> impl Iterator<Item = T> {
    (0..=steps).map(move |step| T::from(step * (1000 / steps)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_killed_during_a_pull_keeps_what_it_runs_and_can_pull_again() {
    let pieces = shares(8).map(|share| (Update, Sent(share)));
    let registering = shares(2).map(|share| (Register, Sent(share)));
    let kept = [Place::Component, Place::Manifest].map(There);
    let kept = kept.into_iter().chain([Logged("a component is in the store")]);
    let kept = kept.flat_map(|moment| [(Update, moment), (Register, moment)]);
    let scene = killed(pieces.chain(registering).chain(kept)).await;
    assert!(scene.met.nothing_new > scene.met.kills / 2, "{:?}", scene.met);
    scene.skopeo_reads_the_store();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_killed_while_it_compiles_keeps_what_it_runs_and_compiles_again() {
    let compiling = shares(8).map(|share| (Update, LongAfter(COMPILING, share)));
    let registering = shares(2).map(|share| (Register, LongAfter(COMPILING, share)));
    let kept = [
        There(Place::Code),
        There(Place::Seal),
        Logged("a component is compiled"),
    ];
    let kept = kept
        .into_iter()
        .flat_map(|moment| [(Update, moment), (Register, moment)]);
    let met = killed(compiling.chain(registering).chain(kept)).await.met;
    assert!(met.nothing_new > met.kills / 2, "{met:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_killed_while_it_swaps_components_runs_the_one_or_the_other() {
    const SWAPPED: &str = "The challenge has another component";
    let updated = shares(8).map(|share| (Update, After(share)));
    // At once most often: what is recorded runs soon.
    let swapped = [0, 0, 0, 10, 20, 40].map(|share| (Update, LongAfter(SWAPPED, share)));
    let back = shares(25).take(8).map(|share| (RollBack, After(share)));
    let met = killed(updated.chain(swapped).chain(back)).await.met;
    assert!(met.nothing_new > 0 && met.all_new > 0, "{met:?}");
}
