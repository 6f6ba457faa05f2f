//! What should run, and making it so.
//!
//! [`Registry`] holds the operations on challenges: each checks everything it is given, writes the intended
//! state and wakes the [`Reconciler`], which reads the whole intended state, compares it with what runs,
//! starts and stops programs and publishes the table of routes. The two share no other channel: a wake-up
//! carries no data, so none can be lost. No HTTP here.

mod board;
mod check;
mod compose;
mod config;
mod containers;
mod content;
mod drift;
mod entry;
mod error;
mod field;
mod gpu_servers;
mod health;
mod images;
mod inputs;
mod keeping;
mod limits;
mod load;
mod operations;
mod plan;
mod reconciler;
mod replacing;
mod secrets;
mod starts;
mod stats;
mod trust;
mod versions;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use platform_domain::TrustPolicy;
use platform_fleet::Fleet;
use platform_oci::{ContentStore, Registries};
use platform_runtime::{BreakerPolicy, MetagraphReader, RoutePublisher};
use platform_store::Store;
use platform_wasm::Engine;
use tokio::sync::Notify;

pub use board::{Board, Observed, StartStep};
pub use content::{Cleared, KeptContent};
pub use drift::Drift;
pub use error::RegistryError;
pub use field::FieldError;
pub use gpu_servers::{
    GpuServerError, GpuServerHealth, GpuServerPatch, GpuServerSeen, GpuServerWarning, GpuServers,
    KeptCertificates, NewGpuServer,
};
pub use inputs::{ChallengePatch, NewChallenge, Source};
pub use keeping::{KeptState, KeptStates, Purged};
pub use load::LoadError;
pub use operations::Registry;
pub use platform_docker::{Description, EngineError, Gpus, PullSum, Stats, Swarm};
pub use platform_fleet::{
    CollectedImages, Engines, FetchedImage, FleetError, KeptVolume, Load, Running, TlsFiles, Unreached,
    UnwantedImage,
};
pub use platform_oci::{Collected, Content, ContentKind, OciError};
pub use platform_runtime::{BreakerReport, BreakerState, Health, Incident};
pub use platform_store::StoreError;
pub use platform_vault::KeyError;
pub use platform_wasm::{
    ArchiveError, BlobUsage, ChallengeLog, Code, CompilerStatus, ComponentError, Contents, DataUsage,
    DatabaseUsage, FollowFrom, Follower, LogLine, LogPage, OutboundUsage, StateError, Usage,
};
pub use reconciler::Reconciler;
pub use secrets::{KeptSecret, SecretError};
pub use stats::{ChallengeStats, Used};
pub use trust::{Shown, Untrusted};
pub use versions::Update;

/// What both halves are built from.
pub struct Parts {
    /// The host's database.
    pub store: Store,
    /// Where components come from and are kept.
    pub content: ContentStore,
    /// What a component must show to run, of whose challenge nothing else is wanted.
    pub trust: TrustPolicy,
    /// What runs them.
    pub engine: Engine,
    /// Challenges keep their state below `challenges/` in it.
    pub state_dir: PathBuf,
    /// What secrets are sealed with; made when the first one is set.
    pub key_file: PathBuf,
    /// Where challenges that ask for it read the subnet.
    pub metagraph: MetagraphReader,
    /// What runs containers.
    pub fleet: Fleet,
    /// Who fetches images.
    pub registries: Registries,
    /// What containers are told that may hand in jobs; nothing where this host takes none.
    pub executor: BTreeMap<String, String>,
    /// How many images of each challenge stay on engines, the present one included.
    pub keep_images: usize,
    /// The one writer of the table of routes.
    pub routes: RoutePublisher,
    /// When a challenge that fails is left alone.
    pub breaker: BreakerPolicy,
}

/// Builds both halves, and puts right what an earlier host left. Nothing runs until [`Reconciler::run`] does. Blocks
/// on the disk.
pub fn build(parts: Parts) -> (Registry, Reconciler) {
    let Parts {
        store,
        content,
        trust,
        engine,
        state_dir,
        key_file,
        metagraph,
        fleet,
        registries,
        executor,
        keep_images,
        routes,
        breaker,
    } = parts;
    if let Err(error) = keeping::put_right(&state_dir.join("challenges")) {
        tracing::error!(%error, "what an earlier host left cannot be put right");
    }
    let wake = Arc::new(Notify::new());
    let (publisher, board) = board::channel();
    let opener = secrets::Opener::new(store.clone(), key_file);
    let containers = containers::Containers::new(fleet, registries, executor, keep_images);
    let loader = load::Loader::new(content, trust, engine, state_dir, metagraph, opener, containers);
    let health = health::HealthBook::new(breaker);
    let reader = routes.reader();
    let reconciler = Reconciler::new(
        store.clone(),
        loader.clone(),
        health.clone(),
        Arc::clone(&wake),
        publisher,
        routes,
    );
    (
        Registry::new(store, loader, wake, board, health, reader),
        reconciler,
    )
}
