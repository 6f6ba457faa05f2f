//! `wasi:logging/logging`: lines of the challenge's log that say themselves how much they matter and what they are about.

use platform_domain::LogLevel;
use wasmtime::{
    StoreContextMut,
    component::{ComponentType, Lift, Linker},
};

use crate::state::CallState;

pub(super) const INTERFACE: &str = "wasi:logging/logging@0.1.0-draft";

/// `enum level`
#[derive(Clone, Copy, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "the guest names them")]
enum Level {
    #[component(name = "trace")]
    Trace,
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
    #[component(name = "critical")]
    Critical,
}

pub(super) fn link(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    linker.instance(INTERFACE)?.func_wrap(
        "log",
        |store: StoreContextMut<'_, CallState>, (level, context, message): (Level, String, String)| {
            let state = store.data();
            let log = &state.setup().log;
            log.message(level.into(), state.request_id(), &context, &message);
            Ok(())
        },
    )
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Trace => Self::Trace,
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warn => Self::Warn,
            Level::Error => Self::Error,
            Level::Critical => Self::Critical,
        }
    }
}
