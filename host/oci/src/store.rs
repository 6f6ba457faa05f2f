//! The host's own copy of everything it runs, by content.

use std::{
    fmt,
    fs::{Permissions, set_permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::Arc,
};

use bytes::Bytes;
use platform_domain::{ByteSize, ComponentRef, Digest, PinnedComponent};
use platform_signatures::{Trusted, names::referrers_tag};

use crate::{
    Attached, OciError, Part, Registries,
    artifact::Documents,
    collect::{self, Collected, Content},
    document::Pointer,
    files::{Access, io_error},
    layout::Layout,
    limits::{GRACE, MAX_COMPONENT},
    publish::blocking,
    pull::{Judge, judged, read_component, within_time},
    resolve::{Disk, Resolved, Source},
};

mod signed;

pub use signed::Signers;
use signed::with_those_before;

/// An OCI image layout that belongs to the host alone. Copies of this value share it, and so may processes.
#[derive(Clone, Debug)]
pub struct ContentStore {
    layout: Layout,
    quota: ByteSize,
    judge: Option<Judge>,
    registries: Registries,
    trusted: Arc<Trusted>,
}

/// A component that is now in the store.
pub struct Fetched {
    /// The reference and the content that it means from now on. `manifest` is that of the component, also
    /// where the reference's own digest is that of an image index.
    pub pinned: PinnedComponent,
    /// The component.
    pub bytes: Bytes,
    /// Why its signatures could not be read, which is no reason not to have it.
    pub unread: Option<OciError>,
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
    /// Opens the store in `dir`, made if it does not exist, and removes what a crash left half written. Nobody but the
    /// host's user may enter it.
    pub fn open(dir: &Path) -> Result<Self, OciError> {
        let layout = Layout::create(dir, Access::Private)?;
        layout.tidy()?;
        set_permissions(dir, Permissions::from_mode(0o700)).map_err(|error| io_error(dir, error))?;
        Ok(Self {
            layout,
            quota: ByteSize(u64::MAX),
            judge: None,
            registries: Registries::default(),
            trusted: Arc::default(),
        })
    }

    /// The same with a bound on what it may hold.
    #[must_use]
    pub fn with_quota(self, quota: ByteSize) -> Self {
        Self { quota, ..self }
    }

    /// The same, asking about each component before it is downloaded.
    #[must_use]
    pub fn with_judge(self, judge: Judge) -> Self {
        Self {
            judge: Some(judge),
            ..self
        }
    }

    /// The same, where registries are spoken to in this way and not anonymously.
    #[must_use]
    pub fn with_registries(self, registries: Registries) -> Self {
        Self { registries, ..self }
    }

    /// What it may hold.
    pub const fn quota(&self) -> ByteSize {
        self.quota
    }

    /// Resolves a reference once, verifies what it leads to and stores it. A component that the store already
    /// has is not transferred again; a reference by digest alone whose content it has needs no network. One that
    /// its config shows to be unfit is not transferred, nor one for which there is no room.
    ///
    /// Takes at most [`crate::limits::TOTAL_TIMEOUT`].
    pub async fn fetch(&self, reference: &ComponentRef) -> Result<Fetched, OciError> {
        if let ComponentRef::File(path) = reference {
            return self.fetch_file(reference, path).await;
        }
        if let (None, Some(_)) = (reference.tag(), reference.digest()) {
            let own = self.own();
            // Whatever is wrong with the own copy, the source may have a good one.
            if let Ok(mut fetched) = Box::pin(self.fetch_from(own, reference)).await {
                fetched.unread = Box::pin(self.fetch_signatures(reference)).await.err();
                return Ok(fetched);
            }
        }
        within_time(reference, &self.registries, async {
            match Source::open(reference, &self.registries).await? {
                Some(source) => Box::pin(self.fetch_from(source, reference)).await,
                None => Err(OciError::NoArtifact),
            }
        })
        .await
    }

    /// The digest of the manifest that a reference leads to now. Nothing is kept, and no component transferred.
    pub async fn resolve(&self, reference: &ComponentRef) -> Result<Digest, OciError> {
        self.registries.resolve(reference).await
    }

    /// A component by the digest of its bytes, verified; `None` when the store does not have it. Never asks the
    /// network.
    pub async fn read(&self, component: &Digest) -> Result<Option<Bytes>, OciError> {
        let (layout, digest) = (self.layout.clone(), *component);
        let found = blocking(move || layout.find(digest, Part::Component, MAX_COMPONENT)).await?;
        Ok(found.map(Bytes::from))
    }

    /// Everything that it holds, the largest first.
    pub async fn contents(&self) -> Result<Vec<Content>, OciError> {
        let layout = self.layout.clone();
        blocking(move || collect::contents(&layout)).await
    }

    /// Removes what none of `roots` leads to, digests of manifests and components, and what nobody fetched or asked
    /// for within [`GRACE`]. With `dry_run` only tells what that would be.
    ///
    /// Safe beside fetches of this and other processes, and at every moment a crash leaves a valid layout.
    pub async fn collect(
        &self,
        roots: impl IntoIterator<Item = Digest>,
        dry_run: bool,
    ) -> Result<Collected, OciError> {
        let (layout, roots) = (self.layout.clone(), roots.into_iter().collect());
        let collected = blocking(move || {
            let _lock = layout.lock()?;
            let plan = collect::plan(&layout, &roots, GRACE)?;
            if !dry_run {
                for step in &plan.steps {
                    collect::take(&layout, step)?;
                }
            }
            Ok(plan.collected)
        })
        .await?;
        if !dry_run && !collected.removed.is_empty() {
            tracing::info!(
                removed = collected.removed.len(),
                bytes = collected.removed_bytes(),
                kept_bytes = collected.kept_bytes,
                "the content store is collected"
            );
        }
        Ok(collected)
    }

    async fn fetch_from(&self, mut source: Source, reference: &ComponentRef) -> Result<Fetched, OciError> {
        let resolved = source
            .resolve(reference, reference.tag(), reference.digest())
            .await;
        let resolved = resolved.map_err(OciError::of_source)?;
        judged(&resolved, self.judge)?;
        let Resolved {
            manifest,
            documents,
            component,
            said: _,
        } = resolved;
        // A damaged copy counts as none, and is replaced.
        let own = self.read(&component.digest).await.ok().flatten();
        let bytes = match own.filter(|bytes| component.verify(Part::Component, bytes).is_ok()) {
            Some(bytes) => bytes,
            None => {
                self.room(&[component, manifest, Pointer::to(&documents.config)])
                    .await?;
                Bytes::from(source.component(component).await.map_err(OciError::of_source)?)
            }
        };
        let (signatures, unread) = source.signatures(manifest.digest).await;
        self.keep(documents, manifest, bytes.clone(), signatures).await?;
        tracing::info!(oci.reference = %reference, oci.manifest = %manifest.digest, "a component is in the store");
        let pinned = PinnedComponent {
            reference: reference.clone(),
            manifest: Some(manifest.digest),
            component: component.digest,
        };
        Ok(Fetched {
            pinned,
            bytes,
            unread,
        })
    }

    fn own(&self) -> Source {
        Source::Disk(Disk::Layout(self.layout.clone()))
    }

    /// What is there already counts as fetched now: a collection that knows nothing of it yet leaves it alone.
    async fn keep(
        &self,
        documents: Documents,
        manifest: Pointer,
        bytes: Bytes,
        signatures: Vec<Attached>,
    ) -> Result<(), OciError> {
        let (layout, quota, trusted) = (self.layout.clone(), self.quota, self.trusted.clone());
        blocking(move || {
            let _lock = layout.lock()?;
            let mut parcel = with_those_before(&layout, &manifest.digest, signatures, &trusted)?;
            // A name, so that other tools can copy one of many from the store.
            parcel.add(&referrers_tag(&manifest.digest), &documents, bytes);
            let pieces: Vec<_> = parcel.pieces().map(|(_, bytes)| Pointer::to(bytes)).collect();
            // Again, because others may have come meanwhile.
            collect::room(&layout, &pieces, quota)?;
            parcel.put(&layout)?;
            for piece in pieces {
                layout.touch(piece.digest)?;
            }
            Ok(())
        })
        .await
    }

    /// Whether so much more may be kept.
    async fn room(&self, pieces: &[Pointer]) -> Result<(), OciError> {
        let (layout, quota, pieces) = (self.layout.clone(), self.quota, pieces.to_vec());
        blocking(move || collect::room(&layout, &pieces, quota)).await
    }

    async fn fetch_file(&self, reference: &ComponentRef, path: &Path) -> Result<Fetched, OciError> {
        let bytes = read_component(path).await?;
        let (layout, quota, copy) = (self.layout.clone(), self.quota, bytes.clone());
        let component = blocking(move || {
            let _lock = layout.lock()?;
            collect::room(&layout, &[Pointer::to(&copy)], quota)?;
            let component = layout.put(&copy, Part::Component)?;
            layout.touch(component)?;
            Ok(component)
        })
        .await?;
        let pinned = PinnedComponent {
            reference: reference.clone(),
            manifest: None,
            component,
        };
        Ok(Fetched {
            pinned,
            bytes,
            unread: None,
        })
    }
}
