//! How much is read and how long is waited. A reference leads to data from strangers.

use std::time::Duration;

/// What registries themselves accept at most for a manifest (OCI distribution specification), also for an
/// image index.
pub const MAX_MANIFEST: u64 = 4 << 20;
/// A config lists a component's imports and exports: some kilobytes.
pub const MAX_CONFIG: u64 = 1 << 20;
/// Several times the largest component that a language with its own runtime inside produces. A component is
/// held in memory as a whole, because it is compiled as a whole.
pub const MAX_COMPONENT: u64 = 64 << 20;
/// `index.json` of a layout: some 20,000 entries.
pub const MAX_INDEX: u64 = 4 << 20;
/// `oci-layout`: one version number.
pub const MAX_MARKER: u64 = 4 << 10;
/// A token and its metadata; the largest in use are a few kilobytes.
pub const MAX_TOKEN: u64 = 64 << 10;

/// A registry that does not accept a connection by then is down.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest silence between two pieces of an answer.
pub const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// A whole fetch or push; lets 64 MiB pass at about 110 kB/s, and ends a registry that drips.
pub const TOTAL_TIMEOUT: Duration = Duration::from_secs(600);
/// Registries send blobs' readers on to their storage, which takes one or two steps.
pub const MAX_REDIRECTS: usize = 5;
