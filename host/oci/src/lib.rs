//! Components as OCI artifacts, in the layout of the CNCF for WebAssembly: an image manifest, a Wasm config and
//! exactly one layer, the component.
//!
//! [`Registries::publish`] writes one into an OCI image layout on disk, as a directory or one tar file, or a registry;
//! [`Registries::pull`] gets one for somebody who keeps nothing. [`ContentStore`] is the host's own
//! copy of everything it runs: [`ContentStore::fetch`] resolves a reference once, verifies every size and digest
//! and keeps the content; [`ContentStore::read`] gives it back by digest without any network, so the host
//! starts while every registry is down. [`ContentStore::collect`] removes what nobody needs any more.
//!
//! [`Registries`] says how registries are spoken to: with which credentials, which certificates and how much
//! patience. Without one everything is anonymous.
//!
//! Nothing that is fetched is trusted: sizes are limited before and while bytes are read, symbolic links do not
//! lead out of a layout, and plain HTTP is spoken only to loopback registries and those that are named for it. Whether the bytes are a
//! component that the host can run is for the `wasm` crate to say.

mod archive;
mod artifact;
mod auth;
mod collect;
mod credentials;
mod docker;
mod document;
mod endpoint;
mod error;
mod files;
mod helper;
mod layout;
pub mod limits;
mod parcel;
mod patience;
mod progress;
mod publish;
mod pull;
mod push;
mod registries;
mod remote;
mod resolve;
mod signatures;
mod store;

pub use artifact::{CONFIG_TYPE, INDEX_TYPE, LAYER_TYPE, MANIFEST_ANNOTATION, MANIFEST_TYPE, PublishInfo};
pub use collect::{Collected, Content, ContentKind};
pub use credentials::{Login, Origin};
pub use error::{OciError, Part};
pub use patience::Patience;
pub use progress::{Progress, Transferred};
pub use publish::Published;
pub use pull::{Judge, Pulled};
pub use registries::{Registries, RegistrySettings};
pub use signatures::{Attached, AttachedForm, Signer};
pub use store::{ContentStore, Fetched, Signers};
