//! Servers whose GPUs are made up, at paths that can be taken away.

use std::{collections::BTreeSet, fs, os::unix::fs::symlink};

use platform_domain::{GpuLease, Slug};
use platform_fleet::{Running, Wish};
use platform_store::gpu_leases;

use crate::{
    engine::TestEngine,
    gpus::with_gpus,
    scene::{Scene, challenge, gpu_engines, server_of, shared},
};

const NAMES: [&str; 2] = ["one", "two"];
const ONE: &str = r#"{"gpu_count":"1"}"#;

/// Servers `one` and `two`, each at a path that can be taken away.
pub(crate) async fn servers(scene: &Scene) {
    for (name, engine) in NAMES.into_iter().zip(gpu_engines()) {
        back(scene, name, engine);
        let endpoint = format!("unix://{}", scene.way(name).display());
        server_of(scene, name, &endpoint, "a100:4").await;
    }
}

pub(crate) fn back(scene: &Scene, name: &str, engine: &TestEngine) {
    let socket = engine.endpoint.trim_start_matches("unix://");
    symlink(socket, scene.way(name)).unwrap();
}

pub(crate) fn away(scene: &Scene, name: &str) {
    fs::remove_file(scene.way(name)).unwrap();
}

pub(crate) async fn leases(scene: &Scene) -> Vec<GpuLease> {
    scene.store.read("test", gpu_leases::list).await.unwrap()
}

pub(crate) async fn prepared() -> (Scene, Wish, BTreeSet<Slug>) {
    let scene = Scene::new();
    challenge(&scene, &scene.slug).await;
    servers(&scene).await;
    let (wish, wanted) = (with_gpus(&scene, ONE), [scene.slug.clone()].into());
    (scene, wish, wanted)
}

/// The containers and networks of a host on one engine.
pub(crate) fn there(scene: &Scene, engine: &TestEngine) -> [usize; 2] {
    ["container", "network"].map(|what| scene.listed_on(engine, what).len())
}

pub(crate) fn runs(engine: &TestEngine, running: &Running) -> bool {
    engine.docker(&["inspect", "--format", "{{.State.Running}}", &running.container]) == "true"
}

/// The host's own, and those of the two servers.
pub(crate) fn engines() -> [&'static TestEngine; 3] {
    let [one, two] = gpu_engines();
    [shared(), one, two]
}

/// What there is of the host on all engines.
pub(crate) fn listed(scene: &Scene, what: &str) -> Vec<String> {
    let all = engines().into_iter();
    all.flat_map(|engine| scene.listed_on(engine, what)).collect()
}

/// Whatever runs with GPUs has them.
pub(crate) async fn nothing_runs_without_its_lease(scene: &Scene) {
    for engine in gpu_engines() {
        let owner = format!("label=platform.owner={}", scene.owner);
        let format = r#"{{.Label "gpu-lease"}}"#;
        let running = engine.docker(&["ps", "--filter", &owner, "--format", format]);
        let leases = leases(scene).await;
        for id in running.lines() {
            assert!(
                leases.iter().any(|lease| lease.id.as_str() == id),
                "{id}: {leases:?}"
            );
        }
    }
}

/// A server gets out of reach, with all that runs there, or is back.
pub(crate) fn toggle(scene: &Scene, which: usize) {
    let (name, engine) = NAMES.into_iter().zip(gpu_engines()).nth(which).unwrap();
    match scene.way(name).exists() {
        true => away(scene, name),
        false => back(scene, name, engine),
    }
}

pub(crate) fn all_back(scene: &Scene) {
    for (which, name) in NAMES.into_iter().enumerate() {
        if !scene.way(name).exists() {
            toggle(scene, which);
        }
    }
}
