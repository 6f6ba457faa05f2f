//! A component's way from a file through a real registry into a host that outlives the registry.

use std::{fs, path::Path, time::Duration};

use platform_tests::{Program, client, guest};
use serde_json::Value;

use crate::docker_registry::Registry;

/// The longest a start may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A host as a process, with its operator's command line.
struct Host {
    program: Program,
    state: String,
}

impl Host {
    async fn start(state: &Path) -> Self {
        let state = state.display().to_string();
        let any = "127.0.0.1:0";
        let args = [
            "serve",
            "--state-dir",
            &state,
            "--admin-listen",
            any,
            "--public-listen",
            any,
        ];
        Self {
            program: Program::start(&args).await,
            state,
        }
    }

    /// Runs a command and gives its JSON, or what it said of its failure.
    async fn ask(&self, args: &[&str]) -> Result<Value, String> {
        let token = format!("{}/admin.token", self.state);
        let url = self.program.answer["admin"].as_str().unwrap();
        let mut all = vec!["--json", "--admin-url", url, "--admin-token-file", &token];
        all.extend(args);
        run(&all).await
    }

    /// What became of an active challenge, once its start has ended.
    async fn observed(&self, slug: &str) -> Value {
        let looking = async {
            loop {
                let observed = self.ask(&["challenge", "show", slug]).await.unwrap()["observed"].clone();
                if observed["state"] != "stopped" && observed["state"] != "starting" {
                    return observed;
                }
            }
        };
        tokio::time::timeout(PATIENCE, looking)
            .await
            .expect("the host comes to it")
    }

    /// The status of a miner's request.
    async fn get(&self, slug: &str) -> u16 {
        let url = format!(
            "{}/challenges/{slug}/",
            self.program.answer["public"].as_str().unwrap()
        );
        client().get(url).send().await.unwrap().status().as_u16()
    }
}

async fn run(args: &[&str]) -> Result<Value, String> {
    let output = Program::run(args, "").await;
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    } else {
        Err(String::from_utf8(output.stderr).unwrap())
    }
}

async fn publish(name: &str, reference: &str) -> Value {
    let component = guest(name).display().to_string();
    run(&["--json", "publish", &component, reference]).await.unwrap()
}

#[tokio::test]
async fn what_was_registered_from_a_registry_runs_on_without_it() {
    let dir = tempfile::tempdir().unwrap();
    let registry = Registry::start();
    let reference = format!("{}/team/echo:1", registry.address);
    let published = publish("echo", &reference).await;

    let host = Host::start(&dir.path().join("state")).await;
    let created = host
        .ask(&["challenge", "create", "echo", &reference, "--activate"])
        .await
        .unwrap();
    let component = created["challenge"]["component"].clone();
    assert_eq!(component["reference"], reference);
    assert_eq!(component["digest"], published["component_digest"]);
    assert_eq!(component["manifest_digest"], published["manifest_digest"]);
    assert_eq!(host.get("echo").await, 200);

    // The tag moves: what runs does not, and a challenge registered from now on is the new one.
    let moved = publish("routes-only", &reference).await;
    assert_ne!(moved["component_digest"], published["component_digest"]);
    host.ask(&["challenge", "deactivate", "echo"]).await.unwrap();
    host.ask(&["challenge", "activate", "echo"]).await.unwrap();
    let other = host
        .ask(&["challenge", "create", "other", &reference, "--activate"])
        .await
        .unwrap();
    assert_eq!(
        other["challenge"]["component"]["digest"],
        moved["component_digest"]
    );
    assert_eq!(
        host.ask(&["challenge", "show", "echo"]).await.unwrap()["component"],
        component
    );

    drop(registry);
    host.program.kill().await;
    let host = Host::start(&dir.path().join("state")).await;
    for slug in ["echo", "other"] {
        while host.get(slug).await == 503 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(host.get(slug).await, 200);
        assert_eq!(host.observed(slug).await["state"], "running");
    }
    let down = host
        .ask(&["challenge", "create", "third", &reference])
        .await
        .unwrap_err();
    for part in ["cannot be reached", "field: component", "hint: "] {
        assert!(down.contains(part), "{down}");
    }

    // One component is damaged on disk: it says so, and the other runs.
    host.program.kill().await;
    let digest = published["component_digest"]
        .as_str()
        .unwrap()
        .strip_prefix("sha256:")
        .unwrap();
    let blob = dir.path().join("state/content/blobs/sha256").join(digest);
    let mut bytes = fs::read(&blob).unwrap();
    bytes[100] ^= 1;
    fs::write(&blob, bytes).unwrap();
    // What runs is the compiled code, so only a host that has to compile again finds out.
    fs::remove_dir_all(dir.path().join("state/compiled")).unwrap();
    let host = Host::start(&dir.path().join("state")).await;
    let observed = host.observed("echo").await;
    assert_eq!(observed["state"], "failed", "{observed}");
    assert!(
        observed["reason"].as_str().unwrap().contains("digest"),
        "{observed}"
    );
    assert_eq!(host.observed("other").await["state"], "running");
    assert_eq!((host.get("echo").await, host.get("other").await), (502, 200));
    host.program.kill().await;
}

#[tokio::test]
async fn an_image_is_recorded_and_never_activated() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(&dir.path().join("state")).await;
    let image = "registry.example/team/gpu:1";
    let created = host
        .ask(&["challenge", "create", "gpu", "--image", image])
        .await
        .unwrap();
    assert_eq!(created["challenge"]["status"], "draft");
    assert_eq!(created["challenge"]["image"], image);
    let refused = host.ask(&["challenge", "activate", "gpu"]).await.unwrap_err();
    assert!(
        refused.contains("container image") && refused.contains("hint: "),
        "{refused}"
    );
    let refused = host
        .ask(&["challenge", "create", "two", "--image", image, "--activate"])
        .await;
    assert!(refused.unwrap_err().contains("container image"));
    let list = host.ask(&["challenge", "list"]).await.unwrap();
    assert_eq!(list["challenges"].as_array().unwrap().len(), 1);
    assert_eq!(list["challenges"][0]["status"], "draft");
    host.program.kill().await;
}

#[tokio::test]
async fn a_relative_reference_means_the_callers_directory() {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(&dir.path().join("state")).await;
    let layout = dir.path().join("layout");
    publish("echo", &format!("oci:{}:1", layout.display())).await;
    // Relative to where this test runs, and so does the command.
    let here = std::env::current_dir().unwrap();
    let up: String = here.components().skip(1).map(|_| "../").collect();
    let reference = format!("oci:{up}{}:1", layout.strip_prefix("/").unwrap().display());
    let created = host
        .ask(&["challenge", "create", "echo", &reference])
        .await
        .unwrap();
    let kept = created["challenge"]["component"]["reference"].as_str().unwrap();
    assert!(kept.starts_with("oci:/") && kept.ends_with("/layout:1"), "{kept}");
    host.program.kill().await;
}
