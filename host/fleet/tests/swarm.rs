//! Challenges as services: an engine that is the manager of a swarm, with two GPUs by its own account, as a GPU server.

use std::{collections::BTreeSet, time::Duration};

use platform_docker::{EngineError, Follow, ServiceTask};
use platform_domain::{Loosened, with_causes};
use platform_fleet::{FleetError, Running, Wish};
use platform_store::gpu_leases;
use tokio::time::timeout;

use crate::{
    engine::{Filter, TestEngine},
    scene::{IMAGE, LONG, OTHER_IMAGE, Scene, program, registered},
};

/// An engine that is a swarm by itself, in a network of its own.
fn manager() -> TestEngine {
    let gpus = ["GPU-6c1a", "GPU-6c1b"].map(|gpu| format!("NVIDIA-GPU={gpu}"));
    let [one, other] = &gpus;
    let options = ["--node-generic-resource", one, "--node-generic-resource", other];
    let engine = TestEngine::start_with(Filter::Apart, &options);
    engine.docker(&["swarm", "init", "--advertise-addr", "127.0.0.1", "--listen-addr", "127.0.0.1:0"]);
    let usual = ["ENTRYPOINT [\"/gpu-container\"]", "EXPOSE 8000", "USER 1000:1000"];
    engine.import(program(), &usual, IMAGE);
    engine.import(program(), &[&usual[..], &["LABEL another=1"]].concat(), OTHER_IMAGE);
    engine
}

fn wish(scene: &Scene, gpus: &str) -> Wish {
    let mut wish = scene.wish();
    wish.resources = serde_json::from_str(gpus).unwrap();
    wish
}

const ONE: &str = r#"{"gpu_count":"1","memory":"256MiB","cpu":"0.1"}"#;
