//! What belongs to a store: what the guest's imports work on, and the bounds of the call that runs.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use platform_domain::{LogSource, Metagraph, SecretName, SecretValue, Slug};
use platform_state::State;
use tokio::{sync::oneshot, task::yield_now};
use wasmtime::{Engine, Store, UpdateDeadline};
use wasmtime_wasi::{
    ResourceTable, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView,
    filesystem::{WasiFilesystemCtx, WasiFilesystemCtxView},
};
use wasmtime_wasi_http::{WasiHttpCtxView, p2::bindings::http::types::Scheme};

use crate::{
    JobDesk, LatestMetagraph, Limits,
    capability::open::OpenState,
    cpu,
    disk::{CallDisk, FilesView, Quota},
    incoming::{Begun, Exchange, Watched},
    limits::{count, size},
    logs::{ChallengeLog, GuestOutput},
    memory::{CallMemory, HostMemory},
    outgoing::{CallHttp, Outgoing},
    wire::HandleArgs,
};

/// The data of a store.
pub(crate) struct CallState {
    setup: Arc<CallSetup>,
    /// Made when the guest first uses an import: many calls use none, and it is a good part of their cost.
    wasi: Option<Box<WasiCtx>>,
    outputs: Option<[GuestOutput; 2]>,
    resources: ResourceTable,
    disk: Option<CallDisk>,
    open: Option<OpenState>,
    /// The subnet as the call that runs sees it.
    metagraph: Option<Arc<Metagraph>>,
    http: CallHttp,
    pub(crate) memory: CallMemory,
    request_id: Arc<str>,
    /// When the call that runs has to have ended.
    until: Instant,
    /// Whether it was ended because it computed for too long.
    pub(crate) computed_too_long: bool,
}

/// What the calls of a program have in common.
pub(crate) struct CallSetup {
    pub(crate) log: Arc<ChallengeLog>,
    /// What the operator set and the manifest adds, by name.
    pub(crate) env: Arc<[(String, String)]>,
    /// `/data`, opened once, and what may be kept there; `None` when the program keeps no files.
    pub(crate) files: Option<(WasiFilesystemCtx, Arc<Quota>)>,
    /// `None` when the program has no use for it.
    pub(crate) state: Option<State>,
    /// `None` when the program does not ask for it.
    pub(crate) metagraph: Option<LatestMetagraph>,
    /// `None` when the program does not ask for it.
    pub(crate) outgoing: Option<Arc<Outgoing>>,
    /// Whose jobs it hands in, and to whom; `None` when the program does not ask for it.
    pub(crate) jobs: Option<(Slug, JobDesk)>,
    /// What the program may read of its secrets.
    pub(crate) secrets: BTreeMap<SecretName, SecretValue>,
    pub(crate) memory_limit: u64,
    pub(crate) host_memory: HostMemory,
    pub(crate) limits: Arc<Limits>,
}

impl CallSetup {
    pub(crate) fn new(
        log: Arc<ChallengeLog>,
        memory_limit: u64,
        host_memory: HostMemory,
        limits: Arc<Limits>,
    ) -> Self {
        Self {
            log,
            env: Arc::default(),
            files: None,
            state: None,
            metagraph: None,
            outgoing: None,
            jobs: None,
            secrets: BTreeMap::new(),
            memory_limit,
            host_memory,
            limits,
        }
    }

    /// Whether calls block their thread, and so need one of their own.
    pub(crate) fn blocks(&self) -> bool {
        self.files.is_some() || self.state.is_some()
    }

    /// The subnet as it is now, for a program that asks for it.
    pub(crate) fn subnet_now(&self) -> Option<Arc<Metagraph>> {
        self.metagraph.as_ref()?.borrow().clone()
    }

    /// A store whose calls yield to other tasks at every tick, and are interrupted when their time is over.
    pub(crate) fn store(setup: &Arc<Self>, engine: &Engine) -> Store<CallState> {
        let limits = &setup.limits;
        let state = CallState {
            setup: setup.clone(),
            wasi: None,
            outputs: None,
            resources: resource_table(limits),
            disk: setup
                .files
                .as_ref()
                .map(|(_, quota)| CallDisk::new(quota.clone())),
            open: setup.state.clone().map(OpenState::new),
            metagraph: None,
            http: CallHttp::new(setup.outgoing.clone()),
            memory: CallMemory::new(setup.memory_limit, setup.host_memory.clone(), limits.clone()),
            request_id: Arc::default(),
            until: Instant::now(),
            computed_too_long: false,
        };
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.memory);
        store.set_hostcall_fuel(size(limits.transfer));
        store.set_max_component_handles(count(limits.handles));
        store.epoch_deadline_callback(|mut store| Ok(store.data_mut().tick()));
        store
    }

    /// No arguments, no stdin, no sockets; of the environment only what the operator set for this challenge.
    fn wasi(&self, [stdout, stderr]: [GuestOutput; 2]) -> WasiCtx {
        let mut builder = WasiCtxBuilder::new();
        builder
            .stdout(stdout)
            .stderr(stderr)
            .envs(&self.env)
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .socket_addr_check(|_, _| Box::pin(async { false }))
            .max_random_size(self.limits.random.0);
        let mut wasi = builder.build();
        if let Some((files, _)) = &self.files {
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
    /// A call begins in this store, and sees this subnet.
    pub(crate) fn begin(&mut self, request_id: &str, until: Instant, metagraph: Option<Arc<Metagraph>>) {
        self.request_id = request_id.into();
        self.until = until;
        self.metagraph = metagraph;
        self.http.begin(&self.request_id, until);
        for output in self.outputs.iter().flatten() {
            output.attribute(&self.request_id);
        }
        if let Some((_, quota)) = &self.setup.files {
            quota.serve(&self.request_id);
        }
        if let Some(open) = &mut self.open {
            open.begin(until);
        }
    }

    /// The call has ended: what it wrote belongs to it, not to the next one.
    pub(crate) fn end(&mut self) {
        self.metagraph = None;
        self.http.end();
        for output in self.outputs.iter().flatten() {
            output.finish_line();
        }
        if let Some(open) = &mut self.open {
            open.end();
        }
    }

    /// What the calls of this program have in common.
    pub(crate) fn setup(&self) -> &CallSetup {
        &self.setup
    }

    /// The call that runs.
    pub(crate) fn request_id(&self) -> &Arc<str> {
        &self.request_id
    }

    /// What the host keeps for the challenge. Functions that ask for it are linked only where there is some.
    pub(crate) fn kept(&mut self) -> wasmtime::Result<&mut OpenState> {
        let open = self.open.as_mut();
        open.ok_or_else(|| wasmtime::Error::msg("the challenge keeps nothing in the host"))
    }

    /// The subnet as this call sees it; `None` when the host has not read it.
    pub(crate) fn metagraph(&self) -> Option<&Metagraph> {
        self.metagraph.as_deref()
    }

    /// Linked only where the program sends requests or answers them as HTTP; whoever may not send is refused.
    pub(crate) fn http(&mut self) -> WasiHttpCtxView<'_> {
        self.http.view(&mut self.resources)
    }

    /// A request of a client, and where its answer is put.
    pub(crate) fn exchange(
        &mut self,
        request: http::Request<Watched>,
        exchange: Exchange,
        tell: oneshot::Sender<Begun>,
    ) -> wasmtime::Result<HandleArgs> {
        let limits = self.setup.limits.clone();
        let mut http = self.http();
        let request = http.new_incoming_request(Scheme::Http, request)?;
        let begin = move |answer| exchange.begin(answer, &limits, tell);
        let answer = http.new_response_outparam_from_callback(begin)?;
        Ok((request, answer))
    }

    pub(crate) fn resources(&mut self) -> &mut ResourceTable {
        &mut self.resources
    }

    /// A guest that computes never waits, so both bounds are looked at here.
    fn tick(&mut self) -> UpdateDeadline {
        self.computed_too_long = cpu::tick();
        if self.computed_too_long || Instant::now() >= self.until {
            return UpdateDeadline::Interrupt;
        }
        // Tokio's own yield lets it look at timers and sockets before the guest goes on.
        UpdateDeadline::YieldCustom(1, Box::pin(yield_now()))
    }

    pub(crate) fn files(&mut self) -> FilesView<'_> {
        let (WasiCtxView { ctx, table }, disk) = self.parts();
        let wasi = WasiFilesystemCtxView {
            ctx: ctx.filesystem(),
            table,
        };
        FilesView { wasi, disk }
    }

    fn parts(&mut self) -> (WasiCtxView<'_>, Option<&mut CallDisk>) {
        let Self {
            setup,
            wasi,
            outputs,
            resources,
            disk,
            request_id,
            ..
        } = self;
        let ctx = wasi.get_or_insert_with(|| {
            let output = |source| GuestOutput::new(source, request_id.clone(), setup.log.clone());
            let both = outputs.insert([LogSource::Stdout, LogSource::Stderr].map(output));
            Box::new(setup.wasi(both.clone()))
        });
        let view = WasiCtxView {
            ctx,
            table: resources,
        };
        (view, disk.as_mut())
    }
}

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.parts().0
    }
}
