//! The package tool of the Bytecode Alliance, which knows nothing of this host: what it pushes the host runs, and what
//! the program publishes it pulls.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use platform_domain::{Capability, Digest};
use platform_tests::{Program, TestHost, client, guest, target_dir};
use serde_json::Value;

use crate::docker_registry::Registry;

/// Runs `wkg oci`, without what this machine's user has configured for it.
fn wkg(registry: &Registry, home: &Path, args: &[&str]) -> Output {
    let program = target_dir().join("tools/bin/wkg");
    let output = Command::new(&program)
        .arg("oci")
        .args(args)
        .args(["--insecure", &registry.address])
        .env("HOME", home)
        .env("DOCKER_CONFIG", home)
        .env("XDG_CONFIG_HOME", home)
        .output();
    output.unwrap_or_else(|error| panic!("{}: {error}; run: cargo xtask setup", program.display()))
}

fn done(output: Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap()
}

fn push(registry: &Registry, reference: &str, component: &Path) -> String {
    let (home, file) = (tempfile::tempdir().unwrap(), component.to_str().unwrap());
    let said = done(wkg(registry, home.path(), &["push", reference, file]));
    let digest = said.lines().find_map(|line| line.strip_prefix("digest: "));
    digest.unwrap_or_else(|| panic!("{said}")).to_owned()
}

async fn run(args: &[&str]) -> Result<Value, String> {
    let output = Program::run(&[&["--json"][..], args].concat(), "").await;
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
        false => Err(String::from_utf8(output.stderr).unwrap()),
    }
}

/// A command to a host that runs in this process.
async fn ask(host: &TestHost, args: &[&str]) -> Result<Value, String> {
    let token = host.state().join("admin.token").display().to_string();
    let to = ["--admin-url", &host.admin_url, "--admin-token-file", &token];
    run(&[&to[..], args].concat()).await
}

#[tokio::test]
async fn what_it_pushes_the_host_runs() {
    let (registry, host) = (Registry::start(), TestHost::start().await);
    // With a manifest in its binary, with none, and one that answers HTTP.
    for (name, path, manifest) in [
        ("echo", "/a", true),
        ("remember", "/looking", false),
        ("hello-http", "/hello", false),
    ] {
        let file = guest(name);
        let reference = format!("{}/team/{name}:1.0.0", registry.address);
        let manifest_digest = push(&registry, &reference, &file);

        let inspected = run(&["inspect", &reference]).await.unwrap();
        let local = run(&["inspect", file.to_str().unwrap()]).await.unwrap();
        assert_eq!(inspected["manifest_digest"], manifest_digest);
        for same in ["digest", "size", "imports", "exports", "manifest", "asks"] {
            assert_eq!(inspected[same], local[same], "{name}: {same}");
        }
        assert_eq!(inspected["manifest"].is_object(), manifest, "{name}");

        let create = ["challenge", "create", name, &reference, "--activate"];
        let created = ask(&host, &create).await.unwrap();
        let component = &created["challenge"]["component"];
        assert_eq!(component["manifest_digest"], manifest_digest);
        let digest = Digest::of(&fs::read(&file).unwrap());
        assert_eq!(component["digest"], digest.to_string());
        let answer = client().get(host.url(name, path)).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{name}");
    }
}

#[tokio::test]
async fn what_it_pushes_takes_the_place_of_what_runs() {
    let (registry, host) = (Registry::start(), TestHost::start().await);
    let reference = format!("{}/team/app:latest", registry.address);
    push(&registry, &reference, &guest("routes-only"));
    let create = ["challenge", "create", "app", &reference, "--activate"];
    ask(&host, &create).await.unwrap();
    let other = push(&registry, &reference, &guest("echo"));
    let updated = ask(&host, &["challenge", "update", "app", &reference])
        .await
        .unwrap();
    assert_eq!(updated["component"]["manifest_digest"], other);
    let view = host.admin.challenge_get(&"app".parse().unwrap()).await.unwrap();
    assert!(
        view.required_capabilities.contains(&Capability::GetWeights),
        "as its manifest says"
    );
    let answer = client().get(host.url("app", "/b")).send().await.unwrap();
    assert!(answer.text().await.unwrap().contains("\"path\":\"/b\""));
}

#[tokio::test]
async fn what_the_host_cannot_run_is_refused_by_the_config_that_it_writes() {
    let (registry, host) = (Registry::start(), TestHost::start().await);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("asking.wasm");
    let component = "(component (import \"wasi:keyvalue/store@0.2.0\" (instance)) (instance $empty) \
                     (export \"platform:challenge/routes@0.1.0\" (instance $empty)))";
    fs::write(&file, wat::parse_str(component).unwrap()).unwrap();
    let reference = format!("{}/team/asking:1", registry.address);
    push(&registry, &reference, &file);
    for refused in [
        run(&["inspect", &reference]).await.unwrap_err(),
        ask(&host, &["challenge", "create", "asking", &reference])
            .await
            .unwrap_err(),
    ] {
        for part in ["wasi:keyvalue/store@0.2.0", "use platform:challenge/kv instead"] {
            assert!(refused.contains(part), "{refused}");
        }
    }
}

#[tokio::test]
async fn what_the_program_publishes_it_pulls_byte_for_byte() {
    let (registry, home) = (Registry::start(), tempfile::tempdir().unwrap());
    for name in ["echo", "remember", "tsp"] {
        let file = guest(name);
        let repository = format!("{}/team/{name}", registry.address);
        let tagged = format!("{repository}:1");
        let published = run(&["publish", file.to_str().unwrap(), &tagged]).await.unwrap();
        let by_digest = format!("{repository}@{}", published["manifest_digest"].as_str().unwrap());
        for reference in [&tagged, &by_digest] {
            let to = home.path().join("pulled.wasm");
            let pull = ["pull", reference, "--output", to.to_str().unwrap()];
            done(wkg(&registry, home.path(), &pull));
            assert_eq!(fs::read(&to).unwrap(), fs::read(&file).unwrap(), "{reference}");
        }
    }
}
