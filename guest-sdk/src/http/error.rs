//! Why there is no answer.

use std::{fmt, io};

/// A request without an answer, or an answer that could not be read to its end. The text is the host's word for it, such as
/// `HTTP-request-denied`. `?` makes it an [internal](crate::Error::internal) error.
///
/// Inside an [`io::Error`] it is whole: [`io::Error::downcast`] gets it back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpError {
    /// It is no request: its URL, its method or a header.
    Invalid(String),
    /// The host does not send it: nobody allowed that server, its address is not the world's, or the call has sent as many
    /// as it may.
    Refused(String),
    /// The server was not reached: its name has no address, nobody listens, or it is not who it should be.
    NotConnected(String),
    /// The server, or the way there, took too long.
    TimedOut(String),
    /// The request, the answer or its headers are larger than they may be.
    TooLarge(String),
    /// The server ended the exchange in its middle, or does not speak HTTP.
    Broken(String),
    /// The answer is there, and its body is not what was asked for: not JSON of that shape, or not text.
    Content(String),
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, why) = match self {
            Self::Invalid(why) => ("this is no request", why),
            Self::Refused(why) => ("the host refused the request", why),
            Self::NotConnected(why) => ("the server was not reached", why),
            Self::TimedOut(why) => ("the server took too long", why),
            Self::TooLarge(why) => ("too large", why),
            Self::Broken(why) => ("the exchange broke off", why),
            Self::Content(why) => ("the answer's body", why),
        };
        write!(f, "{what}: {why}")
    }
}

impl std::error::Error for HttpError {}

/// For [`Read`](io::Read).
impl From<HttpError> for io::Error {
    fn from(error: HttpError) -> Self {
        let kind = match error {
            HttpError::Invalid(_) => io::ErrorKind::InvalidInput,
            HttpError::Refused(_) => io::ErrorKind::PermissionDenied,
            HttpError::NotConnected(_) => io::ErrorKind::NotConnected,
            HttpError::TimedOut(_) => io::ErrorKind::TimedOut,
            HttpError::TooLarge(_) => io::ErrorKind::FileTooLarge,
            HttpError::Broken(_) => io::ErrorKind::UnexpectedEof,
            HttpError::Content(_) => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}
