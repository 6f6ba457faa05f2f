//! Weights that one host tells another. A host that cannot run a challenge, because it has no GPU say, takes that one
//! challenge's weights from a host that can. What is told is a document in one canonical form, signed with the telling
//! host's hotkey. Pure: what is fetched, from where and when, is the caller's business.
//!
//! A document is about one challenge ([`Subject::Challenge`]) or about the vector of all ([`Subject::Final`]); the second is
//! for people and tools, and never taken for the first: which of them it is is signed too.

mod check;
mod document;
mod error;
pub mod limits;
mod signed;

pub use check::{Expected, Taken};
pub use document::{Document, Entry, Subject};
pub use error::{DocumentError, Refused};
pub use signed::Signed;
