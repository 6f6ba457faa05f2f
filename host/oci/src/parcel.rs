//! What is written together of one artifact, whether into a layout, an archive or a registry: the component with its
//! documents, and its signatures.

use bytes::Bytes;
use platform_domain::Digest;
use platform_signatures::names::signature_tag;

use crate::{
    OciError, Part,
    artifact::Documents,
    document::{Descriptor, Pointer},
    layout::{Layout, entry},
    resolve::Disk,
    signatures::{Attached, SignatureImage},
};

/// Blobs, and manifests with their names; whoever finds a manifest by its name finds everything else.
#[derive(Default)]
pub(crate) struct Parcel {
    pub(crate) blobs: Vec<(Part, Bytes)>,
    pub(crate) manifests: Vec<(String, Bytes)>,
}

impl Parcel {
    /// With signatures of a manifest beside those that `present`, the image of that name, has. They come before what
    /// they sign, so that it is never seen without them.
    pub(crate) fn sign(
        &mut self,
        manifest: &Digest,
        present: Option<&[u8]>,
        signatures: &[Attached],
    ) -> Result<(), OciError> {
        let Some(SignatureImage {
            manifest: image,
            config,
        }) = SignatureImage::with(present, signatures)?
        else {
            return Ok(());
        };
        let payloads = signatures.iter().map(|it| (Part::Signature, it.bytes().clone()));
        self.blobs.extend(payloads);
        self.blobs.push((Part::Config, config.into()));
        self.manifests.push((signature_tag(manifest), image.into()));
        Ok(())
    }

    /// With a component under a name.
    pub(crate) fn add(&mut self, name: &str, documents: &Documents, component: Bytes) {
        self.blobs.push((Part::Component, component));
        let config = Bytes::copy_from_slice(&documents.config);
        self.blobs.push((Part::Config, config));
        let manifest = Bytes::copy_from_slice(&documents.manifest);
        self.manifests.push((name.to_owned(), manifest));
    }

    /// With everything of another, after what it has.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.blobs.append(&mut other.blobs);
        self.manifests.append(&mut other.manifests);
    }

    /// Everything, in the order in which it is written.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = (Part, &Bytes)> {
        let blobs = self.blobs.iter().map(|(part, bytes)| (*part, bytes));
        blobs.chain(self.manifests.iter().map(|(_, bytes)| (Part::Manifest, bytes)))
    }

    /// What an index says of it.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Descriptor> {
        let manifests = self.manifests.iter();
        manifests.map(|(name, bytes)| entry(Pointer::to(bytes), name))
    }

    /// Writes it into a layout whose lock the caller holds.
    pub(crate) fn put(&self, layout: &Layout) -> Result<(), OciError> {
        for (part, bytes) in self.pieces() {
            layout.put(bytes, part)?;
        }
        for (name, bytes) in &self.manifests {
            layout.list_locked(Pointer::to(bytes), name)?;
        }
        Ok(())
    }

    /// Adds signatures to those that a layout has, whose lock the caller holds.
    pub(crate) fn sign_in(
        &mut self,
        layout: &Layout,
        manifest: &Digest,
        signatures: &[Attached],
    ) -> Result<(), OciError> {
        if signatures.is_empty() {
            return Ok(());
        }
        let present = Disk::Layout(layout.clone()).named(&signature_tag(manifest))?;
        self.sign(manifest, present.as_deref(), signatures)
    }
}
