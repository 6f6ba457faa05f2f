//! Who signed a component, whom an operator trusts, and tags that move: through a real registry and the program.

use std::{path::PathBuf, process::Command};

use platform_admin_types::{ChallengeView, ClientError, CreateChallenge, PatchChallenge, UpdateChallenge};
use platform_domain::{KeyName, Slug, Status, TrustPolicy};
use platform_tests::{TestHost, client, guest, new_challenge, platform};
use serde_json::Value;

use crate::docker_registry::Registry;

const PASSWORD: &str = "correct horse";

/// An operator with a registry, a host, and keys on the disk.
struct Scene {
    registry: Option<Registry>,
    at: String,
    host: TestHost,
}

impl Scene {
    /// With the keys of alice and bob, which the host knows, and of eve.
    async fn start(policy: &str) -> Self {
        let registry = Registry::start();
        let mut host = TestHost::start().await;
        let at = format!("{}/team", registry.address);
        for name in ["alice", "bob", "eve"] {
            let kind = if name == "bob" { "ed25519" } else { "ecdsa-p256" };
            let path = host.scratch().join(name).display().to_string();
            run(&["key", "generate", &path, "--kind", kind]).unwrap();
        }
        let policy = policy.parse().unwrap();
        let dir = host.scratch();
        host.configure(|config| {
            config.trust.policy = policy;
            for name in ["alice", "bob"] {
                let file = dir.join(format!("{name}.pub"));
                config.trust.keys.insert(name.parse().unwrap(), file);
            }
        });
        host.restart().await;
        Self {
            registry: Some(registry),
            at,
            host,
        }
    }

    fn key(&self, name: &str) -> String {
        self.host.scratch().join(name).display().to_string()
    }

    fn reference(&self, name: &str) -> String {
        format!("{}/{name}", self.at)
    }

    /// Publishes a guest, signed if there is somebody to sign it.
    fn publish(&self, guest_name: &str, name: &str, signer: Option<&str>) -> Value {
        let (component, reference) = (guest(guest_name).display().to_string(), self.reference(name));
        let mut args = vec!["publish", &component, &reference];
        let key = signer.map(|signer| self.key(&format!("{signer}.key")));
        args.extend(key.iter().flat_map(|key| ["--sign", key.as_str()]));
        run(&args).unwrap()
    }

    async fn create(
        &self,
        slug: &str,
        reference: &str,
        trust: Option<&str>,
    ) -> Result<ChallengeView, ClientError> {
        let new = CreateChallenge {
            component: Some(reference.parse().unwrap()),
            trust: trust.map(|policy| policy.parse().unwrap()),
            ..new_challenge(slug, "echo", "0", &[])
        };
        let created = self.host.admin.challenge_create(&new).await?;
        Ok(created.challenge)
    }

    async fn update(&self, of: &str, reference: &str) -> Result<ChallengeView, ClientError> {
        let update = UpdateChallenge {
            component: reference.parse().unwrap(),
            grant: Default::default(),
            version: None,
            by: None,
        };
        self.host.admin.challenge_update(&slug(of), &update).await
    }

    async fn show(&self, of: &str) -> ChallengeView {
        self.host.admin.challenge_get(&slug(of)).await.unwrap()
    }

    async fn want(&self, of: &str, policy: Option<&str>) -> Result<ChallengeView, ClientError> {
        let trust = policy.map(|policy| policy.parse().unwrap());
        let patch = PatchChallenge {
            trust: Some(trust),
            ..PatchChallenge::default()
        };
        self.host.admin.challenge_patch(&slug(of), &patch).await
    }

    /// The status of a miner's request.
    async fn ask(&self, of: &str) -> u16 {
        let url = self.host.url(of, "/");
        client().get(url).send().await.unwrap().status().as_u16()
    }
}

fn slug(text: &str) -> Slug {
    text.parse().unwrap()
}

fn run(args: &[&str]) -> Result<Value, String> {
    let mut command = Command::new(platform());
    let output = command
        .arg("--json")
        .args(args)
        .env("PLATFORM_KEY_PASSWORD", PASSWORD)
        .output();
    let output = output.unwrap();
    if output.status.success() {
        return Ok(serde_json::from_slice(&output.stdout).unwrap());
    }
    Err(String::from_utf8(output.stderr).unwrap())
}

fn signed_by(view: &ChallengeView) -> Vec<&str> {
    let trust = view.trust.as_ref().unwrap();
    trust.signed_by.iter().map(KeyName::as_str).collect()
}

fn refused(result: Result<ChallengeView, ClientError>, code: &str, text: &str) {
    match result {
        Err(error @ ClientError::Refused { .. }) => {
            let shown = format!("{error:?}");
            assert!(
                shown.contains(&format!("{code:?}")) && shown.contains(text),
                "{shown}"
            );
        }
        other => panic!("{other:?}"),
    }
}

/// It does not run, for this reason, and its miners are told nothing of it.
async fn is_stopped(scene: &Scene, of: &str, reason: &str) {
    let view = scene.show(of).await;
    let seen = format!("{:?}", view.observed);
    assert!(seen.contains("Failed") && seen.contains(reason), "{seen}");
    assert_eq!(
        view.status,
        Status::Active,
        "it starts again when it shows what is wanted"
    );
    assert_eq!(scene.ask(of).await, 502);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_a_trusted_key_signed_runs() {
    let scene = Scene::start("signed-by(alice)").await;
    scene.publish("echo", "echo:1", Some("alice"));
    let view = scene
        .create("echo", &scene.reference("echo:1"), None)
        .await
        .unwrap();
    assert_eq!(signed_by(&view), ["alice"]);
    let trust = view.trust.unwrap();
    assert_eq!(
        (trust.policy.to_string().as_str(), trust.is_default),
        ("signed-by(alice)", true)
    );
    assert_eq!(scene.ask("echo").await, 200);

    // Nobody, somebody else, and a file beside which nothing can be.
    let other = scene.reference("other:1");
    scene.publish("routes-only", "other:1", None);
    refused(
        scene.create("other", &other, None).await,
        "not_trusted",
        "not signed by alice",
    );
    run(&["sign", &other, "--key", &scene.key("eve.key")]).unwrap();
    refused(
        scene.create("other", &other, None).await,
        "not_trusted",
        "known keys: none",
    );
    let file = format!("file:{}", guest("echo").display());
    refused(
        scene.create("file", &file, None).await,
        "not_trusted",
        "not signed by alice",
    );
    refused(
        scene.update("echo", &other).await,
        "not_trusted",
        "not signed by alice",
    );
    assert_eq!(scene.ask("echo").await, 200);

    run(&["sign", &other, "--key", &scene.key("alice.key")]).unwrap();
    let view = scene.create("other", &other, None).await.unwrap();
    assert_eq!(signed_by(&view), ["alice"]);
    // By its digest it is there already, and its signature is asked for all the same.
    let published = scene.publish("relay", "relay:1", None);
    let pinned = format!(
        "{}@{}",
        scene.reference("relay"),
        published["manifest_digest"].as_str().unwrap()
    );
    for _ in 0..2 {
        refused(
            scene.create("relay", &pinned, None).await,
            "not_trusted",
            "not signed by alice",
        );
    }
    run(&["sign", &pinned, "--key", &scene.key("alice.key")]).unwrap();
    scene.create("relay", &pinned, None).await.unwrap();
    // Of one challenge something else may be wanted.
    scene.create("file", &file, Some("none")).await.unwrap();
    refused(
        scene.create("zed", &other, Some("signed-by(zed)")).await,
        "invalid_field",
        "no key zed",
    );
    let patched = scene.want("echo", Some("signed-by(zed)")).await;
    refused(patched, "invalid_field", "no key zed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_longer_shows_what_is_wanted_is_stopped_and_comes_back_when_it_does() {
    let mut scene = Scene::start("none").await;
    let (echo, other) = (scene.reference("echo:1"), scene.reference("other:1"));
    scene.publish("echo", "echo:1", Some("alice"));
    scene.publish("routes-only", "other:1", Some("bob"));
    for (slug, reference) in [("echo", &echo), ("other", &other)] {
        scene.create(slug, reference, None).await.unwrap();
        assert_eq!(scene.ask(slug).await, 200);
    }
    scene.want("echo", Some("signed-by(bob)")).await.unwrap();
    is_stopped(&scene, "echo", "not signed by bob (signed by known keys: alice)").await;
    // Its operator may not make it look better than it is.
    scene
        .host
        .admin
        .challenge_deactivate(&slug("echo"))
        .await
        .unwrap();
    let activated = scene.host.admin.challenge_activate(&slug("echo")).await;
    refused(activated, "not_trusted", "not signed by bob");
    scene.want("echo", None).await.unwrap();
    scene.host.admin.challenge_activate(&slug("echo")).await.unwrap();
    scene.want("echo", Some("signed-by(bob)")).await.unwrap();
    is_stopped(&scene, "echo", "not signed by bob").await;

    run(&["sign", &echo, "--key", &scene.key("bob.key")]).unwrap();
    let view = scene.update("echo", &echo).await.unwrap();
    assert_eq!(signed_by(&view), ["alice", "bob"]);
    assert_eq!(scene.ask("echo").await, 200);
    scene.want("echo", None).await.unwrap();

    // The host decides by what it has, while no registry is there.
    drop(scene.registry.take());
    scene
        .host
        .configure(|config| config.trust.policy = "signed-by(alice)".parse().unwrap());
    scene.host.restart().await;
    scene.host.running("echo").await;
    assert_eq!(scene.ask("echo").await, 200);
    is_stopped(&scene, "other", "not signed by alice (signed by known keys: bob)").await;
    // A key that is lost is taken from the file.
    scene.host.configure(|config| {
        config.trust.policy = TrustPolicy::Any;
        config.trust.keys.clear();
    });
    scene.host.restart().await;
    scene.host.running("other").await;
    refused(
        scene.want("other", Some("signed-by(bob)")).await,
        "invalid_field",
        "no key bob",
    );
    assert!(signed_by(&scene.show("other").await).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_references_are_pinned_a_tag_is_not_enough() {
    let scene = Scene::start("pinned").await;
    let published = scene.publish("echo", "echo:1", None);
    let digest = published["manifest_digest"].as_str().unwrap();
    let tag = scene.reference("echo:1");
    refused(
        scene.create("echo", &tag, None).await,
        "not_trusted",
        "names no digest",
    );
    let pinned = format!("{tag}@{digest}");
    scene.create("echo", &pinned, None).await.unwrap();
    assert_eq!(scene.ask("echo").await, 200);
    let follow = PatchChallenge {
        follow: Some(true),
        ..PatchChallenge::default()
    };
    let followed = scene.host.admin.challenge_patch(&slug("echo"), &follow).await;
    refused(followed, "invalid_field", "a digest");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_moves_is_shown_and_followed_only_where_that_is_wanted() {
    let mut scene = Scene::start("signed-by(alice)").await;
    let tag = scene.reference("echo:1");
    scene.publish("echo", "echo:1", Some("alice"));
    let created = scene.create("echo", &tag, None).await.unwrap();
    let (admin, of) = (&scene.host.admin, slug("echo"));
    assert!(created.drift.is_none() && !created.follow);
    assert!(admin.challenge_look(&of).await.unwrap().drift.is_none());

    let moved = scene.publish("routes-only", "echo:1", None);
    let seen = admin.challenge_look(&of).await.unwrap();
    let drift = seen.drift.clone().unwrap();
    let digest = drift.manifest_digest.unwrap().to_string();
    assert_eq!(
        (digest.as_str(), drift.reason),
        (moved["manifest_digest"].as_str().unwrap(), None)
    );
    assert_eq!(seen.component, created.component, "it changes nothing");
    assert!(scene.show("echo").await.drift.is_some());

    // It is followed in the way of every update: what is not trusted does not come in, and is not tried again.
    let follow = PatchChallenge {
        follow: Some(true),
        required_capabilities: Some(["proxy_routes".parse().unwrap()].into()),
        ..PatchChallenge::default()
    };
    admin.challenge_patch(&of, &follow).await.unwrap();
    for _ in 0..2 {
        let seen = admin.challenge_look(&of).await.unwrap();
        let reason = seen.drift.unwrap().reason.unwrap();
        assert!(reason.contains("not signed by alice"), "{reason}");
        assert_eq!(seen.component, created.component);
    }
    // Its signature may come later, and then it is followed.
    run(&["sign", &tag, "--key", &scene.key("alice.key")]).unwrap();
    let seen = admin.challenge_look(&of).await.unwrap();
    assert!(seen.drift.is_none(), "{:?}", seen.drift);
    assert_eq!(
        seen.component.unwrap().digest.to_string(),
        moved["component_digest"].as_str().unwrap()
    );
    let moved = scene.publish("relay", "echo:1", Some("alice"));
    let seen = admin.challenge_look(&of).await.unwrap();
    assert!(seen.drift.is_none(), "{:?}", seen.drift);
    assert_eq!(
        seen.component.unwrap().digest.to_string(),
        moved["component_digest"].as_str().unwrap()
    );
    let last = &admin.challenge_versions(&of).await.unwrap().versions[0];
    assert_eq!(last.by.as_deref(), Some("tag"));

    drop(scene.registry.take());
    let seen = scene.host.admin.challenge_look(&of).await.unwrap();
    let drift = seen.drift.unwrap();
    assert!(drift.manifest_digest.is_none() && drift.reason.unwrap().contains("cannot be reached"));
}

#[test]
fn keys_are_made_once_and_used_with_their_password() {
    let dir = tempfile::tempdir().unwrap();
    let name = dir.path().join("alice").display().to_string();
    let made = run(&["key", "generate", &name]).unwrap();
    let again = run(&["key", "generate", &name]).unwrap_err();
    assert!(again.contains("alice.pub") && again.contains("exists"), "{again}");
    let key = PathBuf::from(format!("{name}.key"));
    let mode = std::os::unix::fs::PermissionsExt::mode(&key.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let (component, to) = (
        guest("echo"),
        format!("oci:{}:1", dir.path().join("layout").display()),
    );
    let publish = |password: Option<&str>| {
        let mut command = Command::new(platform());
        command
            .args(["--json", "publish"])
            .arg(&component)
            .args([&to, "--sign"])
            .arg(&key);
        command
            .env_remove("PLATFORM_KEY_PASSWORD")
            .env_remove("COSIGN_PASSWORD");
        if let Some(password) = password {
            command.env("COSIGN_PASSWORD", password);
        }
        command.output().unwrap()
    };
    for (password, said) in [
        (None, "set PLATFORM_KEY_PASSWORD"),
        (Some("wrong"), "password is wrong"),
    ] {
        let output = publish(password);
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && text.contains(said), "{text}");
        assert!(
            !dir.path().join("layout").exists(),
            "nothing is published that was to be signed"
        );
    }
    let output = publish(Some(PASSWORD));
    let published: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(published["signed_by"], made["fingerprint"]);

    let public = format!("{name}.pub");
    let inspected = run(&["inspect", &to, "--key", &public]).unwrap();
    assert_eq!(inspected["signatures"][0]["signed_by"], "alice");
    let stranger = run(&["inspect", &to]).unwrap();
    assert_eq!(stranger["signatures"][0]["signed_by"], Value::Null);
    let private = run(&["inspect", &to, "--key", &key.display().to_string()]).unwrap_err();
    assert!(private.contains("private"), "{private}");
}
