//! What can go wrong with a challenge. The texts are for the operator, never for a client.

use std::{error::Error, time::Duration};

/// Whatever a body or a library fails with.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Why there is no answer, or no more of it.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// The challenge has as many exchanges as it may. Nothing was sent.
    #[error("the challenge has as many exchanges as it may have at once")]
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
    /// No connection: the name does not resolve, nobody listens, or the time was over. Nothing was sent.
    #[error("the challenge cannot be reached")]
    Unreachable(#[source] BoxError),
    /// No head of an answer within [`Limits::head`](crate::Limits::head).
    #[error("the challenge did not begin to answer within {0:?}")]
    HeadTimeout(Duration),
    /// No further piece of an answer within [`Limits::idle`](crate::Limits::idle), or both sides of a WebSocket were silent for
    /// [`Limits::relay_idle`](crate::Limits::relay_idle).
    #[error("nothing was sent for {0:?}")]
    IdleTimeout(Duration),
    /// The whole exchange took longer than [`Limits::whole`](crate::Limits::whole) or than the deadline.
    #[error("the exchange took longer than {0:?}")]
    TooLong(Duration),
    /// The challenge speaks no HTTP, or hung up before the end. It may have done what it was asked.
    #[error("the challenge's answer broke off or is not HTTP")]
    Broken(#[source] BoxError),
    /// The head of the answer has more bytes or more headers than it may have.
    #[error("the head of the challenge's answer is too large")]
    TooLarge,
    /// The body of the request failed, as its own error says: not the challenge's fault.
    #[error("the body of the request failed")]
    RequestBody(#[source] BoxError),
    /// HTTP has no such request. Nothing was sent.
    #[error("the request cannot be sent")]
    NotAllowed(#[from] NotAllowed),
    /// Another status than 200 where only that one counts.
    #[error("the challenge answered {0} instead of 200")]
    Status(u16),
    /// More bytes than were asked for.
    #[error("the challenge's answer has more than {0} bytes")]
    AnswerTooLarge(usize),
}

/// What cannot be sent as it is, and is not changed either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    /// Not a method, or `CONNECT`, which makes a tunnel of a connection.
    #[error("the method is none that a challenge is sent")]
    Method,
    /// The path does not begin with `/`, or path or query have bytes that a request line cannot have.
    #[error("the path or the query cannot be in a request line")]
    Target,
    /// A name or a value that HTTP does not have, or too many of them.
    #[error("a header cannot be sent")]
    Header,
    /// Not `GET`, or not one `Sec-WebSocket-Key` of 16 bytes.
    #[error("the request opens no WebSocket")]
    WebSocket,
}

/// What a challenge may not answer, although the HTTP library would let it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Above 599.
    #[error("there is no status {0}")]
    Status(u16),
    /// More than one length, none that is a number, a length and chunks, or an encoding that was not asked for: two programs
    /// could see the end in different places.
    #[error("the answer says in more than one way, or in none that is known, where it ends")]
    Framing,
    /// One head after the other that only announces another one.
    #[error("one interim answer after the other instead of an answer")]
    Informational,
    /// 101 to a request that asked for no such thing.
    #[error("the protocol was switched without having been asked to")]
    SwitchedUnasked,
    /// 101 without what proves that the challenge has read the request (RFC 6455, section 4.1).
    #[error("the protocol was switched to something that is not the WebSocket asked for")]
    NotWebSocket,
}

impl From<Violation> for UpstreamError {
    fn from(violation: Violation) -> Self {
        Self::Broken(violation.into())
    }
}
