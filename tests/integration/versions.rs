//! Another component for a challenge while miners ask it, and the way back.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use platform_admin_types::{RollBackChallenge, UpdateChallenge, VersionView};
use platform_domain::{Change, Grant, Slug};
use platform_tests::{TestHost, client, guest, new_challenge};
use tokio::task::JoinSet;

/// The longest that fifty components may take to be compiled on a busy machine.
const PATIENCE: Duration = Duration::from_secs(900);

fn slug(text: &str) -> Slug {
    text.parse().unwrap()
}

fn update(component: &Path) -> UpdateChallenge {
    UpdateChallenge {
        component: format!("file:{}", component.display()).parse().unwrap(),
        grant: Default::default(),
        version: None,
        by: Some("alice".into()),
    }
}

fn to_guest(name: &str) -> UpdateChallenge {
    update(&guest(name))
}

/// The same component with a custom section that makes other bytes of it.
fn marked(host: &TestHost, name: &str, mark: u8) -> UpdateChallenge {
    let mut bytes = std::fs::read(guest(name)).unwrap();
    bytes.extend([0, 3, 1, b'm', mark]);
    let file = host.scratch().join(format!("{name}-{mark}.wasm"));
    std::fs::write(&file, bytes).unwrap();
    update(&file)
}

async fn versions(host: &TestHost, of: &str) -> Vec<VersionView> {
    host.admin.challenge_versions(&slug(of)).await.unwrap().versions
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_changes_its_component_fifty_times_under_load_and_no_request_fails() {
    let host = Arc::new(TestHost::start().await);
    host.run_guest("echo", "echo", "0", &[]).await;
    let (over, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut miners = JoinSet::new();
    for miner in 0..4 {
        let (host, over, answered) = (host.clone(), over.clone(), answered.clone());
        miners.spawn(async move {
            let http = client();
            while !over.load(Ordering::Relaxed) {
                let body = format!("{miner}-{}", answered.fetch_add(1, Ordering::Relaxed)).repeat(100);
                let answer = http
                    .post(host.url("echo", "/x"))
                    .body(body.clone())
                    .send()
                    .await
                    .unwrap();
                assert_eq!(answer.status(), 200);
                let seen: serde_json::Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
                assert_eq!(seen["path"], "/x");
            }
        });
    }
    let changing = async {
        for mark in 0..50 {
            let before = answered.load(Ordering::Relaxed);
            let view = host
                .admin
                .challenge_update(&slug("echo"), &marked(&host, "echo", mark))
                .await
                .unwrap();
            assert_eq!(view.status.as_str(), "active");
            while answered.load(Ordering::Relaxed) < before + 4 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    };
    tokio::time::timeout(PATIENCE, changing).await.unwrap();
    over.store(true, Ordering::Relaxed);
    while let Some(ended) = miners.join_next().await {
        ended.unwrap();
    }
    let versions = versions(&host, "echo").await;
    assert_eq!(versions.len(), 50, "the first one is forgotten");
    assert!(versions.iter().all(|version| version.change == Change::Updated));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_goes_back_to_what_it_had() {
    let host = TestHost::start().await;
    host.run_guest("echo", "echo", "0", &[]).await;
    let of = slug("echo");
    let none = host
        .admin
        .challenge_roll_back(&of, &RollBackChallenge::default())
        .await;
    assert!(none.unwrap_err().to_string().contains("no such version"));
    let first = versions(&host, "echo").await[0].component_digest.unwrap();
    let component = |view: &platform_admin_types::ChallengeView| view.component.as_ref().unwrap().digest;
    let mut seen = vec![first];
    for mark in 1..3 {
        let view = host
            .admin
            .challenge_update(&of, &marked(&host, "echo", mark))
            .await
            .unwrap();
        seen.push(component(&view));
    }
    // The files are gone: what ran is in the host's own store.
    for mark in 1..3 {
        std::fs::remove_file(host.scratch().join(format!("echo-{mark}.wasm"))).unwrap();
    }
    let back = RollBackChallenge::default();
    assert_eq!(
        component(&host.admin.challenge_roll_back(&of, &back).await.unwrap()),
        seen[1]
    );
    assert_eq!(
        component(&host.admin.challenge_roll_back(&of, &back).await.unwrap()),
        seen[2]
    );
    let to_first = RollBackChallenge {
        to: Some(first),
        by: Some("bob".into()),
    };
    assert_eq!(
        component(&host.admin.challenge_roll_back(&of, &to_first).await.unwrap()),
        first
    );
    host.running("echo").await;
    let answer = client().get(host.url("echo", "/y")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let history = versions(&host, "echo").await;
    let told: Vec<_> = history
        .iter()
        .map(|it| (it.change.as_str(), it.by.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            ("rolled-back", Some("bob")),
            ("rolled-back", None),
            ("rolled-back", None),
            ("updated", Some("alice")),
            ("updated", Some("alice")),
            ("registered", None),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_fails_its_checks_changes_nothing() {
    let host = TestHost::start().await;
    host.run_guest("echo", "echo", "0", &[]).await;
    let of = slug("echo");
    let before = host.admin.challenge_get(&of).await.unwrap();
    let broken = host.scratch().join("broken.wasm");
    std::fs::write(&broken, b"(component)").unwrap();
    let mut unnamed = to_guest("prisoners");
    unnamed.by = Some("a\nb".into());
    for (change, reason) in [
        (update(&broken), "text"),
        (update(&host.scratch().join("nothing.wasm")), "nothing.wasm"),
        (to_guest("no-exports"), "nothing to call"),
        (to_guest("routes-only"), "does not export get_weights"),
        (unnamed, "control characters"),
    ] {
        let refused = host.admin.challenge_update(&of, &change).await.unwrap_err();
        let text = format!("{refused:?}");
        assert!(text.contains(reason), "{reason}: {text}");
    }
    let after = host.admin.challenge_get(&of).await.unwrap();
    assert_eq!(
        serde_json::to_value(&after).unwrap(),
        serde_json::to_value(&before).unwrap()
    );
    assert_eq!(versions(&host, "echo").await.len(), 1);
    assert_eq!(
        client()
            .get(host.url("echo", "/y"))
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    let missing = host
        .admin
        .challenge_update(&slug("nobody"), &to_guest("echo"))
        .await
        .unwrap_err();
    assert!(missing.to_string().contains("not found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn new_wishes_are_granted_by_name() {
    let host = TestHost::start().await;
    let mut new = new_challenge("echo", "echo", "0", &[]);
    new.grants = Some(Default::default());
    new.status = None;
    host.admin.challenge_create(&new).await.unwrap();
    let of = slug("echo");
    let mut change = to_guest("prisoners");
    let refused = host
        .admin
        .challenge_update(&of, &change)
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("platform:challenge/sqlite"), "{refused}");
    change.grant = [Grant::Sqlite].into();
    let view = host.admin.challenge_update(&of, &change).await.unwrap();
    assert_eq!(view.grants, [Grant::Sqlite].into());
    assert_eq!(view.status.as_str(), "draft", "an update activates nothing");
    host.admin.challenge_activate(&of).await.unwrap();
    host.running("echo").await;
}
