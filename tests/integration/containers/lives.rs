//! What an operator does with a challenge in a container, and what miners see of it.

use std::time::UNIX_EPOCH;

use platform_admin_types::{LogQuery, PatchChallenge, RotateToken, UpdateChallenge};
use platform_domain::{Digest, Netuid, Slug, Status, UnixSeconds};
use platform_keys::{Keypair, Nonce, Scheme, SignedRequest};
use platform_tests::{TestHost, client};
use serde_json::{Value, json};

use super::{
    said::platform,
    scene::{OTHER_IMAGE, challenge, container, engine, get, host, on_engine, running, seen},
};

#[tokio::test]
async fn a_container_is_registered_asked_found_again_and_stopped_and_keeps_what_it_keeps() {
    let mut host = host().await;
    let slug: Slug = "lives".parse().unwrap();
    let created = host
        .admin
        .challenge_create(&challenge("lives", json!({})))
        .await
        .unwrap();
    let first = running(&host, "lives").await;
    assert!(first.server.is_none() && first.allowed.is_empty());
    assert_eq!(get(&host, "lives", "/gpus").await.0, 200);
    for path in ["/health", "/version", "/internal/v1/get_weights"] {
        assert_eq!(get(&host, "lives", path).await.0, 403, "{path}");
    }
    // The token that was shown once is the container's, who asks for weights has to know it.
    let asked = client()
        .get(format!("{}/internal/v1/get_weights", first.address))
        .header("x-platform-challenge-slug", "lives");
    let stranger = asked
        .try_clone()
        .unwrap()
        .bearer_auth("plt_somebody_elses")
        .send()
        .await
        .unwrap();
    assert_eq!(stranger.status(), 401);
    let known = asked
        .bearer_auth(created.challenge_token.reveal())
        .send()
        .await
        .unwrap();
    assert_eq!(known.status(), 200);
    let work = async |host: &TestHost| {
        let answer = post_signed(host, &slug, "/work").await;
        let (_, count) = answer.rsplit_once(':').unwrap();
        count.trim_end_matches('}').parse::<u32>().unwrap()
    };
    assert_eq!(work(&host).await, 1);
    host.restart().await;
    let again = running(&host, "lives").await;
    assert_eq!(again.id, first.id, "a host that restarts restarts no container");
    host.admin.challenge_deactivate(&slug).await.unwrap();
    let gone = async {
        while !on_engine("lives").is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(super::scene::LONG, gone).await.unwrap();
    host.admin.challenge_activate(&slug).await.unwrap();
    let second = running(&host, "lives").await;
    assert_ne!(second.id, first.id);
    assert_eq!(work(&host).await, 2, "what it keeps is there again");
    host.admin.challenge_deactivate(&slug).await.unwrap();
    host.admin.challenge_delete(&slug).await.unwrap();
}

/// What a miner is answered to a signed request.
async fn post_signed(host: &TestHost, slug: &Slug, path: &str) -> String {
    let (key, target) = (Keypair::from_seed([7; 32]), format!("/challenges/{slug}{path}"));
    let signed = SignedRequest {
        scheme: Scheme::Second,
        netuid: Netuid(0),
        slug,
        method: "POST",
        target: &target,
        hotkey: key.hotkey(),
        nonce: &Nonce::generate().unwrap(),
        timestamp: UnixSeconds(UNIX_EPOCH.elapsed().unwrap().as_secs()),
        body: Digest::of(b""),
    };
    let mut request = client().post(host.url(slug.as_str(), path));
    for (name, value) in signed.headers(&key) {
        request = request.header(name, value);
    }
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.text().await.unwrap()
}

#[tokio::test]
async fn what_is_changed_of_a_container_is_what_runs_then() {
    let host = host().await;
    let slug: Slug = "changes".parse().unwrap();
    host.admin
        .challenge_create(&challenge(
            "changes",
            json!({"env": {"SAYS": "hello from inside"}}),
        ))
        .await
        .unwrap();
    let mut before = running(&host, "changes").await.id;
    let patches = [
        json!({"env": {"A": "b"}}),
        json!({"resources": {"memory": "128MiB", "cpu": "0.5", "pids": "64", "shm": "16MiB"}}),
        json!({"loosened": ["exec-tmp"]}),
        json!({"volumes": {"models": "/models"}}),
        json!({"data": "none", "volumes": {}}),
    ];
    for patch in patches {
        let told = patch.to_string();
        let patch: PatchChallenge = serde_json::from_value(patch).unwrap();
        host.admin.challenge_patch(&slug, &patch).await.unwrap();
        let view = seen(&host, "changes", |view| {
            container(view).is_some_and(|it| it.id != before)
        })
        .await;
        before = container(&view).unwrap().id.clone();
        assert_eq!(on_engine("changes"), [before.clone()], "{told}");
    }
    let inspected = |format: &str| engine().docker(&["inspect", "--format", format, &before]);
    assert_eq!(
        inspected("{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}}"),
        "134217728 500000000"
    );
    assert_eq!(
        inspected("{{.HostConfig.PidsLimit}} {{.HostConfig.ShmSize}}"),
        "64 16777216"
    );
    let update: UpdateChallenge = serde_json::from_value(json!({"component": OTHER_IMAGE})).unwrap();
    host.admin.challenge_update(&slug, &update).await.unwrap();
    let view = seen(&host, "changes", |view| {
        container(view).is_some_and(|it| it.id != before)
    })
    .await;
    assert!(view.image.unwrap().to_string().starts_with(OTHER_IMAGE));
    // What miners see does not care.
    assert_eq!(get(&host, "changes", "/gpus").await.0, 200);
    let patch = PatchChallenge {
        status: Some(Status::Inactive),
        ..PatchChallenge::default()
    };
    host.admin.challenge_patch(&slug, &patch).await.unwrap();
}

#[tokio::test]
async fn secrets_of_a_container_are_files_and_what_it_must_have_is_asked_for() {
    let host = host().await;
    let slug: Slug = "secrets".parse().unwrap();
    let new = challenge("secrets", json!({"secrets": ["api_key"], "status": "draft"}));
    host.admin.challenge_create(&new).await.unwrap();
    let view = host.admin.challenge_get(&slug).await.unwrap();
    assert_eq!(view.secrets_missing.len(), 1);
    host.admin.challenge_activate(&slug).await.unwrap();
    seen(&host, "secrets", |view| {
        format!("{:?}", view.observed).contains("was not given the secret api_key")
    })
    .await;
    let set = serde_json::from_value(json!({"value_base64": "aHVudGVyMg=="})).unwrap();
    host.admin
        .secret_set(&slug, &"api_key".parse().unwrap(), &set)
        .await
        .unwrap();
    let id = running(&host, "secrets").await.id;
    let env = engine().docker(&["inspect", "--format", "{{.Config.Env}}", &id]);
    assert!(
        env.contains("API_KEY_FILE=/run/secrets/platform/api_key"),
        "{env}"
    );
    assert!(!engine().docker(&["inspect", &id]).contains("hunter2"));
    let kept = engine().docker(&["cp", &format!("{id}:/run/secrets/platform/api_key"), "-"]);
    assert!(kept.contains("hunter2"));
    host.admin.challenge_deactivate(&slug).await.unwrap();
}

#[tokio::test]
async fn what_a_container_writes_is_in_the_challenges_log() {
    let host = host().await;
    let slug: Slug = "wordy".parse().unwrap();
    let new = challenge("wordy", json!({"env": {"MISBEHAVE": "exit"}}));
    let refused = host.admin.challenge_create(&new).await.unwrap();
    assert_eq!(refused.challenge.slug, slug);
    seen(&host, "wordy", |view| {
        format!("{:?}", view.observed).contains("I do not want to")
    })
    .await;
    let patch: PatchChallenge = serde_json::from_value(json!({"env": {}})).unwrap();
    host.admin.challenge_patch(&slug, &patch).await.unwrap();
    running(&host, "wordy").await;
    let log = async || {
        host.admin
            .challenge_logs(&slug, LogQuery::default())
            .await
            .unwrap()
    };
    while !format!("{:?}", log().await).contains("listening at 8000") {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    host.admin.challenge_deactivate(&slug).await.unwrap();
}

#[tokio::test]
async fn a_token_is_rotated_and_the_container_has_the_new_one() {
    let host = host().await;
    let slug: Slug = "rotates".parse().unwrap();
    let created = host
        .admin
        .challenge_create(&challenge("rotates", json!({})))
        .await
        .unwrap();
    let before = running(&host, "rotates").await;
    let (content, said, _) = platform(&host, &["--json", "challenge", "token", "rotate", "rotates"]).await;
    assert!(content, "{said}");
    let rotated: Value = serde_json::from_str(&said).unwrap();
    let (new, old) = (
        rotated["challenge_token"].as_str().unwrap(),
        created.challenge_token.reveal(),
    );
    assert_ne!(new, old);
    let view = seen(&host, "rotates", |view| {
        container(view).is_some_and(|it| it.id != before.id)
    })
    .await;
    let address = &container(&view).unwrap().address;
    for (token, status) in [(new, 200), (old, 401)] {
        let asked = client()
            .get(format!("{address}/internal/v1/get_weights"))
            .header("x-platform-challenge-slug", "rotates")
            .bearer_auth(token);
        assert_eq!(asked.send().await.unwrap().status(), status);
    }
    let long = RotateToken {
        overlap_seconds: 604_801,
    };
    let refused = host.admin.challenge_rotate_token(&slug, long).await.unwrap_err();
    assert!(
        refused.to_string().contains("at most 604800 seconds"),
        "{refused}"
    );
    host.admin.challenge_deactivate(&slug).await.unwrap();
}
