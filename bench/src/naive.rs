//! What the calls of the host are compared to: the host that a competent person writes in an afternoon. wasmtime
//! with its own defaults (memory on demand, no pool), bindings from `bindgen!`, linked and type-checked once,
//! and for each call a store, a WASI context and an instance of its own, called asynchronously as a server
//! does. It has none of the limits of the host: no deadline, no memory limit, no queue, no log.

use std::path::Path;

use anyhow::{Result, anyhow, bail};
use wasmtime::{
    Config, Engine, Store,
    component::{Component, Linker, ResourceTable},
};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use self::bindings::{ChallengePre, platform::challenge::types};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit/0.1.0",
        world: "challenge",
        exports: { default: async },
    });
}

pub(crate) use types::{EpochContext, Request, Response, Weight};

/// A component that is ready to be called.
pub(crate) struct Naive {
    engine: Engine,
    challenge: ChallengePre<State>,
}

struct State {
    wasi: WasiCtx,
    resources: ResourceTable,
}

impl Naive {
    pub(crate) fn load(component: &Path) -> Result<Self> {
        let load = || {
            let engine = Engine::new(&Config::new())?;
            let mut linker = Linker::new(&engine);
            wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
            let component = Component::from_file(&engine, component)?;
            let challenge = ChallengePre::new(linker.instantiate_pre(&component)?)?;
            Ok::<_, wasmtime::Error>(Self { engine, challenge })
        };
        load().map_err(|error| anyhow!("{error:#}"))
    }

    pub(crate) async fn handle_route(&self, request: &Request) -> Result<Response> {
        let mut store = self.store();
        let call = async {
            let challenge = self.challenge.instantiate_async(&mut store).await?;
            let routes = challenge.platform_challenge_routes();
            routes.call_handle_route(&mut store, request).await
        };
        match call.await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(refusal)) => bail!("the guest refused: {refusal:?}"),
            Err(error) => bail!("{error:#}"),
        }
    }

    pub(crate) async fn get_weights(&self, context: &EpochContext) -> Result<Vec<Weight>> {
        let mut store = self.store();
        let call = async {
            let challenge = self.challenge.instantiate_async(&mut store).await?;
            let weights = challenge.platform_challenge_weights();
            weights.call_get_weights(&mut store, context).await
        };
        match call.await {
            Ok(Ok(weights)) => Ok(weights),
            Ok(Err(refusal)) => bail!("the guest refused: {refusal:?}"),
            Err(error) => bail!("{error:#}"),
        }
    }

    fn store(&self) -> Store<State> {
        let state = State {
            wasi: WasiCtxBuilder::new().build(),
            resources: ResourceTable::new(),
        };
        Store::new(&self.engine, state)
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.resources,
        }
    }
}
