//! One engine for all tests, and hosts on it.

use std::{path::Path, sync::OnceLock, time::Duration};

use platform_admin_types::{ChallengeView, ContainerView, CreateChallenge, Observed};
use platform_domain::Slug;
use platform_tests::TestHost;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::{
    docker_engine::{Filter, TestEngine, gpu_container},
    gpu_servers::{authority::Authority, secured},
};

pub(crate) const IMAGE: &str = "test.local/gpu-container:1";
/// The same program under another digest.
pub(crate) const OTHER_IMAGE: &str = "test.local/gpu-container:2";
/// Long for a machine, short for a person.
pub(crate) const LONG: Duration = Duration::from_secs(90);

/// The engine of all tests. It ends after this process.
pub(crate) fn engine() -> &'static TestEngine {
    static SHARED: OnceLock<TestEngine> = OnceLock::new();
    SHARED.get_or_init(|| {
        // It is also another machine's, for those who reach it over TLS, and takes itself for one that has GPUs.
        let dir = tempfile::tempdir().unwrap();
        let options = secured(dir.path(), authority(), 0);
        let options: Vec<_> = options.iter().map(String::as_str).collect();
        let engine = TestEngine::start_with_hook(Filter::Own, &options);
        import(&engine);
        engine
    })
}

/// Whom it knows over TLS.
pub(crate) fn authority() -> &'static Authority {
    static SHARED: OnceLock<Authority> = OnceLock::new();
    SHARED.get_or_init(Authority::new)
}

/// The images of all tests.
pub(crate) fn import(engine: &TestEngine) {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let program = gpu_container(repository, Path::new(env!("CARGO_TARGET_TMPDIR")));
    let usual = ["ENTRYPOINT [\"/gpu-container\"]", "EXPOSE 8000", "USER 1000:1000"];
    engine.import(&program, &usual, IMAGE);
    let other = [&usual[..], &["LABEL another=1"]].concat();
    engine.import(&program, &other, OTHER_IMAGE);
}

/// A host that has this engine.
pub(crate) async fn host() -> TestHost {
    host_on(engine()).await
}

pub(crate) async fn host_on(engine: &TestEngine) -> TestHost {
    let endpoint = engine.endpoint.parse().unwrap();
    let mut host = TestHost::start().await;
    host.configure(|config| {
        config.docker.endpoint = Some(endpoint);
        config.docker.ready_seconds = 20;
    });
    host.restart().await;
    host
}

/// An active challenge of the image, with these fields besides.
pub(crate) fn challenge(slug: &str, more: Value) -> CreateChallenge {
    let mut new = json!({
        "slug": slug, "image": IMAGE, "status": "active", "version": "1.0.0",
    });
    let fields = new.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    serde_json::from_value(new).unwrap()
}

/// What runs of a challenge once something does that satisfies `like`.
pub(crate) async fn seen(
    host: &TestHost,
    slug: &str,
    like: impl Fn(&ChallengeView) -> bool,
) -> ChallengeView {
    let slug: Slug = slug.parse().unwrap();
    let looked = timeout(LONG, async {
        loop {
            let view = host.admin.challenge_get(&slug).await.unwrap();
            if like(&view) {
                return view;
            }
            sleep(Duration::from_millis(50)).await;
        }
    });
    match looked.await {
        Ok(view) => view,
        Err(_) => panic!("{:?}", host.admin.challenge_get(&slug).await.unwrap().observed),
    }
}

pub(crate) fn container(view: &ChallengeView) -> Option<&ContainerView> {
    match &view.observed {
        Observed::Running { container, .. } => container.as_ref(),
        _ => None,
    }
}

pub(crate) async fn running(host: &TestHost, slug: &str) -> ContainerView {
    let view = seen(host, slug, |view| container(view).is_some()).await;
    container(&view).unwrap().clone()
}

/// The containers of a challenge on the engine, running or not, by their ids.
pub(crate) fn on_engine(slug: &str) -> Vec<String> {
    on(engine(), slug)
}

pub(crate) fn on(engine: &TestEngine, slug: &str) -> Vec<String> {
    listed(
        engine,
        slug,
        &["ps", "--all", "--no-trunc", "--format", "{{.ID}}"],
    )
}

pub(crate) fn listed(engine: &TestEngine, slug: &str, command: &[&str]) -> Vec<String> {
    let label = format!("label=platform.challenge.slug={slug}");
    let all = engine.docker(&[command, &["--filter", &label]].concat());
    all.lines().map(str::to_owned).collect()
}

/// Waits until nothing of a challenge is on an engine but the volumes that it keeps.
pub(crate) async fn gone(engine: &TestEngine, slug: &str) {
    let left = || {
        [
            on(engine, slug),
            listed(engine, slug, &["network", "ls", "--quiet"]),
        ]
        .concat()
    };
    let gone = timeout(LONG, async {
        while !left().is_empty() {
            sleep(Duration::from_millis(50)).await;
        }
    });
    assert!(gone.await.is_ok(), "{:?}", left());
    let volumes = listed(engine, slug, &["volume", "ls", "--format", "{{.Name}}"]);
    assert!(
        volumes.iter().all(|name| name.contains("_sqlite_")),
        "{volumes:?}"
    );
}

/// Why a challenge does not run, once it says this.
pub(crate) async fn failed(host: &TestHost, slug: &str, why: &str) {
    let said = |view: &ChallengeView| matches!(&view.observed, Observed::Failed { reason, .. } if reason.contains(why));
    seen(host, slug, said).await;
}

/// What a miner gets.
pub(crate) async fn get(host: &TestHost, slug: &str, path: &str) -> (u16, String) {
    let answer = platform_tests::client()
        .get(host.url(slug, path))
        .send()
        .await
        .unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}
