//! What belongs to one call: the store's data.

use std::{sync::Arc, time::Instant};

use platform_domain::Slug;
use tokio::task::yield_now;
use wasmtime::{Engine, Store, UpdateDeadline};
use wasmtime_wasi::{
    ResourceTable, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView, filesystem::WasiFilesystemCtx,
};

use crate::{
    Limits,
    limits::{count, size},
    logs::{ChallengeLog, GuestOutput},
    memory::{CallMemory, HostMemory},
};

/// The data of a store that lives for one call.
pub(crate) struct CallState {
    wasi: WasiCtx,
    resources: ResourceTable,
    pub(crate) memory: CallMemory,
}

/// What the calls of a program have in common.
pub(crate) struct CallSetup {
    pub(crate) log: Arc<ChallengeLog>,
    pub(crate) env: Vec<(String, String)>,
    /// `/data`, opened once; `None` when the program keeps no files.
    pub(crate) files: Option<WasiFilesystemCtx>,
    pub(crate) memory_limit: u64,
    pub(crate) host_memory: HostMemory,
    pub(crate) limits: Arc<Limits>,
}

impl CallSetup {
    pub(crate) fn new(slug: Slug, memory_limit: u64, host_memory: HostMemory, limits: Arc<Limits>) -> Self {
        Self {
            log: ChallengeLog::new(slug, &limits),
            env: Vec::new(),
            files: None,
            memory_limit,
            host_memory,
            limits,
        }
    }

    /// A store for one call that is interrupted at `until`, and that yields to other tasks at every tick.
    pub(crate) fn store(&self, engine: &Engine, request_id: &str, until: Instant) -> Store<CallState> {
        let state = CallState {
            wasi: self.wasi(request_id.into()),
            resources: resource_table(&self.limits),
            memory: CallMemory::new(self.memory_limit, self.host_memory.clone(), self.limits.clone()),
        };
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(size(self.limits.transfer));
        store.set_max_component_handles(count(self.limits.handles));
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |_| {
            // A guest that computes never waits, so its time is also bounded by the time that has passed.
            if Instant::now() >= until {
                return Ok(UpdateDeadline::Interrupt);
            }
            // Tokio's own yield lets it look at timers and sockets before the guest goes on.
            Ok(UpdateDeadline::YieldCustom(1, Box::pin(yield_now())))
        });
        store
    }

    /// No arguments, no stdin, no network; of the environment only what the operator set for this challenge.
    fn wasi(&self, request_id: Arc<str>) -> WasiCtx {
        let mut builder = WasiCtxBuilder::new();
        builder
            .stdout(GuestOutput::new("stdout", request_id.clone(), self.log.clone()))
            .stderr(GuestOutput::new("stderr", request_id, self.log.clone()))
            .envs(&self.env)
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .socket_addr_check(|_, _| Box::pin(async { false }))
            .max_random_size(self.limits.random.0);
        let mut wasi = builder.build();
        if let Some(files) = &self.files {
            wasi.filesystem().clone_from(files);
        }
        wasi
    }
}

fn resource_table(limits: &Limits) -> ResourceTable {
    let mut table = ResourceTable::new();
    table.set_max_capacity(count(limits.resources));
    table
}

impl CallState {
    pub(crate) fn resources(&mut self) -> &mut ResourceTable {
        &mut self.resources
    }
}

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.resources,
        }
    }
}
