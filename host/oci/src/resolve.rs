//! From a reference to the pieces of an artifact, each verified against what pointed to it.

use std::sync::Arc;

use platform_domain::{ComponentRef, Digest};
use platform_signatures::names::is_signature_tag;

use crate::{
    OciError, Part, Registries,
    archive::Archive,
    artifact::{Documents, Pieces, check_config, pieces},
    document::{Descriptor, Document, Index, Interfaces, Pointer, verify_digest},
    layout::Layout,
    limits::{MAX_COMPONENT, MAX_CONFIG, MAX_MANIFEST},
    publish::{DEFAULT_TAG, blocking},
    remote::{Purpose, Remote},
};

/// Where content comes from.
pub(crate) enum Source {
    Disk(Disk),
    Registry(Box<Remote>),
}

/// A layout on the disk.
#[derive(Clone)]
pub(crate) enum Disk {
    Layout(Layout),
    Archive(Arc<Archive>),
}

/// An artifact whose documents are read and checked, and whose component is not yet.
pub(crate) struct Resolved {
    pub(crate) manifest: Pointer,
    pub(crate) documents: Documents,
    pub(crate) component: Pointer,
    /// What the config says of the component's interfaces, if it says anything.
    pub(crate) said: Option<Interfaces>,
}

impl Source {
    /// What a reference names, but for a bare file.
    pub(crate) async fn open(
        reference: &ComponentRef,
        registries: &Registries,
    ) -> Result<Option<Self>, OciError> {
        let disk = match reference {
            ComponentRef::File(_) => return Ok(None),
            ComponentRef::Registry {
                registry, repository, ..
            } => {
                let remote = Remote::open(registry, repository, Purpose::Pull, registries).await?;
                return Ok(Some(Self::Registry(Box::new(remote))));
            }
            ComponentRef::Layout { dir, .. } => {
                let dir = dir.clone();
                blocking(move || Layout::open(&dir).map(Disk::Layout)).await
            }
            ComponentRef::Archive { file, .. } => {
                let file = file.clone();
                blocking(move || Archive::open(&file).map(Arc::new).map(Disk::Archive)).await
            }
        };
        disk.map(Self::Disk).map(Some).map_err(OciError::of_source)
    }

    /// Resolves a tag or digest, through an image index if there is one, down to a component's config.
    pub(crate) async fn resolve(
        &mut self,
        reference: &ComponentRef,
        tag: Option<&str>,
        digest: Option<Digest>,
    ) -> Result<Resolved, OciError> {
        let mut bytes = self.top(reference, tag, digest).await?;
        if let Some(digest) = digest {
            verify_digest(Part::Manifest, digest, Digest::of(&bytes))?;
        }
        let manifest = match Document::parse(&bytes)? {
            Document::Manifest(manifest) => manifest,
            Document::Index(index) => {
                let to = index.wasm_entry()?.pointer(Part::Manifest, MAX_MANIFEST)?;
                bytes = self.manifest(to).await?;
                match Document::parse(&bytes)? {
                    Document::Manifest(manifest) => manifest,
                    // An index in an index has no use here, and needs a limit of its own.
                    Document::Index(_) => return Err(OciError::NoWasmEntry),
                }
            }
        };
        let Pieces {
            config,
            component,
            described,
        } = pieces(&manifest)?;
        let config = self.blob(config, Part::Config, MAX_CONFIG).await?;
        let said = match described {
            true => check_config(&config, component.digest)?,
            false => None,
        };
        Ok(Resolved {
            manifest: Pointer::to(&bytes),
            documents: Documents {
                manifest: bytes,
                config,
            },
            component,
            said,
        })
    }

    pub(crate) async fn component(&mut self, to: Pointer) -> Result<Vec<u8>, OciError> {
        self.blob(to, Part::Component, MAX_COMPONENT).await
    }

    /// What the reference itself points to. With a tag and a digest the tag is resolved: they must agree.
    pub(crate) async fn top(
        &mut self,
        reference: &ComponentRef,
        tag: Option<&str>,
        digest: Option<Digest>,
    ) -> Result<Vec<u8>, OciError> {
        match (self, tag, digest) {
            (Self::Registry(remote), None, Some(digest)) => remote.manifest(&digest.to_string()).await,
            (Self::Registry(remote), tag, _) => remote.manifest(tag.unwrap_or(DEFAULT_TAG)).await,
            (Self::Disk(disk), None, Some(digest)) => {
                let disk = disk.clone();
                let found = blocking(move || disk.find(digest, Part::Manifest, MAX_MANIFEST)).await?;
                found.ok_or_else(|| not_found(reference))
            }
            (Self::Disk(disk), tag, _) => {
                let (disk, tag) = (disk.clone(), tag.map(str::to_owned));
                let found = blocking(move || disk.tagged(tag.as_deref())).await?;
                found.ok_or_else(|| not_found(reference))
            }
        }
    }

    async fn manifest(&mut self, to: Pointer) -> Result<Vec<u8>, OciError> {
        match self {
            Self::Registry(remote) => {
                let bytes = remote.manifest(&to.digest.to_string()).await?;
                to.verify(Part::Manifest, &bytes)?;
                Ok(bytes)
            }
            Self::Disk(_) => self.blob(to, Part::Manifest, MAX_MANIFEST).await,
        }
    }

    async fn blob(&mut self, to: Pointer, part: Part, limit: u64) -> Result<Vec<u8>, OciError> {
        match self {
            Self::Registry(remote) => remote.blob(to, part).await,
            Self::Disk(disk) => {
                let disk = disk.clone();
                blocking(move || disk.blob(to, part, limit)).await
            }
        }
    }
}

impl Disk {
    /// What has this name.
    pub(crate) fn named(&self, tag: &str) -> Result<Option<Vec<u8>>, OciError> {
        let index = self.index()?;
        let Some(entry) = index.named(tag)? else {
            return Ok(None);
        };
        let to = entry.pointer(Part::Manifest, MAX_MANIFEST)?;
        self.blob(to, Part::Manifest, MAX_MANIFEST).map(Some)
    }

    fn index(&self) -> Result<Index, OciError> {
        match self {
            Self::Layout(layout) => layout.index(),
            Self::Archive(archive) => archive.index(),
        }
    }

    /// What a tag names. An archive mostly holds one thing beside its signatures, and then needs no tag.
    fn tagged(&self, tag: Option<&str>) -> Result<Option<Vec<u8>>, OciError> {
        let index = self.index()?;
        let named = index.named(tag.unwrap_or(DEFAULT_TAG))?;
        let signature = |entry: &&Descriptor| entry.name().is_some_and(is_signature_tag);
        let mut others = index.manifests.iter().filter(|entry| !signature(entry));
        let only = match (others.next(), others.next()) {
            (Some(only), None) if tag.is_none() && matches!(self, Self::Archive(_)) => Some(only),
            _ => None,
        };
        let Some(entry) = named.or(only) else {
            return Ok(None);
        };
        let to = entry.pointer(Part::Manifest, MAX_MANIFEST)?;
        self.blob(to, Part::Manifest, MAX_MANIFEST).map(Some)
    }

    fn find(&self, digest: Digest, part: Part, limit: u64) -> Result<Option<Vec<u8>>, OciError> {
        match self {
            Self::Layout(layout) => layout.find(digest, part, limit),
            Self::Archive(archive) => archive.find(digest, part, limit),
        }
    }

    pub(crate) fn blob(&self, to: Pointer, part: Part, limit: u64) -> Result<Vec<u8>, OciError> {
        match self {
            Self::Layout(layout) => layout.blob(to, part, limit),
            Self::Archive(archive) => archive.blob(to, part, limit),
        }
    }
}

fn not_found(reference: &ComponentRef) -> OciError {
    OciError::NotFound {
        reference: reference.to_string(),
    }
}
