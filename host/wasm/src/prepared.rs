//! A component that is compiled and linked, before a challenge is made of it.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use platform_domain::Grant;
use wasmtime::component::{Component, InstancePre};

use crate::{
    ComponentError, ComponentInfo, cache::Sealed, capability, error::plain, runner::Runner, state::CallState,
    wire::Contract,
};

/// Ready for [`crate::Engine::start`].
pub struct Prepared {
    pub(crate) info: ComponentInfo,
    pub(crate) runner: Arc<Runner>,
    pub(crate) component: Component,
    pub(crate) code: Code,
}

/// Where the code of a component came from.
#[derive(Default, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// Machine code with its tables, as a file.
    pub bytes: u64,
    /// What compiling took, whenever that was.
    pub compiling: Duration,
    /// Whether it was compiled before and only taken from the cache.
    pub cached: bool,
    /// What checking, mapping and linking it took.
    pub loading: Duration,
}

/// What a component is waiting for that is not in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// For another one to be compiled.
    WaitingForCompiler,
    /// To be compiled.
    Compiling,
}

impl Prepared {
    /// Maps the code.
    pub(crate) fn load(
        runner: &Arc<Runner>,
        info: ComponentInfo,
        sealed: &Sealed,
        started: Instant,
        cached: bool,
    ) -> Result<Self, ComponentError> {
        let refused = |error: wasmtime::Error| ComponentError::Compile(plain(&format!("{error:#}")));
        let component = sealed.load(&runner.wasmtime).map_err(refused)?;
        Ok(Self {
            info,
            runner: runner.clone(),
            component,
            code: Code {
                bytes: sealed.facts.code_bytes,
                compiling: Duration::from_millis(sealed.facts.compile_ms),
                cached,
                loading: started.elapsed(),
            },
        })
    }

    /// Links it to WASI and to what it asks for and is granted.
    pub(crate) fn link(
        &self,
        granted: &BTreeSet<Grant>,
    ) -> Result<(InstancePre<CallState>, Contract), ComponentError> {
        capability::check(&self.info.asks, granted)?;
        let mismatch = |error: wasmtime::Error| ComponentError::Mismatch(plain(&format!("{error:#}")));
        let linker = self.runner.linker(&self.info).map_err(mismatch)?;
        let pre = linker.instantiate_pre(&self.component).map_err(mismatch)?;
        let contract = Contract::find(&pre).map_err(|text| ComponentError::Mismatch(plain(&text)))?;
        Ok((pre, contract))
    }

    /// What the component shows.
    pub const fn info(&self) -> &ComponentInfo {
        &self.info
    }

    /// Where its code came from.
    pub const fn code(&self) -> Code {
        self.code
    }
}
