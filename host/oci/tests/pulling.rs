//! Components for somebody who has no store, and the question that comes before a download.

use std::fs;

use platform_domain::{ComponentRef, Digest};
use platform_oci::{ContentStore, OciError, Registries};
use serde_json::json;
use tempfile::TempDir;

use crate::{
    given::*,
    server::{Answer, Server},
};

fn refuse_logging(imports: &[String], _: &[String]) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    match imports.iter().find(|name| name.starts_with("wasi:logging")) {
        Some(name) => Err(format!("{name} is not offered").into()),
        None => Ok(()),
    }
}

#[tokio::test]
async fn an_artifact_is_copied_as_it_is_and_a_component_alone() {
    let dir = TempDir::new().unwrap();
    let layout = dir.path().join("from");
    let published = published(&layout, ":1").await;
    let pulled = pull(&in_layout(&layout, ":1"), None).await.unwrap();
    assert_eq!(
        (pulled.manifest, pulled.component),
        (Some(published.manifest), published.component)
    );

    let file = dir.path().join("echo.wasm");
    pulled
        .write(&ComponentRef::File(file.clone()), false)
        .await
        .unwrap();
    assert_eq!(fs::read(&file).unwrap(), COMPONENT);
    for to in [
        in_layout(&dir.path().join("to"), ":2"),
        reference(format!("oci-archive:{}:2", dir.path().join("to.tar").display())),
    ] {
        for _ in 0..2 {
            pulled.write(&to, false).await.unwrap();
        }
        let copy = pull(&to, None).await.unwrap();
        assert_eq!(
            (copy.manifest, copy.bytes.as_ref()),
            (pulled.manifest, COMPONENT),
            "{to}"
        );
    }
    let bare = pull(&ComponentRef::File(file), None).await.unwrap();
    let error = bare.write(&in_layout(&layout, ":3"), true).await.unwrap_err();
    assert!(matches!(error, OciError::NoArtifact), "{error}");
}

#[tokio::test]
async fn what_is_there_is_replaced_only_by_force() {
    let dir = TempDir::new().unwrap();
    let layout = dir.path().join("from");
    published(&layout, "").await;
    let to_layout = in_layout(&dir.path().join("to"), ":x");
    let to_archive = reference(format!("oci-archive:{}:x", dir.path().join("to.tar").display()));
    let to_file = ComponentRef::File(dir.path().join("to.wasm"));
    for to in [&to_layout, &to_archive] {
        publish(b"another", &about(), to).await.unwrap();
    }
    fs::write(
        dir.path().join("to.wasm"),
        "years of work, and longer than a component",
    )
    .unwrap();
    let pulled = pull(&in_layout(&layout, ""), None).await.unwrap();
    for to in [&to_layout, &to_archive, &to_file] {
        let before = pull(to, None).await.unwrap().component;
        let error = pulled.write(to, false).await.unwrap_err();
        assert!(matches!(error, OciError::Exists { .. }), "{to}: {error}");
        assert_eq!(pull(to, None).await.unwrap().component, before, "{to}");
        pulled.write(to, true).await.unwrap();
        assert_eq!(
            pull(to, None).await.unwrap().component,
            Digest::of(COMPONENT),
            "{to}"
        );
    }
}

#[tokio::test]
async fn a_component_that_its_config_shows_to_be_unfit_is_not_downloaded() {
    let configs = [
        (
            json!(["wasi:logging/logging@0.1.0"]),
            "wasip2",
            Some("wasi:logging/logging@0.1.0 is not offered"),
        ),
        (json!([]), "wasip1", Some("wasip1")),
        (json!([]), "linux", Some("linux")),
        (json!(["wasi:io/poll@0.2.6"]), "wasip2", None),
    ];
    for (imports, os, refused) in configs {
        let mut config = config_of(COMPONENT);
        config["component"]["imports"] = imports;
        config["os"] = json!(os);
        let config = config.to_string().into_bytes();
        let (mut manifest, _) = artifact_of(COMPONENT);
        manifest["config"] = descriptor(platform_oci::CONFIG_TYPE, &config);
        let server = Server::start(move |path, _| {
            let body = match path {
                path if path.ends_with("/1") => manifest.to_string().into_bytes(),
                path if path.ends_with(&Digest::of(&config).hex()) => config.clone(),
                _ => COMPONENT.to_vec(),
            };
            Answer::Plain("200 OK", String::new(), body)
        });
        let dir = TempDir::new().unwrap();
        let store = ContentStore::open(dir.path()).unwrap().with_judge(refuse_logging);
        let fetched = store
            .fetch(&server.reference())
            .await
            .map(|fetched| fetched.bytes);
        let pulled = pull(&server.reference(), Some(refuse_logging))
            .await
            .map(|pulled| pulled.bytes);
        for outcome in [fetched, pulled] {
            match refused {
                Some(word) => {
                    let said = chain(&outcome.unwrap_err());
                    assert!(said.contains(word), "{said}");
                }
                None => assert_eq!(outcome.unwrap(), COMPONENT),
            }
        }
        let component = Digest::of(COMPONENT).hex();
        let downloads = server
            .requests()
            .iter()
            .filter(|path| path.ends_with(&component))
            .count();
        assert_eq!(downloads, if refused.is_some() { 0 } else { 2 });
    }
}

#[tokio::test]
async fn the_digest_of_an_image_is_that_of_what_its_tag_leads_to_and_nothing_else_is_asked_for() {
    let index = r#"{"schemaVersion":2,"manifests":[{"mediaType":"x","digest":"sha256:none","size":1}]}"#;
    let server = Server::start(move |path, _| match path {
        "/v2/team/tours/manifests/1" => Answer::Plain("200 OK", String::new(), index.into()),
        _ => Answer::Plain("404 Not Found", String::new(), Vec::new()),
    });
    let image = |tag: &str| format!("{}/team/tours{tag}", server.address).parse().unwrap();
    let found = Registries::default().image_digest(&image(":1")).await.unwrap();
    assert_eq!(found, Digest::of(index.as_bytes()));
    assert_eq!(server.requests(), ["/v2/team/tours/manifests/1"]);
    // Without a tag it is `latest`, which there is not.
    let missing = Registries::default().image_digest(&image("")).await.unwrap_err();
    assert!(matches!(missing, OciError::NotFound { .. }), "{missing:?}");
}
