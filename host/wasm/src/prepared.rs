//! A component that is compiled and linked, before a challenge is made of it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use wasmtime::component::InstancePre;

use crate::{
    ComponentError, ComponentInfo, cache::Sealed, error::plain, runner::Runner, state::CallState,
    wire::Contract,
};

/// Ready for [`crate::Engine::start`].
pub struct Prepared {
    pub(crate) info: ComponentInfo,
    pub(crate) runner: Arc<Runner>,
    pub(crate) pre: InstancePre<CallState>,
    pub(crate) contract: Contract,
    pub(crate) code: Code,
}

/// Where the code of a component came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// Maps the code and links it to what the host offers.
    pub(crate) fn link(
        runner: &Arc<Runner>,
        info: ComponentInfo,
        sealed: &Sealed,
        started: Instant,
        cached: bool,
    ) -> Result<Self, ComponentError> {
        let refused = |error: wasmtime::Error| ComponentError::Compile(plain(&format!("{error:#}")));
        let component = sealed.load(&runner.wasmtime).map_err(refused)?;
        let mismatch = |error: wasmtime::Error| ComponentError::Mismatch(plain(&format!("{error:#}")));
        let pre = runner.linker.instantiate_pre(&component).map_err(mismatch)?;
        let contract = Contract::find(&pre).map_err(|text| ComponentError::Mismatch(plain(&text)))?;
        Ok(Self {
            info,
            runner: runner.clone(),
            pre,
            contract,
            code: Code {
                bytes: sealed.facts.code_bytes,
                compiling: Duration::from_millis(sealed.facts.compile_ms),
                cached,
                loading: started.elapsed(),
            },
        })
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
