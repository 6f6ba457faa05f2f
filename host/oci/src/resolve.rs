//! From a reference to the pieces of an artifact, each verified against what pointed to it.

use platform_domain::{ComponentRef, Digest};

use crate::{
    OciError, Part,
    artifact::{Documents, Pieces, check_config, pieces},
    document::{Document, Pointer, verify_digest},
    layout::Layout,
    limits::{MAX_COMPONENT, MAX_CONFIG, MAX_MANIFEST},
    publish::{DEFAULT_TAG, blocking},
    remote::Remote,
};

/// Where content comes from.
pub(crate) enum Source {
    Layout(Layout),
    Registry(Box<Remote>),
}

/// An artifact whose documents are read and checked, and whose component is not yet.
pub(crate) struct Resolved {
    pub(crate) manifest: Pointer,
    pub(crate) documents: Documents,
    pub(crate) component: Pointer,
}

impl Source {
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
        if described {
            check_config(&config, component.digest)?;
        }
        Ok(Resolved {
            manifest: Pointer::to(&bytes),
            documents: Documents {
                manifest: bytes,
                config,
            },
            component,
        })
    }

    pub(crate) async fn component(&mut self, to: Pointer) -> Result<Vec<u8>, OciError> {
        self.blob(to, Part::Component, MAX_COMPONENT).await
    }

    /// What the reference itself points to. With a tag and a digest the tag is resolved: they must agree.
    async fn top(
        &mut self,
        reference: &ComponentRef,
        tag: Option<&str>,
        digest: Option<Digest>,
    ) -> Result<Vec<u8>, OciError> {
        match (self, tag, digest) {
            (Self::Registry(remote), None, Some(digest)) => remote.manifest(&digest.to_string()).await,
            (Self::Registry(remote), tag, _) => remote.manifest(tag.unwrap_or(DEFAULT_TAG)).await,
            (Self::Layout(layout), None, Some(digest)) => {
                let layout = layout.clone();
                let found = blocking(move || layout.find(digest, Part::Manifest, MAX_MANIFEST)).await?;
                found.ok_or_else(|| not_found(reference))
            }
            (Self::Layout(layout), tag, _) => {
                let (layout, tag) = (layout.clone(), tag.unwrap_or(DEFAULT_TAG).to_owned());
                let found = blocking(move || {
                    let index = layout.index()?;
                    let Some(entry) = index.named(&tag)? else {
                        return Ok(None);
                    };
                    let to = entry.pointer(Part::Manifest, MAX_MANIFEST)?;
                    layout.blob(to, Part::Manifest, MAX_MANIFEST).map(Some)
                });
                found.await?.ok_or_else(|| not_found(reference))
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
            Self::Layout(_) => self.blob(to, Part::Manifest, MAX_MANIFEST).await,
        }
    }

    async fn blob(&mut self, to: Pointer, part: Part, limit: u64) -> Result<Vec<u8>, OciError> {
        match self {
            Self::Registry(remote) => remote.blob(to, part).await,
            Self::Layout(layout) => {
                let layout = layout.clone();
                blocking(move || layout.blob(to, part, limit)).await
            }
        }
    }
}

fn not_found(reference: &ComponentRef) -> OciError {
    OciError::NotFound {
        reference: reference.to_string(),
    }
}
