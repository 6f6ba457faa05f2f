//! Signatures beside a manifest: where they are found, and how they are written. What they are worth is for the
//! `signatures` crate to say.

use bytes::Bytes;
use platform_domain::{ComponentRef, Digest};
use platform_signatures::{
    KeyName, Refused, Trusted,
    limits::{MAX_BUNDLE, MAX_PAYLOAD, MAX_SIGNATURE_TEXT},
    names::{
        BUNDLE_MEDIA_TYPE, BUNDLE_PREDICATE_ANNOTATION, PAYLOAD_MEDIA_TYPE, SIGN_PREDICATE,
        SIGNATURE_ANNOTATION, SIGNATURE_ARTIFACT_TYPE, referrers_tag, signature_tag,
    },
};
use serde::Serialize;

use crate::{
    MANIFEST_TYPE, OciError, Part,
    document::{Descriptor, Document, ImageManifest, Pointer, write},
    limits::{MAX_MANIFEST, MAX_REFERRERS, MAX_SIGNATURES},
    publish::blocking,
    resolve::{Disk, Source},
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

/// What was found, and the first thing that could not be read.
pub(crate) type Found = (Vec<Attached>, Option<OciError>);

/// A layer that is a signature, with nothing but what makes it one, and how much of it is read.
fn signature(layer: &Descriptor) -> Option<(Descriptor, u64)> {
    let mut plain = Descriptor::new(&layer.media_type, Pointer::to(&[]));
    (plain.digest, plain.size) = (layer.digest.clone(), layer.size);
    let limit = match layer.media_type.as_str() {
        PAYLOAD_MEDIA_TYPE => {
            let text = layer.annotations.get(SIGNATURE_ANNOTATION);
            let text = text.filter(|text| text.len() <= MAX_SIGNATURE_TEXT)?.clone();
            plain.annotations.insert(SIGNATURE_ANNOTATION.to_owned(), text);
            MAX_PAYLOAD as u64
        }
        BUNDLE_MEDIA_TYPE => MAX_BUNDLE as u64,
        _ => return None,
    };
    (layer.size <= limit).then_some((plain, limit))
}

/// The signatures among the layers of these images, each once, and not too many.
fn signatures_in(images: &[Vec<u8>]) -> Vec<(Descriptor, u64)> {
    let mut found: Vec<(Descriptor, u64)> = Vec::new();
    for (layer, limit) in images
        .iter()
        .flat_map(|image| layers_of(image))
        .filter_map(|it| signature(&it))
    {
        if found.len() < MAX_SIGNATURES && !found.iter().any(|(there, _)| is_same(there, &layer)) {
            found.push((layer, limit));
        }
    }
    found
}

/// What of an index of referrers may be signatures.
fn referrers_in(index: &[u8]) -> Result<Vec<Pointer>, OciError> {
    let Document::Index(index) = Document::parse(index)? else {
        return Ok(Vec::new());
    };
    let kinds = [SIGNATURE_ARTIFACT_TYPE, BUNDLE_MEDIA_TYPE];
    let wanted = index.manifests.iter().filter(|entry| {
        let kind = entry.artifact_type().is_none_or(|kind| kinds.contains(&kind));
        // Other statements about a component, of which there can be many.
        let predicate = entry.annotations.get(BUNDLE_PREDICATE_ANNOTATION);
        kind && predicate.is_none_or(|predicate| predicate == SIGN_PREDICATE)
    });
    let pointers = wanted.filter_map(|entry| entry.pointer(Part::Manifest, MAX_MANIFEST).ok());
    Ok(pointers.take(MAX_REFERRERS).collect())
}

/// Keeps the first reason of several, and what there is in any case.
fn noted<T>(result: Result<T, OciError>, unread: &mut Option<OciError>) -> Option<T> {
    match result {
        Ok(found) => Some(found),
        Err(error) => {
            unread.get_or_insert(error);
            None
        }
    }
}

impl Source {
    /// The signatures of a manifest, by tag and by referrer. One that cannot be read takes no other with it.
    pub(crate) async fn signatures(&mut self, manifest: Digest) -> Found {
        let remote = match self {
            Self::Registry(remote) => remote,
            Self::Disk(disk) => {
                let disk = disk.clone();
                let found = blocking(move || Ok(disk.signatures(&manifest))).await;
                return found.unwrap_or_else(|error| (Vec::new(), Some(error)));
            }
        };
        let mut unread = None;
        let mut images = Vec::new();
        let own = remote.named(&signature_tag(&manifest)).await;
        images.extend(noted(own, &mut unread).flatten());
        let listed = match noted(remote.referrers(manifest).await, &mut unread).flatten() {
            Some(listed) => Some(listed),
            None => noted(remote.named(&referrers_tag(&manifest)).await, &mut unread).flatten(),
        };
        let listed = listed.and_then(|index| noted(referrers_in(&index), &mut unread));
        for to in listed.unwrap_or_default() {
            let image = remote.manifest(&to.digest.to_string()).await;
            let image = image.and_then(|image| to.verify(Part::Manifest, &image).map(|()| image));
            images.extend(noted(image, &mut unread));
        }
        let mut found = Vec::new();
        for (layer, limit) in signatures_in(&images) {
            let blob = match layer.pointer(Part::Signature, limit) {
                Ok(to) => remote.blob(to, Part::Signature).await,
                Err(error) => Err(error),
            };
            let blob = noted(blob, &mut unread).map(Bytes::from);
            found.extend(blob.map(|bytes| Attached { layer, bytes }));
        }
        (found, unread)
    }
}

impl Disk {
    /// The same, blocking.
    pub(crate) fn signatures(&self, manifest: &Digest) -> Found {
        let mut unread = None;
        let mut images = Vec::new();
        images.extend(noted(self.named(&signature_tag(manifest)), &mut unread).flatten());
        let listed = noted(self.named(&referrers_tag(manifest)), &mut unread).flatten();
        let listed = listed.and_then(|index| noted(referrers_in(&index), &mut unread));
        for to in listed.unwrap_or_default() {
            images.extend(noted(self.blob(to, Part::Manifest, MAX_MANIFEST), &mut unread));
        }
        let mut found = Vec::new();
        for (layer, limit) in signatures_in(&images) {
            let to = layer.pointer(Part::Signature, limit);
            let blob = to.and_then(|to| self.blob(to, Part::Signature, limit));
            let blob = noted(blob, &mut unread).map(Bytes::from);
            found.extend(blob.map(|bytes| Attached { layer, bytes }));
        }
        (found, unread)
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
    let signature = |layer: &Descriptor| layer.annotations.get(SIGNATURE_ANNOTATION).cloned();
    one.digest == other.digest && signature(one) == signature(other)
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
        let size = manifest.len() as u64;
        if size > MAX_MANIFEST {
            return Err(OciError::TooLarge {
                part: Part::Manifest,
                size,
                limit: MAX_MANIFEST,
            });
        }
        // What others put there stays, and so what we write is what we would read.
        Document::parse(&manifest)?;
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
