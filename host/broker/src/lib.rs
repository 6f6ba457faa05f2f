//! How challenges in containers hand in jobs over HTTP: routes, texts and fields of the original platform's broker, so that
//! what was written for it runs unchanged. A skin: what is allowed and what becomes of it is decided in `platform-jobs`.
//!
//! Everybody in reach of the listener may speak to it, so a body is read only for whoever has a challenge's token, and of bounded
//! size, in bounded time, a few at a time.

mod bodies;
mod error;
mod limits;
mod limits_body;
mod refusal;
mod routes;
mod wire;

pub use routes::router;

pub(crate) use error::BrokerError;
