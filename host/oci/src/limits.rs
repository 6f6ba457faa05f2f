//! How much is read and how long is waited. A reference leads to data from strangers.

use std::time::Duration;

use platform_domain::ByteSize;

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
/// Entries of an archive: an image for every platform there is has some hundreds.
pub const MAX_ARCHIVE_ENTRIES: usize = 10_000;
/// An extended header of an archive holds dates and owners: some hundred bytes.
pub const MAX_ARCHIVE_EXTENSION: u64 = 64 << 10;
/// Signatures of one manifest that are looked at: one for each of as many people as there are in a team.
pub const MAX_SIGNATURES: usize = 32;
/// Manifests that refer to another and are looked at for signatures; each holds one or more.
pub const MAX_REFERRERS: usize = 32;
/// A token and its metadata; the largest in use are a few kilobytes.
pub const MAX_TOKEN: u64 = 64 << 10;

/// How long the content store keeps what no challenge needs. A registration fetches first and is recorded when its
/// component was compiled and tried, which takes minutes at most.
pub const GRACE: Duration = Duration::from_secs(3600);
/// What the content store may hold unless the operator says otherwise: hundreds of components.
pub const QUOTA: ByteSize = ByteSize(16 << 30);
/// Names and values of all annotations of a manifest or an image index together. The largest of use is a
/// challenge's manifest, and this is several times as much.
pub const MAX_ANNOTATIONS: u64 = 256 << 10;
/// A file with a password or with certificates, Docker's configuration, or what a credential helper says: all
/// roots that a system trusts are a quarter of it.
pub const MAX_CREDENTIALS: u64 = 1 << 20;

/// How long signatures are waited for of a component that is there, and where a tag leads that nobody asked about. Both are
/// some kilobytes.
pub const SIGNATURES_TIMEOUT: Duration = Duration::from_secs(30);
/// A registry that does not accept a connection by then is down.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest silence between two pieces of an answer.
pub const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// A whole fetch or push; lets 64 MiB pass at about 110 kB/s, and ends a registry that drips.
pub const TOTAL_TIMEOUT: Duration = Duration::from_secs(600);
/// Registries send blobs' readers on to their storage, which takes one or two steps.
pub const MAX_REDIRECTS: usize = 5;
/// How often something is asked for before it counts as failed; a longer disturbance is for people to look at.
pub const MAX_TRIES: u32 = 5;
/// The pause before the second try. Each further one is twice as long, so that all tries last some seconds.
pub const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause, also when a registry asks for one by `Retry-After`. Who asks for more is not waited for.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A credential helper that has not answered by then waits for somebody who is not there.
pub const HELPER_TIMEOUT: Duration = Duration::from_secs(30);
