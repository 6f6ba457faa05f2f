//! Instances that answer more than one call, and what ends them.

use std::time::Duration;

use bytes::Bytes;
use platform_wasm::{CallError, Program};

use crate::{
    guests,
    host::{self, DEADLINE, Host, ask, epoch},
};

/// The longest that anything here may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

async fn load(host: &Host, instances: &str, data: bool) -> Program {
    load_one(host, guests::counting(), instances, data).await
}

async fn load_one(host: &Host, component: Bytes, instances: &str, data: bool) -> Program {
    let mut spec = host::spec(&component);
    spec.instances = instances.parse().unwrap();
    spec.data_dir = data.then(|| host.dir.path().join("state/data"));
    host.engine.load(component, spec).await.unwrap()
}

/// How many marks it finds in its instance.
async fn marks(program: &Program) -> usize {
    ask(program, "/look").await.unwrap().parse().unwrap()
}

/// Which call of its instance this one is.
async fn count(program: &Program) -> usize {
    program.handle_route(host::get("/")).await.unwrap().body.len()
}

async fn counts<const N: usize>(program: &Program) -> [usize; N] {
    let mut counts = [0; N];
    for number in &mut counts {
        *number = count(program).await;
    }
    counts
}

/// Asks until it is this call.
async fn until(program: &Program, wanted: usize) {
    let asking = async {
        while count(program).await != wanted {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("it comes");
}

#[tokio::test]
async fn an_instance_answers_as_many_calls_as_it_may() {
    let host = Host::new();
    for data in [false, true] {
        for (instances, expected) in [
            ("per-call", [1, 1, 1, 1, 1]),
            ("warm(1)", [1, 2, 3, 4, 5]),
            ("warm(1, 2)", [1, 2, 1, 2, 1]),
        ] {
            let program = load(&host, instances, data).await;
            assert_eq!(counts(&program).await, expected, "{instances}, data: {data}");
        }
    }
}

#[tokio::test]
async fn an_error_on_purpose_breaks_nothing_and_everything_else_ends_the_instance() {
    let host = Host::new();
    for data in [false, true] {
        let program = load(&host, "warm(1)", data).await;
        for (path, next) in [
            ("/n", 3), // not found
            ("/i", 3), // an internal error, in its own words
            ("/t", 1), // a trap
            ("/s", 1), // no answer in time
            ("/c", 1), // status 99
            ("/l", 1), // a header with a line end
            ("/p", 1), // a body outside of its memory
            ("/g", 1), // out of memory
        ] {
            while count(&program).await != 1 {
                drop(ask(&program, "/t").await);
            }
            let error = ask(&program, path).await.unwrap_err();
            assert_eq!(matches!(error, CallError::Guest(_)), next == 3, "{path}: {error}");
            assert_eq!(count(&program).await, next, "after {path}, data: {data}");
        }
    }
}

#[tokio::test]
async fn an_instance_that_is_asked_all_the_time_grows_too_old() {
    let host = Host::new();
    for data in [false, true] {
        let program = load(&host, "warm(1, 1000000, 1s)", data).await;
        assert_eq!(counts(&program).await, [1, 2], "data: {data}");
        until(&program, 1).await;
    }
}

#[tokio::test]
async fn an_instance_that_nobody_asks_makes_room_when_it_is_too_old() {
    let host = Host::with(|limits| limits.warm_total = 1);
    for data in [false, true] {
        let idle = load(&host, "warm(1, 9, 1s)", data).await;
        let other = load(&host, "warm(1)", false).await;
        assert_eq!(count(&idle).await, 1);
        assert_eq!(counts(&other).await, [1, 1], "there is no room");
        until(&other, 2).await;
    }
}

#[tokio::test]
async fn all_programs_share_the_room_for_idle_instances() {
    let host = Host::with(|limits| limits.warm_total = 2);
    let programs = [
        load(&host, "warm(1)", false).await,
        load(&host, "warm(1)", false).await,
    ];
    let third = load(&host, "warm(1)", true).await;
    for program in &programs {
        assert_eq!(counts(program).await, [1, 2]);
    }
    assert_eq!(counts(&third).await, [1, 1]);
    drop(programs);
    assert_eq!(
        counts(&third).await,
        [1, 2],
        "a program that is gone keeps nothing"
    );
    let none = Host::with(|limits| limits.warm_total = 0);
    assert_eq!(counts(&load(&none, "warm(1)", false).await).await, [1, 1]);
}

#[tokio::test]
async fn a_program_keeps_no_more_idle_instances_than_it_may() {
    let host = Host::with(|limits| limits.warm_total = 2);
    let component = guests::counting();
    let mut spec = host::spec(&component);
    spec.route_deadline = PATIENCE;
    spec.instances = "warm(1)".parse().unwrap();
    let program = host.engine.load(component, spec).await.unwrap();
    // Two calls at once take turns at every tick, so each has an instance of its own; one of them is kept.
    let (first, second) = tokio::join!(ask(&program, "/w"), ask(&program, "/w"));
    assert_eq!((first.unwrap(), second.unwrap()), ("/w".into(), "/w".into()));
    let other = load(&host, "warm(1)", false).await;
    assert_eq!(counts(&other).await, [1, 2], "there is room for another program");
    assert_eq!(counts(&program).await, [2, 3]);
}

#[tokio::test]
async fn weights_are_asked_of_an_instance_that_no_miner_has_seen() {
    let host = Host::new();
    for data in [false, true] {
        let program = load(&host, "warm(1)", data).await;
        assert_eq!(counts(&program).await, [1, 2]);
        for _ in 0..2 {
            let weights = program.get_weights(epoch(1)).await.unwrap();
            assert_eq!(weights.len(), 1, "data: {data}");
        }
        // Over files nobody else may live, so the kept one had to go.
        assert_eq!(count(&program).await, if data { 1 } else { 3 });
    }
}

/// So few slots that one which was marked is taken by the next call of whoever comes.
#[tokio::test]
async fn what_an_instance_left_behind_nobody_else_ever_finds() {
    /// All that there is to mark: words of memory, elements of a table, a global.
    const ALL: usize = (4_194_304 - 65_536) / 8 + 10_000 + 1;
    let host = Host::with(|limits| {
        (limits.concurrent_routes, limits.concurrent_weights) = (1, 1);
        (limits.warm_total, limits.large_calls) = (3, 1);
    });
    let same = guests::remembering();
    // The same code from other bytes: a section without a name or content at its end.
    let other = Bytes::from([&same[..], b"\0\x01\0"].concat());
    for (instances, data) in [("per-call", false), ("warm(1)", false), ("warm(1)", true)] {
        let program = load_one(&host, same.clone(), instances, data).await;
        // Each has an instance made at this moment, and one that lives on beside it.
        let others_find_nothing = async |after: &str| {
            for component in [&same, &other] {
                let other = load_one(&host, component.clone(), instances, false).await;
                for _ in 0..2 {
                    assert_eq!(marks(&other).await, 0, "{instances}, data: {data}, {after}");
                }
                let weights = other.get_weights(epoch(1)).await.unwrap();
                assert!(weights.is_empty(), "{instances}, data: {data}, {after}");
            }
        };
        for path in ["/crash", "/spin", "/astray"] {
            ask(&program, path).await.unwrap_err();
            others_find_nothing(path).await;
            ask(&program, path).await.unwrap_err();
            assert_eq!(
                marks(&program).await,
                0,
                "{instances}, data: {data}, its own after {path}"
            );
        }
        let left: usize = ask(&program, "/leave").await.unwrap().parse().unwrap();
        assert_eq!(left, ALL);
        others_find_nothing("while it lives").await;
        let kept = if instances == "per-call" { 0 } else { ALL };
        assert_eq!(marks(&program).await, kept, "{instances}, data: {data}");
        let weights = program.get_weights(epoch(1)).await.unwrap();
        assert!(weights.is_empty(), "{instances}, data: {data}");
        drop(program);
        others_find_nothing("when it is gone").await;
    }
}

#[tokio::test]
async fn of_two_programs_over_one_directory_one_has_a_living_instance() {
    let host = Host::new();
    let (old, new) = (
        load(&host, "warm(1)", true).await,
        load(&host, "warm(1)", true).await,
    );
    assert_eq!(counts(&old).await, [1, 2]);
    assert_eq!(counts(&new).await, [1, 2]);
    assert_eq!(counts(&old).await, [1, 2]);
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_ends_its_instance_with_it() {
    let host = Host::new();
    let program = load(&host, "warm(1)", false).await;
    assert_eq!(count(&program).await, 1);
    assert!(
        tokio::time::timeout(DEADLINE / 30, ask(&program, "/s"))
            .await
            .is_err()
    );
    assert_eq!(count(&program).await, 1);
}
