//! Calls that meet.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use platform_wasm::{CallError, Limits, Program};
use tokio::task::JoinSet;

use crate::{
    guests,
    host::{DEADLINE, Host, ask, epoch},
};

/// Starts calls in this order and gives their names in the order in which they end. `w` is `get-weights`,
/// anything else a path.
async fn order_of_ends(program: Program, calls: &[&'static str]) -> Vec<&'static str> {
    let (program, ends) = (Arc::new(program), Arc::new(Mutex::new(Vec::new())));
    let mut tasks = JoinSet::new();
    for name in calls.iter().copied() {
        let (program, ends) = (program.clone(), ends.clone());
        tasks.spawn(async move {
            match name {
                "w" => drop(program.get_weights(epoch(1)).await.unwrap()),
                path => drop(ask(&program, path).await),
            }
            ends.lock().unwrap().push(name);
        });
    }
    tasks.join_all().await;
    Arc::into_inner(ends).unwrap().into_inner().unwrap()
}

/// Whether one call ended before another; between a quick one and the next spinning one there is no doubt.
fn before(ends: &[&str], first: &str, second: &str) -> bool {
    let position = |name| ends.iter().position(|end| *end == name).unwrap();
    position(first) < position(second)
}

#[tokio::test]
async fn calls_over_data_take_turns_in_order() {
    let host = Host::new();
    let program = host.load_with_data(guests::whole()).await;
    let started = Instant::now();
    let ends = order_of_ends(program, &["/s1", "/1", "/s2", "/2", "/s3"]).await;
    assert!(started.elapsed() >= DEADLINE * 3, "one at a time");
    assert!(
        before(&ends, "/s1", "/s2") && before(&ends, "/s2", "/s3"),
        "{ends:?}"
    );
    assert!(
        before(&ends, "/1", "/s2") && before(&ends, "/2", "/s3"),
        "{ends:?}"
    );
}

#[tokio::test]
async fn weights_wait_for_at_most_one_call_over_data() {
    let host = Host::new();
    let program = host.load_with_data(guests::whole()).await;
    let ends = order_of_ends(program, &["/s1", "/s2", "/s3", "/s4", "w"]).await;
    assert!(before(&ends, "w", "/s2"), "{ends:?}");
}

#[tokio::test]
async fn calls_without_data_overlap() {
    let host = Host::new();
    let program = host.load(guests::whole()).await;
    let ends = order_of_ends(program, &["/s1", "/1", "w"]).await;
    assert_eq!(ends[2], "/s1", "{ends:?}");
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_lets_weights_through() {
    let host = Host::new();
    let program = Arc::new(host.load_with_data(guests::whole()).await);
    let flood = Limits::default().queued_routes + 10;
    let mut tasks = JoinSet::new();
    for _ in 0..flood {
        let program = program.clone();
        tasks.spawn(async move { ask(&program, "/s").await.map(drop) });
    }
    let busy = |answer: &Result<(), CallError>| matches!(answer, Err(CallError::Busy { .. }));
    // Those beyond the queue are refused before the first spinning call ends.
    for _ in 0..9 {
        assert!(busy(&tasks.join_next().await.unwrap().unwrap()));
    }
    assert_eq!(program.get_weights(epoch(2)).await.unwrap().len(), 2);
    let answers = tasks.join_all().await;
    let late = answers
        .iter()
        .filter(|answer| matches!(answer, Err(CallError::Deadline(_))))
        .count();
    let refused = answers.iter().filter(|answer| busy(answer)).count();
    assert_eq!(late + refused, answers.len());
    // Who waits longer than anyone would is refused as well.
    assert!(
        (1..=2 + 5000 / DEADLINE.as_millis() as usize).contains(&late),
        "{late}"
    );
    assert_eq!(ask(&program, "/after").await.unwrap(), "/after");
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_any_more_gives_its_place_back() {
    let host = Host::new();
    let program = host.load(guests::whole()).await;
    // Half of the host's 8 places belong to one program.
    for _ in 0..20 {
        let call = tokio::time::timeout(DEADLINE / 30, ask(&program, "/s"));
        assert!(call.await.is_err());
    }
    assert_eq!(ask(&program, "/").await.unwrap(), "/");
}
