//! What should run and what runs: after a restart, with damage, with changes nobody announced.

use std::fs;

use platform_domain::{Artifact, Challenge, Status};
use platform_registry::{NewChallenge, Observed, StartStep};
use platform_runtime::Target;
use platform_store::{StoreError, challenges};

use crate::host::{Host, files, heavy, new, slug, whole};

async fn active(host: &Host, slug: &str) -> Challenge {
    let new = NewChallenge {
        status: Status::Active,
        ..host.echo(slug)
    };
    host.registry.challenge_create(new).await.unwrap().0
}

/// Where the content store keeps a challenge's component.
fn blob(host: &Host, challenge: &Challenge) -> std::path::PathBuf {
    let blobs = host.dir.path().join("content/blobs/sha256");
    blobs.join(component(challenge))
}

/// The digest of a challenge's component, as files are named after it.
fn component(challenge: &Challenge) -> String {
    let Artifact::Component(pinned) = &challenge.artifact else {
        panic!("{challenge:?}")
    };
    pinned.component.hex()
}

#[tokio::test]
async fn what_was_active_runs_again_after_a_restart_and_nothing_else() {
    let host = Host::start().await;
    active(&host, "one").await;
    active(&host, "two").await;
    host.registry.challenge_create(host.echo("draft")).await.unwrap();
    // The sources are gone: a start needs the content store only.
    for name in ["one.wasm", "two.wasm", "draft.wasm"] {
        fs::remove_file(host.dir.path().join(name)).unwrap();
    }
    let host = host.restart().await;
    let running: Vec<_> = host
        .routes
        .current()
        .iter()
        .map(|route| route.slug.to_string())
        .collect();
    assert_eq!(running, ["one", "two"]);
    assert!(matches!(
        host.registry.observed(&slug("one")),
        Observed::Running { .. }
    ));
    assert_eq!(host.registry.observed(&slug("draft")), Observed::Stopped);
    assert_eq!(files(&host.dir.path().join("state/challenges")), 2);
}

#[tokio::test]
async fn a_slow_start_delays_neither_others_nor_its_own_stop() {
    let host = Host::start().await;
    active(&host, "quick").await;
    let slow = NewChallenge {
        status: Status::Active,
        ..new("a-slow-one", host.component("slow.wasm", &heavy()))
    };
    let (slow, _) = host.registry.challenge_create(slow).await.unwrap();
    let dir = host.stop().await;
    let code = dir.path().join("cache");
    for entry in fs::read_dir(code).unwrap().map(Result::unwrap) {
        if entry.file_name().to_string_lossy().starts_with(&component(&slow)) {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    let host = Host::begin_in(dir);
    let (quick, slow) = (slug("quick"), slug("a-slow-one"));
    let is_compiling = |seen: &Observed| {
        let compiling = StartStep::Compiling;
        matches!(seen, Observed::Starting { step, .. } if *step == compiling)
    };
    host.wait_for(&slow, is_compiling).await;
    assert!(host.registry.compiler_status().compiling.is_some());
    host.wait_for(&quick, |seen| matches!(seen, Observed::Running { .. }))
        .await;
    assert!(is_compiling(&host.registry.observed(&slow)));
    let target = |slug| host.routes.current().get(slug).map(|route| route.target.clone());
    assert!(matches!(target(&quick), Some(Target::Wasm(_))));
    assert!(matches!(target(&slow), Some(Target::Starting)));

    host.registry.challenge_deactivate(&slow).await.unwrap();
    assert_eq!(host.registry.observed(&slow), Observed::Stopped);
    assert!(target(&slow).is_none());
    assert_eq!(host.registry.compiler_status().compiling, None, "it is stopped");
    // What the start would have brought comes too late.
    host.registry.started().await;
    assert!(target(&slow).is_none());
}

#[tokio::test]
async fn what_was_compiled_starts_without_its_component() {
    let host = Host::start().await;
    let challenge = active(&host, "one").await;
    fs::remove_file(blob(&host, &challenge)).unwrap();
    let host = host.restart().await;
    let seen = host.registry.observed(&slug("one"));
    assert!(
        matches!(&seen, Observed::Running { code, .. } if code.cached && code.bytes > 0),
        "{seen:?}"
    );
}

#[tokio::test]
async fn a_missing_or_damaged_component_fails_alone_and_is_tried_again() {
    let mut host = Host::start().await;
    let challenge = active(&host, "one").await;
    let other = host.component("two.wasm", &whole(r#"{"name":"b","version":"2"}"#));
    let other = NewChallenge {
        status: Status::Active,
        ..new("two", other)
    };
    host.registry.challenge_create(other).await.unwrap();
    let blob = blob(&host, &challenge);
    let good = fs::read(&blob).unwrap();
    for damage in [None, Some(&b"damaged"[..])] {
        match damage {
            None => fs::remove_file(&blob).unwrap(),
            Some(bytes) => fs::write(&blob, bytes).unwrap(),
        }
        host = host.restart_without_code().await;
        let seen = host.registry.observed(&slug("one"));
        assert!(
            matches!(&seen, Observed::Failed { reason, .. } if reason.contains("component")),
            "{seen:?}"
        );
        let table = host.routes.current();
        assert!(
            matches!(table.get(&slug("one")).unwrap().target, Target::Down(_)),
            "it keeps its place"
        );
        assert!(
            matches!(table.get(&slug("two")).unwrap().target, Target::Wasm(_)),
            "the other one runs"
        );

        fs::write(&blob, &good).unwrap();
        host.wait_for(&slug("one"), |seen| matches!(seen, Observed::Running { .. }))
            .await;
        assert!(matches!(
            host.routes.current().get(&slug("one")).unwrap().target,
            Target::Wasm(_)
        ));
    }
}

#[tokio::test]
async fn a_registry_that_cannot_be_read_changes_nothing_that_runs() {
    let host = Host::start().await;
    active(&host, "one").await;
    host.store
        .write("damage", |connection| {
            connection.execute_batch("UPDATE challenges SET emission_percent = 'much'")?;
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    // Any operation wakes the reconciler and waits for it.
    host.registry.challenge_create(host.echo("two")).await.unwrap();
    assert!(!host.registry.board().registry_readable);
    assert!(host.routes.current().get(&slug("one")).is_some(), "it still runs");
    host.store
        .write("repair", |connection| {
            connection.execute_batch("UPDATE challenges SET emission_percent = '0'")?;
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    host.registry.challenge_deactivate(&slug("one")).await.unwrap();
    assert!(host.registry.board().registry_readable);
    assert!(host.routes.current().is_empty());
}

#[tokio::test]
async fn a_record_that_was_removed_behind_its_back_is_stopped_at_the_next_pass() {
    let host = Host::start().await;
    active(&host, "one").await;
    let one = slug("one");
    let key = one.clone();
    host.store
        .write("delete", move |connection| challenges::delete(connection, &key))
        .await
        .unwrap();
    host.registry.challenge_create(host.echo("two")).await.unwrap();
    assert_eq!(host.registry.observed(&one), Observed::Stopped);
    assert!(host.routes.current().is_empty());
}

#[tokio::test]
async fn activating_again_what_failed_to_start_tries_again_at_once() {
    let host = Host::start().await;
    let challenge = active(&host, "one").await;
    let blob = blob(&host, &challenge);
    let good = fs::read(&blob).unwrap();
    fs::remove_file(&blob).unwrap();
    let host = host.restart_without_code().await;
    let one = slug("one");
    // Many failures in a row, so that the next retry by the clock is minutes away.
    for _ in 0..8 {
        host.registry.challenge_activate(&one).await.unwrap();
        assert!(matches!(host.registry.observed(&one), Observed::Failed { .. }));
    }
    fs::write(&blob, good).unwrap();
    host.registry.challenge_activate(&one).await.unwrap();
    assert!(matches!(host.registry.observed(&one), Observed::Running { .. }));
}
