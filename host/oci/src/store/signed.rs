//! Signatures in the store: who signed what it holds, by the keys that the host knows.

use std::{collections::BTreeSet, sync::Arc};

use platform_domain::{ComponentRef, Digest, KeyName};
use platform_signatures::Trusted;

use crate::{
    Attached, OciError,
    collect::room,
    document::Pointer,
    layout::Layout,
    parcel::Parcel,
    publish::blocking,
    pull::within,
    resolve::{Disk, Source},
    signatures::foremost,
    store::ContentStore,
};

/// Who signed something.
#[derive(Debug)]
pub struct Signers {
    /// By the names of known keys.
    pub keys: BTreeSet<KeyName>,
    /// What could not be read of the signatures: there may be more.
    pub unread: Option<OciError>,
}

impl ContentStore {
    /// The same, where these keys are known.
    #[must_use]
    pub fn with_trusted(self, trusted: Trusted) -> Self {
        let trusted = Arc::new(trusted);
        Self { trusted, ..self }
    }

    /// Whether a key of this name is known.
    pub fn knows(&self, key: &KeyName) -> bool {
        self.trusted.iter().any(|(name, _)| name == key)
    }

    /// Which of the known keys signed a manifest, by the signatures that are in the store. Never asks the network.
    pub async fn signers(&self, manifest: &Digest) -> Result<Signers, OciError> {
        let (manifest, trusted) = (*manifest, self.trusted.clone());
        let own = Disk::Layout(self.layout.clone());
        blocking(move || {
            let (signatures, unread) = own.signatures(&manifest);
            let keys = signatures
                .iter()
                .filter_map(|it| it.signer(&manifest, &trusted).ok());
            let keys = keys.cloned().collect();
            Ok(Signers { keys, unread })
        })
        .await
    }

    /// Fetches what may have been signed since, of a component that is there. Nobody should wait for that for long.
    pub(super) async fn fetch_signatures(&self, reference: &ComponentRef) -> Result<(), OciError> {
        if self.trusted.is_empty() {
            return Ok(());
        }
        let fetching = async {
            let Some(mut source) = Source::open(reference, &self.registries).await? else {
                return Ok(());
            };
            let manifest = reference.digest().ok_or(OciError::NoArtifact)?;
            let (found, unread) = source.signatures(manifest).await;
            self.keep_signatures(manifest, found).await?;
            unread.map_or(Ok(()), Err)
        };
        within(self.registries.patience().signatures, reference, fetching).await
    }

    async fn keep_signatures(&self, manifest: Digest, found: Vec<Attached>) -> Result<(), OciError> {
        let (layout, quota, trusted) = (self.layout.clone(), self.quota, self.trusted.clone());
        blocking(move || {
            let _lock = layout.lock()?;
            let parcel = with_those_before(&layout, &manifest, found, &trusted)?;
            let pieces: Vec<_> = parcel.pieces().map(|(_, bytes)| Pointer::to(bytes)).collect();
            room(&layout, &pieces, quota)?;
            parcel.put(&layout)
        })
        .await
    }
}

/// What was found, together with what the store has, whose lock the caller holds. A damaged one counts as none, and is
/// replaced; a disk that fails is another matter.
pub(super) fn with_those_before(
    layout: &Layout,
    manifest: &Digest,
    found: Vec<Attached>,
    trusted: &Trusted,
) -> Result<Parcel, OciError> {
    let before = match Disk::Layout(layout.clone()).signatures(manifest) {
        (_, Some(error @ OciError::Io { .. })) => return Err(error),
        (before, _) => before,
    };
    let mut parcel = Parcel::default();
    parcel.sign(manifest, None, &foremost(manifest, before, found, trusted))?;
    Ok(parcel)
}
