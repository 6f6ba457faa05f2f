//! A challenge as a service: an engine of its own that is a swarm of one machine, with one GPU by its own account.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use platform_docker::{
    Engine, EngineError, Gpu, Image, Outside, Owner, ServiceSpec, ServiceTask, SpecError, Swarm,
};
use platform_domain::{Loosened, PlainToken};

use crate::{
    engine::{Filter, TestEngine},
    fixture::{IMAGE, TOKEN, program, unique},
    http::{ask, ask_when_ready},
};

struct Manager {
    test: TestEngine,
    engine: Engine,
    image: Image,
    owner: Owner,
}

impl Manager {
    async fn start() -> Self {
        let test = TestEngine::start_with(Filter::None, &["--node-generic-resource", "NVIDIA-GPU=GPU-6c1a"]);
        test.docker(&[
            "swarm",
            "init",
            "--advertise-addr",
            "127.0.0.1",
            "--listen-addr",
            "127.0.0.1:0",
        ]);
        let lines = ["ENTRYPOINT [\"/gpu-container\"]", "USER 1000:1000"];
        // The owner of its volume is the one that the image gives it.
        test.import_with_directory(program(), ("data/", 1000), &lines, IMAGE);
        let engine = Engine::new(crate::fixture::endpoint(&test.endpoint, None)).unwrap();
        let image = engine.image(&IMAGE.parse().unwrap()).await.unwrap();
        let owner = "host-of-services".parse().unwrap();
        Self {
            test,
            engine,
            image,
            owner,
        }
    }

    async fn spec(&self) -> ServiceSpec {
        let slug = unique("service").parse().unwrap();
        let token = PlainToken::from_text(TOKEN);
        let mut container = platform_docker::ContainerSpec::challenge(self.owner.clone(), slug, &token, []);
        // What it reserves has to be there.
        container.limits.memory = "256MiB".parse().unwrap();
        container.limits.milli_cpus = 100;
        let network = container.network.clone().unwrap();
        let (owner, slug) = (&self.owner, &container.slug);
        self.engine
            .ensure_swarm_network(owner, slug, &network, Outside::Closed)
            .await
            .unwrap();
        self.engine
            .ensure_swarm_network(owner, slug, &network, Outside::Closed)
            .await
            .unwrap();
        ServiceSpec {
            container,
            constraints: vec![],
            gpu_kind: "NVIDIA-GPU".to_owned(),
        }
    }

    async fn create(&self, spec: &ServiceSpec) -> Result<Vec<String>, EngineError> {
        let created = self.engine.create_service(spec, &self.image, None).await?;
        Ok(created.warnings)
    }

    /// As soon as it is something that is waited for.
    async fn until(&self, spec: &ServiceSpec, wanted: impl Fn(&ServiceTask) -> bool) -> ServiceTask {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let task = self
                .engine
                .inspect_service(&spec.container.name)
                .await
                .unwrap()
                .task;
            if wanted(&task) {
                return task;
            }
            assert!(Instant::now() < end, "{task:?}");
            tokio::task::yield_now().await;
        }
    }

    async fn container(&self, spec: &ServiceSpec) -> String {
        match self
            .until(spec, |task| matches!(task, ServiceTask::Running { .. }))
            .await
        {
            ServiceTask::Running { container, .. } => container,
            _ => unreachable!(),
        }
    }

    async fn nothing_is_left(&self) {
        for name in self.engine.list_services(&self.owner).await.unwrap() {
            self.engine.remove_service(&self.owner, &name).await.unwrap();
            self.engine.remove_service(&self.owner, &name).await.unwrap();
        }
        // Its agent takes a moment.
        while !self.test.docker(&["ps", "--all", "--quiet"]).is_empty() {
            tokio::task::yield_now().await;
        }
        for volume in self.engine.list_volumes(&self.owner).await.unwrap() {
            self.engine
                .remove_volume(&self.owner, &volume.name)
                .await
                .unwrap();
        }
        let ours = format!("label=platform.owner={}", self.owner);
        let networks = ["network", "ls", "--format", "{{.Name}}", "--filter", &ours];
        for network in self.test.docker(&networks).lines() {
            self.engine.remove_network(&self.owner, network).await.unwrap();
        }
        assert_eq!(self.test.docker(&networks), "");
        for command in ["service", "secret", "volume"] {
            assert_eq!(self.test.docker(&[command, "ls", "--quiet"]), "", "{command}");
        }
        // The bridge that a swarm makes for itself, on the machine of the test. Another test's engine may have it just now.
        self.test.docker(&["swarm", "leave", "--force"]);
        drop(self.test.cli(&["network", "rm", "docker_gwbridge"]).output());
    }
}

#[tokio::test]
async fn a_challenge_runs_as_a_service_as_closed_as_its_engine_allows() {
    let manager = Manager::start().await;
    let engine = &manager.engine;
    let told = engine.describe().await.unwrap();
    let Swarm::Manager { node } = &told.swarm else {
        panic!("{:?}", told.swarm)
    };
    assert!(
        told.gpus.any_told() && told.gpus.named == ["GPU-6c1a"],
        "{:?}",
        told.gpus
    );

    let spec = manager.spec().await;
    let warnings = manager.create(&spec).await.unwrap();
    assert!(
        warnings
            .iter()
            .any(|warning| warning.starts_with("no-new-privileges")),
        "{warnings:?}"
    );
    let id = manager.container(&spec).await;
    let seen = engine.inspect_service(&spec.container.name).await.unwrap();
    assert_eq!(
        seen.spec,
        Some(spec.container.plan(&manager.image).unwrap().spec_digest())
    );
    assert!(matches!(&seen.task, ServiceTask::Running { node: at, .. } if at == node));
    let at = SocketAddr::new(engine.inspect(&id).await.unwrap().address.unwrap(), 8000);
    assert_eq!(ask_when_ready(at, "GET /health").0, 200);
    let slug = &spec.container.slug;
    let head = format!(
        "GET /internal/v1/get_weights HTTP/1.1\r\nauthorization: Bearer {TOKEN}\r\nx-platform-challenge-slug: {slug}\r\nx:"
    );
    assert_eq!(ask(at, &head).unwrap().0, 200);
    assert_eq!(
        ask(
            at,
            "POST /work HTTP/1.1\r\nx-platform-verified-hotkey: 5abc\r\nx:"
        )
        .unwrap()
        .0,
        200
    );
    let format = "{{.HostConfig.CapDrop}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.Init}} {{.HostConfig.PidsLimit}} {{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.Config.User}} {{.HostConfig.Privileged}} {{.HostConfig.LogConfig.Config}}";
    let closed = manager.test.docker(&["inspect", "--format", format, &id]);
    assert_eq!(
        closed,
        "[ALL] true true 512 268435456 100000000 1000:1000 false map[max-file:3 max-size:10m]"
    );
    let pid = manager
        .test
        .docker(&["inspect", "--format", "{{.State.Pid}}", &id]);
    let mounts = std::fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap();
    let tmp = mounts.lines().find(|line| line.contains(" /tmp ")).unwrap();
    assert!(
        tmp.contains("nosuid,nodev,noexec") && tmp.contains("size=524288k"),
        "{tmp}"
    );
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    assert!(
        status.contains("CapBnd:\t0000000000000000") && status.contains("Seccomp:\t2"),
        "{status}"
    );

    // The same name, and another host's hand.
    assert!(matches!(
        manager.create(&spec).await,
        Err(EngineError::NameTaken(_))
    ));
    let stranger = "another-host".parse().unwrap();
    let error = engine
        .remove_service(&stranger, &spec.container.name)
        .await
        .unwrap_err();
    assert!(matches!(error, EngineError::NotOurs(_)));
    assert_eq!(ask(at, &head).unwrap().0, 200);
    manager.nothing_is_left().await;
}

#[tokio::test]
async fn a_service_waits_for_what_no_machine_has_and_one_that_ended_is_not_restarted() {
    let manager = Manager::start().await;
    let mut first = manager.spec().await;
    first.container.gpus = Some(Gpu::Count(1));
    manager.create(&first).await.unwrap();
    manager.container(&first).await;
    // The only one is reserved.
    let mut second = manager.spec().await;
    second.container.gpus = Some(Gpu::Count(1));
    let mut elsewhere = manager.spec().await;
    elsewhere.constraints = vec!["node.labels.gpu==a100".to_owned()];
    for (spec, expected) in [
        (&second, "insufficient resources"),
        (&elsewhere, "scheduling constraints not satisfied"),
    ] {
        manager.create(spec).await.unwrap();
        manager
            .until(
                spec,
                |task| matches!(task, ServiceTask::Waiting { why } if why.contains(expected)),
            )
            .await;
    }
    // And free again.
    manager
        .engine
        .remove_service(&manager.owner, &first.container.name)
        .await
        .unwrap();
    manager.container(&second).await;
    let mut bad = manager.spec().await;
    bad.container
        .env
        .insert("MISBEHAVE".to_owned(), "exit".to_owned());
    manager.create(&bad).await.unwrap();
    let ended = manager
        .until(&bad, |task| matches!(task, ServiceTask::Ended { .. }))
        .await;
    assert!(
        matches!(ended, ServiceTask::Ended { code: Some(3), .. }),
        "{ended:?}"
    );

    type Change = fn(&mut ServiceSpec);
    let refused: [Change; 4] = [
        |spec| spec.container.gpus = Some(Gpu::All),
        |spec| spec.container.loosened = [Loosened::ExecTmp].into(),
        |spec| spec.constraints = vec!["a\nb".to_owned()],
        |spec| spec.container.name = "a".repeat(64),
    ];
    for change in refused {
        let mut spec = manager.spec().await;
        change(&mut spec);
        let error = manager.create(&spec).await.unwrap_err();
        let refused = matches!(
            error,
            EngineError::Spec(SpecError::Swarm(_) | SpecError::TooMuch(_))
        );
        assert!(refused, "{error:?}");
    }
    manager.nothing_is_left().await;
}
