//! What a challenge gets that may ask.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::{
    fixture::{Host, config, file, packed},
    http::{Broker, run},
};

fn mount(archive: &[u8]) -> Value {
    json!([{"target": "/in", "read_only": true, "source_type": "directory", "source_name": ".",
        "archive_b64": BASE64_STANDARD.encode(archive)}])
}

#[tokio::test]
async fn a_job_is_run_as_the_original_broker_does() {
    let broker = Broker::start(Host::start().await).await;
    let mut body = run("a", &["show", "/in/dir/file"]);
    body["mounts"] = mount(&packed(|tar| file(tar, "dir/file", b"what it was given")));
    let answer = broker.post("/v1/docker/run", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let mut expected =
        json!({"stdout": "what it was given", "stderr": "", "returncode": 0, "timed_out": false});
    expected["container_name"] = answer.body["container_name"].clone();
    assert_eq!(answer.body, expected);
    assert!(
        expected["container_name"]
            .as_str()
            .unwrap()
            .starts_with("job-own-")
    );
    // The same again is the same, and other words are refused.
    assert_eq!(broker.post("/v1/docker/run", &body).await.body, expected);
    body["timeout_seconds"] = json!(59);
    let answer = broker.post("/v1/docker/run", &body).await;
    assert_eq!(
        (answer.status, &answer.body["error"]["code"]),
        (409, &json!("conflict"))
    );
    let mut late = run("late", &["try", "sleep"]);
    late["timeout_seconds"] = json!(1);
    let answer = broker.post("/v1/docker/run", &late).await;
    assert_eq!(
        (&answer.body["returncode"], &answer.body["timed_out"]),
        (&json!(124), &json!(true))
    );
    broker.host.nothing_is_left();
}

#[tokio::test]
async fn a_challenge_lists_and_cleans_up_its_own_jobs_and_no_others() {
    let broker = Broker::start(Host::start().await).await;
    let (broker, sleeping) = (&broker, run("a", &["try", "sleep"]));
    let own = async { broker.post("/v1/docker/run", &sleeping).await };
    let watching = async {
        broker.host.until_running(1).await;
        let listed = broker.post("/v1/docker/list", &json!({})).await.body;
        let one = &listed["containers"][0];
        assert_eq!(
            (&one["job_id"], &one["task_id"], &one["status"]),
            (&json!("a"), &json!("t/1"), &json!("running"))
        );
        let labels = json!({"platform.challenge": "own", "platform.job": "a", "platform.task": "t/1"});
        assert_eq!(one["labels"], labels);
        for (slug, filter) in [("other", json!({})), ("own", json!({"job_id": "b"}))] {
            let listed = broker.post_as(slug, "/v1/docker/list", &filter).await.body;
            assert_eq!(listed, json!({"containers": []}), "{slug}");
        }
        let cleaned = broker
            .post_as("other", "/v1/docker/cleanup", &json!({"job_id": "a"}))
            .await;
        assert_eq!((cleaned.status, cleaned.body), (200, json!({"status": "ok"})));
        broker.host.until_running(1).await;
        let cleaned = broker.post("/v1/docker/cleanup", &json!({"job_id": "a"})).await;
        assert_eq!(cleaned.body, json!({"status": "ok"}));
    };
    let (answer, ()) = tokio::join!(own, watching);
    assert_eq!(
        (answer.status, &answer.body["error"]["code"]),
        (409, &json!("cancelled"))
    );
    broker.host.nothing_is_left();
}

#[tokio::test]
async fn what_no_job_may_have_is_refused_in_words_that_say_what() {
    let broker = Broker::start(Host::start().await).await;
    let escape = BASE64_STANDARD.encode(packed(|tar| file(tar, "../x", b"x")));
    let good = BASE64_STANDARD.encode(packed(|tar| file(tar, "x", b"x")));
    let with = |source_type: &str, source_name: &str, target: &str, archive: &str| json!([{"target": target, "source_type": source_type, "source_name": source_name, "archive_b64": archive}]);
    for (field, value, status, word) in [
        (
            "image",
            json!("docker.io/library/python:3.12"),
            400,
            "Docker image is not allowed",
        ),
        (
            "image",
            json!("test.local/jobs-evil/x:1"),
            400,
            "Docker image is not allowed",
        ),
        (
            "image",
            json!("test.local/bad image"),
            400,
            "unsafe Docker image reference",
        ),
        ("image_pull_policy", json!("Always"), 400, "image_pull_policy"),
        ("command", json!([]), 400, "command"),
        ("labels", json!({"platform.owner": "x"}), 400, "platform.owner"),
        ("timeout_seconds", json!(86_401), 400, "timeout_seconds"),
        ("timeout_seconds", json!(0), 400, "timeout_seconds"),
        ("timeout_seconds", json!(-1), 422, "-1"),
        ("job_id", json!(""), 422, "job_id"),
        ("job_id", json!("a".repeat(129)), 422, "128"),
        ("task_id", json!("a".repeat(257)), 422, "256"),
        ("limits", json!({"memory": "5g"}), 400, "memory"),
        ("limits", json!({"cpus": 64}), 400, "cpus"),
        ("limits", json!({"network": "host"}), 400, "network"),
        ("limits", json!({"gpu_count": 1}), 400, "GPUs are not given"),
        ("limits", json!({"gpu_count": 65}), 400, "gpu_count"),
        ("limits", json!({"gpus": "all"}), 422, "gpus"),
        ("env", json!({"NVIDIA_VISIBLE_DEVICES": "all"}), 400, "NVIDIA"),
        ("limits", json!({"network": "bridge"}), 400, "network"),
        ("limits", json!({"privileged": true}), 403, "privileged"),
        ("privileged", json!(true), 403, "privileged"),
        ("devices", json!(["/dev/sda"]), 422, "devices"),
        ("volumes", json!(["/:/host"]), 422, "volumes"),
        (
            "mounts",
            with("file", "/etc/hostname", "/in", &good),
            400,
            "source_type",
        ),
        ("mounts", with("file", "x", "/in", &good), 400, "source_type"),
        (
            "mounts",
            with("volume", "platform_other_sqlite", "/in", &good),
            400,
            "source_type",
        ),
        (
            "mounts",
            with("directory", "../../..", "/in", &good),
            400,
            "source_name",
        ),
        (
            "mounts",
            with("directory", "/var/run/docker.sock", "/in", &good),
            400,
            "source_name",
        ),
        ("mounts", with("directory", ".", "/proc", &good), 400, "target"),
        (
            "mounts",
            with("directory", ".", "/in/../etc", &good),
            400,
            "target",
        ),
        (
            "mounts",
            with("directory", ".", "/in", &escape),
            400,
            "unsafe mount archive",
        ),
        (
            "mounts",
            with("directory", ".", "/in", "no base64!"),
            400,
            "invalid mount archive",
        ),
    ] {
        let mut body = run("a", &["try", "nothing"]);
        body[field] = value.clone();
        let answer = broker.post("/v1/docker/run", &body).await;
        assert_eq!(answer.status, status, "{field}: {value}: {}", answer.body);
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains(word), "{field}: {value}: {detail}");
        assert_eq!(answer.body["error"]["message"], detail);
    }
    assert!(broker.host.jobs.list(None).await.unwrap().is_empty());
    broker.host.nothing_is_left();
}

#[tokio::test]
async fn who_has_asked_for_too_much_is_told_when_to_come_again() {
    let mut config = config();
    config.quotas.per_hour = 1;
    let broker = Broker::start(Host::start_with(config).await).await;
    assert_eq!(
        broker
            .post("/v1/docker/run", &run("a", &["try", "nothing"]))
            .await
            .status,
        200
    );
    let answer = broker
        .post("/v1/docker/run", &run("b", &["try", "nothing"]))
        .await;
    assert_eq!(
        (answer.status, &answer.body["error"]["code"]),
        (429, &json!("docker_quota_exceeded"))
    );
    let after = answer.head.split("retry-after: ").nth(1).unwrap();
    let after: u64 = after.split("\r\n").next().unwrap().parse().unwrap();
    assert!((3_500..=3_600).contains(&after));
    broker.host.nothing_is_left();
}
