//! Components before they are registered and after they are not any more: pulled, inspected, listed, collected.

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use platform_tests::{Program, TestHost, guest};
use serde_json::Value;

use crate::docker_registry::Registry;

async fn run(args: &[&str]) -> Result<Value, String> {
    let output = Program::run(&[&["--json"][..], args].concat(), "").await;
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).unwrap()),
        false => Err(String::from_utf8(output.stderr).unwrap()),
    }
}

async fn publish(name: &str, reference: &str) -> Value {
    let component = guest(name).display().to_string();
    run(&["publish", &component, reference]).await.unwrap()
}

/// A command to a host that runs in this process.
async fn ask(host: &TestHost, args: &[&str]) -> Result<Value, String> {
    let token = host.state().join("admin.token").display().to_string();
    let to = ["--admin-url", &host.admin_url, "--admin-token-file", &token];
    run(&[&to[..], args].concat()).await
}

/// Everything in the store was fetched long ago.
fn age(store: &Path) {
    for entry in fs::read_dir(store.join("blobs/sha256")).unwrap() {
        let file = fs::File::open(entry.unwrap().path()).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(24 * 3600))
            .unwrap();
    }
}

#[tokio::test]
async fn a_component_is_carried_from_a_registry_to_a_host_in_one_file() {
    let dir = tempfile::tempdir().unwrap();
    let registry = Registry::start();
    let published_as = format!("{}/team/echo:1", registry.address);
    let published = publish("echo", &published_as).await;
    let file = dir.path().join("echo.wasm").display().to_string();
    let archive = format!("oci-archive:{}:1", dir.path().join("echo.tar").display());
    for to in [&file, &archive] {
        let pulled = run(&["pull", &published_as, "-o", to]).await.unwrap();
        for digest in ["manifest_digest", "component_digest"] {
            assert_eq!(pulled[digest], published[digest], "{to}");
        }
    }
    assert_eq!(fs::read(&file).unwrap(), fs::read(guest("echo")).unwrap());
    drop(registry);
    assert!(
        run(&["pull", &published_as])
            .await
            .unwrap_err()
            .contains("cannot be reached")
    );

    // What is there stays, unless somebody says so.
    fs::write(&file, "years of work").unwrap();
    let refused = run(&["pull", &archive, "-o", &file]).await.unwrap_err();
    assert!(
        refused.contains("exists already") && refused.contains("--force"),
        "{refused}"
    );
    assert_eq!(fs::read(&file).unwrap(), b"years of work");
    run(&["pull", &archive, "-o", &file, "--force"]).await.unwrap();

    let (of_file, of_archive) = (
        run(&["inspect", &file]).await.unwrap(),
        run(&["inspect", &archive]).await.unwrap(),
    );
    assert_eq!(of_archive["manifest_digest"], published["manifest_digest"]);
    assert_eq!(of_archive["digest"], published["component_digest"]);
    for same in ["digest", "size", "imports", "exports", "manifest", "asks"] {
        assert_eq!(of_file[same], of_archive[same], "{same}");
    }
    let host = TestHost::start().await;
    let created = ask(&host, &["challenge", "create", "echo", &archive, "--activate"])
        .await
        .unwrap();
    assert_eq!(
        created["challenge"]["component"]["digest"],
        published["component_digest"]
    );
    assert_eq!(created["challenge"]["component"]["reference"], archive);
}

#[tokio::test]
async fn what_a_component_asks_for_is_told_before_it_is_registered() {
    let dir = tempfile::tempdir().unwrap();
    let component = |imports: &[&str]| {
        let imports = imports
            .iter()
            .map(|name| format!("(import \"{name}\" (instance))"));
        let imports: String = imports.collect();
        wat::parse_str(format!(
            "(component {imports} (instance $empty) (export \"platform:challenge/routes@0.1.0\" (instance $empty)))"
        ))
        .unwrap()
    };
    let file = dir.path().join("asking.wasm");
    let asking = [
        "platform:challenge/kv@0.1.0",
        "platform:challenge/secrets@0.1.0",
        "wasi:http/outgoing-handler@0.2.6",
    ];
    fs::write(&file, component(&asking)).unwrap();
    let file = file.display().to_string();
    let reference = format!("oci:{}:1", dir.path().join("layout").display());
    run(&["publish", &file, &reference]).await.unwrap();
    let inspected = run(&["inspect", &reference]).await.unwrap();
    let asks = inspected["asks"].as_array().unwrap();
    let asks: Vec<_> = asks
        .iter()
        .map(|ask| {
            (
                ask["grant"].as_str().unwrap(),
                ask["by_default"].as_bool().unwrap(),
            )
        })
        .collect();
    assert_eq!(asks, [("kv", true), ("outgoing-http", false), ("secrets", false)]);
    let shown = Program::run(&["inspect", &reference], "").await;
    let shown = String::from_utf8(shown.stdout).unwrap();
    for line in [
        "kv: granted",
        "outgoing-http: refused unless the operator names hosts with --allow",
        "secrets: refused",
    ] {
        assert!(shown.contains(line), "{shown}");
    }

    // The same sentence and hint from the file, and from the host.
    fs::write(&file, component(&["wasi:keyvalue/store@0.2.0"])).unwrap();
    let host = TestHost::start().await;
    for refused in [
        run(&["inspect", &file]).await.unwrap_err(),
        run(&["publish", &file, &reference]).await.unwrap_err(),
        ask(&host, &["challenge", "create", "new", &format!("file:{file}")])
            .await
            .unwrap_err(),
    ] {
        for part in ["wasi:keyvalue/store@0.2.0", "use platform:challenge/kv instead"] {
            assert!(refused.contains(part), "{refused}");
        }
    }
}

#[tokio::test]
async fn a_component_that_its_config_refuses_is_never_read() {
    let dir = tempfile::tempdir().unwrap();
    let layout = dir.path().join("layout");
    let reference = format!("oci:{}:1", layout.display());
    let about = platform_oci::PublishInfo {
        imports: vec!["wasi:keyvalue/store@0.2.0".to_owned()],
        ..Default::default()
    };
    let bytes = fs::read(guest("echo")).unwrap();
    let published = platform_oci::Registries::default()
        .publish(&bytes, &about, &reference.parse().unwrap(), None)
        .await
        .unwrap();
    // Whoever reads it fails in another way.
    fs::remove_file(layout.join("blobs/sha256").join(published.component.hex())).unwrap();
    let host = TestHost::start().await;
    for refused in [
        run(&["inspect", &reference]).await.unwrap_err(),
        run(&["pull", &reference]).await.unwrap_err(),
        ask(&host, &["challenge", "create", "new", &reference])
            .await
            .unwrap_err(),
    ] {
        for part in ["wasi:keyvalue/store@0.2.0", "use platform:challenge/kv instead"] {
            assert!(refused.contains(part), "{refused}");
        }
    }
}

#[tokio::test]
async fn the_store_keeps_what_challenges_are_pinned_to_and_lets_go_of_the_rest() {
    let host = TestHost::start().await;
    let layout = host.scratch().join("layout");
    for (slug, name) in [("echo", "echo"), ("other", "routes-only")] {
        let reference = format!("oci:{}:{slug}", layout.display());
        publish(name, &reference).await;
        ask(&host, &["challenge", "create", slug, &reference])
            .await
            .unwrap();
    }
    ask(&host, &["challenge", "activate", "echo"]).await.unwrap();
    let store = host.state().join("content");
    let listed = ask(&host, &["store", "list"]).await.unwrap();
    let contents = listed["contents"].as_array().unwrap();
    let pinned = |slug: &str| {
        let of = |content: &&Value| content["challenges"].as_array().unwrap().contains(&slug.into());
        contents.iter().filter(of).count()
    };
    assert_eq!(
        (contents.len(), pinned("echo"), pinned("other")),
        (6, 2, 2),
        "{listed}"
    );
    assert_eq!(listed["quota"], "16GiB");

    ask(&host, &["challenge", "delete", "other"]).await.unwrap();
    let young = ask(&host, &["store", "gc"]).await.unwrap();
    assert_eq!(
        young["removed"].as_array().unwrap().len(),
        0,
        "fetched a moment ago: {young}"
    );
    age(&store);
    let told = ask(&host, &["store", "gc", "--dry-run"]).await.unwrap();
    let done = ask(&host, &["store", "gc"]).await.unwrap();
    assert_eq!(told["removed"].as_array().unwrap().len(), 3, "{told}");
    assert_eq!(
        (&told["removed"], &told["removed_bytes"]),
        (&done["removed"], &done["removed_bytes"])
    );
    assert_eq!(
        (told["dry_run"].as_bool(), done["dry_run"].as_bool()),
        (Some(true), Some(false))
    );
    let left = ask(&host, &["store", "list"]).await.unwrap();
    assert_eq!(left["contents"].as_array().unwrap().len(), 3);
    assert_eq!(left["bytes"], done["kept_bytes"]);

    // What is left starts again, also compiled anew.
    ask(&host, &["challenge", "deactivate", "echo"]).await.unwrap();
    ask(&host, &["challenge", "activate", "echo"]).await.unwrap();
    host.running("echo").await;
}

#[tokio::test]
async fn a_component_that_does_not_fit_is_refused_unless_a_collection_makes_room() {
    let mut host = TestHost::start().await;
    let size = |name| fs::metadata(guest(name)).unwrap().len();
    let quota = size("echo").max(size("routes-only")) + 1024;
    host.stop().await;
    host.configure(|config| config.store.quota = platform_domain::ByteSize(quota));
    host.start_again().await;
    let references = ["echo", "routes-only"].map(|name| format!("file:{}", guest(name).display()));
    let [first, second] = &references;
    ask(&host, &["challenge", "create", "first", first])
        .await
        .unwrap();
    let refused = ask(&host, &["challenge", "create", "second", second])
        .await
        .unwrap_err();
    for part in ["content store", "field: component", "hint: ", "store.quota"] {
        assert!(refused.contains(part), "{refused}");
    }
    ask(&host, &["challenge", "delete", "first"]).await.unwrap();
    age(&host.state().join("content"));
    ask(&host, &["challenge", "create", "second", second])
        .await
        .unwrap();
    let left = ask(&host, &["store", "list"]).await.unwrap();
    assert_eq!(left["contents"].as_array().unwrap().len(), 1, "{left}");
}
