//! A guest that brings its own SQLite and is killed while it writes: WASI has no file locks, so what it leaves behind
//! would lock it out for ever if the host did not know.

use std::time::Duration;

use platform_wasm::{Program, ProgramSpec};

use crate::host::{Host, built, get, spec};

/// Guests that are killed beside each other, each over a directory of its own.
const GUESTS: usize = 4;
/// How often each of them is killed.
const KILLS: u32 = 250;
/// The clock of the host's interruptions.
const TICK: Duration = Duration::from_millis(10);
/// Kills come after 1 to so many ticks.
const TICKS: u32 = 6;
/// Kills between two looks at what is left.
const LOOK: u32 = 10;

async fn load(host: &Host, guest: usize, deadline: Duration) -> Program {
    let component = built("stale-lock");
    let spec = ProgramSpec {
        data_dir: Some(host.dir.path().join(format!("{guest}/data"))),
        route_deadline: deadline,
        ..spec(&component)
    };
    host.engine.load(component, spec).await.unwrap()
}

async fn look(host: &Host, guest: usize) -> u64 {
    let program = load(host, guest, Duration::from_secs(60)).await;
    let answer = program.handle_route(get("/pairs")).await.unwrap();
    let left: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(
        (&left["whole"], &left["integrity"]),
        (&true.into(), &"ok".into()),
        "{left}"
    );
    left["last"].as_u64().unwrap()
}

async fn kill(host: &Host, guest: usize) -> u32 {
    let (mut last, mut killed) = (0, 0);
    while killed < KILLS {
        for ticks in 1..=TICKS {
            // In the middle between two ticks, so that a kill is at the next one.
            let writing = load(host, guest, TICK * ticks - TICK / 2).await;
            for _ in 0..LOOK / TICKS + 1 {
                let mut request = get("/pairs");
                request.method = "POST".into();
                writing
                    .handle_route(request)
                    .await
                    .expect_err("it never ends by itself");
                killed += 1;
            }
        }
        let now = look(host, guest).await;
        assert!(now >= last, "{now} after {last}: what was committed is gone");
        last = now;
    }
    assert!(last > 0, "none of them came as far as a commit");
    killed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_guests_that_are_killed_over_their_own_files_lose_nothing_that_was_committed() {
    let host = Host::new();
    let kills = (0..GUESTS).map(|guest| kill(&host, guest));
    let killed: u32 = futures_util::future::join_all(kills).await.into_iter().sum();
    assert!(killed >= 1_000, "{killed}");
}
