//! What can go wrong with an engine. The texts are for operators; what an engine says is shortened first.

use std::{error::Error, time::Duration};

use crate::{SpecError, archive::ArchiveError};

/// Whatever a library fails with.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Why an engine did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No connection, or none that holds. Nothing is known of what was asked last.
    #[error("the engine at {endpoint} cannot be reached: {hint}")]
    Absent {
        /// Which one.
        endpoint: String,
        /// What a person can look at.
        hint: String,
        /// What the system or TLS says.
        #[source]
        source: BoxError,
    },
    /// The engine took longer than it may. It may do what it was asked later.
    #[error("the engine did not answer within {0:?}")]
    Timeout(Duration),
    /// Neither the engine nor the registry has the image.
    #[error("there is no such image: {0}")]
    ImageMissing(String),
    /// The registry wants other credentials, or gives it to nobody. Registries say the same of what they do not have.
    #[error("the registry does not give the image: {0}")]
    ImageRefused(String),
    /// The image is for other machines.
    #[error("the image is for {image}, the engine's machine is {engine}")]
    WrongArchitecture {
        /// `linux/arm64`, or what the engine says of it.
        image: String,
        /// `linux/amd64`.
        engine: String,
    },
    /// The engine cannot give the GPUs that were asked for.
    #[error("the engine has no such GPU: {0}")]
    NoGpu(String),
    /// Another container has the name.
    #[error("the name {0} is taken on the engine")]
    NameTaken(String),
    /// It is there, but another host's or a person's: it is left alone.
    #[error("{0} is on the engine already and is not this host's")]
    NotOurs(String),
    /// What was asked for does not exist, or does not any more.
    #[error("the engine has no {0}")]
    NotFound(String),
    /// It is used by something else, so it cannot be removed.
    #[error("{0} is in use")]
    InUse(String),
    /// The engine's disk is full.
    #[error("the engine has no space left on its disk")]
    DiskFull,
    /// What is wanted of a container is not allowed.
    #[error("the container cannot be as it is wanted")]
    Spec(#[from] SpecError),
    /// What a job is to be given cannot be unpacked safely.
    #[error("the archive is refused")]
    Archive(#[from] ArchiveError),
    /// Anything else that an engine refuses. The message is short and has no control characters.
    #[error("the engine answered {status}: {message}")]
    Engine {
        /// Of HTTP; 0 when it came in the middle of an answer.
        status: u16,
        /// What it says.
        message: String,
    },
    /// The engine speaks differently than it should, or says more than it may.
    #[error("the engine's answer cannot be used")]
    Protocol(#[source] BoxError),
}

/// An engine whose API is older than what this crate needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the engine has API {0}; at least 1.41 is needed, which is Docker 20.10")]
pub struct TooOld(pub String);

/// More bytes than an answer may have.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the answer has more than {0} bytes")]
pub(crate) struct AnswerTooLarge(pub(crate) u64);

/// There was no connection.
#[derive(Debug, thiserror::Error)]
#[error("{hint}")]
pub(crate) struct Unreachable {
    pub(crate) hint: String,
    #[source]
    pub(crate) source: BoxError,
}

impl EngineError {
    pub(crate) fn protocol(reason: impl Into<BoxError>) -> Self {
        Self::Protocol(reason.into())
    }
}
