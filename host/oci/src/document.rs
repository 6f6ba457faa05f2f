//! The JSON documents of OCI, as far as a component needs them. What is not known is kept where a document is
//! written back, and ignored elsewhere.

use std::collections::BTreeMap;

use platform_domain::Digest;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{INDEX_TYPE, MANIFEST_TYPE, OciError, Part, error::shown, limits::MAX_ANNOTATIONS};

/// The name of an entry in a layout's index.
pub(crate) const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// Docker's own type of an image index.
const DOCKER_INDEX_TYPE: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Docker's own type of an image manifest.
const DOCKER_MANIFEST_TYPE: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// What a manifest request accepts.
pub(crate) const ACCEPTED: [&str; 4] = [MANIFEST_TYPE, INDEX_TYPE, DOCKER_MANIFEST_TYPE, DOCKER_INDEX_TYPE];
const SCHEMA_VERSION: u32 = 2;

/// A pointer to content, as documents write it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    pub(crate) media_type: String,
    /// Text, because other entries of an index may use algorithms that the host does not.
    pub(crate) digest: String,
    pub(crate) size: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) platform: Option<Platform>,
    #[serde(flatten)]
    other: serde_json::Map<String, serde_json::Value>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Platform {
    #[serde(default)]
    pub(crate) architecture: String,
    #[serde(default)]
    pub(crate) os: String,
    #[serde(flatten)]
    other: serde_json::Map<String, serde_json::Value>,
}

/// A pointer that can be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pointer {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
}

/// An image manifest.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImageManifest {
    pub(crate) schema_version: u32,
    pub(crate) media_type: String,
    pub(crate) config: Descriptor,
    pub(crate) layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<String, String>,
}

/// An image index, also the `index.json` of a layout.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Index {
    schema_version: u32,
    pub(crate) manifests: Vec<Descriptor>,
    #[serde(flatten)]
    other: serde_json::Map<String, serde_json::Value>,
}

/// The config of a component.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WasmConfig {
    pub(crate) created: String,
    pub(crate) architecture: String,
    pub(crate) os: String,
    pub(crate) layer_digests: Vec<String>,
    #[serde(default)]
    pub(crate) component: Option<Interfaces>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Interfaces {
    #[serde(default)]
    pub(crate) imports: Vec<String>,
    #[serde(default)]
    pub(crate) exports: Vec<String>,
}

/// What a manifest request may be answered with.
pub(crate) enum Document {
    Manifest(ManifestLike),
    Index(Index),
}

/// An image manifest whose media type may be left out, as the specification allows.
#[derive(Debug, Deserialize)]
pub(crate) struct ManifestLike {
    pub(crate) config: Descriptor,
    pub(crate) layers: Vec<Descriptor>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

impl Descriptor {
    pub(crate) fn new(media_type: &str, to: Pointer) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: to.digest.to_string(),
            size: to.size,
            annotations: BTreeMap::new(),
            platform: None,
            other: serde_json::Map::new(),
        }
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.annotations.get(REF_NAME).map(String::as_str)
    }

    /// What an entry of an index says that it is, if it says so.
    pub(crate) fn artifact_type(&self) -> Option<&str> {
        self.other.get("artifactType")?.as_str()
    }

    /// The pointer, if it is to at most `limit` bytes by SHA-256.
    pub(crate) fn pointer(&self, part: Part, limit: u64) -> Result<Pointer, OciError> {
        let digest = self.digest.parse().map_err(|_| OciError::Invalid {
            part,
            reason: format!(
                "its digest {:?} is not SHA-256; push it with sha256",
                shown(&self.digest)
            ),
        })?;
        if self.size > limit {
            return Err(OciError::TooLarge {
                part,
                size: self.size,
                limit,
            });
        }
        Ok(Pointer {
            digest,
            size: self.size,
        })
    }
}

impl Pointer {
    /// To these bytes.
    pub(crate) fn to(bytes: &[u8]) -> Self {
        Self {
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
        }
    }

    /// Whether these are the bytes.
    pub(crate) fn verify(&self, part: Part, bytes: &[u8]) -> Result<(), OciError> {
        let actual = Self::to(bytes);
        if actual.size != self.size {
            return Err(OciError::Size {
                part,
                expected: self.size,
                actual: actual.size,
            });
        }
        verify_digest(part, self.digest, actual.digest)
    }
}

pub(crate) fn verify_digest(part: Part, expected: Digest, actual: Digest) -> Result<(), OciError> {
    if expected == actual {
        return Ok(());
    }
    Err(OciError::Mismatch {
        part,
        expected,
        actual,
    })
}

impl Index {
    pub(crate) fn empty() -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            manifests: Vec::new(),
            other: [("mediaType".to_owned(), INDEX_TYPE.into())]
                .into_iter()
                .collect(),
        }
    }

    /// The entry of a name.
    pub(crate) fn named(&self, tag: &str) -> Result<Option<&Descriptor>, OciError> {
        let mut entries = self.manifests.iter().filter(|entry| entry.name() == Some(tag));
        match (entries.next(), entries.next()) {
            (found, None) => Ok(found),
            (_, Some(_)) => Err(OciError::Ambiguous { tag: tag.to_owned() }),
        }
    }

    /// The first entry for wasip2, or else the first for any wasm.
    pub(crate) fn wasm_entry(&self) -> Result<&Descriptor, OciError> {
        let first = |wanted: fn(&Platform) -> bool| {
            self.manifests
                .iter()
                .find(|entry| entry.platform.as_ref().is_some_and(wanted))
        };
        first(|platform| platform.os == "wasip2")
            .or_else(|| first(|platform| platform.architecture == "wasm"))
            .ok_or(OciError::NoWasmEntry)
    }
}

impl Document {
    /// Decides by content what the bytes are. A document that could be read as both is refused, because two
    /// readers would run different things under one digest.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, OciError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Kind {
            schema_version: u32,
            #[serde(default)]
            media_type: Option<String>,
            #[serde(default)]
            manifests: Option<serde::de::IgnoredAny>,
            #[serde(default)]
            layers: Option<serde::de::IgnoredAny>,
        }
        let kind: Kind = parse(Part::Manifest, bytes)?;
        let invalid = |reason: String| {
            Err(OciError::Invalid {
                part: Part::Manifest,
                reason,
            })
        };
        if kind.schema_version != SCHEMA_VERSION {
            return invalid(format!(
                "schema version {}, only 2 is known; push it again",
                kind.schema_version
            ));
        }
        let index = match (kind.manifests.is_some(), kind.layers.is_some()) {
            (true, false) => true,
            (false, true) => false,
            _ => return invalid("it has both or neither of manifests and layers; push it again".to_owned()),
        };
        let fitting = if index {
            [INDEX_TYPE, DOCKER_INDEX_TYPE]
        } else {
            [MANIFEST_TYPE, DOCKER_MANIFEST_TYPE]
        };
        match kind.media_type {
            Some(found) if !fitting.contains(&found.as_str()) => invalid(format!(
                "it calls itself {:?}; push it as an OCI artifact",
                shown(&found)
            )),
            _ if index => {
                let index: Index = parse(Part::Index, bytes)?;
                check_annotations(index.manifests.iter().map(|entry| &entry.annotations))?;
                Ok(Self::Index(index))
            }
            _ => {
                let manifest: ManifestLike = parse(Part::Manifest, bytes)?;
                let pieces = manifest.layers.iter().chain([&manifest.config]);
                let pieces = pieces.map(|piece| &piece.annotations);
                check_annotations(pieces.chain(&manifest.annotations))?;
                Ok(Self::Manifest(manifest))
            }
        }
    }
}

/// Whether all annotations of a document are of a size that anybody uses.
pub(crate) fn check_annotations<'a>(
    all: impl IntoIterator<Item = &'a BTreeMap<String, String>>,
) -> Result<(), OciError> {
    let texts = all.into_iter().flatten();
    let size = texts.map(|(name, value)| (name.len() + value.len()) as u64).sum();
    if size > MAX_ANNOTATIONS {
        return Err(OciError::TooLarge {
            part: Part::Annotations,
            size,
            limit: MAX_ANNOTATIONS,
        });
    }
    Ok(())
}

pub(crate) fn parse<T: DeserializeOwned>(part: Part, bytes: &[u8]) -> Result<T, OciError> {
    serde_json::from_slice(bytes).map_err(|source| OciError::Json { part, source })
}

pub(crate) fn write<T: Serialize>(part: Part, value: &T) -> Result<Vec<u8>, OciError> {
    serde_json::to_vec(value).map_err(|source| OciError::Json { part, source })
}
