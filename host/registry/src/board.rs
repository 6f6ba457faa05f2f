//! What the reconciler sees, for everyone who wants to know: an immutable snapshot behind a `watch`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use platform_domain::{Slug, UnixSeconds};
use platform_fleet::Running;
use platform_wasm::{Code, Step};
use tokio::sync::watch;

/// What the host sees of a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed {
    /// Loaded and reachable.
    Running {
        /// Since when.
        since: UnixSeconds,
        /// Where its code came from.
        code: Code,
        /// Where its container runs, if the host has started one.
        container: Option<Arc<Running>>,
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
        reason: Arc<str>,
        /// When the last attempt failed.
        at: UnixSeconds,
    },
}

/// How far a start has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartStep {
    /// Its compiled code is looked for, or being loaded.
    Loading,
    /// There is none, and others are being compiled.
    WaitingForCompiler,
    /// It is being compiled.
    Compiling,
}

/// What the reconciler sees.
#[derive(Clone, Debug, Default)]
pub struct Board {
    /// Challenges that should run; all others are stopped.
    pub observed: BTreeMap<Slug, Observed>,
    /// When the last pass ended; none before the first. The starts it began may still be under way.
    pub last_pass_at: Option<UnixSeconds>,
    /// Whether the last pass could read the registry. If not, all stays as it was.
    pub registry_readable: bool,
    /// The number of the last pass that has begun.
    pub(crate) begun: u64,
    /// The number of the last pass that has ended.
    pub(crate) ended: u64,
    /// Challenges with a start under way, also those of which something runs or has failed.
    pub(crate) starting: BTreeSet<Slug>,
    /// Whether there was a moment after the first pass without a start under way.
    pub(crate) settled: bool,
}

pub(crate) type BoardPublisher = watch::Sender<Arc<Board>>;
pub(crate) type BoardReader = watch::Receiver<Arc<Board>>;

pub(crate) fn channel() -> (BoardPublisher, BoardReader) {
    watch::channel(Arc::default())
}

impl From<Step> for StartStep {
    fn from(step: Step) -> Self {
        match step {
            Step::WaitingForCompiler => Self::WaitingForCompiler,
            Step::Compiling => Self::Compiling,
        }
    }
}

impl Board {
    /// What is seen of one challenge.
    pub fn observed(&self, slug: &Slug) -> Observed {
        self.observed.get(slug).cloned().unwrap_or(Observed::Stopped)
    }
}
