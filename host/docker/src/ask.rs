//! Requests without the library. It writes what it sends and what it gets into the log at the level `debug`, also tokens and
//! environment variables, and it holds whatever is streamed in memory. What has one of these goes this way.

use std::time::Duration;

use bollard::body_full;
use bytes::Bytes;
use http::{Method, Response, StatusCode, header, request::Builder};
use http_body_util::{BodyExt as _, Limited};
use hyper::{body::Incoming, upgrade::Upgraded};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::timeout;

use crate::{
    Engine, EngineError, PullAs,
    limits::{ANSWER_BYTES, QUESTION, REFUSAL_BYTES},
    refusal::{Subject, said},
};

const JSON: &str = "application/json";
const TAR: &str = "application/x-tar";

impl Engine {
    /// What something is.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        subject: Subject<'_>,
    ) -> Result<T, EngineError> {
        let request = Builder::new().method(Method::GET).uri(path);
        self.asked(QUESTION, request, Bytes::new(), subject).await
    }

    /// Makes something. Credentials are for whoever fetches an image for it.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        limit: Duration,
        path: &str,
        body: &impl Serialize,
        credentials: Option<&PullAs>,
        subject: Subject<'_>,
    ) -> Result<T, EngineError> {
        let request = Builder::new()
            .method(Method::POST)
            .uri(path)
            .header(header::CONTENT_TYPE, JSON);
        let request = with_credentials(request, credentials)?;
        let body = serde_json::to_vec(body).map_err(EngineError::protocol)?;
        self.asked(limit, request, body.into(), subject).await
    }

    /// Sends an archive.
    pub(crate) async fn put_archive(
        &self,
        limit: Duration,
        path: &str,
        archive: Vec<u8>,
        subject: Subject<'_>,
    ) -> Result<(), EngineError> {
        let request = Builder::new()
            .method(Method::PUT)
            .uri(path)
            .header(header::CONTENT_TYPE, TAR);
        let sent = self.send(request, archive.into(), subject);
        let sent = timeout(limit, sent).await;
        sent.unwrap_or(Err(EngineError::Timeout(limit))).map(drop)
    }

    /// An answer that is read piece by piece. `path` begins with `/` and has its query.
    pub(crate) async fn open(
        &self,
        method: Method,
        path: &str,
        subject: Subject<'_>,
    ) -> Result<Incoming, EngineError> {
        self.open_as(QUESTION, method, path, None, subject).await
    }

    /// The same with credentials for whoever fetches an image for it.
    pub(crate) async fn open_as(
        &self,
        limit: Duration,
        method: Method,
        path: &str,
        credentials: Option<&PullAs>,
        subject: Subject<'_>,
    ) -> Result<Incoming, EngineError> {
        let request = with_credentials(Builder::new().method(method).uri(path), credentials)?;
        let sent = timeout(limit, self.send(request, Bytes::new(), subject)).await;
        sent.unwrap_or(Err(EngineError::Timeout(limit)))
    }

    async fn asked<T: DeserializeOwned>(
        &self,
        limit: Duration,
        request: Builder,
        body: Bytes,
        subject: Subject<'_>,
    ) -> Result<T, EngineError> {
        let asked = async {
            let answer = self.send(request, body, subject).await?;
            let most = usize::try_from(ANSWER_BYTES).unwrap_or(usize::MAX);
            let read = Limited::new(answer, most).collect().await;
            let read = read.map_err(|error| self.failed(error))?.to_bytes();
            serde_json::from_slice(&read).map_err(EngineError::protocol)
        };
        timeout(limit, asked)
            .await
            .unwrap_or(Err(EngineError::Timeout(limit)))
    }

    /// Asks for something of which nothing is told but whether it was done.
    pub(crate) async fn tell(
        &self,
        limit: Duration,
        path: &str,
        body: &impl Serialize,
        subject: Subject<'_>,
    ) -> Result<(), EngineError> {
        let request = Builder::new()
            .method(Method::POST)
            .uri(path)
            .header(header::CONTENT_TYPE, JSON);
        let body = serde_json::to_vec(body).map_err(EngineError::protocol)?;
        let sent = timeout(limit, self.send(request, body.into(), subject)).await;
        sent.unwrap_or(Err(EngineError::Timeout(limit))).map(drop)
    }

    /// Switches to raw bytes with a request that has a body of JSON, and gives the connection.
    pub(crate) async fn switch(
        &self,
        limit: Duration,
        path: &str,
        body: &impl Serialize,
        subject: Subject<'_>,
    ) -> Result<Upgraded, EngineError> {
        let request = Builder::new()
            .method(Method::POST)
            .uri(path)
            .header(header::CONTENT_TYPE, JSON)
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "tcp");
        let body = serde_json::to_vec(body).map_err(EngineError::protocol)?;
        let switched = async {
            let answer = self.answer(request, body.into(), subject).await?;
            match answer.status() {
                StatusCode::SWITCHING_PROTOCOLS => {
                    let switched = hyper::upgrade::on(answer).await;
                    switched.map_err(|error| self.failed(error))
                }
                other => Err(EngineError::protocol(format!(
                    "it answered {other} instead of switching protocols"
                ))),
            }
        };
        timeout(limit, switched)
            .await
            .unwrap_or(Err(EngineError::Timeout(limit)))
    }

    /// The body of an answer that is a success.
    async fn send(
        &self,
        request: Builder,
        body: Bytes,
        subject: Subject<'_>,
    ) -> Result<Incoming, EngineError> {
        let answer = self.answer(request, body, subject).await?;
        match answer.status().is_success() {
            true => Ok(answer.into_body()),
            // Nobody asked for that.
            false => Err(said(answer.status().as_u16(), "", subject)),
        }
    }

    /// An answer that is no refusal.
    async fn answer(
        &self,
        request: Builder,
        body: Bytes,
        subject: Subject<'_>,
    ) -> Result<Response<Incoming>, EngineError> {
        self.docker().await?;
        let request = request.body(body_full(body)).map_err(EngineError::protocol)?;
        let sent = self.transport().send(request).await;
        let answer = sent.map_err(|error| self.refusal(subject, error))?;
        let status = answer.status();
        if status.is_success() || status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(answer);
        }
        let read = Limited::new(answer.into_body(), REFUSAL_BYTES).collect().await;
        // The status says something also when the words cannot be read.
        let read = read.map(|read| read.to_bytes()).unwrap_or_default();
        let json: serde_json::Value = serde_json::from_slice(&read).unwrap_or_default();
        let message = json.get("message").and_then(|message| message.as_str());
        Err(said(status.as_u16(), message.unwrap_or_default(), subject))
    }
}

fn with_credentials(request: Builder, credentials: Option<&PullAs>) -> Result<Builder, EngineError> {
    let Some(credentials) = credentials else {
        return Ok(request);
    };
    let auth = serde_json::to_vec(&credentials.to_docker()).map_err(EngineError::protocol)?;
    Ok(request.header("x-registry-auth", base64(&auth)))
}

/// With padding, in the usual alphabet; the transport changes it where an engine wants the other one.
pub(crate) fn base64(bytes: &[u8]) -> String {
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes)
}
