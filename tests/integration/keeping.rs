//! What challenges keep, as the operator saves it, puts it back and removes it.

use platform_admin_types::{ArchiveRequest, ClientError};
use platform_tests::{TestHost, client};
use serde_json::Value;

async fn host() -> TestHost {
    let host = TestHost::start().await;
    host.run_guest("ledger", "ledger", "0", &[]).await;
    host.run_guest("disk", "disk", "0", &[]).await;
    host
}

async fn post(host: &TestHost, slug: &str, path: &str, body: &str) -> String {
    let answer = client().post(host.url(slug, path)).body(body.to_owned());
    let answer = answer.send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert!(status.is_success(), "{path}: {status} {text}");
    text
}

/// All that the two keep.
async fn seen(host: &TestHost) -> String {
    let rows = post(host, "ledger", "/query", "SELECT count(*) FROM entries").await;
    let keys = post(host, "ledger", "/kv/mine", "get a").await;
    let blobs = post(host, "ledger", "/blobs", "get b\nlist ").await;
    let own = client().get(host.url("disk", "/database")).send().await.unwrap();
    format!("{rows}|{keys}|{blobs}|{}", own.text().await.unwrap())
}

async fn fill(host: &TestHost, value: &str) {
    post(host, "ledger", "/commit/x", "").await;
    post(host, "ledger", "/kv/mine", &format!("set a {value}")).await;
    post(
        host,
        "ledger",
        "/blobs",
        &format!("put b {}\nput only-{value} 10", value.len() * 1000),
    )
    .await;
    post(host, "disk", "/database/transactions/3", "").await;
}

fn archive(host: &TestHost, name: &str, challenges: &[&str]) -> ArchiveRequest {
    ArchiveRequest {
        file: host.scratch().join(name),
        challenges: (!challenges.is_empty())
            .then(|| challenges.iter().map(|slug| slug.parse().unwrap()).collect()),
    }
}

fn refused<T: std::fmt::Debug>(answer: Result<T, ClientError>) -> (u16, String) {
    match answer.unwrap_err() {
        ClientError::Refused { status, code, .. } => (status.as_u16(), code),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_archived_comes_back_and_what_came_after_is_gone() {
    let host = host().await;
    fill(&host, "first").await;
    let then = seen(&host).await;
    let made = host
        .admin
        .state_backup(&archive(&host, "all.tar", &[]))
        .await
        .unwrap();
    assert_eq!(made.challenges.len(), 2);
    assert!(
        made.challenges
            .iter()
            .all(|archived| archived.files > 0 && archived.bytes > 4096)
    );
    fill(&host, "the-second").await;
    let now = seen(&host).await;
    assert_ne!(then, now);
    // An archive never takes the place of another one.
    let again = host
        .admin
        .state_backup(&archive(&host, "all.tar", &["disk"]))
        .await;
    assert_eq!(refused(again), (409, "archive_file".to_owned()));
    // Not while it is served.
    let running = host.admin.state_restore(&archive(&host, "all.tar", &[])).await;
    assert_eq!(refused(running), (409, "still_active".to_owned()));
    let slugs = ["ledger", "disk"].map(|slug| slug.parse().unwrap());
    for slug in &slugs {
        host.admin.challenge_deactivate(slug).await.unwrap();
    }
    // An archive of what does not run is as good.
    host.admin
        .state_backup(&archive(&host, "quiet.tar", &["ledger"]))
        .await
        .unwrap();
    let restored = host
        .admin
        .state_restore(&archive(&host, "all.tar", &[]))
        .await
        .unwrap();
    assert_eq!(restored.challenges.len(), 2);
    for slug in &slugs {
        host.admin.challenge_activate(slug).await.unwrap();
    }
    assert_eq!(seen(&host).await, then);
    // One of them alone, to the other moment.
    host.admin.challenge_deactivate(&slugs[0]).await.unwrap();
    host.admin
        .state_restore(&archive(&host, "quiet.tar", &[]))
        .await
        .unwrap();
    host.admin.challenge_activate(&slugs[0]).await.unwrap();
    let part = |all: &str| all.rsplit_once('|').map(|(ledger, _)| ledger.to_owned());
    assert_eq!(part(&seen(&host).await), part(&now));
    let left: Vec<_> = std::fs::read_dir(host.state().join("challenges"))
        .unwrap()
        .collect();
    assert_eq!(left.len(), 2, "nothing is left beside: {left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_was_changed_changes_nothing() {
    let host = host().await;
    fill(&host, "first").await;
    let file = archive(&host, "all.tar", &[]);
    host.admin.state_backup(&file).await.unwrap();
    let slugs = ["ledger", "disk"].map(|slug| slug.parse().unwrap());
    for slug in &slugs {
        host.admin.challenge_deactivate(slug).await.unwrap();
    }
    let whole = std::fs::read(&file.file).unwrap();
    let mut flipped = whole.clone();
    let text = b"SQLite format 3";
    let at = flipped.windows(text.len()).position(|part| part == text).unwrap();
    flipped[at + 100] ^= 1;
    for (name, bytes) in [
        ("flipped.tar", &flipped[..]),
        ("half.tar", &whole[..whole.len() / 2]),
        ("nothing.tar", b"".as_slice()),
        ("other.tar", b"not an archive at all".as_slice()),
    ] {
        let bad = archive(&host, name, &[]);
        std::fs::write(&bad.file, bytes).unwrap();
        let (status, code) = refused(host.admin.state_restore(&bad).await);
        assert!(
            matches!((status, code.as_str()), (422, "archive_refused") | (500, _)),
            "{name}: {status} {code}"
        );
    }
    let missing = archive(&host, "missing.tar", &[]);
    assert_eq!(
        refused(host.admin.state_restore(&missing).await),
        (422, "archive_file".to_owned())
    );
    let strange = archive(&host, "all.tar", &["nobody"]);
    assert_eq!(
        refused(host.admin.state_restore(&strange).await),
        (404, "not_found".to_owned())
    );
    for slug in &slugs {
        host.admin.challenge_activate(slug).await.unwrap();
    }
    assert!(seen(&host).await.starts_with("1|first|"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_challenge_keeps_stays_until_it_is_purged_by_name() {
    let host = host().await;
    fill(&host, "first").await;
    let slug = "ledger".parse().unwrap();
    let list = async || {
        let list = host.admin.state_list().await.unwrap();
        let ledger = list.challenges.into_iter().find(|kept| kept.slug == slug);
        ledger.map(|kept| (kept.registered, kept.database_bytes > 4096, kept.blob_bytes))
    };
    assert_eq!(list().await, Some((true, true, 5010)));
    assert_eq!(
        refused(host.admin.state_purge(&slug).await),
        (409, "still_registered".to_owned())
    );
    host.admin.challenge_deactivate(&slug).await.unwrap();
    host.admin.challenge_delete(&slug).await.unwrap();
    assert_eq!(list().await, Some((false, true, 5010)));
    let purged = host.admin.state_purge(&slug).await.unwrap();
    assert!(purged.bytes > 9000, "{purged:?}");
    assert_eq!(list().await, None);
    assert_eq!(
        refused(host.admin.state_purge(&slug).await),
        (404, "not_found".to_owned())
    );
    // And the same name begins anew.
    host.run_guest("ledger", "ledger", "0", &[]).await;
    assert_eq!(post(&host, "ledger", "/kv/mine", "get a").await, "none");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_host_was_doing_is_put_right() {
    let mut host = host().await;
    fill(&host, "first").await;
    let then = seen(&host).await;
    host.stop().await;
    let challenges = host.state().join("challenges");
    // In the middle of taking the place of the old one.
    std::fs::create_dir(challenges.join(".replaced-1")).unwrap();
    std::fs::rename(challenges.join("ledger"), challenges.join(".replaced-1/ledger")).unwrap();
    // After that: the new one is there already.
    std::fs::create_dir_all(challenges.join(".replaced-2/disk")).unwrap();
    for begin in [".backup-1", ".restore-1/x", ".purged-1/old"] {
        std::fs::create_dir_all(challenges.join(begin)).unwrap();
    }
    host.start_again().await;
    host.running("ledger").await;
    host.running("disk").await;
    assert_eq!(seen(&host).await, then);
    let names: Vec<_> = std::fs::read_dir(&challenges)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_challenge_is_granted_and_keeps_is_shown_and_what_it_is_not_granted_is_refused() {
    let host = host().await;
    let slug = "ledger".parse().unwrap();
    let view = host.admin.challenge_get(&slug).await.unwrap();
    let (database, blobs) = (view.database_usage.unwrap(), view.blob_usage.unwrap());
    assert_eq!((database.max_bytes, blobs.max_bytes), (64 << 20, 1 << 20));
    assert!(view.grants.len() >= 3);
    let patch: Value = serde_json::json!({ "grants": ["sqlite"] });
    let patch = serde_json::from_value(patch).unwrap();
    let error = host.admin.challenge_patch(&slug, &patch).await.unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("which it is not granted") && said.contains("kv"),
        "{said}"
    );
    let view = host.admin.challenge_get(&slug).await.unwrap();
    assert!(view.grants.len() >= 3, "it is as it was");
}
