//! A guest of another toolchain: Python, whose component brings a runtime with all its libraries. It is compiled for
//! seconds, so one test looks at all of it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use platform_domain::{ByteSize, GuestError};
use platform_wasm::{CallError, Limits, Program, inspect};
use tokio::task::JoinSet;

use crate::host::{self, Host, ask, epoch};

/// A start of Python takes milliseconds, in an unoptimised host on a busy machine some more.
const DEADLINE: Duration = Duration::from_secs(2);
const MEMORY: ByteSize = ByteSize(64 << 20);

#[tokio::test]
async fn a_challenge_in_python_is_one_like_all_others_in_slots_of_its_own() {
    let host = Host::with(|limits| limits.large_calls = 1);
    let python = Arc::new(load(&host, "python").await);
    let rust = Arc::new(load(&host, "echo").await);
    answers(&python).await;
    pays(&python).await;
    remembers_nothing(&python).await;
    fails_alone(&python, &rust).await;
    waits_for_large_slots_alone(&python, &rust).await;
}

#[test]
fn what_python_makes_needs_large_slots_and_what_rust_makes_small_ones() {
    let limits = Limits::default();
    for (name, slots) in [
        ("python", "large"),
        ("echo", "small"),
        ("tsp", "small"),
        ("files", "small"),
    ] {
        let needs = inspect(&host::built(name)).unwrap().needs;
        assert_eq!(needs.slots(&limits), slots, "{name}: {needs:?}");
    }
}

async fn load(host: &Host, name: &str) -> Program {
    let component = host::built(name);
    let mut spec = host::spec(&component);
    spec.env.insert("WEIGHTS".into(), r#"{"5Some": 0.5}"#.into());
    spec.route_deadline = DEADLINE;
    spec.memory = MEMORY;
    host.engine.load(component, spec).await.unwrap()
}

async fn json(program: &Program, path: &str) -> serde_json::Value {
    serde_json::from_str(&ask(program, path).await.unwrap()).unwrap()
}

/// With everything that was asked.
async fn answers(python: &Program) {
    let expected = serde_json::json!({
        "method": "GET", "path": "/any", "query": "a=b", "headers": [["accept", "*/*"], ["x", "\u{ff}"]],
        "body_base64": "Ym9keQ==", "caller": null,
    });
    assert_eq!(json(python, "/any").await, expected);
}

async fn pays(python: &Program) {
    let weights = python.get_weights(epoch(1)).await.unwrap();
    let weights: Vec<_> = weights.iter().map(|it| (it.hotkey.as_str(), it.score)).collect();
    assert_eq!(weights, [("5Some", 0.5)]);
}

/// What was there when the component was made is there again in each call, but for what must differ.
async fn remembers_nothing(python: &Program) {
    let (first, second) = (json(python, "/state").await, json(python, "/state").await);
    for state in [&first, &second] {
        assert_eq!(state["calls"], 1);
        assert_eq!(
            state["environment"],
            serde_json::json!({ "WEIGHTS": r#"{"5Some": 0.5}"# })
        );
    }
    assert_ne!(first["random"], second["random"]);
}

/// However it fails, the next call and the neighbour do not.
async fn fails_alone(python: &Program, rust: &Program) {
    let is_expected = |path: &str, error: &CallError| match path {
        "/refuse" => {
            matches!(error, CallError::Guest(GuestError::NotFound(text)) if text == "there is nothing here")
        }
        "/fail" | "/leave" | "/mistyped" => matches!(error, CallError::Trapped(_)),
        "/grow" | "/recurse" => matches!(error, CallError::OutOfMemory { limit, .. } if *limit == MEMORY.0),
        "/loop" => matches!(error, CallError::Deadline(DEADLINE)),
        _ => false,
    };
    for path in [
        "/refuse",
        "/fail",
        "/leave",
        "/mistyped",
        "/grow",
        "/recurse",
        "/loop",
    ] {
        let error = ask(python, path).await.unwrap_err();
        assert!(is_expected(path, &error), "{path}: {}", error.explanation());
        assert!(ask(python, "/any").await.is_ok(), "after {path}");
        assert!(ask(rust, "/any").await.is_ok(), "after {path}");
    }
}

/// There is one large slot for routes: who needs it waits, and who does not answers meanwhile.
async fn waits_for_large_slots_alone(python: &Arc<Program>, rust: &Program) {
    let started = Instant::now();
    let mut loops = JoinSet::new();
    for _ in 0..2 {
        let python = python.clone();
        loops.spawn(async move { ask(&python, "/loop").await.map(drop) });
    }
    assert!(ask(rust, "/any").await.is_ok());
    assert!(
        loops.try_join_next().is_none(),
        "the neighbour was answered before the first loop ended"
    );
    for ended in loops.join_all().await {
        assert!(matches!(ended, Err(CallError::Deadline(_))), "{ended:?}");
    }
    assert!(
        started.elapsed() >= DEADLINE * 2,
        "one after the other, not {:?}",
        started.elapsed()
    );
}
