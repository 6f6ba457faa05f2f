//! What can go wrong, sorted by what the caller can do about it.

use std::{io, path::PathBuf, time::Duration};

use platform_domain::{ByteSize, Digest, Grant, GuestError, ManifestError};
use platform_state::StateError;

use crate::{
    LimitError,
    job::Refusal,
    limits::{MAX_EXPLANATION, MAX_OUTER_NAMES},
};

/// The engine cannot start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The directory for compiled code cannot be used.
    #[error("the directory for compiled code {path} cannot be used")]
    Cache {
        /// As configured.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The machine or the configuration does not allow what the engine needs.
    #[error("the WebAssembly engine cannot start: {0}")]
    Wasmtime(String),
    /// A limit is out of its range.
    #[error(transparent)]
    Limits(LimitError),
    /// No threads for long calls.
    #[error("the engine's threads for long calls cannot start")]
    Threads(#[source] io::Error),
    /// No thread for the clock.
    #[error("the engine's clock thread cannot start")]
    Clock(#[source] io::Error),
}

/// A component is refused, or cannot be loaded now; [`ComponentError::is_of_the_component`] tells which.
#[derive(Debug, thiserror::Error)]
pub enum ComponentError {
    /// Larger than [`crate::MAX_COMPONENT_BYTES`].
    #[error("the component has {size} bytes, {max} are allowed")]
    TooLarge {
        /// Its size.
        size: usize,
        /// The limit.
        max: usize,
    },
    /// Something else than a component.
    #[error("this is {found}, not a WebAssembly component; {hint}")]
    NotAComponent {
        /// What it looks like.
        found: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// A component by its first bytes, but broken or with features that are switched off.
    #[error("the component is not valid: {0}")]
    Malformed(String),
    /// It imports what the host does not offer.
    #[error("the component imports {name}, which this host does not offer; {hint}")]
    UnknownImport {
        /// The import.
        name: String,
        /// What to do.
        hint: &'static str,
    },
    /// It imports what the operator did not grant it.
    #[error("the component imports {}, which it is not granted; grant it with {}", .0.interface(), granting(*.0))]
    NotGranted(Grant),
    /// It speaks another version of the contract.
    #[error("the component speaks {name}; this host speaks platform:challenge@{spoken}")]
    OtherVersion {
        /// The interface with its version, as the component names it.
        name: String,
        /// The version of this host.
        spoken: &'static str,
    },
    /// It exports no interface of the contract.
    #[error(
        "the component exports neither platform:challenge/weights nor platform:challenge/routes \
         nor wasi:http/incoming-handler@0.2, so there is nothing to call"
    )]
    NoExports,
    /// It answers requests in two ways.
    #[error(
        "the component exports both platform:challenge/routes and wasi:http/incoming-handler; \
         build it with the one that is meant to answer"
    )]
    TwoRouteExports,
    /// Its manifest is refused.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// It carries several manifests that differ.
    #[error("the component carries two manifests that differ")]
    TwoManifests,
    /// It imports and exports more than a challenge has use for.
    #[error(
        "the component has too many imports and exports; {MAX_OUTER_NAMES} with names of usual length are allowed"
    )]
    TooManyNames,
    /// An import or export has the right name and another type.
    #[error("the component does not fit the host's interfaces: {0}")]
    Mismatch(String),
    /// The compiler refused it.
    #[error("the component does not compile: {0}")]
    Compile(String),
    /// Compiling it, or looking at it, takes more memory than this host gives for that.
    #[error("compiling the component takes more than {0} of memory (limits.compile_memory)")]
    CompilerMemory(ByteSize),
    /// Compiling it, or looking at it, takes more of the processor.
    #[error("compiling the component takes more than {0:?} of processor time (limits.compile_cpu_ms)")]
    CompilerCpu(Duration),
    /// Compiling it, or looking at it, takes more time.
    #[error("compiling the component takes longer than {0:?} (limits.compile_wall_ms)")]
    CompilerTime(Duration),
    /// Its machine code is too large.
    #[error("the component becomes {size} of machine code, {limit} are allowed (limits.compiled_code)")]
    TooMuchCode {
        /// Of the code.
        size: ByteSize,
        /// The limit.
        limit: ByteSize,
    },
    /// The process that compiles it died, and not of a limit.
    #[error("the compiler crashed on the component: {0}")]
    CompilerCrashed(String),
    /// The bytes are not those that were registered.
    #[error("the component's digest is {found}, registered is {expected}")]
    Digest {
        /// As registered.
        expected: Digest,
        /// Of these bytes.
        found: Digest,
    },
    /// Another process uses the challenge's data.
    #[error("the data directory {0} is in use by another process")]
    DataInUse(PathBuf),
    /// The challenge's data directory cannot be used.
    #[error("the data directory {path} cannot be used")]
    Data {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The challenge's database cannot be opened or migrated.
    #[error("the challenge's database cannot be used")]
    State(#[from] StateError),
    /// The host's own failure; trying again may help.
    #[error("the host failed while loading the component: {0}")]
    Host(String),
}

impl ComponentError {
    /// Whether another attempt with the same bytes can only end the same way.
    pub const fn is_of_the_component(&self) -> bool {
        match self {
            Self::TooLarge { .. }
            | Self::NotAComponent { .. }
            | Self::Malformed(_)
            | Self::UnknownImport { .. }
            | Self::NotGranted(_)
            | Self::OtherVersion { .. }
            | Self::NoExports
            | Self::TwoRouteExports
            | Self::Manifest(_)
            | Self::TwoManifests
            | Self::TooManyNames
            | Self::Mismatch(_)
            | Self::Compile(_)
            | Self::CompilerMemory(_)
            | Self::CompilerCpu(_)
            | Self::TooMuchCode { .. } => true,
            // A busy machine, a signal from outside, another file: may be better next time.
            Self::CompilerTime(_)
            | Self::CompilerCrashed(_)
            | Self::Digest { .. }
            | Self::DataInUse(_)
            | Self::Data { .. }
            | Self::State(_)
            | Self::Host(_) => false,
        }
    }

    /// What the compiling process found wrong. Its words may be the component's: they are cut and cleaned.
    pub(crate) fn refused(refusal: Refusal, expected: Digest) -> Self {
        match refusal {
            Refusal::OtherBytes(found) => Self::Digest { expected, found },
            Refusal::Malformed(text) => Self::Malformed(plain(&text)),
            Refusal::TooManyNames => Self::TooManyNames,
            Refusal::TwoManifests => Self::TwoManifests,
            Refusal::LargeManifest(size) => Self::Manifest(ManifestError::TooLarge(size)),
            Refusal::Compile(text) => Self::Compile(plain(&text)),
        }
    }
}

/// How an operator grants it.
const fn granting(grant: Grant) -> &'static str {
    match grant {
        Grant::OutgoingHttp => "--allow and the hosts that it may speak to",
        _ => "--grants",
    }
}

/// A text of strangers as an operator may see it.
pub(crate) fn plain(text: &str) -> String {
    let lines = text.split(char::is_control).map(str::trim);
    let line = lines
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("; ");
    line.chars().take(MAX_EXPLANATION).collect()
}

/// A call that brought no answer. [`CallError::Guest`] is the guest's own words, everything else is for the
/// operator: [`CallError::explanation`] must not reach a client.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The challenge answered with an error on purpose.
    #[error("the challenge answered with an error")]
    Guest(#[source] GuestError),
    /// Too many calls; try again later.
    #[error("the challenge is busy")]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// It did not answer in time.
    #[error("the challenge did not answer within {0:?}")]
    Deadline(Duration),
    /// It could not go on in time, because the client did not send, or did not read.
    #[error("the client did not let the challenge go on within {0:?}")]
    SlowClient(Duration),
    /// It computed for longer than it may.
    #[error("the challenge computed for longer than {0:?}")]
    Computed(Duration),
    /// It failed after it had asked for more memory than it may have.
    #[error("the challenge ran out of memory")]
    OutOfMemory {
        /// What a call may have, in bytes.
        limit: u64,
        /// How it ended.
        detail: String,
    },
    /// It crashed.
    #[error("the challenge crashed")]
    Trapped(String),
    /// It answered with more than the host takes.
    #[error("the challenge's answer is too large: {what}, the limit is {limit}")]
    OutputTooLarge {
        /// What there was too much of.
        what: &'static str,
        /// How much is allowed.
        limit: usize,
    },
    /// Its answer breaks the contract.
    #[error("the challenge's answer is not valid: {0}")]
    InvalidOutput(String),
    /// It does not export this function.
    #[error("the challenge does not offer this function")]
    Unsupported,
    /// The host's own failure.
    #[error("the host failed during the call")]
    Host(String),
}

impl CallError {
    /// The whole story in one text, for the operator.
    pub fn explanation(&self) -> String {
        match self {
            Self::Guest(error) => error.to_string(),
            Self::Trapped(detail) | Self::Host(detail) => format!("{self}: {detail}"),
            Self::OutOfMemory { limit, detail } => format!("{self} (limit {limit} bytes): {detail}"),
            Self::Busy { .. }
            | Self::Deadline(_)
            | Self::SlowClient(_)
            | Self::Computed(_)
            | Self::OutputTooLarge { .. }
            | Self::InvalidOutput(_)
            | Self::Unsupported => self.to_string(),
        }
    }

    /// Whether the guest was stopped in the middle of its work, so that it may have left locks behind.
    pub(crate) fn left_unclean(&self) -> bool {
        !matches!(
            self,
            Self::Guest(_) | Self::InvalidOutput(_) | Self::Busy { .. } | Self::Unsupported
        )
    }
}
