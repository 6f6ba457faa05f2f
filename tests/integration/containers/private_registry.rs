//! An image that its registry gives only to whom it knows, and a registry that is gone afterwards.

use std::fs;

use platform_domain::Slug;
use platform_tests::TestHost;
use serde_json::json;
use tempfile::TempDir;

use super::scene::{IMAGE, challenge, container, engine, get, gone, host, running, seen};
use crate::docker_registry::Registry;

/// `ann`, as `htpasswd -B` writes it.
const HTPASSWD: &str = "ann:$2y$05$abcdefghijklmnopqrstuuhBal7J21r/576h3EAlwqZAbZn.vSxYS\n";
const PASSWORD: &str = "~~~???>>>|||";

fn registry() -> Registry {
    let dir = TempDir::new().unwrap();
    let htpasswd = dir.path().join("htpasswd");
    fs::write(&htpasswd, HTPASSWD).unwrap();
    let file = htpasswd.display();
    Registry::start_in(
        dir,
        &format!("auth:\n  htpasswd:\n    realm: test\n    path: {file}\n"),
    )
}

/// A host that comes as `ann`, with what is in its file `password`.
async fn host_of_ann(registry: &Registry) -> TestHost {
    let mut host = host().await;
    let file = host.scratch().join("password");
    let settings = json!({ "username": "ann", "password_file": file });
    host.configure(|config| {
        let settings = serde_json::from_value(settings).unwrap();
        config.registries.insert(registry.address.clone(), settings);
    });
    host.restart().await;
    host
}

#[tokio::test]
async fn an_image_of_a_private_registry_is_fetched_as_the_configured_user_and_runs_without_it_afterwards() {
    let registry = registry();
    let name = format!("{}/team/tours:1", registry.address);
    let docker = |args: &[&str]| engine().docker(args);
    docker(&[
        "login",
        "--username",
        "ann",
        "--password",
        PASSWORD,
        &registry.address,
    ]);
    docker(&["tag", IMAGE, &name]);
    docker(&["push", "--quiet", &name]);
    docker(&["rmi", &name]);
    docker(&["logout", &registry.address]);

    let slug: Slug = "private".parse().unwrap();
    let mut host = host_of_ann(&registry).await;
    let password = host.scratch().join("password");
    let new = challenge("private", json!({ "image": name }));
    for wrong in ["wrong-password", ""] {
        fs::write(&password, wrong).unwrap();
        let refused = host.admin.challenge_create(&new).await.unwrap_err().to_string();
        assert!(
            refused.contains("the registry does not give the image"),
            "{refused}"
        );
        assert!(!refused.contains("wrong-password"), "{refused}");
    }
    // Which needs no restart.
    fs::write(&password, PASSWORD).unwrap();
    let created = host.admin.challenge_create(&new).await.unwrap().challenge;
    let image = created.image.unwrap().to_string();
    assert!(image.starts_with(&format!("{name}@sha256:")), "{image}");
    let first = running(&host, "private").await;

    drop(registry);
    fs::write(&password, "wrong-password").unwrap();
    host.restart().await;
    assert_eq!(running(&host, "private").await.id, first.id);
    docker(&["rm", "--force", &first.id]);
    seen(&host, "private", |view| {
        container(view).is_some_and(|it| it.id != first.id)
    })
    .await;
    assert_eq!(get(&host, "private", "/gpus").await.0, 200);
    host.admin.challenge_deactivate(&slug).await.unwrap();
    gone(engine(), "private").await;
    host.admin.challenge_activate(&slug).await.unwrap();
    running(&host, "private").await;
    host.admin.challenge_deactivate(&slug).await.unwrap();
    gone(engine(), "private").await;

    // And when the engine has forgotten it, that is the reason.
    docker(&["rmi", &name]);
    let refused = host
        .admin
        .challenge_activate(&slug)
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("connection refused"), "{refused}");
    host.admin.challenge_delete(&slug).await.unwrap();
}
