//! Weights, from the challenges to the chain: collect → record → sign → submit → confirm → reveal.
//!
//! What the challenges answered is kept before it is computed with, the vector is recorded before it is signed, and the signed
//! bytes are recorded before they are sent. A restart goes on from what is recorded: it asks nobody again, and sends the very
//! same bytes again, which the chain takes once because of their nonce. A new extrinsic is signed only when the one before can
//! no longer be included, or came to nothing, and the chain has nothing of it.
//!
//! How scores become shares is `platform-weights`; how to talk to a node is `platform-chain`; what is kept and which step may
//! follow which is `platform-store`.

mod alarm;
mod collect;
mod config;
mod confirm;
mod drive;
mod epochs;
mod error;
mod inputs;
mod limits;
mod lookback;
mod moment;
mod outlook;
mod prepare;
mod primary;
mod publish;
mod rehearse;
mod schedule;
mod status;
mod submit;
mod turn;
mod verdict;

pub use alarm::SinkAlarm;
pub use config::EpochConfig;
pub use epochs::{Epochs, Parts};
pub use error::EpochError;
pub use outlook::{Foreseen, Outlook};
pub use platform_chain::{ChainError, Check, EndpointHealth, Preflight, Subnet, Timing};
pub use platform_store::{
    Answer, EpochRow, EpochState, JournalStep, Numbering, RecordedVector, Source as AnsweredBy,
};
pub use platform_timelock::ScheduleError;
pub use platform_weights::ComputeRequest;
pub use prepare::Preview;
pub use primary::{Primary, PrimaryConfig, PrimaryError, Sought};
pub use rehearse::{Rehearsal, RehearsedCall};
pub use schedule::{Schedule, UnknownSchedule};
pub use status::EpochsStatus;
