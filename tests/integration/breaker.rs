//! The circuit breaker with real guests: when it opens, whom it costs, what a restart and an operator do to it.

use std::time::{Duration, Instant, SystemTime};

use platform_admin_types::{BreakerState, ChallengeView, PatchChallenge};
use platform_domain::{CalledFunction, Digest, Hotkey, IncidentKind, Slug, UnixSeconds};
use platform_host::settings::Breaker;
use platform_keys::{Keypair, Nonce, Scheme, SignedRequest};
use platform_tests::{HostBuilder, RawAnswer, TestHost, client, raw};

use crate::epochs::{NETUID, devnet};

/// The longest any wait may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Quick to open, and quick to come back unless told otherwise.
fn quick() -> Breaker {
    Breaker {
        failures: 3,
        watch_ms: 0,
        first_backoff_ms: 50,
        longest_backoff_ms: 50,
        ..Breaker::default()
    }
}

/// Quick to open; for as long as a test lasts it does not come back by itself.
fn lasting() -> Breaker {
    Breaker {
        first_backoff_ms: 60_000,
        longest_backoff_ms: 3_600_000,
        ..quick()
    }
}

async fn start(breaker: Breaker) -> TestHost {
    let mut builder = HostBuilder::default();
    builder.config.breaker = breaker;
    builder.start().await
}

async fn get(host: &TestHost, slug: &str, path: &str) -> RawAnswer {
    let head = format!("GET /challenges/{slug}{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    raw(&host.public, head).await
}

/// The status of an answer to a signed request.
async fn signed_get(host: &TestHost, key: &Keypair, path: &str) -> u16 {
    let path = format!("/challenges/trap{path}");
    let signed = SignedRequest {
        scheme: Scheme::Second,
        netuid: NETUID,
        slug: &slug("trap"),
        method: "GET",
        target: &path,
        hotkey: key.hotkey(),
        nonce: &Nonce::generate().unwrap(),
        timestamp: UnixSeconds::from(SystemTime::now()),
        body: Digest::of(b""),
    };
    let mut request = client().get(format!("{}{path}", host.public));
    for (name, value) in signed.headers(key) {
        request = request.header(name, value);
    }
    request.send().await.unwrap().status().as_u16()
}

fn slug(text: &str) -> Slug {
    text.parse().unwrap()
}

async fn view(host: &TestHost, of: &str) -> ChallengeView {
    host.admin.challenge_get(&slug(of)).await.unwrap()
}

fn is_open(view: &ChallengeView) -> bool {
    !matches!(view.breaker.state, BreakerState::Closed)
}

/// Makes a challenge crash until its breaker is open.
async fn break_it(host: &TestHost, of: &str, path: &str, status: u16) {
    for _ in 0..3 {
        assert_eq!(get(host, of, path).await.status, status);
    }
    assert!(is_open(&view(host, of).await));
}

#[tokio::test]
async fn a_challenge_that_keeps_crashing_is_left_alone_and_its_neighbour_is_not() {
    let host = start(lasting()).await;
    host.run_guest("trap", "trap", "50", &[]).await;
    host.run_guest("echo", "echo", "50", &[]).await;
    break_it(&host, "trap", "/panic", 502).await;

    let answer = get(&host, "trap", "/fine").await;
    assert_eq!((answer.status, answer.all("retry-after")), (503, vec!["60"]));
    assert_eq!(
        answer.json(),
        serde_json::json!({
            "error": {"code": "suspended", "message": "Challenge is suspended for now"},
            "detail": "Challenge is suspended for now",
        })
    );
    assert_eq!(get(&host, "trap", "/no-such-route").await.status, 404);
    assert_eq!(get(&host, "echo", "/x").await.status, 200);

    let seen = view(&host, "trap").await.breaker;
    assert!(
        matches!(&seen.state, BreakerState::Open { reason, .. } if reason.contains("3 of 3")),
        "{seen:?}"
    );
    assert_eq!(seen.trips, 1);
    let list = host.admin.challenge_incidents(&slug("trap")).await.unwrap();
    let [incident] = list.incidents.as_slice() else {
        panic!("three crashes are one entry: {list:?}")
    };
    assert_eq!(
        (incident.kind, incident.function, incident.count),
        (IncidentKind::Trap, CalledFunction::Route, 3)
    );
    assert!(
        incident.text.contains("unreachable") && incident.request_id.len() > 10,
        "{incident:?}"
    );
    assert_eq!(seen.last_incident.as_ref(), Some(incident));
    assert_eq!(list.counts[&IncidentKind::Trap], 3);
    let status = host.admin.status().await.unwrap().challenges;
    assert!(matches!(
        status[&slug("trap")].breaker.state,
        BreakerState::Open { .. }
    ));
    assert_eq!(status[&slug("echo")].breaker.state, BreakerState::Closed);
}

#[tokio::test]
async fn a_refusal_costs_nothing_even_when_every_call_would_take_all_its_time() {
    let host = start(lasting()).await;
    host.run_guest("spin", "spin", "0", &[]).await;
    let stuck = tokio::join!(
        get(&host, "spin", "/sleep"),
        get(&host, "spin", "/sleep"),
        get(&host, "spin", "/sleep"),
    );
    assert_eq!([stuck.0.status, stuck.1.status, stuck.2.status], [504; 3]);
    let begun = Instant::now();
    for _ in 0..100 {
        assert_eq!(get(&host, "spin", "/spin").await.status, 503);
    }
    // One call that was let through would have taken as long as one that is stuck.
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    let list = host.admin.challenge_incidents(&slug("spin")).await.unwrap();
    assert_eq!(list.counts[&IncidentKind::Deadline], 3);
}

#[tokio::test]
async fn after_its_time_one_good_answer_closes_it() {
    let host = start(quick()).await;
    host.run_guest("trap", "trap", "0", &[]).await;
    break_it(&host, "trap", "/panic", 502).await;
    // A bad probe opens it again, without another trip.
    let closed = async {
        while get(&host, "trap", "/panic").await.status != 502 {
            tokio::task::yield_now().await;
        }
        while get(&host, "trap", "/fine").await.status != 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, closed).await.unwrap();
    let seen = view(&host, "trap").await.breaker;
    assert_eq!((seen.state, seen.trips), (BreakerState::Closed, 1));
    for _ in 0..3 {
        assert_eq!(get(&host, "trap", "/fine").await.status, 200);
    }
}

#[tokio::test]
async fn crashes_that_one_miner_provokes_amid_good_answers_do_not_open_it() {
    let host = start(lasting()).await;
    host.run_guest("trap", "trap", "0", &[]).await;
    for _ in 0..20 {
        for _ in 0..2 {
            assert_eq!(get(&host, "trap", "/fine").await.status, 200);
        }
        assert_eq!(get(&host, "trap", "/panic").await.status, 502);
        assert_eq!(get(&host, "trap", "/fine").await.status, 200);
    }
    assert!(!is_open(&view(&host, "trap").await));
}

#[tokio::test]
async fn one_registered_miner_has_one_voice_however_often_it_fails() {
    let (validator, good, bad) = (
        Keypair::generate().unwrap(),
        Keypair::generate().unwrap(),
        Keypair::generate().unwrap(),
    );
    let devnet = devnet(&validator, &[good.hotkey(), bad.hotkey()]).await;
    let mut builder = HostBuilder::default().on(&devnet, NETUID, &validator);
    builder.config.breaker = lasting();
    let host = builder.start().await;
    host.run_guest("trap", "trap", "0", &[]).await;
    // The host has read the subnet.
    host.admin.weights_preview().await.unwrap();
    let send = async |key: &Keypair, path: &str| signed_get(&host, key, path).await;
    // From the first failure on calls are counted.
    assert_eq!(send(&bad, "/panic").await, 502);
    for _ in 0..3 {
        assert_eq!(send(&good, "/fine").await, 200);
        for _ in 0..10 {
            assert_eq!(send(&bad, "/panic").await, 502);
        }
    }
    assert!(!is_open(&view(&host, "trap").await));
    // When the other one fails as well, it opens.
    for _ in 0..3 {
        assert_eq!(send(&good, "/panic").await, 502);
    }
    assert_eq!(send(&good, "/fine").await, 503);
}

#[tokio::test]
async fn an_epoch_still_asks_a_challenge_that_is_left_alone() {
    let validator = Keypair::generate().unwrap();
    let devnet = devnet(&validator, &[Hotkey::from_bytes([1; 32])]).await;
    let mut builder = HostBuilder::default().on(&devnet, NETUID, &validator);
    builder.config.breaker = lasting();
    let host = builder.start().await;
    host.run_guest("trap", "trap", "50", &[]).await;
    break_it(&host, "trap", "/abort", 502).await;
    let preview = host.admin.weights_preview().await.unwrap();
    let told = serde_json::to_string(&preview).unwrap();
    assert!(told.contains("crashed") && !told.contains("suspended"), "{told}");
    let list = host.admin.challenge_incidents(&slug("trap")).await.unwrap();
    let weights = list
        .incidents
        .iter()
        .find(|it| it.function == CalledFunction::Weights);
    assert!(
        weights.is_some_and(|it| it.kind == IncidentKind::Trap && it.request_id.starts_with("epoch-")),
        "{list:?}"
    );
    // And crashes of the weights alone keep miners from nothing.
    host.admin.challenge_resume(&slug("trap")).await.unwrap();
    for _ in 0..3 {
        host.admin.weights_preview().await.unwrap();
    }
    assert_eq!(get(&host, "trap", "/fine").await.status, 200);
}

#[tokio::test]
async fn an_open_breaker_is_open_after_a_restart_and_the_operator_closes_it() {
    let mut host = start(lasting()).await;
    host.run_guest("trap", "trap", "0", &[]).await;
    break_it(&host, "trap", "/panic", 502).await;
    let before = view(&host, "trap").await.breaker;
    host.restart().await;
    host.running("trap").await;
    let after = view(&host, "trap").await.breaker;
    let (
        BreakerState::Open { until, reason },
        BreakerState::Open {
            until: then,
            reason: why,
        },
    ) = (&before.state, &after.state)
    else {
        panic!("{before:?} {after:?}")
    };
    assert!(
        until.0.abs_diff(then.0) <= 1 && reason == why && after.trips == 1,
        "{before:?} {after:?}"
    );
    assert_eq!(get(&host, "trap", "/fine").await.status, 503);

    let resumed = host.admin.challenge_resume(&slug("trap")).await.unwrap();
    assert!(!is_open(&resumed));
    assert_eq!(get(&host, "trap", "/fine").await.status, 200);
    host.restart().await;
    host.running("trap").await;
    assert_eq!(get(&host, "trap", "/fine").await.status, 200);
    let unknown = host.admin.challenge_resume(&slug("nobody")).await.unwrap_err();
    assert!(unknown.to_string().contains("not found"));
}

#[tokio::test]
async fn another_program_or_another_start_of_a_challenge_begins_with_a_closed_breaker() {
    let host = start(lasting()).await;
    host.run_guest("trap", "trap", "0", &[]).await;
    break_it(&host, "trap", "/panic", 502).await;
    // The emission makes no other program.
    let patch = PatchChallenge {
        emission_percent: Some("1".parse().unwrap()),
        ..PatchChallenge::default()
    };
    assert!(is_open(
        &host.admin.challenge_patch(&slug("trap"), &patch).await.unwrap()
    ));
    let patch = PatchChallenge {
        env: Some([("A".to_owned(), "1".to_owned())].into()),
        ..PatchChallenge::default()
    };
    host.admin.challenge_patch(&slug("trap"), &patch).await.unwrap();
    host.running("trap").await;
    assert_eq!(get(&host, "trap", "/fine").await.status, 200);

    break_it(&host, "trap", "/panic", 502).await;
    host.admin.challenge_deactivate(&slug("trap")).await.unwrap();
    host.admin.challenge_activate(&slug("trap")).await.unwrap();
    host.running("trap").await;
    assert_eq!(get(&host, "trap", "/fine").await.status, 200);
    assert_eq!(view(&host, "trap").await.breaker.trips, 2);
}
