//! GPU servers, and an engine that takes itself for one with GPUs.

use std::{path::Path, sync::OnceLock};

use platform_docker::{Endpoint, Engine};
use platform_domain::{GpuLease, GpuRequest, GpuServer, JobId, JobState, UnixSeconds};
use platform_jobs::{JobRequest, JobsConfig};
use platform_store::{gpu_leases, gpu_servers};
use tokio::time::timeout;

use crate::{
    engine::{Filter, TestEngine},
    fixture::{Host, IMAGE, PATIENCE, asks, config, program},
};

/// The engine of the servers, which takes itself for one with GPUs.
pub(crate) fn with_gpus() -> &'static TestEngine {
    static SHARED: OnceLock<TestEngine> = OnceLock::new();
    SHARED.get_or_init(|| {
        let engine = TestEngine::start_with_hook(Filter::None, &[]);
        engine.import(program(), &["ENTRYPOINT [\"/gpu-container\"]"], IMAGE);
        engine
    })
}

pub(crate) fn allowed() -> JobsConfig {
    let mut config = config();
    config.ceilings.gpus = 2;
    config
}

pub(crate) fn gpus(count: u16, kind: &str) -> Option<GpuRequest> {
    let kind = (!kind.is_empty()).then(|| kind.parse().unwrap());
    Some(GpuRequest::of(count, kind, Default::default()).unwrap())
}

pub(crate) fn with(count: u16, kind: &str, job: &str, words: &[&str]) -> JobRequest {
    JobRequest {
        gpus: gpus(count, kind),
        ..asks(job, words)
    }
}

impl Host {
    pub(crate) async fn server(&self, id: &str, endpoint: &str, gpus: &str) {
        let server = GpuServer {
            id: id.parse().unwrap(),
            endpoint: endpoint.parse().unwrap(),
            labels: Default::default(),
            gpus: gpus.parse().unwrap(),
            lease: Default::default(),
            enabled: true,
            description: None,
            created_at: UnixSeconds(1),
            updated_at: UnixSeconds(1),
        };
        let insert = move |connection: &platform_store::Connection| gpu_servers::insert(connection, &server);
        self.store.write("test", insert).await.unwrap();
    }

    pub(crate) async fn leases(&self) -> Vec<GpuLease> {
        self.store.read("test", gpu_leases::list).await.unwrap()
    }

    /// Waits until the job stands so, and gives its row.
    pub(crate) async fn until(&self, id: &JobId, state: JobState, waits: bool) -> platform_jobs::JobRow {
        let seen = async {
            loop {
                let (row, _) = self.jobs.show(id).await.unwrap();
                if row.state == state && (row.state != JobState::Queued || row.reason.is_some() == waits) {
                    return row;
                }
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, seen).await.unwrap()
    }

    /// Waits until so many containers of this host run on the servers' engine.
    pub(crate) async fn until_on_server(&self, count: usize) {
        let label = format!("label=platform.owner={}", self.config.owner);
        let seen = async {
            while with_gpus()
                .docker(&["ps", "--quiet", "--filter", &label])
                .lines()
                .count()
                != count
            {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, seen).await.unwrap();
    }

    pub(crate) fn nothing_is_left_on_server(&self) {
        let label = format!("label=platform.owner={}", self.config.owner);
        for what in [&["ps", "--all"][..], &["volume", "ls"]] {
            let left = with_gpus().docker(&[what, &["--filter", &label, "--quiet"]].concat());
            assert_eq!(left, "", "{what:?}");
        }
    }
}

pub(crate) fn on(socket: &Path) -> Engine {
    let endpoint = format!("unix://{}", socket.display()).parse().unwrap();
    Engine::new(Endpoint::new(&endpoint, None).unwrap()).unwrap()
}
