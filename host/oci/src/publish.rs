//! A component's way out: into a layout on disk, an archive or a registry; and signatures after it.

use bytes::Bytes;
use platform_domain::{ComponentRef, Digest};

use crate::{
    Attached, OciError, Part, PublishInfo, Registries, Signer, archive,
    artifact::describe,
    document::{Pointer, verify_digest},
    files::Access,
    layout::Layout,
    parcel::Parcel,
    pull::within_time,
    push::Upload,
    signatures::repository,
};

/// The tag of a reference that names none.
pub(crate) const DEFAULT_TAG: &str = "latest";

/// What was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// The image manifest's digest: what to pin.
    pub manifest: Digest,
    /// The digest of the component's bytes.
    pub component: Digest,
    /// The component's size in bytes.
    pub size: u64,
}

impl Registries {
    /// Publishes a component, signed if there is a signer. A layout is made when it does not exist; a tag that exists
    /// moves to the component. An archive is written anew, and one that exists with another content is left alone. A
    /// digest in the reference must be the one that the manifest gets.
    pub async fn publish(
        &self,
        component: &[u8],
        about: &PublishInfo,
        to: &ComponentRef,
        signer: Option<Signer<'_>>,
    ) -> Result<Published, OciError> {
        let pointer = Pointer::to(component);
        let documents = describe(pointer, about)?;
        let manifest = Digest::of(&documents.manifest);
        if let Some(digest) = to.digest() {
            verify_digest(Part::Manifest, digest, manifest)?;
        }
        let signature = signer.map(|sign| sign(&repository(to), &manifest));
        let component = Bytes::copy_from_slice(component);
        let mut parcel = Parcel::default();
        if let ComponentRef::Archive { file, tag, .. } = to {
            parcel.sign(&manifest, None, signature.as_slice())?;
            parcel.add(tag.as_deref().unwrap_or(DEFAULT_TAG), &documents, component);
            let file = file.clone();
            blocking(move || archive::write(&file, &parcel, false)).await?;
        } else {
            parcel.add(to.tag().unwrap_or(DEFAULT_TAG), &documents, component);
            Box::pin(self.send(to, manifest, signature, parcel)).await?;
        }
        tracing::info!(oci.reference = %to, oci.manifest = %manifest, "a component is published");
        Ok(Published {
            manifest,
            component: pointer.digest,
            size: pointer.size,
        })
    }

    /// Signs what a reference points to now, beside those who have signed it. The digest is that of its manifest. What
    /// is in an archive stays as it is.
    pub async fn sign(&self, reference: &ComponentRef, signer: Signer<'_>) -> Result<Digest, OciError> {
        let is_writable = matches!(
            reference,
            ComponentRef::Layout { .. } | ComponentRef::Registry { .. }
        );
        if !is_writable {
            return Err(OciError::NotSignable);
        }
        let manifest = self.resolve(reference).await?;
        let signature = signer(&repository(reference), &manifest);
        let sending = self.send(reference, manifest, Some(signature), Parcel::default());
        Box::pin(sending).await?;
        Ok(manifest)
    }

    /// Writes into a layout or a registry: signatures beside those that are there, and then the rest.
    async fn send(
        &self,
        to: &ComponentRef,
        manifest: Digest,
        signature: Option<Attached>,
        rest: Parcel,
    ) -> Result<(), OciError> {
        let signatures = signature.as_slice();
        match to {
            ComponentRef::File(_) | ComponentRef::Archive { .. } => Err(OciError::NotPublishable),
            ComponentRef::Layout { dir, .. } => {
                let (dir, signatures) = (dir.clone(), signatures.to_vec());
                blocking(move || {
                    let layout = Layout::create(&dir, Access::Shared)?;
                    let _lock = layout.lock()?;
                    let mut parcel = Parcel::default();
                    parcel.sign_in(&layout, &manifest, &signatures)?;
                    parcel.append(rest);
                    parcel.put(&layout)
                })
                .await
            }
            ComponentRef::Registry {
                registry, repository, ..
            } => {
                within_time(to, self, async {
                    let mut upload = Upload::begin(registry, repository, self).await?;
                    upload.sign(&manifest, signatures).await?;
                    upload.send(&rest).await
                })
                .await
            }
        }
    }
}

/// Runs what waits for the disk where that stops nobody else.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, OciError> + Send + 'static,
) -> Result<T, OciError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        // The runtime is being shut down, or the closure panicked, which is then already reported.
        Err(error) => Err(OciError::Io {
            path: "background task".into(),
            source: std::io::Error::other(error),
        }),
    }
}
