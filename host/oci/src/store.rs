//! The host's own copy of everything it runs, by content.

use std::{
    fmt,
    fs::{Permissions, set_permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use bytes::Bytes;
use platform_domain::{ComponentRef, Digest, PinnedComponent};

use crate::{
    OciError, Part, Registries,
    files::{Access, io_error, read_file},
    layout::Layout,
    limits::MAX_COMPONENT,
    publish::{blocking, keep},
    remote::{Purpose, Remote},
    resolve::{Resolved, Source},
};

/// An OCI image layout that belongs to the host alone. Copies of this value share it, and so may processes.
#[derive(Clone, Debug)]
pub struct ContentStore {
    layout: Layout,
    registries: Registries,
}

/// A component that is now in the store.
#[derive(Clone)]
pub struct Fetched {
    /// The reference and the content that it means from now on. `manifest` is that of the component, also
    /// where the reference's own digest is that of an image index.
    pub pinned: PinnedComponent,
    /// The component.
    pub bytes: Bytes,
}

/// Without the component itself, which is megabytes.
impl fmt::Debug for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetched")
            .field("pinned", &self.pinned)
            .field("size", &self.bytes.len())
            .finish()
    }
}

impl ContentStore {
    /// Opens the store in `dir`, made if it does not exist. Nobody but the host's user may enter it.
    pub fn open(dir: &Path) -> Result<Self, OciError> {
        let layout = Layout::create(dir, Access::Private)?;
        set_permissions(dir, Permissions::from_mode(0o700)).map_err(|error| io_error(dir, error))?;
        let registries = Registries::default();
        Ok(Self { layout, registries })
    }

    /// The same store, where registries are spoken to in this way and not anonymously.
    pub fn with_registries(mut self, registries: Registries) -> Self {
        self.registries = registries;
        self
    }

    /// Resolves a reference once, verifies what it leads to and stores it. A component that the store already
    /// has is not transferred again; a reference by digest alone whose content it has needs no network.
    ///
    /// Takes at most [`TOTAL_TIMEOUT`](crate::limits::TOTAL_TIMEOUT).
    pub async fn fetch(&self, reference: &ComponentRef) -> Result<Fetched, OciError> {
        let (tag, digest) = match reference {
            ComponentRef::File(path) => return self.fetch_file(reference, path).await,
            ComponentRef::Layout { tag, digest, .. } | ComponentRef::Registry { tag, digest, .. } => {
                (tag.as_deref(), *digest)
            }
        };
        if let (None, Some(_)) = (tag, digest) {
            let own = Source::Layout(self.layout.clone());
            // Whatever is wrong with the own copy, the source may have a good one.
            if let Ok(fetched) = self.fetch_from(own, reference, tag, digest).await {
                return Ok(fetched);
            }
        }
        match reference {
            ComponentRef::Registry {
                registry, repository, ..
            } => {
                let fetch = async {
                    let remote = Remote::open(registry, repository, Purpose::Pull, &self.registries).await?;
                    let source = Source::Registry(Box::new(remote));
                    self.fetch_from(source, reference, tag, digest).await
                };
                let timed_out = || OciError::TimedOut {
                    registry: registry.clone(),
                };
                tokio::time::timeout(self.registries.patience().total, fetch)
                    .await
                    .map_err(|_| timed_out())?
            }
            ComponentRef::Layout { dir, .. } => {
                let dir = dir.clone();
                let layout = blocking(move || Layout::open(&dir).map_err(OciError::of_source)).await?;
                self.fetch_from(Source::Layout(layout), reference, tag, digest)
                    .await
            }
            ComponentRef::File(path) => self.fetch_file(reference, path).await,
        }
    }

    /// A component by the digest of its bytes, verified; `None` when the store does not have it. Never asks the
    /// network.
    pub async fn read(&self, component: &Digest) -> Result<Option<Bytes>, OciError> {
        let (layout, digest) = (self.layout.clone(), *component);
        let found = blocking(move || layout.find(digest, Part::Component, MAX_COMPONENT)).await?;
        Ok(found.map(Bytes::from))
    }

    async fn fetch_from(
        &self,
        mut source: Source,
        reference: &ComponentRef,
        tag: Option<&str>,
        digest: Option<Digest>,
    ) -> Result<Fetched, OciError> {
        let Resolved {
            manifest,
            documents,
            component,
        } = source
            .resolve(reference, tag, digest)
            .await
            .map_err(OciError::of_source)?;
        // A damaged copy counts as none, and is replaced.
        let own = self.read(&component.digest).await.ok().flatten();
        let bytes = match own.filter(|bytes| component.verify(Part::Component, bytes).is_ok()) {
            Some(bytes) => bytes,
            None => Bytes::from(source.component(component).await.map_err(OciError::of_source)?),
        };
        let (layout, copy) = (self.layout.clone(), bytes.clone());
        blocking(move || {
            keep(&layout, &documents, &copy)?;
            layout.list(manifest, None)
        })
        .await?;
        tracing::info!(oci.reference = %reference, oci.manifest = %manifest.digest, "a component is in the store");
        let pinned = PinnedComponent {
            reference: reference.clone(),
            manifest: Some(manifest.digest),
            component: component.digest,
        };
        Ok(Fetched { pinned, bytes })
    }

    async fn fetch_file(&self, reference: &ComponentRef, path: &Path) -> Result<Fetched, OciError> {
        let (layout, path) = (self.layout.clone(), path.to_owned());
        let (component, bytes) = blocking(move || {
            let found = read_file(&path, Part::Component, MAX_COMPONENT).map_err(OciError::of_source)?;
            let bytes = Bytes::from(found.ok_or_else(|| OciError::NotFound {
                reference: path.display().to_string(),
            })?);
            Ok((layout.put(&bytes, Part::Component)?, bytes))
        })
        .await?;
        let pinned = PinnedComponent {
            reference: reference.clone(),
            manifest: None,
            component,
        };
        Ok(Fetched { pinned, bytes })
    }
}
