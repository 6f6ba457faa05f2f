//! A component for somebody who has no store: fetched and verified, and put where it was asked for.

use std::{fmt, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use platform_domain::{ComponentRef, Digest, ImageRef};

use crate::{
    Attached, OciError, Part, Registries,
    archive::{self, write_new},
    artifact::Documents,
    files::{Access, read_file},
    layout::Layout,
    limits::MAX_COMPONENT,
    parcel::Parcel,
    publish::{DEFAULT_TAG, blocking},
    resolve::{Resolved, Source},
};

/// Whether a component can be used, by its imports and exports as its config lists them. Asked before the component
/// is downloaded.
pub type Judge = fn(&[String], &[String]) -> Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// A component that was fetched and verified.
#[derive(Clone)]
pub struct Pulled {
    /// The OCI manifest's digest; a file has none.
    pub manifest: Option<Digest>,
    /// The digest of the component's bytes.
    pub component: Digest,
    /// The component.
    pub bytes: Bytes,
    /// Its signatures, which nobody has verified.
    pub signatures: Vec<Attached>,
    /// Why they could not be read, which is no reason not to have the component.
    pub unread: Option<Arc<OciError>>,
    documents: Option<Documents>,
}

/// Without the component itself, which is megabytes.
impl fmt::Debug for Pulled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pulled")
            .field("manifest", &self.manifest)
            .field("component", &self.component)
            .field("size", &self.bytes.len())
            .finish()
    }
}

impl Registries {
    /// Fetches and verifies what a reference names, and keeps nothing. Takes at most
    /// [`TOTAL_TIMEOUT`](crate::limits::TOTAL_TIMEOUT).
    pub async fn pull(&self, reference: &ComponentRef, judge: Option<Judge>) -> Result<Pulled, OciError> {
        within_time(reference, self, Box::pin(self.pull_untimed(reference, judge))).await
    }

    /// The digest of the manifest that a reference leads to now. No component is transferred.
    pub(crate) async fn resolve(&self, reference: &ComponentRef) -> Result<Digest, OciError> {
        within_time(reference, self, async {
            let Some(mut source) = Source::open(reference, self).await? else {
                return Err(OciError::NoArtifact);
            };
            let resolved = source.resolve(reference, reference.tag(), reference.digest());
            Ok(resolved.await.map_err(OciError::of_source)?.manifest.digest)
        })
        .await
    }

    /// The digest of what a container image's tag leads to now: of an index, where it is for several machines, as engines tell
    /// it. Nothing but that is transferred.
    pub async fn image_digest(&self, image: &ImageRef) -> Result<Digest, OciError> {
        let text = image.to_string();
        let reference: ComponentRef = text.parse().map_err(|_| OciError::NotFound { reference: text })?;
        within_time(&reference, self, async {
            let Some(mut source) = Source::open(&reference, self).await? else {
                return Err(OciError::NoArtifact);
            };
            let found = source.top(&reference, reference.tag(), reference.digest()).await;
            Ok(Digest::of(&found.map_err(OciError::of_source)?))
        })
        .await
    }

    async fn pull_untimed(&self, reference: &ComponentRef, judge: Option<Judge>) -> Result<Pulled, OciError> {
        let Some(mut source) = Source::open(reference, self).await? else {
            let ComponentRef::File(path) = reference else {
                return Err(OciError::NotPublishable);
            };
            let bytes = read_component(path).await?;
            return Ok(Pulled {
                manifest: None,
                component: Digest::of(&bytes),
                bytes,
                signatures: Vec::new(),
                unread: None,
                documents: None,
            });
        };
        let resolved = source
            .resolve(reference, reference.tag(), reference.digest())
            .await;
        let resolved = resolved.map_err(OciError::of_source)?;
        judged(&resolved, judge)?;
        let bytes = source
            .component(resolved.component)
            .await
            .map_err(OciError::of_source)?;
        let (signatures, unread) = source.signatures(resolved.manifest.digest).await;
        Ok(Pulled {
            manifest: Some(resolved.manifest.digest),
            component: resolved.component.digest,
            bytes: Bytes::from(bytes),
            signatures,
            unread: unread.map(Arc::new),
            documents: Some(resolved.documents),
        })
    }
}

/// Ends what a registry draws out.
pub(crate) async fn within_time<T>(
    reference: &ComponentRef,
    registries: &Registries,
    work: impl Future<Output = Result<T, OciError>>,
) -> Result<T, OciError> {
    within(registries.patience().total, reference, work).await
}

/// The same with another time.
pub(crate) async fn within<T>(
    time: Duration,
    reference: &ComponentRef,
    work: impl Future<Output = Result<T, OciError>>,
) -> Result<T, OciError> {
    let ComponentRef::Registry { registry, .. } = reference else {
        return work.await;
    };
    let timed_out = || OciError::TimedOut {
        registry: registry.clone(),
    };
    tokio::time::timeout(time, work).await.map_err(|_| timed_out())?
}

/// A config that lists nothing says nothing.
pub(crate) fn judged(resolved: &Resolved, judge: Option<Judge>) -> Result<(), OciError> {
    match (&resolved.said, judge) {
        (Some(said), Some(judge)) => judge(&said.imports, &said.exports).map_err(OciError::Unfit),
        _ => Ok(()),
    }
}

/// A component's file.
pub(crate) async fn read_component(path: &Path) -> Result<Bytes, OciError> {
    let path = path.to_owned();
    blocking(move || {
        let found = read_file(&path, Part::Component, MAX_COMPONENT).map_err(OciError::of_source)?;
        let reference = path.display().to_string();
        found.map(Bytes::from).ok_or(OciError::NotFound { reference })
    })
    .await
}

impl Pulled {
    /// Writes it: the component alone into a file, or the whole artifact, as it is, into a layout or an archive.
    /// What is there and is something else is left alone, unless `force` says to replace it.
    pub async fn write(&self, to: &ComponentRef, force: bool) -> Result<(), OciError> {
        let (to, pulled) = (to.clone(), self.clone());
        blocking(move || pulled.write_blocking(&to, force)).await
    }

    fn write_blocking(&self, to: &ComponentRef, force: bool) -> Result<(), OciError> {
        if let ComponentRef::File(path) = to {
            return write_new(path, &self.bytes, force);
        }
        let documents = self.documents.as_ref().ok_or(OciError::NoArtifact)?;
        let manifest = Digest::of(&documents.manifest);
        let mut parcel = Parcel::default();
        let tag = to.tag().unwrap_or(DEFAULT_TAG);
        match to {
            ComponentRef::Layout { dir, .. } => {
                let layout = Layout::create(dir, Access::Shared)?;
                let _lock = layout.lock()?;
                let index = layout.index()?;
                let other = index
                    .named(tag)?
                    .filter(|entry| entry.digest != manifest.to_string());
                if other.is_some() && !force {
                    let path = format!("{}:{tag}", dir.display()).into();
                    return Err(OciError::Exists { path });
                }
                parcel.sign_in(&layout, &manifest, &self.signatures)?;
                parcel.add(tag, documents, self.bytes.clone());
                parcel.put(&layout)
            }
            ComponentRef::Archive { file, .. } => {
                parcel.sign(&manifest, None, &self.signatures)?;
                parcel.add(tag, documents, self.bytes.clone());
                archive::write(file, &parcel, force)
            }
            ComponentRef::Registry { .. } | ComponentRef::File(_) => Err(OciError::NotPublishable),
        }
    }
}
