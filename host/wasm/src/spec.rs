//! What a program is made of, and what it keeps.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use platform_domain::{ByteSize, Digest, Grant, Instances, Metagraph, OutboundRule, Secret, Slug};
use platform_state::{Rehearsal, StateUsage};
use tokio::sync::watch;

use crate::{DataUsage, OutboundUsage};

/// How a component is to run.
#[derive(Clone, Debug)]
pub struct ProgramSpec {
    /// The challenge, for logs.
    pub slug: Slug,
    /// Of the component's bytes.
    pub digest: Digest,
    /// Preopened as `/data`, made with mode 0700; then calls run one at a time. `None`: no files, calls run
    /// in parallel.
    pub data_dir: Option<PathBuf>,
    /// The guest's whole environment.
    pub env: BTreeMap<String, String>,
    /// Whether an instance answers one call or many.
    pub instances: Instances,
    /// Memory of one call; the engine's own limit stays.
    pub memory: ByteSize,
    /// What it may keep in `data_dir`; the engine's own limit stays.
    pub disk: ByteSize,
    /// What the component may import beyond WASI.
    pub grants: BTreeSet<Grant>,
    /// Whom it may send requests to, as far as its manifest asks for them.
    pub outbound: BTreeSet<OutboundRule>,
    /// What it was given in secret: to read, as far as its manifest asks for it, and for its requests.
    pub secrets: Vec<Secret>,
    /// What the host keeps for it, opened if it asks for some of that. `None`: nothing.
    pub state: Option<StateSpec>,
    /// Where the subnet is read from, if the component asks for it; what is there when a route is called, the call
    /// sees until its end.
    pub metagraph: LatestMetagraph,
    /// Whether it is to answer.
    pub start: Start,
    /// How long one `handle-route` may take.
    pub route_deadline: Duration,
    /// How long one `get-weights` may take.
    pub weights_deadline: Duration,
}

/// The subnet as the host last read it; `None` until then.
pub type LatestMetagraph = watch::Receiver<Option<Arc<Metagraph>>>;

/// What the host keeps for a challenge.
#[derive(Clone, Debug)]
pub struct StateSpec {
    /// The directory of all of it; made if need be.
    pub dir: PathBuf,
    /// What its database may have; the engine's own limit stays.
    pub database: ByteSize,
    /// What its blobs may have; the engine's own limit stays.
    pub blobs: ByteSize,
}

/// What a program is started for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// To see whether it could be: migrations are undone again.
    Rehearsal,
    /// To answer.
    Live,
}

/// What a program keeps and does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// In its data directory, if it has one.
    pub files: Option<DataUsage>,
    /// In the host, if anything.
    pub state: Option<StateUsage>,
    /// Of the requests that it sends, if it may send any.
    pub outbound: Option<OutboundUsage>,
}

impl Start {
    /// What becomes of migrations.
    pub(crate) const fn rehearsal(self) -> Rehearsal {
        match self {
            Self::Rehearsal => Rehearsal::Undo,
            Self::Live => Rehearsal::Keep,
        }
    }
}
