//! `platform:challenge/gpu-jobs`: jobs with GPUs. All else of them is in `jobs`.

use wasmtime::component::{ComponentType, Lift, Linker};

use super::jobs::{Error, Job, Store, desk};
use crate::{JobGpus, state::CallState};

pub(super) const INTERFACE: &str = "platform:challenge/gpu-jobs@0.1.0";

/// `record gpus`
#[derive(ComponentType, Lift)]
#[component(record)]
struct Gpus {
    count: u16,
    kind: Option<String>,
    labels: Vec<(String, String)>,
}

pub(super) fn link(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    let mut to = linker.instance(INTERFACE)?;
    to.func_wrap_async("submit", |store: Store<'_>, (job, gpus): (Job, Gpus)| {
        let desk = desk(&store);
        Box::new(async move {
            let done = async {
                let (slug, host) = desk?;
                host.submit(&slug, job.order(Some(gpus.into()))).await
            };
            Ok((done.await.map_err(Error::from),))
        })
    })
}

impl From<Gpus> for JobGpus {
    fn from(gpus: Gpus) -> Self {
        let Gpus { count, kind, labels } = gpus;
        Self { count, kind, labels }
    }
}
