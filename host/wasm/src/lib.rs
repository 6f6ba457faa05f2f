//! Runs challenges that are WebAssembly components.
//!
//! The only home of wasmtime: outside this crate a challenge is a [`Program`] that takes and returns
//! vocabulary of `platform-domain`. A component is first looked at ([`Engine::inspect`], no compilation), then
//! compiled or taken from the cache and linked ([`Engine::prepare`]), made a program ([`Engine::start`]) and called.
//! Looking and compiling happen in a process of their own ([`compile_worker`]). Every call gets a store and an
//! instance of its own and ends alone, whatever happens in it.
//!
//! What this crate does not do: fetch components, decide which paths are public, judge weights.

mod admission;
mod answer;
mod cache;
mod cache_key;
mod call;
mod capability;
mod compiler;
mod cpu;
mod data_dir;
mod disk;
mod engine;
mod error;
mod errors;
mod incoming;
mod inspect;
mod job;
mod job_desk;
mod job_order;
mod keeping;
mod limits;
mod link;
mod live;
mod log_budget;
mod logs;
mod memory;
mod needs;
mod outgoing;
mod pace;
mod pool;
mod prepared;
mod priority;
mod program;
mod runner;
mod spec;
mod stage;
mod state;
mod ticker;
mod tuning;
mod wire;
mod worker;

pub use compiler::{CompilerProgram, CompilerStatus};
pub use disk::{DataUsage, DiskFull};
pub use engine::{Engine, EngineConfig};
pub use error::{CallError, ComponentError, EngineError};
pub use incoming::{BodyError, RequestBody, ResponseBody};
pub use inspect::{ComponentInfo, foresee, inspect};
pub use job_desk::{JobAnswer, JobDesk, JobHost, JobOutcome, JobRefusal, JobWait};
pub use job_order::{JobGpus, JobOrder};
pub use keeping::DATA;
pub use limits::{Limit, LimitError, Limits, MAX_COMPONENT_BYTES, Unit};
pub use logs::{ChallengeLog, FollowFrom, Follower, LogBook, LogLine, LogPage};
pub use needs::Needs;
pub use outgoing::{Names, Network, OutboundUsage, Routes};
pub use platform_state::{
    ArchiveError, ArchiveWriter, BLOBS, BlobUsage, Contents, DatabaseUsage, FileEntry, SqlError, StateError,
    StateUsage, unpack,
};
pub use prepared::{Code, Prepared, Step};
pub use program::Program;
pub use spec::{LatestMetagraph, ProgramSpec, Start, StateSpec, Usage};
pub use worker::compile_worker;
