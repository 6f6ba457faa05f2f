//! What stands for the host when an author's tests run natively: a function of the test answers. What the host would not
//! even send is refused here as well; its limits are the operator's and are not here.

mod rules;

use std::{fmt, sync::Arc};

use super::{HttpError, Outgoing, Response};
use crate::Environment;
use rules::asked_for;

/// What a test says is answered.
pub(crate) type Answering = dyn Fn(&Outgoing) -> Result<crate::Response, HttpError> + Send + Sync;

/// The servers of one harness.
#[derive(Clone, Default)]
pub(crate) struct Network {
    /// The hosts of the manifest.
    pub(crate) outbound: Vec<String>,
    pub(crate) answering: Option<Arc<Answering>>,
}

#[derive(Clone, Debug)]
pub(super) struct Client(Network);

/// A body that is there.
#[derive(Debug)]
pub(super) struct Body {
    bytes: Vec<u8>,
    read: usize,
}

/// Headers that are for one hop, or that the host sets; besides those for proxies.
const FORBIDDEN: [&str; 7] = [
    "connection",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "transfer-encoding",
    "upgrade",
];

impl Client {
    pub(super) fn open(environment: &Environment) -> Self {
        Self(environment.given.network.clone())
    }

    pub(super) fn send(&self, mut outgoing: Outgoing) -> Result<Response, HttpError> {
        let url = outgoing.complete()?;
        let token = |text: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
            !text.is_empty() && text.chars().all(plain)
        };
        if !token(&outgoing.method) || outgoing.method == "CONNECT" {
            return Err(HttpError::Invalid("the method is none".to_owned()));
        }
        for (name, value) in &outgoing.headers {
            let invalid = |why: &str| Err(HttpError::Invalid(format!("the header {name}: {why}")));
            if FORBIDDEN.contains(&name.as_str()) || name.starts_with("proxy-") {
                return invalid("forbidden");
            }
            let control = |byte: &u8| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f;
            if !token(name) || value.iter().any(control) {
                return invalid("invalid-syntax");
            }
        }
        if !self.0.outbound.iter().any(|rule| asked_for(rule, &url)) {
            let denied = "HTTP-request-denied: #[challenge(outbound(...))] does not name this host";
            return Err(HttpError::Refused(denied.to_owned()));
        }
        let Some(answering) = &self.0.answering else {
            let none = "natively only Harness::answering answers";
            return Err(HttpError::NotConnected(none.to_owned()));
        };
        let crate::Response {
            status,
            headers,
            body,
        } = answering(&outgoing)?;
        Ok(Response {
            status,
            headers,
            body: Body { bytes: body, read: 0 },
        })
    }
}

impl Body {
    /// The next bytes, at most so many; none at the end.
    #[expect(clippy::unnecessary_wraps, reason = "in the host it can fail")]
    pub(super) fn read(&mut self, most: usize) -> Result<Vec<u8>, HttpError> {
        let rest = self.bytes.get(self.read..).unwrap_or_default();
        let piece = rest.get(..most).unwrap_or(rest).to_vec();
        self.read += piece.len();
        Ok(piece)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Network");
        shown.field("outbound", &self.outbound).finish_non_exhaustive()
    }
}
