//! What a handler returns when it cannot answer.

use std::fmt;

use crate::Response;

/// A failure with an HTTP status. `?` turns any standard error into an [internal](Error::internal) one.
///
/// The client reads `{"error":{"code":"conflict","message":"the text"}}`, the shape of every error on the public
/// side, whoever writes it: 400, 401, 404, 500 and 503 are cases of the contract and the host writes them, the
/// others the challenge does. The text reaches the client with any status but 500, which the host answers with
/// a text of its own.
///
/// It is not a [`std::error::Error`] itself, because it converts from all of them.
pub struct Error {
    status: u16,
    message: String,
}

/// The result of a handler.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// 400: the request makes no sense.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    /// 401: only for a caller with a verified signature.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(401, message)
    }

    /// 403: the caller is known and may not.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(403, message)
    }

    /// 404: there is no such thing.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, message)
    }

    /// 409: not in the present state, for example a round that is over.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(409, message)
    }

    /// 422: readable, and wrong in content.
    pub fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(422, message)
    }

    /// 429: this caller asks too often.
    pub fn too_many_requests(message: impl Into<String>) -> Self {
        Self::new(429, message)
    }

    /// 503: not now.
    pub fn busy(message: impl Into<String>) -> Self {
        Self::new(503, message)
    }

    /// 500: the challenge's own fault. The text is for the operator, the client never sees it.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(500, message)
    }

    /// Any other error status. Outside 400 to 599 it becomes an internal error.
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        let message = message.into();
        match status {
            400..=599 => Self { status, message },
            _ => Self {
                status: 500,
                message: format!("{status} is not the status of an error: {message}"),
            },
        }
    }

    /// The HTTP status, 400 to 599.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The text.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What the client reads, written by the challenge or, where the contract has a case, alike by the host.
    pub(crate) fn to_response(&self) -> Response {
        let (code, message) = match self.status {
            400 => ("bad_request", self.message.as_str()),
            401 => ("unauthorized", self.message.as_str()),
            403 => ("forbidden", self.message.as_str()),
            404 => ("not_found", self.message.as_str()),
            405 => ("method_not_allowed", self.message.as_str()),
            409 => ("conflict", self.message.as_str()),
            413 => ("body_too_large", self.message.as_str()),
            422 => ("unprocessable", self.message.as_str()),
            429 => ("too_many_requests", self.message.as_str()),
            500 => ("challenge_error", "Challenge error"),
            503 => ("busy", self.message.as_str()),
            _ => ("refused", self.message.as_str()),
        };
        let body = serde_json::json!({ "error": { "code": code, "message": message } }).to_string();
        Response::new(self.status, body).with_header("content-type", "application/json")
    }
}

impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message = format!("{message}: {cause}");
            source = cause.source();
        }
        Self::internal(message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standard_error_becomes_an_internal_one_with_its_causes() {
        let failed = || -> Result<()> { Err(std::io::Error::other("the disk is full"))? };
        assert_eq!(failed().unwrap_err().to_string(), "500 the disk is full");
    }

    #[test]
    fn a_status_that_is_no_error_is_the_authors_mistake() {
        for status in [0, 99, 200, 399, 600, 65535] {
            assert_eq!(Error::new(status, "x").status(), 500, "{status}");
        }
        assert_eq!(Error::new(418, "x").status(), 418);
    }
}
