//! Work that challenges hand in to be run once in a container on the host's engine: which images and how much of the machine a
//! challenge may ask for, whose turn it is, and what is remembered of it, also over a restart.
//!
//! A job is known by challenge, job and task. The same request again is the same job; other words under the same names are
//! refused. What comes from a challenge is hostile, and what its container prints as well. How challenges reach this, over HTTP
//! or as an import of a component, is the affair of others, and how a container is made safe that of `platform-docker`.

mod admit;
mod board;
mod busy;
mod config;
mod drive;
mod environment;
mod error;
mod images;
mod jobs;
mod judge;
pub mod limits;
mod names;
mod nvidia;
mod placing;
mod request;
mod spot;
mod sweep;

pub use admit::NotAdmitted;
pub use busy::Busy;
pub use config::{Ceilings, JobsConfig, Quotas};
pub use environment::executor_environment;
pub use error::{JobError, Refused};
pub use images::{ImageRule, ImageRuleError, ImageRules};
pub use jobs::{JobResult, JobStatus, Jobs};
pub use platform_docker::{JobInput, JobOutcome, MountPoint};
pub use platform_store::jobs::{JobOutputs, JobRow};
pub use request::{AskedLimits, JobNetwork, JobRequest};
pub use sweep::Swept;
