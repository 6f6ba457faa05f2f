//! The client side of a Docker engine, for challenges and jobs that run as containers: what an engine is and has, images,
//! containers that can do little harm, and what becomes of them. The only crate that knows the library for it.
//!
//! No database, no HTTP server, nothing that decides what should run: that is others' work. An engine is root on its machine and
//! believed; what runs in its containers is hostile, and what an engine passes on of it is bounded.

mod archive;
mod ask;
mod clock;
mod container;
mod describe;
mod dial;
mod endpoint;
mod engine;
mod error;
mod events;
mod expiry;
mod frames;
mod image;
mod job;
mod labels;
mod limits;
mod lines;
mod logs;
mod network;
mod observed;
mod prepare;
mod pulling;
mod reap;
mod refusal;
mod removing;
mod spec;
mod stats;
mod swarm;
mod text;
mod tls;
mod transport;
mod volume;

pub use archive::ArchiveError;
pub use container::Created;
pub use describe::{Description, Gpus, Swarm};
pub use dial::Dialed;
pub use endpoint::{Endpoint, EndpointError};
pub use engine::{Engine, Platform};
pub use error::{BoxError, EngineError, TooOld};
pub use events::Events;
pub use frames::Output;
pub use image::{Image, PullAs, PullProgress};
pub use job::{JobInput, JobOutcome, JobSpec};
pub use labels::{COMPONENT, Kind, OF, OWNER, Owner, OwnerError, SLUG, SPEC, UNTIL, VERSION};
pub use logs::{Follow, LogLine, LogLines};
pub use observed::{Observed, State};
pub use pulling::{PullCount, PullSum};
pub use reap::Reaped;
pub use spec::{
    ContainerLimits, ContainerSpec, Gpu, MountPoint, MountPointError, Outside, Plan, SpecError, User,
};
pub use stats::Stats;
pub use swarm::{Copies, ObservedService, ServiceSpec, ServiceTask, Span, SwarmNode};
pub use tls::{ClientTls, TlsError};
pub use volume::OwnVolume;
