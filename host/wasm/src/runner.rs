//! One class of slots with all that belongs to it: an engine, its clock, its linker and who may use it.

use std::{borrow::Cow, sync::Arc};

use platform_domain::Grant;
use wasmtime::component::Linker;

use crate::{
    ComponentInfo, EngineError,
    admission::{HostSlots, WaitingRoom},
    capability,
    limits::{Limits, count},
    link,
    state::CallState,
    ticker::Ticker,
    tuning::{self, Slot},
};

/// Runs the components that fit into its slots.
pub(crate) struct Runner {
    // First, so that the clock has stopped when the engine goes.
    _ticker: Ticker,
    pub(crate) wasmtime: wasmtime::Engine,
    /// WASI alone, which is enough for most.
    linker: Linker<CallState>,
    pub(crate) slots: HostSlots,
    pub(crate) slot: Slot,
}

impl Runner {
    /// One per class, smallest slots first.
    pub(crate) fn all(limits: &Arc<Limits>) -> Result<[Self; 2], EngineError> {
        let [small, large] = Slot::classes(limits);
        let routes = count(limits.concurrent_routes);
        let few = routes.min(count(limits.large_calls));
        let waiting = WaitingRoom::new(limits);
        Ok([
            Self::new(limits, &waiting, small, routes)?,
            Self::new(limits, &waiting, large, few)?,
        ])
    }

    /// A linker with WASI and what this component asks for.
    pub(crate) fn linker(&self, info: &ComponentInfo) -> wasmtime::Result<Cow<'_, Linker<CallState>>> {
        let grants = &info.asks;
        let http = info.answers_http() || grants.contains(&Grant::OutgoingHttp);
        if grants.is_empty() && !http {
            return Ok(Cow::Borrowed(&self.linker));
        }
        let mut linker = self.linker.clone();
        capability::link(&mut linker, grants, http)?;
        Ok(Cow::Owned(linker))
    }

    fn new(
        limits: &Arc<Limits>,
        waiting: &WaitingRoom,
        slot: Slot,
        routes: usize,
    ) -> Result<Self, EngineError> {
        let refused = |error: wasmtime::Error| EngineError::Wasmtime(format!("{error:#}"));
        // Those that run, and those that wait for their next call.
        let calls = routes
            .saturating_add(count(limits.concurrent_weights))
            .saturating_add(count(limits.warm_total));
        let calls = u32::try_from(calls).unwrap_or(u32::MAX);
        let wasmtime = tuning::engine(limits, slot, calls).map_err(refused)?;
        Ok(Self {
            _ticker: Ticker::start(wasmtime.clone()).map_err(EngineError::Clock)?,
            linker: link::linker(&wasmtime).map_err(refused)?,
            wasmtime,
            slots: HostSlots::new(limits.clone(), waiting.clone(), routes),
            slot,
        })
    }
}
