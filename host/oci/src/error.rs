//! Why a component could not be published, fetched or read.

use std::{fmt, io, path::PathBuf, time::Duration};

use platform_domain::Digest;

use crate::credentials::Origin;

/// A piece of an artifact or of a layout, in messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The `oci-layout` file.
    Marker,
    /// The index: `index.json` or an image index.
    Index,
    /// The image manifest.
    Manifest,
    /// The Wasm config.
    Config,
    /// The one layer.
    Component,
    /// The annotations of a manifest or an image index.
    Annotations,
    /// What a registry's token service answers.
    Token,
    /// A signature, or what it signs.
    Signature,
}

/// One sentence on what is wrong and, where there is something to do, what. No variant shows an address with
/// its query, where registries put signatures and tokens.
#[derive(Debug, thiserror::Error)]
pub enum OciError {
    /// Nothing there under this name.
    #[error("{reference} does not exist; check the name and the tag, and that it was published")]
    NotFound {
        /// The reference, or the path of a file.
        reference: String,
    },
    /// Two entries of an index with one name.
    #[error("the layout's index names {tag:?} more than once; publish the tag again or refer to a digest")]
    Ambiguous {
        /// The name.
        tag: String,
    },
    /// An index refers to content that is not there.
    #[error("the {part} {digest} is missing; the copy is incomplete, copy or publish it again")]
    Missing {
        /// What.
        part: Part,
        /// Its digest.
        digest: Digest,
    },
    /// More than is ever read.
    #[error("the {part} has {size} bytes or more, {limit} are allowed; this limit is fixed")]
    TooLarge {
        /// What.
        part: Part,
        /// As declared, or as far as it was read.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// Truncated or padded content.
    #[error(
        "the {part} has {actual} bytes where {expected} were declared; it was cut off or replaced, copy it again"
    )]
    Size {
        /// What.
        part: Part,
        /// As declared.
        expected: u64,
        /// As found.
        actual: u64,
    },
    /// Other content than the digest names.
    #[error(
        "the {part} has the digest {actual} where {expected} was expected; do not run it, and publish or copy it again"
    )]
    Mismatch {
        /// What.
        part: Part,
        /// As referred to.
        expected: Digest,
        /// As computed from the bytes.
        actual: Digest,
    },
    /// Not the JSON it should be.
    #[error("the {part} is not valid JSON of its kind")]
    Json {
        /// What.
        part: Part,
        /// Where and why.
        source: serde_json::Error,
    },
    /// Valid JSON that makes no sense.
    #[error("the {part} is not valid: {reason}")]
    Invalid {
        /// What.
        part: Part,
        /// Why, with a hint.
        reason: String,
    },
    /// An image of something else.
    #[error(
        "the artifact's config is {found:?}, not {}; it is not a component, push it as one",
        crate::CONFIG_TYPE
    )]
    ConfigType {
        /// Its media type.
        found: String,
    },
    /// Not exactly one layer.
    #[error("the artifact has {found} layers, a component is exactly one; push the component by itself")]
    Layers {
        /// How many.
        found: usize,
    },
    /// A layer of something else.
    #[error(
        "the artifact's layer is {found:?}, not {}; push the component with that type",
        crate::LAYER_TYPE
    )]
    LayerType {
        /// Its media type.
        found: String,
    },
    /// Not built as a component.
    #[error("the artifact is built for {found:?}, not wasip2; build the component for wasm32-wasip2")]
    Os {
        /// The config's `os`.
        found: String,
    },
    /// An image index without a component in it.
    #[error("the image index has no entry for wasm; refer to the component's own tag or digest")]
    NoWasmEntry,
    /// A symbolic link, a pipe or a device where a layout has plain files and directories.
    #[error("{} is not a plain file or directory of the layout; replace links by copies", path.display())]
    Unsafe {
        /// Where.
        path: PathBuf,
    },
    /// A directory with other things in it, where a layout was to be made.
    #[error("{} holds other files and is no OCI layout; name an empty or a new directory", path.display())]
    NotALayout {
        /// Where.
        path: PathBuf,
    },
    /// A tar file that is no layout, or that two readers could read in two ways.
    #[error("the OCI archive {} cannot be used: {reason}", path.display())]
    Archive {
        /// Where.
        path: PathBuf,
        /// Why, with a hint.
        reason: &'static str,
    },
    /// Something else is where a file or a name was to be written.
    #[error("{} exists already and is something else; name another or say that it may be replaced (--force)", path.display())]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// A place whose content stays as it is.
    #[error(
        "signatures are kept in registries and OCI layouts; name one of these (an archive is signed by `publish --sign`)"
    )]
    NotSignable,
    /// By what its config says, the component cannot run here. It was not downloaded.
    #[error("the component is refused by what its config says, before it was downloaded")]
    Unfit(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There is no room in the content store, also after a collection.
    #[error(
        "the content store has {used} bytes of {quota} and cannot take {needed} more; delete challenges and collect, or raise store.quota"
    )]
    StoreFull {
        /// Bytes that were to be added.
        needed: u64,
        /// Bytes in the store.
        used: u64,
        /// Bytes that it may have.
        quota: u64,
    },
    /// A place that the operator named and that the host cannot read.
    #[error(
        "{} cannot be read ({kind}); name a layout's directory or a component's file that the host's user may read",
        path.display()
    )]
    Unreadable {
        /// Where.
        path: PathBuf,
        /// Why.
        kind: io::ErrorKind,
    },
    /// The host's own disk, or the place to publish to.
    #[error("cannot use {}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A registry that cannot be reached, or an answer that broke off. Worth another try.
    #[error("the registry {registry} cannot be reached or broke off; check its name and try again later")]
    Unreachable {
        /// Host and port.
        registry: String,
        /// Why, without any address.
        source: reqwest::Error,
    },
    /// Slower than [`crate::limits::TOTAL_TIMEOUT`].
    #[error("the registry {registry} took too long; try again later")]
    TimedOut {
        /// Host and port.
        registry: String,
    },
    /// In circles, too often, or to plain HTTP.
    #[error("the registry {registry} redirects in circles or to an unencrypted address; check its name")]
    Redirects {
        /// Host and port.
        registry: String,
    },
    /// Not public, and no credentials or the wrong ones.
    #[error("the registry {registry} refuses access {origin}")]
    Denied {
        /// Host and port.
        registry: String,
        /// Where the credentials came from, which are not shown.
        origin: Origin,
    },
    /// Overloaded or out of order. Worth another try.
    #[error("the registry {registry} is overloaded or out of order (status {status}); try again later")]
    Unavailable {
        /// Host and port.
        registry: String,
        /// The status.
        status: u16,
        /// How long it asks to be left alone.
        pause: Option<Duration>,
    },
    /// Certificates that cannot be used.
    #[error("the certificates in {} cannot be used: {reason}; correct ca_file", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Any other answer.
    #[error("the registry {registry} answered with {answer}; try again later or ask who runs it")]
    Refused {
        /// Host and port.
        registry: String,
        /// A status or the registry's error codes.
        answer: String,
    },
    /// A bare file has no manifest that could be copied.
    #[error("a file is no artifact that could be copied; make it one with platform publish")]
    NoArtifact,
    /// A bare file takes no artifact.
    #[error(
        "a component is published to oci:DIR[:TAG], oci-archive:FILE[:TAG] or HOST/NAME[:TAG], not to a file"
    )]
    NotPublishable,
}

impl OciError {
    /// Whether the same may go well a moment later, and how long the registry asks to wait until then.
    pub(crate) fn passes(&self) -> Option<Duration> {
        match self {
            Self::Unreachable { .. } => Some(Duration::ZERO),
            Self::Unavailable { pause, .. } => Some(pause.unwrap_or_default()),
            _ => None,
        }
    }

    /// The same, where what failed is not the host's own but a place that a reference names.
    pub(crate) fn of_source(self) -> Self {
        match self {
            Self::Io { path, source } => Self::Unreadable {
                path,
                kind: source.kind(),
            },
            other => other,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Marker => "layout marker",
            Self::Index => "index",
            Self::Manifest => "manifest",
            Self::Config => "config",
            Self::Component => "component",
            Self::Annotations => "text of all annotations",
            Self::Token => "registry's token",
            Self::Signature => "signature",
        })
    }
}

/// Foreign text for a message: one short line.
pub(crate) fn shown(text: &str) -> String {
    const MAX_CHARS: usize = 100;
    text.chars().filter(|c| !c.is_control()).take(MAX_CHARS).collect()
}
