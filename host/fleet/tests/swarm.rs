//! Challenges as services: engines that are swarms, with GPUs by their own account. Each has a network of its own, so that the
//! bridges of swarms are nobody else's.

use std::process::Command;

use platform_docker::Follow;
use platform_domain::with_causes;
use platform_fleet::{FleetError, Running, Wish};
use platform_store::gpu_leases;
use tokio::time::{Instant, timeout};

use crate::{
    engine::{Filter, TestEngine},
    scene::{IMAGE, LONG, OTHER_IMAGE, Scene, challenge, import, registered, server_of},
};

const RELAY_IMAGE: &str = "test.local/relay:1";

/// An engine whose machine has these GPUs.
fn machine(gpus: &[&str]) -> TestEngine {
    let gpus: Vec<_> = gpus.iter().map(|gpu| format!("NVIDIA-GPU={gpu}")).collect();
    let options: Vec<_> = gpus
        .iter()
        .flat_map(|gpu| ["--node-generic-resource", gpu])
        .collect();
    TestEngine::start_with(Filter::Apart, &options)
}

/// A swarm of one machine, which others can join.
fn swarm(gpus: &[&str]) -> TestEngine {
    let manager = machine(gpus);
    inside(
        &manager,
        "ip link add swarm type bridge && ip addr add 10.9.0.1/24 dev swarm && ip link set swarm up",
    );
    manager.docker(&[
        "swarm",
        "init",
        "--advertise-addr",
        "10.9.0.1",
        "--listen-addr",
        "10.9.0.1",
    ]);
    import(&manager);
    manager.import_relay(RELAY_IMAGE);
    manager
}

/// Joins the swarm of a manager, with the same images.
fn joined(manager: &TestEngine, gpus: &[&str]) -> TestEngine {
    let worker = machine(gpus);
    let lay = format!(
        "ip link add lane netns {} type veth peer name here && ip addr add 10.9.0.2/24 dev here && ip link set here up",
        manager.process()
    );
    inside(&worker, &lay);
    inside(manager, "ip link set lane master swarm && ip link set lane up");
    let token = manager.docker(&["swarm", "join-token", "--quiet", "worker"]);
    let at = [
        "--advertise-addr",
        "10.9.0.2",
        "--listen-addr",
        "10.9.0.2",
        "10.9.0.1",
    ];
    worker.docker(&[&["swarm", "join", "--token", &token][..], &at].concat());
    let images = ["save", IMAGE, OTHER_IMAGE, RELAY_IMAGE];
    let saved = manager.cli(&images).output().unwrap().stdout;
    let archive = worker.dir().join("images.tar");
    std::fs::write(&archive, saved).unwrap();
    worker.docker(&["load", "--input", archive.to_str().unwrap()]);
    worker
}

fn inside(engine: &TestEngine, commands: &str) {
    let process = engine.process();
    let ran = Command::new("nsenter")
        .args(["--target", &process, "--net", "sh", "-c", commands])
        .status();
    assert!(ran.unwrap().success(), "{commands}");
}

const ONE: &str = r#"{"gpu_count":"1","memory":"256MiB","cpu":"0.1"}"#;

fn wish(scene: &Scene, resources: &str) -> Wish {
    let mut wish = scene.wish();
    wish.resources = serde_json::from_str(resources).unwrap();
    wish.secrets = vec![(
        "api-key".parse().unwrap(),
        platform_domain::SecretValue::new(b"1".to_vec()),
    )];
    wish
}

/// Waits until there is no container any more, of those that have ended.
async fn empty(engine: &TestEngine) {
    assert_eq!(engine.docker(&["ps", "--quiet"]), "");
    let by = Instant::now() + LONG;
    while !engine.docker(&["ps", "--all", "--quiet"]).is_empty() {
        assert!(Instant::now() < by, "the agent of the swarm leaves containers");
        tokio::task::yield_now().await;
    }
}

async fn nothing_is_left(engine: &TestEngine, scene: &Scene) {
    for what in ["service", "secret", "network"] {
        assert_eq!(scene.listed_on(engine, what), [""; 0], "{what}");
    }
    empty(engine).await;
    let leases = scene.store.read("test", gpu_leases::list).await.unwrap();
    assert!(leases.is_empty(), "{leases:?}");
}

async fn started(scene: &Scene, wish: &Wish) -> Running {
    let started = timeout(LONG, scene.fleet.start(wish)).await.unwrap();
    started.map_err(|error| with_causes(&error)).unwrap()
}

async fn written(scene: &Scene, running: &Running) -> String {
    let mut lines = scene.fleet.logs(running, 10, Follow::No).await.unwrap();
    let mut all = String::new();
    while let Some(line) = lines.next().await.unwrap() {
        all.push_str(&line.text);
    }
    all
}

#[tokio::test]
async fn a_challenge_on_the_manager_of_a_swarm_is_a_service_and_lives_like_a_container() {
    let engine = swarm(&["GPU-6c1a", "GPU-6c1b"]);
    let mut scene = Scene::new();
    scene.elsewhere(Some(RELAY_IMAGE));
    registered(&scene, "here", &engine.endpoint).await;

    let first = started(&scene, &wish(&scene, ONE)).await;
    let name = first.service.clone().unwrap();
    assert_eq!(scene.listed_on(&engine, "service"), [name.as_str()]);
    assert!(first.relay.is_some() && first.lease.is_some());
    assert_eq!(first.shown.first().unwrap(), "a service of a swarm");
    let told = engine.docker(&["inspect", "--format", "{{.Config.Env}}", &first.container]);
    assert!(told.contains("DOCKER_RESOURCE_NVIDIA-GPU=GPU-6c1"), "{told}");
    assert!(written(&scene, &first).await.contains("listening"));
    scene.elsewhere(Some(RELAY_IMAGE));
    let adopted = started(&scene, &wish(&scene, ONE)).await;
    assert_eq!(
        (&adopted.container, &adopted.lease),
        (&first.container, &first.lease),
        "what runs and is as wanted is left alone"
    );
    scene.fleet.tidy(|slug| *slug == scene.slug).await.unwrap();
    assert_eq!(
        started(&scene, &wish(&scene, ONE)).await.container,
        first.container
    );

    // Something else is wanted, in the same volume and without one.
    let mut before = first;
    for data in [true, false] {
        let mut changed = wish(&scene, ONE);
        changed.data = data;
        changed.env.insert("BEFORE".into(), before.container.clone());
        let running = started(&scene, &changed).await;
        assert_ne!(running.container, before.container);
        assert_eq!(scene.listed_on(&engine, "service").len(), 1);
        before = running;
    }

    // What the swarm does not have, and what does not become a challenge.
    let mut exits = wish(&scene, ONE);
    exits.env.insert("MISBEHAVE".into(), "exit".into());
    for (wish, reason) in [
        (
            wish(&scene, r#"{"gpu_count":"1","memory":"1024GiB"}"#),
            "no machine of the swarm takes it within 5s: no suitable node (insufficient resources on 1 node)",
        ),
        (exits, "ended with code 3; it wrote: I do not want to"),
    ] {
        let error = scene.fleet.start(&wish).await.unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
        assert_eq!(scene.listed_on(&engine, "service"), [""; 0]);
    }
    let mut compiles = wish(&scene, ONE);
    compiles.loosened = ["exec-tmp".parse().unwrap()].into();
    let error = scene.fleet.rehearse(&compiles).await.unwrap_err();
    assert!(matches!(error, FleetError::Spec(_)), "{error}");

    // Behind our back.
    for (command, expected) in [
        (&["kill"][..], "the container ended with code 137"),
        (&["service", "rm"], "the container is gone"),
    ] {
        let running = started(&scene, &wish(&scene, ONE)).await;
        let of = match command {
            ["kill"] => &running.container,
            _ => running.service.as_ref().unwrap(),
        };
        let lost = scene.fleet.lost(&running);
        engine.docker(&[command, &[of.as_str()]].concat());
        let error = timeout(LONG, lost).await.unwrap();
        assert!(error.to_string().starts_with(expected), "{error}");
    }
    started(&scene, &wish(&scene, ONE)).await;
    scene.fleet.stop(&scene.slug).await.unwrap();
    nothing_is_left(&engine, &scene).await;
    assert_eq!(scene.listed_on(&engine, "volume").len(), 1, "what it keeps stays");

    // Nobody wants it any more; and a host was killed before it had made a service of its secrets.
    started(&scene, &wish(&scene, ONE)).await;
    let labels = [
        ("owner", scene.owner.as_str()),
        ("challenge.slug", "other"),
        ("of", "challenge-other"),
    ];
    let labels = labels.map(|(name, value)| format!("--label=platform.{name}={value}"));
    let [owner, slug, of] = labels.each_ref().map(String::as_str);
    let short: String = scene.owner.as_str().chars().take(8).collect();
    let of = format!("{of}-{short}a");
    let value = engine.dir().join("value");
    std::fs::write(&value, "1").unwrap();
    engine.docker(&[
        "secret",
        "create",
        owner,
        slug,
        &of,
        "left",
        value.to_str().unwrap(),
    ]);
    scene.fleet.tidy(|_| false).await.unwrap();
    nothing_is_left(&engine, &scene).await;
    scene.fleet.purge(&scene.slug).await.unwrap();
    assert_eq!(scene.listed_on(&engine, "volume"), [""; 0]);
}

#[tokio::test]
async fn a_swarm_finds_the_machine_and_what_runs_there_is_reached_over_its_manager() {
    let manager = swarm(&["GPU-6c1a"]);
    let mut scene = Scene::new();
    scene.elsewhere(Some(RELAY_IMAGE));
    challenge(&scene, &scene.slug).await;
    server_of(&scene, "swarm", &manager.endpoint, "a100:1,h100:2").await;
    let mut one = wish(&scene, ONE);
    one.data = false;
    let alone = started(&scene, &one).await;

    let worker = joined(&manager, &["GPU-7d1a", "GPU-7d1b"]);
    let nodes = || {
        manager.docker(&[
            "node",
            "ls",
            "--filter",
            "role=worker",
            "--format",
            "{{.ID}} {{.Status}}",
        ])
    };
    let by = Instant::now() + LONG;
    while !nodes().ends_with("Ready") {
        assert!(Instant::now() < by);
        tokio::task::yield_now().await;
    }
    let node = nodes().split(' ').next().unwrap().to_owned();
    manager.docker(&["node", "update", "--label-add", "platform.gpu-kind=h100", &node]);
    // What ran before the machine came: found as it is, or, as swarms end tasks with GPUs of a machine that changes, started anew.
    let still = started(&scene, &one).await;
    assert!(still.service.is_some() && alone.service.is_some());

    let mut other = wish(
        &scene,
        r#"{"gpu_count":"2","gpu_kind":"h100","memory":"256MiB","cpu":"0.1"}"#,
    );
    other.data = false;
    let running = started(&scene, &other).await;
    let there = worker.docker(&["inspect", "--format", "{{.State.Running}}", &running.container]);
    assert_eq!(there, "true");
    assert!(written(&scene, &running).await.contains("listening"));
    assert_eq!(started(&scene, &other).await.container, running.container);

    // Its files are on the machine of the manager, which has no such GPU.
    let mut keeps = other.clone();
    keeps.data = true;
    let error = scene.fleet.start(&keeps).await.unwrap_err();
    assert!(
        error.to_string().contains("scheduling constraints not satisfied"),
        "{error}"
    );

    let running = started(&scene, &other).await;
    let lost = scene.fleet.lost(&running);
    worker.docker(&["kill", &running.container]);
    let error = timeout(LONG, lost).await.unwrap();
    assert!(matches!(error, FleetError::Ended { code: 137, .. }), "{error}");
    started(&scene, &other).await;
    scene.fleet.purge(&scene.slug).await.unwrap();
    nothing_is_left(&manager, &scene).await;
    empty(&worker).await;
}
