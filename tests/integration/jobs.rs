//! Jobs through the doors that people have: a component that hands them in and asks for them later, a container's way over HTTP,
//! and what the operator sees of both.

mod images;

use std::time::Duration;

use platform_admin_types::CreateChallenge;
use platform_domain::{JobState, Slug};
use platform_tests::{TestHost, guest};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::containers::scene::{IMAGE, LONG, engine};

/// A host whose challenges may run jobs of the example's image.
async fn host() -> TestHost {
    host_with("test.local/gpu-container").await
}

/// A host whose challenges may run jobs of these images.
async fn host_with(rule: &str) -> TestHost {
    let endpoint = engine().endpoint.parse().unwrap();
    let mut host = TestHost::start().await;
    host.configure(|config| {
        config.docker.endpoint = Some(endpoint);
        config.jobs.images = vec![rule.to_owned()];
        config.jobs.listen = Some("127.0.0.1:0".parse().unwrap());
    });
    host.restart().await;
    host
}

/// The component, active, with these grants.
async fn foreman(
    host: &TestHost,
    slug: &str,
    grants: &[&str],
) -> Result<(), platform_admin_types::ClientError> {
    let new = json!({
        "slug": slug, "component": format!("file:{}", guest("foreman").display()), "status": "active", "grants": grants,
    });
    let new: CreateChallenge = serde_json::from_value(new).unwrap();
    host.admin.challenge_create(&new).await.map(drop)
}

async fn ask(host: &TestHost, method: Method, slug: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    let request = platform_tests::client().request(method, host.url(slug, path));
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

async fn until(host: &TestHost, slug: &str, name: &str, status: &str) -> Value {
    let asking = timeout(LONG, async {
        loop {
            let (_, seen) = ask(host, Method::GET, slug, &format!("/jobs/{name}"), None).await;
            if seen["status"] == status {
                return seen;
            }
            sleep(Duration::from_millis(50)).await;
        }
    });
    asking.await.unwrap()
}

fn job(words: &[&str]) -> Option<Value> {
    Some(json!({ "image": IMAGE, "command": words, "seconds": 60 }))
}

#[tokio::test]
async fn a_component_hands_in_a_job_and_asks_for_it_in_later_calls() {
    let mut host = host().await;
    foreman(&host, "foreman", &["kv", "jobs", "gpu-jobs"])
        .await
        .unwrap();
    let (status, first) = ask(
        &host,
        Method::POST,
        "foreman",
        "/jobs/a",
        job(&["say", "out", "err", "7"]),
    )
    .await;
    assert_eq!(status, 202, "{first}");
    let done = until(&host, "foreman", "a", "done").await;
    assert_eq!(
        (&done["exit_code"], &done["stdout"]),
        (&json!(7), &json!("out\n"))
    );
    // The same again is the same, other words are refused, and a restart forgets nothing.
    host.restart().await;
    assert_eq!(until(&host, "foreman", "a", "done").await, done);
    let again = ask(
        &host,
        Method::POST,
        "foreman",
        "/jobs/a",
        job(&["say", "out", "err", "7"]),
    )
    .await;
    assert_eq!(again, (202, first.clone()));
    let other = ask(
        &host,
        Method::POST,
        "foreman",
        "/jobs/a",
        job(&["say", "other", "", "0"]),
    )
    .await;
    assert_eq!(other, (409, json!({ "error": "conflict" })));
    // What is not allowed is told to the component by its name.
    for (body, word) in [
        (
            json!({ "image": "evil.example/x:1", "command": ["x"] }),
            "not allowed",
        ),
        (
            json!({ "image": IMAGE, "command": ["x"], "memory": 1_u64 << 40 }),
            "memory",
        ),
        (
            json!({ "image": IMAGE, "command": ["x"], "network": true }),
            "network",
        ),
        (json!({ "image": IMAGE, "command": [] }), "command"),
        (
            json!({ "image": IMAGE, "command": ["x"], "gpus": 1 }),
            "GPUs are not given",
        ),
        (
            json!({ "image": IMAGE, "command": ["x"], "gpus": 0 }),
            "gpu_count",
        ),
        (
            json!({ "image": IMAGE, "command": ["x"], "archive": "no archive" }),
            "archive",
        ),
    ] {
        let (status, refused) = ask(&host, Method::POST, "foreman", "/jobs/refused", Some(body)).await;
        let reason = refused["error"]["refused"].as_str().unwrap_or_default();
        assert!(status == 409 && reason.contains(word), "{word}: {refused}");
    }
    // One that runs is cancelled, by its own challenge or by the operator; another challenge finds no such job.
    foreman(&host, "stranger", &["kv", "jobs", "gpu-jobs"])
        .await
        .unwrap();
    let (_, long) = ask(
        &host,
        Method::POST,
        "foreman",
        "/jobs/long",
        job(&["try", "sleep"]),
    )
    .await;
    until(&host, "foreman", "long", "running").await;
    let ticket = long["ticket"].as_str().unwrap();
    for method in [Method::GET, Method::DELETE] {
        let theirs = ask(&host, method, "stranger", &format!("/jobs/{ticket}"), None).await;
        assert_eq!(theirs.1["error"], "notfound");
    }
    ask(&host, Method::DELETE, "foreman", "/jobs/long", None).await;
    until(&host, "foreman", "long", "cancelled").await;
    let slug: Slug = "foreman".parse().unwrap();
    let listed = host.admin.job_list(Some(&slug)).await.unwrap().jobs;
    assert_eq!(listed.len(), 2);
    ask(
        &host,
        Method::POST,
        "foreman",
        "/jobs/more",
        job(&["try", "sleep"]),
    )
    .await;
    until(&host, "foreman", "more", "running").await;
    let running = host.admin.job_list(None).await.unwrap().jobs;
    let running = running.iter().find(|job| job.state == JobState::Running).unwrap();
    let cancelled = host.admin.job_cancel(&running.id).await.unwrap();
    assert_eq!(cancelled.state, JobState::Cancelled);
    let shown = host
        .admin
        .job_get(&listed.iter().find(|job| job.exit.is_some()).unwrap().id)
        .await
        .unwrap();
    assert_eq!(shown.stdout.as_deref(), Some("out\n"));
    assert!(
        host.admin
            .job_get(&"0".repeat(32).parse().unwrap())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_component_that_was_not_granted_jobs_does_not_start() {
    let host = host().await;
    for (grants, missing) in [(&["kv"][..], "jobs"), (&["kv", "jobs"], "gpu-jobs")] {
        let error = foreman(&host, "foreman", grants).await.unwrap_err();
        assert!(error.to_string().contains(missing), "{missing}: {error}");
    }
}

#[tokio::test]
async fn jobs_that_a_stopped_host_had_under_way_are_lost() {
    let mut host = host().await;
    foreman(&host, "foreman", &["kv", "jobs", "gpu-jobs"])
        .await
        .unwrap();
    ask(
        &host,
        Method::POST,
        "foreman",
        "/jobs/long",
        job(&["try", "sleep"]),
    )
    .await;
    until(&host, "foreman", "long", "running").await;
    host.restart().await;
    until(&host, "foreman", "long", "lost").await;
    let left = engine().docker(&[
        "ps",
        "--quiet",
        "--filter",
        "label=platform.component=job",
        "--filter",
        "label=platform.challenge.slug=foreman",
    ]);
    assert_eq!(left, "");
}
