//! What goes wrong with containers, images and engines, and what the operator reads of it.

use platform_admin_types::Observed;
use platform_domain::Slug;
use platform_tests::{TestHost, new_challenge};
use serde_json::json;

use super::scene::{IMAGE, challenge, container, engine, get, host, import, on_engine, running, seen};
use crate::docker_engine::{Filter, TestEngine};

#[tokio::test]
async fn a_container_that_somebody_removes_or_kills_comes_back() {
    let host = host().await;
    let slug: Slug = "removed".parse().unwrap();
    host.admin
        .challenge_create(&challenge("removed", json!({})))
        .await
        .unwrap();
    for command in ["rm", "kill"] {
        let before = running(&host, "removed").await.id;
        let args: &[&str] = if command == "rm" {
            &["rm", "--force"]
        } else {
            &["kill"]
        };
        engine().docker(&[args, &[&before]].concat());
        seen(&host, "removed", |view| {
            container(view).is_some_and(|it| it.id != before)
        })
        .await;
        assert_eq!(get(&host, "removed", "/gpus").await.0, 200);
        assert_eq!(on_engine("removed").len(), 1);
    }
    host.admin.challenge_deactivate(&slug).await.unwrap();
}

#[tokio::test]
async fn a_container_that_is_no_challenge_is_shown_with_its_reason_and_nothing_of_it_is_left() {
    let host = host().await;
    for (at, (env, version, reason)) in [
        ("exit", "1.0.0", "ended with code 3"),
        ("other-slug", "1.0.0", "its /health says it is"),
        ("", "9.9.9", "and 9.9.9 is registered"),
    ]
    .into_iter()
    .enumerate()
    {
        let slug = format!("bad-{at}");
        let new = challenge(&slug, json!({"env": {"MISBEHAVE": env}, "version": version}));
        host.admin.challenge_create(&new).await.unwrap();
        let view = seen(&host, &slug, |view| {
            matches!(view.observed, Observed::Failed { .. })
        })
        .await;
        assert!(
            format!("{:?}", view.observed).contains(reason),
            "{:?}",
            view.observed
        );
        let (status, body) = get(&host, &slug, "/gpus").await;
        assert!(status == 502 && !body.contains("code 3"), "{status} {body}");
        host.admin
            .challenge_deactivate(&slug.parse().unwrap())
            .await
            .unwrap();
        assert!(on_engine(&slug).is_empty(), "{slug}");
    }
}

#[tokio::test]
async fn what_cannot_run_is_refused_before_it_is_registered() {
    let host = host().await;
    let table = [
        (json!({"image": "test.invalid/nobody-has-this:1"}), "no such host"),
        (json!({"resources": {"memory": "1MiB"}}), "memory is between"),
        (json!({"resources": {"disk": "1GiB"}}), "applies to components"),
        (json!({"resources": {"gpu_count": "1"}}), "no GPU server"),
        (json!({"volumes": {"data": "/data"}}), "/data is there already"),
        (json!({"volumes": {"x": "/proc/x"}}), "/proc"),
        (json!({"grants": ["kv"]}), "a container imports nothing"),
        (
            json!({"serving": {"address": "http://127.0.0.1:1"}, "loosened": ["egress"]}),
            "somebody else runs this container",
        ),
    ];
    for (fields, reason) in table {
        let refused = host
            .admin
            .challenge_create(&challenge("refused", fields.clone()))
            .await;
        let error = refused.unwrap_err().to_string();
        assert!(error.contains(reason), "{fields}: {error}");
        assert!(host.admin.challenge_list().await.unwrap().challenges.is_empty());
    }
    assert!(on_engine("refused").is_empty());
}

#[tokio::test]
async fn a_host_without_an_engine_says_so_and_keeps_a_draft() {
    let host = TestHost::start().await;
    let refused = host
        .admin
        .challenge_create(&challenge("no-engine", json!({})))
        .await;
    let error = refused.unwrap_err().to_string();
    assert!(
        error.contains("this host has no engine for containers"),
        "{error}"
    );
    let draft = challenge("no-engine", json!({"status": "draft"}));
    host.admin.challenge_create(&draft).await.unwrap();
    assert!(
        host.admin
            .challenge_activate(&"no-engine".parse().unwrap())
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_component_gives_way_to_its_image_while_it_needs_gpus_and_comes_back() {
    let host = host().await;
    let slug: Slug = "gives-way".parse().unwrap();
    // One that has no GPU, and says so.
    let without = TestEngine::start_with(Filter::None, &[]);
    import(&without);
    let server = json!({"id": "here", "endpoint": without.endpoint, "gpus": "a100:1"});
    host.admin
        .gpu_server_create(&serde_json::from_value(server).unwrap())
        .await
        .unwrap();
    let mut new = new_challenge("gives-way", "hello", "0", &[]);
    new.fallback_image = Some(IMAGE.parse().unwrap());
    let created = host.admin.challenge_create(&new).await.unwrap();
    host.running("gives-way").await;
    assert_eq!(get(&host, "gives-way", "/hello").await.0, 200);
    let resources = async |resources: serde_json::Value| {
        let patch = serde_json::from_value(json!({ "resources": resources })).unwrap();
        host.admin.challenge_patch(&slug, &patch).await
    };
    let refused = resources(json!({"gpu_count": "2"})).await.unwrap_err();
    assert!(
        refused.to_string().contains("gpu_capacity_insufficient"),
        "{refused}"
    );
    // As far as a machine without any goes: the engine's own refusal, in clear words.
    resources(json!({"gpu_count": "1"})).await.unwrap();
    let failed = seen(&host, "gives-way", |view| {
        matches!(view.observed, Observed::Failed { .. })
    })
    .await;
    assert!(
        format!("{:?}", failed.observed).contains("the engine has no such GPU"),
        "{:?}",
        failed.observed
    );
    assert_eq!(get(&host, "gives-way", "/hello").await.0, 502);
    assert_eq!(without.docker(&["ps", "--all", "--quiet"]), "");
    resources(json!({})).await.unwrap();
    let view = seen(&host, "gives-way", |view| {
        matches!(view.observed, Observed::Running { .. })
    })
    .await;
    assert!(container(&view).is_none());
    assert_eq!(view.token_hint, created.challenge.token_hint);
    assert_eq!(get(&host, "gives-way", "/hello").await.0, 200);
    let shown = host.admin.gpu_server_get(&"here".parse().unwrap()).await.unwrap();
    assert!(!format!("{shown:?}").contains("gives-way"), "{shown:?}");
}
