//! An engine whose disk is full, and which is restarted.

use std::{
    fs::{self, File},
    io::Write as _,
    path::PathBuf,
    process::Command,
    time::Duration,
};

use platform_domain::Slug;
use serde_json::json;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use super::scene::{
    IMAGE, LONG, challenge, container, failed, get, gone, host_on, import, on, running, seen,
};
use crate::{
    docker_engine::{Filter, TestEngine},
    docker_registry::Registry,
};

const FULL: &str = "the engine has no space left on its disk";

/// Its data is in memory, and little.
fn small_engine() -> TestEngine {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64m", "tmpfs"])
        .arg(&data)
        .status();
    assert!(mounted.unwrap().success());
    let engine = TestEngine::start_in(dir, Filter::None, &[]);
    import(&engine);
    engine
}

fn ballast(engine: &TestEngine) -> PathBuf {
    engine.dir().join("data/ballast")
}

/// To the last byte.
fn fill(engine: &TestEngine) {
    let mut file = File::create(ballast(engine)).unwrap();
    for size in [1 << 20, 1 << 12] {
        let piece = vec![0; size];
        while file.write_all(&piece).is_ok() {}
    }
}

fn make_room(engine: &TestEngine) {
    fs::remove_file(ballast(engine)).unwrap();
}

/// Stops it in order, with what it runs, and starts it again on the same data.
async fn restart(engine: &TestEngine) {
    let pid = || fs::read_to_string(engine.dir().join("pid")).unwrap_or_default();
    let before = pid();
    let mut input = engine.watcher.stdin.as_ref().unwrap();
    input.write_all(b"again\n").unwrap();
    let back = timeout(LONG, async {
        while pid() == before || !engine.cli(&["version"]).output().unwrap().status.success() {
            sleep(Duration::from_millis(50)).await;
        }
    });
    back.await.unwrap();
}

#[tokio::test]
async fn an_engine_whose_disk_is_full_and_one_that_is_restarted_have_their_challenges_back_without_an_operator()
 {
    let (engine, registry) = (small_engine(), Registry::start());
    let host = host_on(&engine).await;
    let slug: Slug = "restarted".parse().unwrap();

    // No room for a container.
    fill(&engine);
    let new = challenge("restarted", json!({}));
    host.admin.challenge_create(&new).await.unwrap();
    failed(&host, "restarted", FULL).await;
    assert_eq!(get(&host, "restarted", "/gpus").await.0, 502);
    assert!(on(&engine, "restarted").is_empty());
    make_room(&engine);
    let first = running(&host, "restarted").await;

    // Nor for an image.
    let name = format!("{}/team/tours:1", registry.address);
    engine.docker(&["tag", IMAGE, &name]);
    engine.docker(&["push", "--quiet", &name]);
    engine.docker(&["rmi", &name]);
    let more = challenge("fetched", json!({ "image": name }));
    fill(&engine);
    let refused = host.admin.challenge_create(&more).await.unwrap_err().to_string();
    assert!(refused.contains(FULL), "{refused}");
    assert_eq!(get(&host, "restarted", "/gpus").await.0, 200, "what runs goes on");
    make_room(&engine);
    host.admin.challenge_create(&more).await.unwrap();
    running(&host, "fetched").await;
    host.admin
        .challenge_deactivate(&"fetched".parse().unwrap())
        .await
        .unwrap();
    gone(&engine, "fetched").await;

    restart(&engine).await;
    seen(&host, "restarted", |view| {
        container(view).is_some_and(|it| it.id != first.id)
    })
    .await;
    assert_eq!(get(&host, "restarted", "/gpus").await.0, 200);
    assert_eq!(on(&engine, "restarted").len(), 1);
    host.admin.challenge_deactivate(&slug).await.unwrap();
    gone(&engine, "restarted").await;
}
