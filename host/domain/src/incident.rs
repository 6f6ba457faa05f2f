//! What a challenge did wrong: the kinds of calls that went wrong, mostly through its own fault.

use std::{fmt, str::FromStr};

use crate::text::serde_as_text;

/// How a call went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IncidentKind {
    /// It crashed.
    Trap,
    /// It did not answer in time.
    Deadline,
    /// It failed after it had asked for more memory than it may have.
    OutOfMemory,
    /// It answered with more than the host takes.
    OutputTooLarge,
    /// Its answer breaks the contract.
    InvalidOutput,
    /// It found no room on the disk for what it wanted to keep, however it ended.
    DiskFull,
}

/// Which function of a challenge was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CalledFunction {
    /// `handle-route`, for a miner.
    Route,
    /// `get-weights`, for an epoch.
    Weights,
}

/// The text names no kind of incident or no function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a kind of incident or a function of a challenge")]
pub struct UnknownIncident;

impl IncidentKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Trap,
        Self::Deadline,
        Self::OutOfMemory,
        Self::OutputTooLarge,
        Self::InvalidOutput,
        Self::DiskFull,
    ];

    /// The wire form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trap => "trap",
            Self::Deadline => "deadline",
            Self::OutOfMemory => "out_of_memory",
            Self::OutputTooLarge => "output_too_large",
            Self::InvalidOutput => "invalid_output",
            Self::DiskFull => "disk_full",
        }
    }

    /// Whether the call did not come to its end. One that did, with an answer nobody can use, shows that the
    /// challenge runs.
    pub const fn stopped_it(self) -> bool {
        match self {
            Self::Trap | Self::Deadline | Self::OutOfMemory => true,
            Self::OutputTooLarge | Self::InvalidOutput | Self::DiskFull => false,
        }
    }
}

impl CalledFunction {
    /// The wire form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Weights => "weights",
        }
    }
}

impl FromStr for IncidentKind {
    type Err = UnknownIncident;

    fn from_str(text: &str) -> Result<Self, UnknownIncident> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownIncident)
    }
}

impl FromStr for CalledFunction {
    type Err = UnknownIncident;

    fn from_str(text: &str) -> Result<Self, UnknownIncident> {
        [Self::Route, Self::Weights]
            .into_iter()
            .find(|function| function.as_str() == text)
            .ok_or(UnknownIncident)
    }
}

impl fmt::Display for IncidentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for CalledFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

serde_as_text!(IncidentKind);
serde_as_text!(CalledFunction);
