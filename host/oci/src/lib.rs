//! Components as OCI artifacts, in the layout of the CNCF for WebAssembly: an image manifest, a Wasm config and
//! exactly one layer, the component.
//!
//! [`publish()`] writes one into an OCI image layout on disk or a registry. [`ContentStore`] is the host's own
//! copy of everything it runs: [`ContentStore::fetch`] resolves a reference once, verifies every size and digest
//! and keeps the content; [`ContentStore::read`] gives it back by digest without any network, so the host
//! starts while every registry is down.
//!
//! [`Registries`] says how registries are spoken to: with which credentials, which certificates and how much
//! patience. Without one everything is anonymous.
//!
//! Nothing that is fetched is trusted: sizes are limited before and while bytes are read, symbolic links do not
//! lead out of a layout, and plain HTTP is spoken only to loopback registries and those that are named for it. Whether the bytes are a
//! component that the host can run is for the `wasm` crate to say.

mod artifact;
mod auth;
mod credentials;
mod docker;
mod document;
mod endpoint;
mod error;
mod files;
mod helper;
mod layout;
pub mod limits;
mod patience;
mod publish;
mod pull;
mod push;
mod registries;
mod remote;
mod resolve;
mod store;

pub use artifact::{CONFIG_TYPE, INDEX_TYPE, LAYER_TYPE, MANIFEST_ANNOTATION, MANIFEST_TYPE, PublishInfo};
pub use credentials::{Login, Origin};
pub use error::{OciError, Part};
pub use patience::Patience;
pub use publish::{Published, publish};
pub use registries::{Registries, RegistrySettings};
pub use store::{ContentStore, Fetched};
