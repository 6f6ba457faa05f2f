//! The crate from outside, with small guests made from text.

mod cache;
mod calls;
mod guests;
mod host;
mod inspect;
mod queue;
