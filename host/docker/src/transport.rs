//! One connection for each request, over a socket, TLS or SSH. Ours and not the library's: it bounds what an engine may say,
//! has a deadline for connecting, speaks the version of the API that was agreed on, and believes no authority of the system.

mod connection;

use std::{
    io,
    sync::atomic::{AtomicU32, Ordering},
};

use bollard::{BollardRequest, errors::Error};
use http::{HeaderName, HeaderValue, Response, Uri, header};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;

use crate::{
    Endpoint,
    error::Unreachable,
    limits::{ANSWER_BYTES, ENGINE_HEAD_BYTES, PULL_BYTES},
    transport::connection::{Connection, Metered},
};

/// The newest API that this crate was written for.
pub(crate) const NEWEST_MINOR: u32 = 53;
/// What Docker 20.10 has, which is in Debian 12.
pub(crate) const OLDEST_MINOR: u32 = 41;

const REGISTRY_AUTH: HeaderName = HeaderName::from_static("x-registry-auth");

/// The way to one engine.
#[derive(Debug)]
pub(crate) struct Transport {
    endpoint: Endpoint,
    /// The minor version of the API, 1.x; 0 until it was agreed on.
    minor: AtomicU32,
}

impl Transport {
    pub(crate) const fn new(endpoint: Endpoint) -> Self {
        let minor = AtomicU32::new(0);
        Self { endpoint, minor }
    }

    pub(crate) const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn minor(&self) -> Option<u32> {
        Some(self.minor.load(Ordering::Relaxed)).filter(|minor| *minor > 0)
    }

    pub(crate) fn agree(&self, minor: u32) {
        self.minor.store(minor.min(NEWEST_MINOR), Ordering::Relaxed);
    }

    /// Sends a request of the library, or one of ours, and gives the head of the answer. With a switch of protocols the connection is
    /// in its extensions.
    pub(crate) async fn send(&self, request: BollardRequest) -> Result<Response<Incoming>, Error> {
        let budget = budget(request.uri());
        let request = self.addressed(request)?;
        let Connection { io, mut last_words } = Connection::open(&self.endpoint).await?;
        let mut builder = http1::Builder::new();
        builder.max_buf_size(ENGINE_HEAD_BYTES);
        let handshake = builder.handshake(TokioIo::new(Metered::new(io, budget))).await;
        let (mut sender, driver) = handshake?;
        #[expect(
            clippy::disallowed_methods,
            reason = "ends with its connection, which ends when answer or request are dropped; the library has no place for a set"
        )]
        drop(tokio::spawn(async move { drop(driver.with_upgrades().await) }));
        match sender.send_request(request).await {
            Ok(response) => Ok(response),
            Err(error) => match last_words.take() {
                Some(stderr) => Err(connection::said_last(stderr, error).await),
                None => Err(error.into()),
            },
        }
    }

    /// With the path as the agreed version has it: the library leaves the version out, and an engine would answer as its newest one.
    fn addressed(&self, request: BollardRequest) -> Result<BollardRequest, Error> {
        let (mut head, body) = request.into_parts();
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let path = match self.minor() {
            Some(minor) => format!("/v1.{minor}{path}"),
            None => path.to_owned(),
        };
        head.uri = path.parse::<Uri>()?;
        head.headers
            .insert(header::HOST, HeaderValue::from_static("docker"));
        // Engines read the alphabet for URLs and take what they cannot read for no credentials; the library writes the other.
        if let Some(auth) = head.headers.get_mut(REGISTRY_AUTH) {
            let text: String = auth.to_str()?.replace('+', "-").replace('/', "_");
            *auth = HeaderValue::from_str(&text).map_err(http::Error::from)?;
            auth.set_sensitive(true);
        }
        Ok(BollardRequest::from_parts(head, body))
    }
}

/// How much of an answer is read. Where it goes on for as long as something runs, whoever reads it counts piece by piece.
fn budget(uri: &Uri) -> u64 {
    match uri.path() {
        "/events" => u64::MAX,
        path if path.ends_with("/logs") => u64::MAX,
        // What a program says that was started in a container; whoever reads it holds nothing of it.
        path if path.starts_with("/exec/") && path.ends_with("/start") => u64::MAX,
        "/images/create" | "/build" => PULL_BYTES,
        _ => ANSWER_BYTES,
    }
}

/// An error of the system that says there was no connection.
fn unreachable(hint: impl Into<String>, source: impl Into<crate::error::BoxError>) -> io::Error {
    let (hint, source) = (hint.into(), source.into());
    io::Error::other(Unreachable { hint, source })
}
