//! Images, with a real registry: what is fetched, from whom, what is there without it, and what is refused.

use std::{fs, process::Command};

use platform_docker::{EngineError, Image, PullAs, PullProgress};
use platform_domain::{ImageRef, SecretValue};
use tempfile::TempDir;

use crate::{
    docker_registry::Registry,
    fixture::{IMAGE, ROOT_IMAGE, engine, image, program, shared, unique},
};

/// `ann`, as `htpasswd -B` writes it. The password has what the two alphabets of base64 write differently.
const HTPASSWD: &str = "ann:$2y$05$abcdefghijklmnopqrstuuhBal7J21r/576h3EAlwqZAbZn.vSxYS\n";
const PASSWORD: &str = "~~~???>>>|||";

/// Pushes the image there with Docker's own command line and has the engine forget it.
fn published(registry: &Registry) -> (ImageRef, String) {
    let name = format!("{}/{}:1", registry.address, unique("published"));
    let docker = |args: &[&str]| shared().docker(args);
    docker(&["tag", IMAGE, &name]);
    docker(&["push", "--quiet", &name]);
    let digests = docker(&["inspect", "--format", "{{join .RepoDigests \" \"}}", &name]);
    let repository = name.trim_end_matches(":1");
    let digest = digests
        .split(' ')
        .find(|digest| digest.starts_with(repository))
        .unwrap();
    docker(&["rmi", &name]);
    (name.parse().unwrap(), digest.to_owned())
}

#[tokio::test]
async fn an_image_says_who_it_runs_as_and_where_it_listens() {
    let Image {
        id,
        user,
        exposed_ports,
        volumes,
        platform,
        size,
        repo_digests,
    } = image(IMAGE).await;
    assert!(id.starts_with("sha256:") && size.0 > 500_000);
    assert_eq!(
        (user.as_str(), exposed_ports, volumes),
        ("1000:1000", vec!["8000/tcp".to_owned()], vec![])
    );
    assert_eq!(
        (platform.to_string().as_str(), repo_digests),
        ("linux/amd64", vec![])
    );
    assert_eq!(image(ROOT_IMAGE).await.user, "");
    assert_eq!(engine().image_by(&id).await.unwrap().user, "1000:1000");
}

#[tokio::test]
async fn an_image_is_fetched_once_and_is_there_when_its_registry_is_not() {
    let (engine, registry) = (engine(), Registry::start());
    let (tag, digest) = published(&registry);
    let digest: ImageRef = digest.parse().unwrap();
    let missing = engine.image(&tag).await.unwrap_err();
    assert!(matches!(missing, EngineError::ImageMissing(_)), "{missing:?}");
    let mut lines: Vec<PullProgress> = Vec::new();
    let by_digest = engine.pull(&digest, None, |line| lines.push(line)).await.unwrap();
    assert!(
        lines
            .iter()
            .any(|line| line.status.starts_with("Status: Downloaded")),
        "{lines:?}"
    );
    let by_tag = engine.pull(&tag, None, |_| {}).await.unwrap();
    assert_eq!(by_tag.id, by_digest.id);
    assert_eq!(
        by_tag
            .repo_digests
            .iter()
            .filter(|one| **one == digest.to_string())
            .count(),
        1
    );
    let none = format!("{}x", tag);
    let missing = engine
        .pull(&none.parse().unwrap(), None, |_| {})
        .await
        .unwrap_err();
    assert!(matches!(missing, EngineError::ImageMissing(_)), "{missing:?}");
    drop(registry);
    assert_eq!(engine.image(&tag).await.unwrap().id, by_tag.id);
    assert_eq!(engine.image(&digest).await.unwrap().id, by_tag.id);
    let error = engine.pull(&tag, None, |_| {}).await.unwrap_err();
    assert!(
        matches!(&error, EngineError::Engine { message, .. } if message.contains("refused")),
        "{error:?}"
    );
    engine.remove_image(&tag).await.unwrap();
    let error = engine.remove_image(&tag).await.unwrap_err();
    assert!(matches!(error, EngineError::ImageMissing(_)), "{error:?}");
    drop(engine.remove_image(&digest).await);
}

#[tokio::test]
async fn a_registry_that_wants_a_password_gets_it_and_a_wrong_one_is_refused() {
    let dir = TempDir::new().unwrap();
    let htpasswd = dir.path().join("htpasswd");
    fs::write(&htpasswd, HTPASSWD).unwrap();
    let auth = format!(
        "auth:\n  htpasswd:\n    realm: test\n    path: {}\n",
        htpasswd.display()
    );
    let registry = Registry::start_in(dir, &auth);
    let mut login = shared().cli(&[
        "login",
        "--username",
        "ann",
        "--password",
        PASSWORD,
        &registry.address,
    ]);
    assert!(login.output().unwrap().status.success());
    let (tag, _) = published(&registry);
    let engine = engine();
    let user = |password: &str| PullAs::User {
        name: "ann".to_owned(),
        password: SecretValue::new(password.as_bytes().to_vec()),
    };
    for credentials in [None, Some(user("wrong"))] {
        let error = engine.pull(&tag, credentials.as_ref(), |_| {}).await.unwrap_err();
        assert!(matches!(error, EngineError::ImageRefused(_)), "{error:?}");
    }
    let right = user(PASSWORD);
    assert!(!format!("{right:?}").contains(PASSWORD));
    engine.pull(&tag, Some(&right), |_| {}).await.unwrap();
    engine.remove_image(&tag).await.unwrap();
}

#[tokio::test]
async fn an_image_for_other_machines_is_refused_by_name() {
    // With the right platform in its place it is a good one, so the refusal is for the platform.
    let name = format!("test.local/{}:1", unique("other"));
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("image.tar");
    let path = file.display().to_string();
    shared().import(program(), &[], &name);
    shared().docker(&["save", "--output", &path, &name]);
    shared().docker(&["rmi", &name]);
    let script = format!(
        "cd {0} && mkdir x && tar -xf image.tar -C x && cd x && sed -i 's/amd64/arm64/' *.json && tar -cf ../other.tar .",
        dir.path().display()
    );
    assert!(
        Command::new("sh")
            .args(["-c", &script])
            .status()
            .unwrap()
            .success()
    );
    shared().docker(&[
        "load",
        "--input",
        &dir.path().join("other.tar").display().to_string(),
    ]);
    let error = engine().image(&name.parse().unwrap()).await.unwrap_err();
    let EngineError::WrongArchitecture { image, engine } = &error else {
        panic!("{error:?}")
    };
    assert_eq!((image.as_str(), engine.as_str()), ("linux/arm64", "linux/amd64"));
    shared().docker(&["rmi", &name]);
}

#[tokio::test]
async fn what_cannot_be_a_reference_reaches_no_engine() {
    for bad in ["", "../containers/json", "a b", "a?b", "a#b", "ä"] {
        let error = engine().image_by(bad).await.unwrap_err();
        assert!(matches!(error, EngineError::ImageMissing(_)), "{bad}: {error:?}");
    }
}
