//! What crosses the border of a challenge, whichever way it runs.

use std::sync::Arc;

use bytes::Bytes;

use crate::{EpochId, Hotkey, Metagraph, Uid, UnixSeconds};

/// A miner whose signature over this request the host has verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The key that signed.
    pub hotkey: Hotkey,
    /// Its place in the subnet; `None` when it is not registered or the host has not yet read the subnet.
    pub uid: Option<Uid>,
    /// The nonce that was used up for this request.
    pub nonce: String,
}

/// A miner's request to a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<B = Bytes> {
    /// The host's id of this request, also in its log lines.
    pub id: String,
    /// The HTTP method in upper case.
    pub method: String,
    /// The path inside the challenge as the client wrote it; begins with `/`.
    pub path: String,
    /// What followed `?`, as the client wrote it.
    pub query: Option<String>,
    /// Names in lower case, in the order of arrival, repeated names repeated.
    pub headers: Vec<(String, Bytes)>,
    /// The whole body, or where it comes from.
    pub body: B,
    /// Who signed it, if anyone did.
    pub caller: Option<Caller>,
}

/// A challenge's answer. Nothing in it has been checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response<B = Bytes> {
    /// The HTTP status.
    pub status: u16,
    /// In order, repeated names repeated.
    pub headers: Vec<(String, Bytes)>,
    /// The whole body, or where it comes from.
    pub body: B,
}

impl<A> Request<A> {
    /// The same with another body.
    pub fn with_body<B>(self, body: B) -> Request<B> {
        self.map_body(|_| body)
    }

    /// The same with its body made into another one.
    pub fn map_body<B>(self, map: impl FnOnce(A) -> B) -> Request<B> {
        let Self {
            id,
            method,
            path,
            query,
            headers,
            body,
            caller,
        } = self;
        let body = map(body);
        Request {
            id,
            method,
            path,
            query,
            headers,
            body,
            caller,
        }
    }
}

impl<B> Response<B> {
    /// The same with another body.
    pub fn with_body<C>(self, body: C) -> Response<C> {
        let Self {
            status,
            headers,
            body: _,
        } = self;
        Response {
            status,
            headers,
            body,
        }
    }

    /// The head and the body.
    pub fn take_body(self) -> (Response<()>, B) {
        let Self {
            status,
            headers,
            body,
        } = self;
        let head = Response {
            status,
            headers,
            body: (),
        };
        (head, body)
    }
}

/// An error that a challenge returned on purpose. Its text is meant for the client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GuestError {
    /// 400
    #[error("bad request: {0}")]
    BadRequest(String),
    /// 401
    #[error("unauthorized: {0}")]
    Unauthorized(String),
    /// 404
    #[error("not found: {0}")]
    NotFound(String),
    /// 503
    #[error("busy: {0}")]
    Busy(String),
    /// 500; the text is for the operator, not for the client
    #[error("internal: {0}")]
    Internal(String),
}

/// The moment for which a challenge is asked for weights: the same for every challenge of an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochContext {
    /// The epoch.
    pub epoch: EpochId,
    /// The subnet at the block of this epoch. Whoever is asked twice sees the same.
    pub metagraph: Arc<Metagraph>,
    /// The host's time when the epoch began.
    pub unix_seconds: UnixSeconds,
}

/// One entry of a challenge's answer, as it came: the hotkey may be malformed, the score anything.
#[derive(Clone, Debug, PartialEq)]
pub struct RawWeight {
    /// Meant to be an SS58 address.
    pub hotkey: String,
    /// Meant to be finite and not negative.
    pub score: f64,
}

impl RawWeight {
    /// Hotkey and score as texts, in the form that is read back as the same double: JSON has no NaN and no infinity, and an
    /// answer is kept and shown as it came.
    pub fn to_texts(&self) -> (String, String) {
        (self.hotkey.clone(), format!("{:?}", self.score))
    }
}
