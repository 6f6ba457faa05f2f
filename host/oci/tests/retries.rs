//! What passes is tried again, what does not is not, and a transfer goes on where it broke.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use platform_domain::Digest;
use platform_oci::{Fetched, OciError, Patience, Registries, limits};

use crate::{
    given::*,
    hostile::{honest, is_component, not_found, ok},
    server::{Answer, Server},
};

async fn fetch(server: &Server) -> Result<Fetched, OciError> {
    store().1.fetch(&server.reference()).await
}

fn status(line: &'static str, headers: &str) -> Answer {
    Answer::Plain(line, headers.to_owned(), Vec::new())
}

#[tokio::test]
async fn a_disturbance_that_passes_is_not_noticed_and_others_are_not_tried_again() {
    type Case = (fn() -> Answer, usize);
    let cases: [Case; 13] = [
        (|| Answer::Silence, 2),
        (|| Answer::Short(99, vec![b' '; 5]), 2),
        (|| status("429 Too Many Requests", ""), 2),
        (|| status("429 Too Many Requests", "retry-after: 0\r\n"), 2),
        (|| status("500 Internal Server Error", ""), 2),
        (|| status("502 Bad Gateway", ""), 2),
        (|| status("503 Service Unavailable", "retry-after: soon\r\n"), 2),
        (|| status("504 Gateway Timeout", ""), 2),
        (|| status("503 Service Unavailable", "retry-after: 3600\r\n"), 1),
        (|| status("400 Bad Request", ""), 1),
        (|| status("401 Unauthorized", ""), 1),
        (|| status("404 Not Found", ""), 1),
        (|| ok("{}"), 1),
    ];
    for (number, (answer, tries)) in cases.into_iter().enumerate() {
        let asked = AtomicUsize::new(0);
        let server = Server::start(move |path, _| {
            let first = path.ends_with("/1") && asked.fetch_add(1, Ordering::SeqCst) == 0;
            if first { answer() } else { honest(path) }
        });
        let fetched = fetch(&server).await;
        assert_eq!(fetched.is_ok(), tries > 1, "{number}: {fetched:?}");
        let manifests = server
            .requests()
            .iter()
            .filter(|path| path.ends_with("/1"))
            .count();
        assert_eq!(manifests, tries, "{number}");
    }
}

#[tokio::test]
async fn what_does_not_pass_is_given_up_after_so_many_tries() {
    for total in [Duration::from_secs(60), Duration::ZERO] {
        let server = Server::start(|_, _| status("502 Bad Gateway", ""));
        let patience = Patience {
            first_pause: Duration::from_millis(1),
            longest_pause: Duration::from_millis(8),
            total,
            ..Patience::default()
        };
        let (_dir, store) = store_with(Registries::default().with_patience(patience));
        let error = store.fetch(&server.reference()).await.unwrap_err();
        if total.is_zero() {
            assert!(matches!(error, OciError::TimedOut { .. }), "{error}");
        } else {
            assert!(
                matches!(error, OciError::Unavailable { status: 502, .. }),
                "{error}"
            );
            assert_eq!(server.requests().len(), limits::MAX_TRIES as usize);
        }
    }
}

#[tokio::test]
async fn a_registry_that_asks_for_a_pause_gets_it() {
    let asked = AtomicUsize::new(0);
    let server = Server::start(move |path, _| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => status("429 Too Many Requests", "retry-after: 1\r\n"),
        _ => honest(path),
    });
    let begun = Instant::now();
    fetch(&server).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

/// An artifact of a component that breaks off after so many bytes, again and again, for who asks for all of it;
/// `rest` answers who asks for the rest.
fn breaking(rest: fn(usize, &[u8]) -> Answer) -> (Vec<u8>, Server) {
    let component: Vec<u8> = COMPONENT.iter().copied().chain(0..=255).collect();
    let content = component.clone();
    let server = Server::start(move |path, head| {
        let (manifest, config) = artifact_of(&content);
        let from = head.to_lowercase();
        let from = from
            .split("range: bytes=")
            .nth(1)
            .and_then(|rest| rest.split('-').next()?.parse().ok());
        match (path.rsplit('/').next().unwrap(), from) {
            ("1", _) => ok(manifest.to_string()),
            (name, _) if name == Digest::of(&config).to_string() => ok(config),
            (name, None) if name == Digest::of(&content).to_string() => {
                Answer::Short(content.len(), content[..100].to_vec())
            }
            (_, Some(from)) => rest(from, &content),
            _ => not_found(),
        }
    });
    (component, server)
}

fn part(from: usize, range: &str, content: &[u8]) -> Answer {
    let headers = format!("content-range: bytes {range}\r\n");
    Answer::Plain("206 Partial Content", headers, content[from..].to_vec())
}

#[tokio::test]
async fn a_transfer_that_breaks_goes_on_where_it_broke_or_begins_anew() {
    type Case = (
        &'static str,
        fn(usize, &[u8]) -> Answer,
        fn(&Result<Fetched, OciError>) -> bool,
    );
    let cases: [Case; 8] = [
        (
            "the rest",
            |from, all| part(from, &format!("{from}-263/264"), all),
            Result::is_ok,
        ),
        (
            "an unknown whole",
            |from, all| part(from, &format!("{from}-263/*"), all),
            Result::is_ok,
        ),
        ("all of it", |_, all| ok(all), Result::is_ok),
        (
            "other bytes",
            |from, all| part(from, &format!("{from}-263/264"), &vec![0; all.len()]),
            |fetched| matches!(fetched, Err(OciError::Mismatch { .. })),
        ),
        (
            "too few of them",
            |from, all| part(from + 1, &format!("{from}-263/264"), all),
            |fetched| matches!(fetched, Err(OciError::Size { actual: 263, .. })),
        ),
        (
            "another piece",
            |_, all| part(0, "0-263/264", all),
            |fetched| matches!(fetched, Err(OciError::Unreachable { .. })),
        ),
        (
            "no piece",
            |_, _| status("416 Range Not Satisfiable", ""),
            |fetched| matches!(fetched, Err(OciError::Unreachable { .. })),
        ),
        (
            "nothing any more",
            |_, _| not_found(),
            |fetched| matches!(fetched, Err(OciError::NotFound { .. })),
        ),
    ];
    for (name, rest, expected) in cases {
        let (component, server) = breaking(rest);
        let fetched = fetch(&server).await;
        assert!(expected(&fetched), "{name}: {fetched:?}");
        if let Ok(fetched) = fetched {
            assert_eq!(fetched.bytes, component, "{name}");
        }
    }
}

#[tokio::test]
async fn a_component_of_another_digest_is_not_asked_for_again() {
    let server = Server::start(|path, _| {
        if is_component(path) {
            ok(vec![0; 8])
        } else {
            honest(path)
        }
    });
    let error = fetch(&server).await.unwrap_err();
    assert!(matches!(error, OciError::Mismatch { .. }), "{error}");
    assert_eq!(
        server.requests().iter().filter(|path| is_component(path)).count(),
        1
    );
}
