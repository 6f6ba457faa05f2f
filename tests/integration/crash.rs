//! The host killed in every state of an epoch and at any moment, five hundred times, and started again on what it left: of
//! each epoch one vector reaches the chain at most, and it is the recorded one.

mod scene;
mod told;

use platform_store::EpochState::{
    self, Begun, Collected, Finalised, Included, Recorded, Revealed, Submitted,
};
use scene::{Kind, Moment, Moment::Logged, Scene};

/// How often each of the two is killed: at every moment that is named some times, and then at any.
const KILLS: usize = 250;
/// How often it may take more, until each state was really found on the disk: a slow machine passes some by.
const KILLS_MAX: usize = 400;
/// How often each named moment has its turn before the kills come at any moment.
const ROUNDS: usize = 8;

/// What the host logs when it has come so far, and the state that is then on the disk.
const UP_TO_INCLUDED: [(Moment, EpochState); 6] = [
    (Logged("asking the challenges"), Begun),
    (Logged("\"epoch.state\":\"collected\""), Collected),
    (Logged("\"epoch.state\":\"recorded\""), Recorded),
    (Logged("\"epoch.state\":\"submitted\""), Submitted),
    (Moment::Arrived, Submitted),
    (Logged("\"epoch.state\":\"included\""), Included),
];
const FINALISED: (Moment, EpochState) = (Logged("\"epoch.state\":\"finalised\""), Finalised);
const REVEALED: (Moment, EpochState) = (Logged("\"epoch.state\":\"revealed\""), Revealed);

async fn killed_everywhere(kind: Kind, moments: &[(Moment, EpochState)]) {
    let mut scene = Scene::begin(kind).await;
    let named = moments.len() * ROUNDS;
    for kill in 0..KILLS_MAX {
        let moment = match moments.iter().find(|(_, state)| !scene.has_found(*state)) {
            _ if kill < named => moments[kill % moments.len()].0,
            _ if kill < KILLS => Moment::Any,
            Some((moment, _)) => *moment,
            None => break,
        };
        // Every other one comes a little later than the moment: up to about the way to the next state.
        scene.kill(moment, kill / moments.len() % 2 == 1).await;
    }
    scene.found_all(moments.iter().map(|(_, state)| *state));
    let (Logged(end), _) = moments[moments.len() - 1] else {
        panic!("the last moment is the end of an epoch");
    };
    scene.left_alone_until(end, 3).await;
    scene.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_killed_at_any_moment_sets_what_it_recorded_and_sets_it_once() {
    killed_everywhere(Kind::Plain, &[&UP_TO_INCLUDED[..], &[FINALISED]].concat()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_killed_at_any_moment_commits_what_it_recorded_and_commits_it_once() {
    let moments = [&UP_TO_INCLUDED[..], &[FINALISED, REVEALED]].concat();
    killed_everywhere(Kind::Sealed, &moments).await;
}
