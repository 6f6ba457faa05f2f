//! A challenge's database, as its calls use it: what is committed lasts, what is not leaves nothing.

use std::{sync::Arc, time::Duration};

use platform_domain::Grant;
use platform_wasm::{CallError, ComponentError, Program, Start};
use tokio::task::JoinSet;

use crate::{
    host::{Host, epoch, get},
    ledger::{PATIENCE, ask, ledger, load},
};

const COUNT: &str = "SELECT count(*) FROM entries";

async fn count(program: &Program) -> String {
    ask(program, "/query", COUNT).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_keeps_what_it_commits_and_weighs_it() {
    let host = Host::new();
    let program = load(&host).await;
    assert_eq!(ask(&program, "/commit/alice", "").await.unwrap(), "done");
    let insert = "INSERT INTO entries (amount, note) VALUES (41, 'alice'), (1, 'bob')";
    assert_eq!(ask(&program, "/execute", insert).await.unwrap(), "2 3");
    let all = "SELECT id, amount, note, NULL, 1.5, x'00ff' FROM entries WHERE id > 1";
    let shown = "2 41 alice null 1.5 [0, 255]; 3 1 bob null 1.5 [0, 255]";
    assert_eq!(ask(&program, "/query", all).await.unwrap(), shown);
    assert_eq!(
        ask(&program, "/cursor", "SELECT id, x FROM points")
            .await
            .unwrap(),
        r#"["id", "x"] 10000"#
    );
    let weights = program.get_weights(epoch(1)).await.unwrap();
    let weights: Vec<_> = weights
        .into_iter()
        .map(|weight| (weight.hotkey, weight.score))
        .collect();
    assert_eq!(weights, [("alice".to_owned(), 42.0), ("bob".to_owned(), 1.0)]);
    let usage = program.usage().state.unwrap().database;
    assert!(usage.limit == 64 << 20 && usage.bytes > 100 << 10, "{usage:?}");
    drop(program);
    assert_eq!(count(&load(&host).await).await, "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn however_a_call_ends_its_open_transaction_leaves_nothing() {
    let host = Host::new();
    let (component, mut spec) = ledger(&host);
    spec.route_deadline = Duration::from_millis(300);
    let program = host.engine.load(component, spec).await.unwrap();
    for (path, says) in [
        ("/rollback/x", None),
        ("/drop/x", None),
        ("/forget/x", None),
        ("/trap/x", Some("crashed")),
        ("/spin/x", Some("did not answer")),
        ("/spin-in-sql/x", Some("")),
        (
            "/second-writer/x",
            Some("21: a writing transaction is open in this call"),
        ),
        (
            "/second-transaction/x",
            Some("21: a writing transaction is open in this call"),
        ),
        ("/three-readers/x", Some("21: a call has at most 2")),
    ] {
        let answer = ask(&program, path, "").await;
        match says {
            None => drop(answer.unwrap()),
            Some(says) => assert!(
                answer.as_ref().is_err_and(|error| error.contains(says)),
                "{path}: {answer:?}"
            ),
        }
        assert_eq!(count(&program).await, "0", "{path}");
        // And the next one writes at once.
        ask(&program, "/commit/x", "").await.unwrap();
        assert_eq!(
            ask(&program, "/execute", "DELETE FROM entries")
                .await
                .unwrap()
                .split(' ')
                .next(),
            Some("1")
        );
    }
    assert_eq!(
        ask(&program, "/query", "PRAGMA integrity_check").await.unwrap(),
        "ok"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_is_kept_does_not_keep_what_a_call_had_open() {
    let host = Host::new();
    let (component, mut spec) = ledger(&host);
    spec.instances = "warm(1)".parse().unwrap();
    let program = host.engine.load(component, spec).await.unwrap();
    ask(&program, "/hold/x", "").await.unwrap();
    let answer = ask(&program, "/held", "").await.unwrap();
    assert_eq!(
        answer
            .matches("21: it has ended, with its call or before")
            .count(),
        2,
        "{answer}"
    );
    assert_eq!(count(&program).await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_run_beside_each_other_and_none_is_lost() {
    let host = Host::new();
    let program = Arc::new(load(&host).await);
    let mut calls: JoinSet<String> = (0..64)
        .map(|n| {
            let program = program.clone();
            async move {
                let path = if n % 2 == 0 { "/commit/x" } else { "/query" };
                loop {
                    match ask(&program, path, COUNT).await {
                        // All places are taken, or the queue is full.
                        Err(error) if error.contains("busy") => tokio::task::yield_now().await,
                        answer => return answer.unwrap(),
                    }
                }
            }
        })
        .collect();
    while let Some(call) = calls.join_next().await {
        call.unwrap();
    }
    assert_eq!(count(&program).await, "32");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_values_come_back() {
    let host = Host::new();
    let program = load(&host).await;
    let commands =
        "get a\nset a 1\nget a\nset a/b 2\nlist a\nswap a 1 3\nswap a 1 4\nget a\ndelete a\ndelete a";
    let answers = "none\nset\n1\nset\na,a/b\ntrue\nfalse\n3\ntrue\nfalse";
    assert_eq!(ask(&program, "/kv/mine", commands).await.unwrap(), answers);
    assert_eq!(ask(&program, "/kv/other", "get a/b").await.unwrap(), "none");
    assert_eq!(ask(&program, "/kv/mine", "get a/b").await.unwrap(), "2");
    assert_eq!(ask(&program, "/kv/mine", "open 64").await.unwrap(), "63");
    let error = ask(&program, "/kv/mine", "open 65").await.unwrap_err();
    assert!(
        error.contains("21: a call has at most 64 buckets open"),
        "{error}"
    );
    let error = ask(&program, "/query", "SELECT * FROM platform_kv")
        .await
        .unwrap_err();
    assert!(error.contains("23: a name that begins with platform_"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_come_back_and_what_a_call_did_not_finish_is_gone() {
    let host = Host::new();
    let program = load(&host).await;
    let commands =
        "put a 200000\nput b/1 0\nget a\nget c\nput c 900000\nlist b\ndelete a\nput c 900000\nget c";
    let answers = "200000 8cfc\n0 e3b0\n200000\nnot found\nfull\nb/1\ntrue\n900000 8ada\n900000";
    assert_eq!(ask(&program, "/blobs", commands).await.unwrap(), answers);
    let used = || program.usage().state.unwrap().blobs.bytes;
    assert_eq!(used(), 900_000);
    assert_eq!(ask(&program, "/blobs", "forget 1000").await.unwrap(), "forgotten");
    assert_eq!(used(), 900_000);
    assert_eq!(ask(&program, "/blobs", "open 16").await.unwrap(), "16");
    let answer = ask(&program, "/blobs", "open 17").await.unwrap();
    assert_eq!(answer, "a call has at most 16 blobs open");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_granted_is_refused_by_its_name() {
    let host = Host::new();
    for (granted, missing) in [
        (vec![], Grant::Sqlite),
        (vec![Grant::Sqlite, Grant::Blobs], Grant::Kv),
    ] {
        let (component, mut spec) = ledger(&host);
        spec.grants = granted.into_iter().collect();
        let error = host.engine.load(component, spec).await.err().unwrap();
        assert!(
            matches!(error, ComponentError::NotGranted(name) if name == missing),
            "{error:?}"
        );
        assert!(
            error
                .to_string()
                .contains(&format!("platform:challenge/{missing}")),
            "{error}"
        );
    }
    assert!(!host.dir.path().join("ledger").exists(), "nothing was made");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_leaves_the_schema_as_it_was() {
    let host = Host::new();
    let (component, mut spec) = ledger(&host);
    spec.start = Start::Rehearsal;
    let rehearsed = host.engine.load(component, spec).await.unwrap();
    let error = ask(&rehearsed, "/query", COUNT).await.unwrap_err();
    assert!(error.contains("no such table"), "{error}");
    assert_eq!(count(&load(&host).await).await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_that_computes_is_stopped_like_a_guest_that_computes() {
    let host = Host::with(|limits| limits.route_cpu_ms = 100);
    let program = load(&host).await;
    let for_ever = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n";
    for path in ["/query", "/cursor", "/execute"] {
        let mut request = get(path);
        request.body = for_ever.into();
        let began = std::time::Instant::now();
        let error = program.handle_route(request).await.unwrap_err();
        // Either the statement ends first and the guest tells, or the guest is stopped as it goes on.
        let told = matches!(&error, CallError::Computed(_)) || error.explanation().contains("9: the call");
        assert!(told, "{path}: {error:?}");
        assert!(began.elapsed() < PATIENCE / 2, "{path}");
    }
}
