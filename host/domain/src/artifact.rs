//! What a challenge runs: a component by reference, pinned to digests, or a container image.

use std::{fmt, net::Ipv6Addr, path::PathBuf, str::FromStr};

use crate::{Digest, text::serde_as_text};

/// Where a component is, as the operator wrote it. Not pinned: a tag may move.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ComponentRef {
    /// `oci:DIR[:TAG][@sha256:…]`: an OCI image layout on disk.
    Layout {
        /// The layout's directory.
        dir: PathBuf,
        /// The name in the layout's index, `latest` when absent.
        tag: Option<String>,
        /// The manifest's digest.
        digest: Option<Digest>,
    },
    /// `oci-archive:FILE[:TAG][@sha256:…]`: an OCI image layout in one tar file.
    Archive {
        /// The tar file.
        file: PathBuf,
        /// The name in the layout's index; when absent `latest`, or else the only one there is.
        tag: Option<String>,
        /// The manifest's digest.
        digest: Option<Digest>,
    },
    /// `[oci://]HOST[:PORT]/NAME[:TAG][@sha256:…]`: an OCI registry.
    Registry {
        /// The registry's host and port.
        registry: String,
        /// The repository's name.
        repository: String,
        /// The tag, `latest` when neither tag nor digest is given.
        tag: Option<String>,
        /// The manifest's digest.
        digest: Option<Digest>,
    },
    /// `file:PATH`: a component file, for development.
    File(PathBuf),
}

/// A component reference together with the content it meant when it was registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedComponent {
    /// As registered.
    pub reference: ComponentRef,
    /// The OCI manifest's digest; a file has none.
    pub manifest: Option<Digest>,
    /// The digest of the component's bytes: what runs.
    pub component: Digest,
}

/// A container image reference: `HOST/NAME[:TAG][@sha256:…]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageRef(String);

/// What a challenge runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Artifact {
    /// A WebAssembly component.
    Component(PinnedComponent),
    /// A container image, for challenges that need a GPU.
    Image(ImageRef),
}

/// Why a text is not a reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArtifactError {
    /// No path after `oci:`, `oci-archive:` or `file:`.
    #[error("the reference names no path")]
    NoPath,
    /// The part after `@`.
    #[error("the part after @ is not a digest: sha256: and 64 lower-case hexadecimal digits")]
    Digest,
    /// The part after the last `:`.
    #[error("a tag has 1 to 128 of A-Z a-z 0-9 . _ - and does not begin with . or -")]
    Tag,
    /// No registry host, or a bad repository name.
    #[error(
        "not a reference; write oci:DIR[:TAG][@DIGEST], oci-archive:FILE[:TAG][@DIGEST], HOST/NAME[:TAG][@DIGEST] or file:PATH"
    )]
    Shape,
    /// No file and no registry has such a name, and it would forge lines where it is shown.
    #[error("a reference has no control characters")]
    Control,
    /// Longer than any sane reference.
    #[error("a reference has at most {} bytes", ComponentRef::MAX_LEN)]
    TooLong,
}

impl ComponentRef {
    /// More than any path or repository name needs; keeps hostile input small.
    pub const MAX_LEN: usize = 2048;

    /// The digest of a manifest, if the reference names one.
    pub const fn digest(&self) -> Option<Digest> {
        match self {
            Self::Layout { digest, .. } | Self::Archive { digest, .. } | Self::Registry { digest, .. } => {
                *digest
            }
            Self::File(_) => None,
        }
    }

    /// Whether it may mean something else tomorrow: it is no file and names no digest.
    pub const fn can_move(&self) -> bool {
        match self {
            Self::File(_) => false,
            Self::Layout { digest, .. } | Self::Archive { digest, .. } | Self::Registry { digest, .. } => {
                digest.is_none()
            }
        }
    }

    /// The tag, if the reference names one.
    pub fn tag(&self) -> Option<&str> {
        match self {
            Self::Layout { tag, .. } | Self::Archive { tag, .. } | Self::Registry { tag, .. } => {
                tag.as_deref()
            }
            Self::File(_) => None,
        }
    }
}

fn split_digest(text: &str) -> Result<(&str, Option<Digest>), ArtifactError> {
    match text.rsplit_once('@') {
        Some((rest, digest)) => Ok((rest, Some(digest.parse().map_err(|_| ArtifactError::Digest)?))),
        None => Ok((text, None)),
    }
}

/// Splits a tag off. A colon before the last slash is a port or part of a directory's name.
fn split_tag(text: &str) -> Result<(&str, Option<String>), ArtifactError> {
    match text.rsplit_once(':') {
        Some((rest, tag)) if !tag.contains('/') => {
            let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            let valid =
                (1..=128).contains(&tag.len()) && tag.chars().all(inner) && !tag.starts_with(['.', '-']);
            if valid {
                Ok((rest, Some(tag.to_owned())))
            } else {
                Err(ArtifactError::Tag)
            }
        }
        _ => Ok((text, None)),
    }
}

/// Splits a path from its tag and digest.
fn split_path(text: &str) -> Result<(PathBuf, Option<String>, Option<Digest>), ArtifactError> {
    let (rest, digest) = split_digest(text)?;
    let (path, tag) = split_tag(rest)?;
    if path.is_empty() {
        return Err(ArtifactError::NoPath);
    }
    Ok((path.into(), tag, digest))
}

/// Whether the first segment is a registry: a host that has a dot or a port, or is `localhost`. A path like
/// `./echo.wasm` is none.
fn is_registry(authority: &str) -> bool {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let label = |label: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
        !label.is_empty() && label.chars().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let is_host = match bracketed {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => host.split('.').all(label),
    };
    let is_port = |port: &str| port.bytes().all(|c| c.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let recognisable = host == "localhost" || host.contains(['.', ':']) || port.is_some();
    // With a port these would be read as another form of a reference where they stand without `oci://`.
    let other_form = port.is_some() && ["file", "oci", "oci-archive"].contains(&host);
    is_host && recognisable && !other_form && port.is_none_or(is_port)
}

/// Repository names of the OCI distribution specification.
fn is_repository(name: &str) -> bool {
    let segment = |s: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
        let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        s.chars().all(inner) && edge(s.chars().next()) && edge(s.chars().last())
    };
    name.len() <= 255 && name.split('/').all(segment)
}

impl FromStr for ComponentRef {
    type Err = ArtifactError;

    fn from_str(text: &str) -> Result<Self, ArtifactError> {
        if text.len() > Self::MAX_LEN {
            return Err(ArtifactError::TooLong);
        }
        if text.contains(char::is_control) {
            return Err(ArtifactError::Control);
        }
        if let Some(path) = text.strip_prefix("file:") {
            return if path.is_empty() {
                Err(ArtifactError::NoPath)
            } else {
                Ok(Self::File(path.into()))
            };
        }
        if let Some(rest) = text.strip_prefix("oci-archive:") {
            let (file, tag, digest) = split_path(rest)?;
            return Ok(Self::Archive { file, tag, digest });
        }
        let remote = text.strip_prefix("oci://");
        if let (None, Some(rest)) = (remote, text.strip_prefix("oci:")) {
            let (dir, tag, digest) = split_path(rest)?;
            return Ok(Self::Layout { dir, tag, digest });
        }
        let (rest, digest) = split_digest(remote.unwrap_or(text))?;
        let (name, tag) = split_tag(rest)?;
        match name.split_once('/') {
            Some((registry, repository)) if is_registry(registry) && is_repository(repository) => {
                let (registry, repository) = (registry.to_owned(), repository.to_owned());
                Ok(Self::Registry {
                    registry,
                    repository,
                    tag,
                    digest,
                })
            }
            _ => Err(ArtifactError::Shape),
        }
    }
}

impl fmt::Display for ComponentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (tag, digest) = match self {
            Self::File(path) => return write!(f, "file:{}", path.display()),
            Self::Layout { dir, tag, digest } => {
                write!(f, "oci:{}", dir.display())?;
                (tag, digest)
            }
            Self::Archive { file, tag, digest } => {
                write!(f, "oci-archive:{}", file.display())?;
                (tag, digest)
            }
            Self::Registry {
                registry,
                repository,
                tag,
                digest,
            } => {
                write!(f, "{registry}/{repository}")?;
                (tag, digest)
            }
        };
        tag.iter().try_for_each(|tag| write!(f, ":{tag}"))?;
        digest.iter().try_for_each(|digest| write!(f, "@{digest}"))
    }
}

serde_as_text!(ComponentRef);

impl ImageRef {
    /// The digest of its manifest, if it names one: then it always means the same.
    pub fn digest(&self) -> Option<Digest> {
        self.0.rsplit_once('@')?.1.parse().ok()
    }

    /// The repository, without tag and digest: `HOST/NAME`.
    pub fn repository(&self) -> &str {
        let tagged = self.tagged();
        match tagged.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => name,
            _ => tagged,
        }
    }

    /// The tag, if it names one.
    pub fn tag(&self) -> Option<&str> {
        self.tagged().strip_prefix(self.repository())?.strip_prefix(':')
    }

    /// The same, to mean this manifest for ever. Without a word it is that of `latest`.
    pub fn pinned(&self, digest: Digest) -> Self {
        let tagged = self.tagged();
        match (self.digest(), self.tag()) {
            (None, None) => Self(format!("{tagged}:latest@{digest}")),
            _ => Self(format!("{tagged}@{digest}")),
        }
    }

    /// Whatever its tag leads to now; `None` where it names a digest alone.
    pub fn moving(&self) -> Option<Self> {
        let moves = self.tag().is_some() || self.digest().is_none();
        moves.then(|| Self(self.tagged().to_owned()))
    }

    /// By its digest alone, if it names one: what an engine keeps when the tag moves on.
    pub fn by_digest(&self) -> Option<Self> {
        let digest = self.digest()?;
        Some(Self(format!("{}@{digest}", self.repository())))
    }

    fn tagged(&self) -> &str {
        self.0.split_once('@').map_or(&*self.0, |(tagged, _)| tagged)
    }
}

impl FromStr for ImageRef {
    type Err = ArtifactError;

    fn from_str(text: &str) -> Result<Self, ArtifactError> {
        match text.parse()? {
            registry @ ComponentRef::Registry { .. } => Ok(Self(registry.to_string())),
            _ => Err(ArtifactError::Shape),
        }
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(ImageRef);

#[cfg(test)]
mod tests {
    use super::*;

    const D: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000001";

    #[test]
    fn an_image_can_move_as_long_as_it_has_a_tag() {
        for (text, tag, moving) in [
            ("host:5000/gpu", None, Some("host:5000/gpu")),
            ("host:5000/gpu:1", Some("1"), Some("host:5000/gpu:1")),
            (
                &format!("host:5000/gpu:1@{D}"),
                Some("1"),
                Some("host:5000/gpu:1"),
            ),
            (&format!("host:5000/gpu@{D}"), None, None),
        ] {
            let image: ImageRef = text.parse().unwrap();
            assert_eq!(image.tag(), tag, "{text}");
            assert_eq!(
                image.moving().map(|image| image.to_string()).as_deref(),
                moving,
                "{text}"
            );
        }
        let untagged: ImageRef = "host:5000/gpu".parse().unwrap();
        let pinned = untagged.pinned(D.parse().unwrap());
        assert_eq!(pinned.moving().unwrap().to_string(), "host:5000/gpu:latest");
    }

    #[test]
    fn an_image_is_pinned_once_and_keeps_its_tag() {
        let digest: Digest = D.parse().unwrap();
        for (text, repository) in [
            ("host:5000/team/gpu:1", "host:5000/team/gpu"),
            ("host:5000/gpu", "host:5000/gpu"),
            (&format!("registry.example/gpu:1@{D}"), "registry.example/gpu"),
            (&format!("registry.example/gpu@{D}"), "registry.example/gpu"),
        ] {
            let image: ImageRef = text.parse().unwrap();
            assert_eq!(image.repository(), repository);
            let pinned = image.pinned(digest);
            assert_eq!(pinned.digest(), Some(digest));
            assert_eq!(pinned.to_string().parse(), Ok(pinned.clone()));
            assert_eq!(pinned.pinned(digest), pinned);
            assert_eq!(
                pinned.by_digest().unwrap().to_string(),
                format!("{repository}@{D}")
            );
            assert_eq!(image.digest().is_some(), text.contains('@'));
        }
    }

    #[test]
    fn every_kind_of_reference_round_trips() {
        for text in [
            "oci:/srv/layout",
            "oci:./layout:tsp",
            &format!("oci:layout:tsp@{D}"),
            &format!("oci:layout@{D}"),
            "oci-archive:/srv/tsp.tar",
            "oci-archive:tsp.tar:1.2.0",
            &format!("oci-archive:./tsp.tar:tsp@{D}"),
            "file:target/echo.wasm",
            "localhost/echo",
            "127.0.0.1:5000/team/echo:1.2.0",
            &format!("registry.example/echo:1@{D}"),
            "[::1]:5000/echo",
            "host:5000/echo",
        ] {
            assert_eq!(text.parse::<ComponentRef>().unwrap().to_string(), *text);
        }
        let with_scheme: ComponentRef = "oci://registry.example/echo:1".parse().unwrap();
        assert_eq!(with_scheme.to_string(), "registry.example/echo:1");
        let image: ImageRef = "oci://registry.example/echo:1".parse().unwrap();
        assert_eq!(image.to_string(), "registry.example/echo:1");
    }

    #[test]
    fn a_malformed_reference_is_refused_with_its_reason() {
        let table = [
            ("oci:", ArtifactError::NoPath),
            ("oci-archive:", ArtifactError::NoPath),
            ("oci-archive::tag", ArtifactError::NoPath),
            ("oci-archive:a.tar:", ArtifactError::Tag),
            ("oci-archive:a.tar@sha256:00", ArtifactError::Digest),
            ("file:", ArtifactError::NoPath),
            ("oci:dir:", ArtifactError::Tag),
            ("oci:dir:-x", ArtifactError::Tag),
            ("oci:dir@sha256:00", ArtifactError::Digest),
            ("file:a\0b", ArtifactError::Control),
            ("oci:dir\n2026 ERROR", ArtifactError::Control),
            ("./echo.wasm", ArtifactError::Shape),
            ("../challenges/echo", ArtifactError::Shape),
            (".hidden/echo", ArtifactError::Shape),
            ("reg.example:/echo", ArtifactError::Shape),
            ("reg.example:65536/echo", ArtifactError::Shape),
            ("reg.example:+1/echo", ArtifactError::Shape),
            ("-reg.example/echo", ArtifactError::Shape),
            ("[::g]/echo", ArtifactError::Shape),
            ("[::1/echo", ArtifactError::Shape),
            ("oci://oci-archive:3/echo", ArtifactError::Shape),
            ("oci://oci:3/echo", ArtifactError::Shape),
            ("oci://file:3/echo", ArtifactError::Shape),
            ("echo", ArtifactError::Shape),
            ("library/echo", ArtifactError::Shape),
            ("reg.example/Echo", ArtifactError::Shape),
            ("reg.example/../x", ArtifactError::Shape),
            ("", ArtifactError::Shape),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse::<ComponentRef>(), Err(expected), "{text}");
        }
        assert_eq!(
            "r.x/".repeat(1000).parse::<ComponentRef>(),
            Err(ArtifactError::TooLong)
        );
    }
}
