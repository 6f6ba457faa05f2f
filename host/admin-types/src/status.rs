//! What is, next to what should be.

use std::collections::BTreeMap;

use platform_domain::{Digest, Slug, Status, UnixSeconds};
use serde::{Deserialize, Serialize};

use crate::{BreakerView, ContainerView};

/// What the host sees of a challenge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Observed {
    /// Loaded and reachable.
    Running {
        /// Since when.
        since: UnixSeconds,
        /// Where its machine code came from.
        code: CodeView,
        /// Its container, if the host runs one of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        container: Option<ContainerView>,
    },
    /// Not loaded.
    Stopped,
    /// It should run, and its first start has not ended yet.
    Starting {
        /// How far the start has come.
        step: StartStep,
        /// When it came there.
        since: UnixSeconds,
    },
    /// It should run and could not be started; the host tries again.
    Failed {
        /// Why, for the operator.
        reason: String,
        /// When the last attempt failed.
        at: UnixSeconds,
    },
}

/// How far a start has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartStep {
    /// Its compiled code is looked for, or being loaded.
    Loading,
    /// There is none, and another component is being compiled.
    WaitingForCompiler,
    /// It is being compiled.
    Compiling,
}

/// The machine code that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeView {
    /// Its size.
    pub bytes: u64,
    /// Whether it was compiled before, and this start only took it from the cache.
    pub cached: bool,
    /// What compiling took, whenever that was.
    pub compile_ms: u64,
    /// What checking and loading it took.
    pub load_ms: u64,
}

/// What the compiler is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompilerView {
    /// The component that is being compiled, if any.
    pub compiling: Option<CompilingView>,
    /// How many wait for it.
    pub waiting: usize,
}

/// A component that is being compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompilingView {
    /// Its digest.
    pub component: Digest,
    /// Since when.
    pub since: UnixSeconds,
}

/// `GET /v1/admin/status`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HostStatus {
    /// The program's version.
    pub version: String,
    /// When the program started.
    pub started_at: UnixSeconds,
    /// What keeps intention and reality together.
    pub reconciler: ReconcilerStatus,
    /// What makes machine code of components.
    pub compiler: CompilerView,
    /// Every challenge.
    pub challenges: BTreeMap<Slug, ChallengeStatus>,
}

/// How the last pass over the registry went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconcilerStatus {
    /// When the last pass ended; none before the first.
    pub last_pass_at: Option<UnixSeconds>,
    /// Whether it could read the registry.
    pub registry_readable: bool,
}

/// One challenge, intended and observed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChallengeStatus {
    /// Where it is meant to stand.
    pub status: Status,
    /// What is running of it.
    pub observed: Observed,
    /// Whether its routes are served.
    pub breaker: BreakerView,
}
