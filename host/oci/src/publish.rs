//! A component's way out: into a layout on disk or a registry.

use bytes::Bytes;
use platform_domain::{ComponentRef, Digest};

use crate::{
    OciError, Part, PublishInfo, Registries, archive,
    artifact::{Documents, describe},
    document::{Pointer, verify_digest},
    files::Access,
    layout::{Layout, entry},
    pull::within_time,
    push::Upload,
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
    /// Publishes a component. A layout is made when it does not exist; a tag that exists moves to the component. An
    /// archive is written anew, and one that exists with another content is left alone. A digest in the reference
    /// must be the one that the manifest gets.
    pub async fn publish(
        &self,
        component: &[u8],
        about: &PublishInfo,
        to: &ComponentRef,
    ) -> Result<Published, OciError> {
        let pointer = Pointer::to(component);
        let documents = describe(pointer, about)?;
        let manifest = Pointer::to(&documents.manifest);
        if let Some(digest) = to.digest() {
            verify_digest(Part::Manifest, digest, manifest.digest)?;
        }
        match to {
            ComponentRef::File(_) => return Err(OciError::NotPublishable),
            ComponentRef::Layout { dir, tag, .. } => {
                let (dir, tag, component) = (dir.clone(), tag.clone(), component.to_vec());
                blocking(move || {
                    let layout = Layout::create(&dir, Access::Shared)?;
                    keep(&layout, &documents, &component)?;
                    layout.list(manifest, tag.as_deref().unwrap_or(DEFAULT_TAG))
                })
                .await?;
            }
            ComponentRef::Archive { file, tag, .. } => {
                let (file, component) = (file.clone(), component.to_vec());
                let entry = entry(manifest, tag.as_deref().unwrap_or(DEFAULT_TAG));
                blocking(move || archive::write(&file, entry, &documents, &component, false)).await?;
            }
            ComponentRef::Registry {
                registry,
                repository,
                tag,
                ..
            } => {
                let tag = tag.as_deref().unwrap_or(DEFAULT_TAG);
                within_time(to, self, async {
                    let mut upload = Upload::begin(registry, repository, self).await?;
                    let component = Bytes::copy_from_slice(component);
                    upload.blob(component, self.progress()).await?;
                    upload.blob(documents.config.into(), None).await?;
                    upload.manifest(tag, documents.manifest.into()).await
                })
                .await?;
            }
        }
        tracing::info!(oci.reference = %to, oci.manifest = %manifest.digest, "a component is published");
        Ok(Published {
            manifest: manifest.digest,
            component: pointer.digest,
            size: pointer.size,
        })
    }
}

/// Stores the three pieces, the manifest last: whoever finds it finds the others.
pub(crate) fn keep(layout: &Layout, documents: &Documents, component: &[u8]) -> Result<(), OciError> {
    layout.put(component, Part::Component)?;
    layout.put(&documents.config, Part::Config)?;
    layout.put(&documents.manifest, Part::Manifest).map(drop)
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
