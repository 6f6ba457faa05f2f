//! One engine. Connects for each call; every call has a deadline and an answer of bounded size.

use std::{
    fmt,
    future::Future,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bollard::{BollardRequest, Docker, errors::Error};
use tokio::time::timeout;

use crate::{
    Endpoint, EngineError, TooOld,
    limits::{QUESTION, TEXT_CHARS},
    refusal::{Subject, failed, refusal},
    text::shown,
    transport::{OLDEST_MINOR, Transport},
};

/// A Docker engine, version 20.10 or newer. Cheap to clone. Holds no connection.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    docker: Docker,
    transport: Arc<Transport>,
    /// What the engine's machine is; it never becomes another one.
    platform: OnceLock<Platform>,
}

/// What programs a machine runs, as images say it: `linux` and `amd64`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// The system.
    pub os: String,
    /// The processor.
    pub architecture: String,
}

impl Engine {
    /// Nothing is connected until something is asked.
    pub fn new(endpoint: Endpoint) -> Result<Self, EngineError> {
        let transport = Arc::new(Transport::new(endpoint));
        let sending = Arc::clone(&transport);
        let send = move |request: BollardRequest| {
            let sending = Arc::clone(&sending);
            async move { sending.send(request).await }
        };
        // Deadlines are ours: the library's ends with the head of an answer.
        let docker = Docker::connect_with_custom_transport(
            send,
            Some("http://docker"),
            u64::from(u32::MAX),
            bollard::API_DEFAULT_VERSION,
        )
        .map_err(EngineError::protocol)?;
        Ok(Self(Arc::new(Inner {
            docker,
            transport,
            platform: OnceLock::new(),
        })))
    }

    /// Where it is.
    pub fn endpoint(&self) -> &Endpoint {
        self.0.transport.endpoint()
    }

    /// Whether it answers. Agrees on the version of the API anew, so that an engine that was replaced is spoken to as it is now.
    pub async fn ping(&self) -> Result<(), EngineError> {
        self.agree().await.map(drop)
    }

    /// What programs its machine runs.
    pub async fn platform(&self) -> Result<Platform, EngineError> {
        match self.0.platform.get() {
            Some(platform) => Ok(platform.clone()),
            None => self.agree().await,
        }
    }

    async fn agree(&self) -> Result<Platform, EngineError> {
        let version = self.within(QUESTION, Subject::Engine, self.0.docker.version());
        let version = version.await?;
        let api = version.api_version.unwrap_or_default();
        let minor = api.strip_prefix("1.").and_then(|minor| minor.parse().ok());
        match minor {
            Some(minor) if minor >= OLDEST_MINOR => self.0.transport.agree(minor),
            _ => return Err(EngineError::protocol(TooOld(shown(&api, TEXT_CHARS)))),
        }
        let short = |text: Option<String>| shown(&text.unwrap_or_default(), TEXT_CHARS);
        let platform = Platform {
            os: short(version.os),
            architecture: short(version.arch),
        };
        Ok(self.0.platform.get_or_init(|| platform).clone())
    }

    /// The library's client, when the version of the API was agreed on.
    pub(crate) async fn docker(&self) -> Result<&Docker, EngineError> {
        if self.0.transport.minor().is_none() {
            self.agree().await?;
        }
        Ok(&self.0.docker)
    }

    /// The version of the API that is spoken.
    pub(crate) fn api(&self) -> String {
        format!("1.{}", self.minor())
    }

    /// Its minor part; 0 before anything was asked.
    pub(crate) fn minor(&self) -> u32 {
        self.0.transport.minor().unwrap_or_default()
    }

    /// A call of the library within its time.
    pub(crate) async fn within<T>(
        &self,
        limit: Duration,
        subject: Subject<'_>,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, EngineError> {
        match timeout(limit, call).await {
            Ok(answer) => answer.map_err(|error| self.refusal(subject, error)),
            Err(_) => Err(EngineError::Timeout(limit)),
        }
    }

    pub(crate) fn refusal(&self, subject: Subject<'_>, error: Error) -> EngineError {
        refusal(&self.endpoint().to_string(), subject, error)
    }

    pub(crate) fn failed(&self, error: impl Into<crate::BoxError>) -> EngineError {
        failed(&self.endpoint().to_string(), error.into())
    }

    pub(crate) fn hung_up(&self) -> EngineError {
        self.failed(std::io::Error::from(std::io::ErrorKind::UnexpectedEof))
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.0.transport
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Engine")
            .field(&self.endpoint().to_string())
            .finish()
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)
    }
}
