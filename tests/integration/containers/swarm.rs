//! A GPU server that is the manager of a swarm, in a whole host.

use platform_admin_types::Observed;
use platform_domain::Slug;
use platform_keys::Keypair;
use serde_json::json;
use tokio::time::timeout;

use super::scene::{LONG, challenge, get, import, running, seen};
use crate::{
    docker_engine::{Filter, TestEngine},
    epochs::{devnet, host, miners},
    gpu_servers::server,
};

const RELAY: &str = "test.local/relay:1";

/// A swarm of one machine in a network of its own, with two GPUs by its own account.
fn swarm() -> TestEngine {
    let gpus = ["NVIDIA-GPU=GPU-6c1a", "NVIDIA-GPU=GPU-6c1b"];
    let options = gpus.map(|gpu| ["--node-generic-resource", gpu]).concat();
    let engine = TestEngine::start_with(Filter::Apart, &options);
    let at = ["--advertise-addr", "127.0.0.1", "--listen-addr", "127.0.0.1:0"];
    engine.docker(&[&["swarm", "init"][..], &at].concat());
    import(&engine);
    engine.import_relay(RELAY);
    engine
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_on_a_swarm_is_asked_like_any_other_and_leaves_nothing() {
    let engine = swarm();
    let (validator, miners) = (Keypair::generate().unwrap(), miners(2));
    let devnet = devnet(&validator, &miners).await;
    let mut host = host(&devnet, &validator).await;
    let there = server("swarm", &engine.endpoint, None);
    host.admin.gpu_server_create(&there).await.unwrap();
    let health = host.admin.gpu_server_health(&there.id).await.unwrap();
    let warned = |warnings: &[String]| warnings.iter().any(|it| it.contains("[docker] relay_image"));
    assert!(warned(&health.warnings), "{:?}", health.warnings);
    // Its own engine is the same, and knows nothing of a swarm.
    let own = engine.endpoint.parse().unwrap();
    host.configure(|config| {
        config.docker.endpoint = Some(own);
        config.docker.relay_image = Some(RELAY.parse().unwrap());
        config.docker.ready_seconds = 30;
    });
    host.restart().await;

    let resources = json!({"gpu_count": "2", "memory": "256MiB", "cpu": "0.1"});
    let new = challenge("many", json!({"resources": resources, "emission_percent": "100"}));
    host.admin.challenge_create(&new).await.unwrap();
    let slug: Slug = "many".parse().unwrap();
    let first = running(&host, "many").await;
    assert!(first.service.is_some() && first.gpu_lease.is_some(), "{first:?}");
    assert_eq!(first.server, Some(there.id.clone()));
    assert_eq!(first.allowed.first().unwrap(), "a service of a swarm");
    assert_eq!(get(&host, "many", "/gpus").await.0, 200);
    let preview = host.admin.weights_preview().await.unwrap();
    assert_eq!(preview.answers[0].reason, None);
    host.restart().await;
    assert_eq!(running(&host, "many").await.id, first.id, "found again");

    // It comes back when somebody ends it.
    engine.docker(&["kill", &first.id]);
    let other = |view: &platform_admin_types::ChallengeView| matches!(&view.observed, Observed::Running { container: Some(it), .. } if it.id != first.id);
    seen(&host, "many", other).await;
    assert_eq!(get(&host, "many", "/gpus").await.0, 200);

    host.admin.challenge_deactivate(&slug).await.unwrap();
    let left = || {
        let all = [&["ps", "--all"][..], &["service", "ls"], &["secret", "ls"]];
        let label = ["--quiet", "--filter", "label=platform.challenge.slug=many"];
        let mut ids = all.map(|what| engine.docker(&[what, &label].concat())).concat();
        ids += &engine.docker(&[&["network", "ls"][..], &label].concat());
        ids
    };
    let gone = async {
        while !left().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    timeout(LONG, gone).await.unwrap();
    // Its GPUs are given back when all that is gone.
    let free = async {
        while host.admin.gpu_server_delete(&there.id).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    timeout(LONG, free).await.unwrap();
}
