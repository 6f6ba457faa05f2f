//! One call, and what happens when it goes wrong.

use std::time::Instant;

use platform_domain::{ByteSize, GuestError};
use platform_wasm::{CallError, ComponentError, Limits};

use crate::{
    guests,
    host::{self, DEADLINE, Host, ask, epoch, get},
};

#[tokio::test]
async fn a_challenge_answers_routes_and_weights() {
    let host = Host::new();
    let program = host.load(guests::whole()).await;
    let answer = program.handle_route(get("/echo me")).await.unwrap();
    assert_eq!(
        (answer.status, &answer.headers[..], &answer.body[..]),
        (200, &[][..], &b"/echo me"[..])
    );
    let weights = program.get_weights(epoch(3)).await.unwrap();
    assert_eq!(weights.len(), 3);
    assert!(
        weights
            .iter()
            .all(|weight| weight.hotkey == "5Some" && weight.score == 0.5)
    );
    assert_eq!(program.get_weights(epoch(0)).await.unwrap(), []);
}

#[tokio::test]
async fn an_error_of_the_guest_is_its_own() {
    let host = Host::new();
    let program = host.load(guests::whole()).await;
    for (path, expected) in [
        ("/n", GuestError::NotFound("oops".into())),
        ("/i", GuestError::Internal("oops".into())),
    ] {
        let error = ask(&program, path).await.unwrap_err();
        assert!(
            matches!(&error, CallError::Guest(error) if *error == expected),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_failed_call_ends_alone() {
    let host = Host::new();
    let program = host.load(guests::whole()).await;
    let is = |path, error: &CallError| match path {
        "/s" => matches!(error, CallError::Deadline(DEADLINE)),
        "/t" | "/r" | "/h" | "/p" => matches!(error, CallError::Trapped(_)),
        "/g" => matches!(
            error,
            CallError::OutOfMemory {
                limit: 0x400_0000,
                ..
            }
        ),
        "/c" | "/l" => matches!(error, CallError::InvalidOutput(_)),
        "/b" => matches!(error, CallError::OutputTooLarge { .. }),
        _ => false,
    };
    for path in ["/s", "/t", "/r", "/g", "/h", "/p", "/c", "/l", "/b"] {
        let started = Instant::now();
        let error = ask(&program, path).await.unwrap_err();
        assert!(is(path, &error), "{path}: {}", error.explanation());
        assert!(
            started.elapsed() < DEADLINE * 10,
            "{path} took {:?}",
            started.elapsed()
        );
        assert_eq!(ask(&program, "/").await.unwrap(), "/", "after {path}");
    }
    let trap = ask(&program, "/t").await.unwrap_err();
    assert!(
        trap.explanation().contains("unreachable"),
        "{}",
        trap.explanation()
    );
    assert!(
        !trap.to_string().contains("unreachable"),
        "the short text has no inner details"
    );
}

#[tokio::test]
async fn a_busy_guest_does_not_stop_others_on_the_same_thread() {
    let host = Host::new();
    let program = host.load(guests::whole()).await;
    // One thread for everything: only because a spinning guest yields can the other be answered first.
    let (spinning, answered) = tokio::join!(
        async { (ask(&program, "/s").await.map(drop), Instant::now()) },
        async { (ask(&program, "/x").await.map(drop), Instant::now()) },
    );
    assert!(matches!(spinning.0, Err(CallError::Deadline(_))));
    assert!(answered.0.is_ok() && answered.1 < spinning.1);
}

#[tokio::test]
async fn weights_are_counted_before_they_are_read() {
    let host = Host::new();
    let program = host.load(guests::whole()).await;
    let most = Limits::default().weights;
    assert_eq!(program.get_weights(epoch(most)).await.unwrap().len() as u64, most);
    for too_many in [most + 1, 200_000, 1_000_000] {
        let error = program.get_weights(epoch(too_many)).await.unwrap_err();
        assert!(
            matches!(error, CallError::OutputTooLarge { .. }),
            "{too_many}: {}",
            error.explanation()
        );
    }
    let error = program.get_weights(epoch(8_888_888)).await.unwrap_err();
    assert!(
        matches!(error, CallError::Trapped(_)),
        "not UTF-8: {}",
        error.explanation()
    );
}

#[tokio::test]
async fn a_missing_export_is_not_called() {
    let host = Host::new();
    let routes = host.load(guests::challenge(true, false)).await;
    let weights = host.load(guests::challenge(false, true)).await;
    assert_eq!(ask(&routes, "/").await.unwrap(), "/");
    assert!(matches!(
        routes.get_weights(epoch(1)).await,
        Err(CallError::Unsupported)
    ));
    assert_eq!(weights.get_weights(epoch(1)).await.unwrap().len(), 1);
    assert!(matches!(ask(&weights, "/").await, Err(CallError::Unsupported)));
}

#[tokio::test]
async fn the_smaller_memory_limit_holds() {
    let host = Host::new();
    let component = guests::whole();
    for (asked, granted) in [(2 << 20, 2 << 20), (1 << 40, 256 << 20)] {
        let mut spec = host::spec(&component);
        spec.memory = ByteSize(asked);
        spec.route_deadline = DEADLINE * 20;
        let program = host.engine.load(component.clone(), spec).await.unwrap();
        let error = ask(&program, "/g").await.unwrap_err();
        assert!(
            matches!(error, CallError::OutOfMemory { limit, .. } if limit == granted),
            "{error:?}"
        );
    }
    let mut spec = host::spec(&component);
    spec.memory = ByteSize(1 << 10);
    let program = host.engine.load(component.clone(), spec).await.unwrap();
    let error = ask(&program, "/").await.unwrap_err();
    assert!(
        matches!(error, CallError::OutOfMemory { .. }),
        "too little to start: {error:?}"
    );
}

#[tokio::test]
async fn what_cannot_run_is_not_loaded() {
    let host = Host::new();
    let component = guests::whole();
    let mut spec = host::spec(&component);
    spec.digest = platform_domain::Digest::of(b"something else");
    let error = host.engine.load(component, spec).await.err().unwrap();
    assert!(matches!(error, ComponentError::Digest { .. }), "{error}");

    let component = guests::with_another_type();
    let error = host
        .engine
        .load(component.clone(), host::spec(&component))
        .await
        .err()
        .unwrap();
    assert!(
        matches!(&error, ComponentError::Mismatch(text) if text.contains("handle-route")),
        "{error}"
    );
    let component = guests::exporting(&["platform:challenge/routes@0.1.0"]);
    let error = host
        .engine
        .load(component.clone(), host::spec(&component))
        .await
        .err()
        .unwrap();
    assert!(
        matches!(&error, ComponentError::Mismatch(text) if text.contains("no function")),
        "{error}"
    );
}

#[tokio::test]
async fn a_component_of_too_many_parts_is_not_loaded() {
    let host = Host::new();
    for (module, fits, too_many) in [
        ("", 63, 64),
        ("(memory 1)", 7, 8),
        ("(table 1 funcref) (table 1 funcref)", 15, 16),
    ] {
        let load = async |count| {
            let component = guests::with_instances(module, count);
            let spec = host::spec(&component);
            host.engine.load(component, spec).await
        };
        let program = load(fits).await.unwrap();
        assert_eq!(ask(&program, "/").await.unwrap(), "/", "{module}");
        let error = load(too_many).await.err();
        assert!(
            matches!(error, Some(ComponentError::Compile(_))),
            "{module}: {error:?}"
        );
    }
}
