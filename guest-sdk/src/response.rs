//! What a handler returns when it can answer.

use serde::Serialize;

use crate::{Error, Result, encoding};

/// An answer: status, headers, body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

/// A value answered as JSON, with status 200 unless it stands in a pair: `(201, Json(value))`.
#[derive(Clone, Debug)]
pub struct Json<T>(pub T);

/// What a handler may return.
pub trait IntoResponse {
    /// Turns it into an answer; a value that JSON cannot express is an internal error.
    fn into_response(self) -> Result<Response>;
}

impl Response {
    /// An answer without headers. The host needs a status between 200 and 599.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// Plain text in UTF-8, status 200.
    pub fn text(body: impl Into<String>) -> Self {
        Self::new(200, body.into()).with_header("content-type", "text/plain; charset=utf-8")
    }

    /// JSON, status 200.
    pub fn json(value: &impl Serialize) -> Result<Self> {
        Ok(Self::new(200, serde_json::to_vec(value)?).with_header("content-type", "application/json"))
    }

    /// The same answer with another status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same answer with one more header. Names are written in lower case; one that occurs twice is sent
    /// twice.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.into()));
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The headers, in order.
    pub fn headers(&self) -> &[(String, Vec<u8>)] {
        &self.headers
    }

    /// The first header of this name, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        encoding::header(&self.headers, name)
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Refuses what the host would refuse, with a text that says which header.
    pub(crate) fn checked(self) -> Result<Self> {
        if !(200..=599).contains(&self.status) {
            return Err(Error::internal(format!(
                "the handler answered status {}",
                self.status
            )));
        }
        for (name, value) in &self.headers {
            let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
            if name.is_empty() || !name.chars().all(token) {
                return Err(Error::internal(format!("{name:?} is not the name of a header")));
            }
            if value
                .iter()
                .any(|byte| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f)
            {
                return Err(Error::internal(format!(
                    "the header {name} has a control character in its value"
                )));
            }
        }
        Ok(self)
    }
}

impl IntoResponse for Response {
    fn into_response(self) -> Result<Response> {
        Ok(self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Result<Response> {
        Response::json(&self.0)
    }
}

impl IntoResponse for String {
    fn into_response(self) -> Result<Response> {
        Ok(Response::text(self))
    }
}

impl IntoResponse for &str {
    fn into_response(self) -> Result<Response> {
        Ok(Response::text(self))
    }
}

/// 204, nothing to say.
impl IntoResponse for () {
    fn into_response(self) -> Result<Response> {
        Ok(Response::new(204, Vec::new()))
    }
}

impl<T: IntoResponse> IntoResponse for (u16, T) {
    fn into_response(self) -> Result<Response> {
        Ok(self.1.into_response()?.with_status(self.0))
    }
}
