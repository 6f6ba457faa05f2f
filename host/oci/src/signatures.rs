//! Signatures beside a manifest: where they are found, and how they are written. What they are worth is for the
//! `signatures` crate to say.

use bytes::Bytes;
use platform_domain::{ComponentRef, Digest};
use platform_signatures::{
    KeyName, Refused, Trusted,
    limits::{MAX_BUNDLE, MAX_PAYLOAD},
    names::{
        BUNDLE_MEDIA_TYPE, PAYLOAD_MEDIA_TYPE, SIGNATURE_ANNOTATION, SIGNATURE_ARTIFACT_TYPE, referrers_tag,
        signature_tag,
    },
};
use serde::Serialize;

use crate::{
    MANIFEST_TYPE, OciError, Part,
    document::{Descriptor, Document, ImageManifest, Pointer, write},
    limits::{MAX_MANIFEST, MAX_REFERRERS, MAX_SIGNATURES},
    resolve::Source,
};

/// The media type of the config beside layers that are signatures. Nobody reads it.
const CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";

/// A signature of a manifest, as it was found or made. Nothing of it is verified.
#[derive(Clone, Debug)]
pub struct Attached {
    layer: Descriptor,
    bytes: Bytes,
}

/// What a signature consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttachedForm<'a> {
    /// What was signed, and the signature in base64.
    Payload(&'a [u8], &'a str),
    /// Both in one, with what else belongs to it.
    Bundle(&'a [u8]),
}

/// Makes the signature of the manifest of this digest, to be kept in the repository of this name, which is empty on
/// a disk.
pub type Signer<'a> = &'a (dyn Fn(&str, &Digest) -> Attached + Sync);

/// An image whose layers are signatures, ready to be stored.
pub(crate) struct SignatureImage {
    pub(crate) manifest: Vec<u8>,
    pub(crate) config: Vec<u8>,
}

#[derive(Serialize)]
struct Config<'a> {
    architecture: &'a str,
    os: &'a str,
    created: &'a str,
    config: Empty,
    rootfs: RootFs<'a>,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
struct RootFs<'a> {
    r#type: &'a str,
    diff_ids: Vec<&'a str>,
}

impl Attached {
    /// A payload and the signature of it in base64.
    pub fn payload(payload: Vec<u8>, signature: &str) -> Self {
        let mut layer = Descriptor::new(PAYLOAD_MEDIA_TYPE, Pointer::to(&payload));
        let annotations = &mut layer.annotations;
        annotations.insert(SIGNATURE_ANNOTATION.to_owned(), signature.to_owned());
        let bytes = Bytes::from(payload);
        Self { layer, bytes }
    }

    /// What it consists of.
    pub fn form(&self) -> AttachedForm<'_> {
        match self.layer.annotations.get(SIGNATURE_ANNOTATION) {
            Some(signature) if self.layer.media_type == PAYLOAD_MEDIA_TYPE => {
                AttachedForm::Payload(&self.bytes, signature)
            }
            _ => AttachedForm::Bundle(&self.bytes),
        }
    }

    /// Which of these keys signed the manifest.
    pub fn signer<'a>(&self, manifest: &Digest, trusted: &'a Trusted) -> Result<&'a KeyName, Refused> {
        match self.form() {
            AttachedForm::Payload(payload, signature) => trusted.verify(manifest, payload, signature),
            AttachedForm::Bundle(bundle) => trusted.verify_bundle(manifest, bundle),
        }
    }

    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

/// How much of a layer is read, if it is a signature.
fn limit_of(layer: &Descriptor) -> Option<u64> {
    match layer.media_type.as_str() {
        PAYLOAD_MEDIA_TYPE if layer.annotations.contains_key(SIGNATURE_ANNOTATION) => {
            Some(MAX_PAYLOAD as u64)
        }
        BUNDLE_MEDIA_TYPE => Some(MAX_BUNDLE as u64),
        _ => None,
    }
}

impl Source {
    /// The signatures of a manifest, by tag and by referrer; those of a size that is never read are left out.
    pub(crate) async fn signatures(&mut self, manifest: Digest) -> Result<Vec<Attached>, OciError> {
        let mut images = Vec::new();
        images.extend(self.named(&signature_tag(&manifest)).await?);
        for referrer in self.referrers(manifest).await? {
            images.push(self.manifest(referrer).await?);
        }
        let mut found = Vec::new();
        for layer in images.iter().flat_map(|image| layers_of(image)) {
            let known = found.iter().any(|it: &Attached| is_same(&it.layer, &layer));
            let limit = limit_of(&layer).filter(|limit| layer.size <= *limit && !known);
            if let Some(limit) = limit
                && found.len() < MAX_SIGNATURES
            {
                let to = layer.pointer(Part::Signature, limit)?;
                let bytes = Bytes::from(self.blob(to, Part::Signature, limit).await?);
                found.push(Attached { layer, bytes });
            }
        }
        Ok(found)
    }

    /// The same for who needs none to have the component, but may have to say why there are none.
    pub(crate) async fn signatures_or_why(&mut self, manifest: Digest) -> (Vec<Attached>, Option<OciError>) {
        match self.signatures(manifest).await {
            Ok(signatures) => (signatures, None),
            Err(error) => (Vec::new(), Some(error)),
        }
    }

    /// What refers to a manifest and may be signatures.
    async fn referrers(&mut self, manifest: Digest) -> Result<Vec<Pointer>, OciError> {
        let listed = match self {
            Self::Registry(remote) => remote.referrers(manifest).await?,
            Self::Disk(_) => None,
        };
        let listed = match listed {
            Some(listed) => Some(listed),
            None => self.named(&referrers_tag(&manifest)).await?,
        };
        let Some(Document::Index(index)) = listed.map(|bytes| Document::parse(&bytes)).transpose()? else {
            return Ok(Vec::new());
        };
        let kinds = [SIGNATURE_ARTIFACT_TYPE, BUNDLE_MEDIA_TYPE];
        let kinds = |entry: &&Descriptor| entry.artifact_type().is_none_or(|kind| kinds.contains(&kind));
        let wanted = index.manifests.iter().filter(kinds).take(MAX_REFERRERS);
        wanted
            .map(|entry| entry.pointer(Part::Manifest, MAX_MANIFEST))
            .collect()
    }
}

fn layers_of(image: &[u8]) -> Vec<Descriptor> {
    match Document::parse(image) {
        Ok(Document::Manifest(manifest)) => manifest.layers,
        // Whatever it is, it is no signature.
        _ => Vec::new(),
    }
}

fn is_same(one: &Descriptor, other: &Descriptor) -> bool {
    one.digest == other.digest && one.annotations == other.annotations
}

impl SignatureImage {
    /// An image of what `present` holds already, as it is, and of these; `None` when nothing is to be added.
    pub(crate) fn with(present: Option<&[u8]>, added: &[Attached]) -> Result<Option<Self>, OciError> {
        let mut layers = match present.map(Document::parse).transpose()? {
            None => Vec::new(),
            Some(Document::Manifest(manifest)) => manifest.layers,
            Some(Document::Index(_)) => {
                return Err(OciError::Invalid {
                    part: Part::Signature,
                    reason: "something else has the name of its signatures; move that".to_owned(),
                });
            }
        };
        let before = layers.len();
        for Attached { layer, .. } in added {
            if !layers.iter().any(|there| is_same(there, layer)) {
                layers.push(layer.clone());
            }
        }
        if layers.len() == before {
            return Ok(None);
        }
        if layers.len() > MAX_SIGNATURES {
            return Err(OciError::Invalid {
                part: Part::Signature,
                reason: format!(
                    "there are {MAX_SIGNATURES} beside it, and no more are looked at; remove some"
                ),
            });
        }
        let config = write(
            Part::Config,
            &Config {
                architecture: "",
                os: "",
                created: "0001-01-01T00:00:00Z",
                config: Empty {},
                rootfs: RootFs {
                    r#type: "layers",
                    diff_ids: layers.iter().map(|layer| layer.digest.as_str()).collect(),
                },
            },
        )?;
        let manifest = ImageManifest {
            schema_version: 2,
            media_type: MANIFEST_TYPE.to_owned(),
            config: Descriptor::new(CONFIG_TYPE, Pointer::to(&config)),
            layers,
            annotations: Default::default(),
        };
        let manifest = write(Part::Manifest, &manifest)?;
        Ok(Some(Self { manifest, config }))
    }
}

/// All of these, once; and if they are too many, before the others those that a known key made. So neither what was there
/// nor what came can push out what counts.
pub(crate) fn foremost(
    manifest: &Digest,
    before: Vec<Attached>,
    added: Vec<Attached>,
    trusted: &Trusted,
) -> Vec<Attached> {
    let mut all: Vec<Attached> = Vec::new();
    for signature in before.into_iter().chain(added) {
        if !all.iter().any(|there| is_same(&there.layer, &signature.layer)) {
            all.push(signature);
        }
    }
    if all.len() > MAX_SIGNATURES {
        all.sort_by_key(|signature| signature.signer(manifest, trusted).is_err());
        all.truncate(MAX_SIGNATURES);
    }
    all
}

/// The name of the repository that a payload speaks of.
pub(crate) fn repository(reference: &ComponentRef) -> String {
    match reference {
        ComponentRef::Registry {
            registry, repository, ..
        } => format!("{registry}/{repository}"),
        _ => String::new(),
    }
}
