//! Writing to a registry: the blobs that it does not have, then the manifest that refers to them. Uploads go through
//! oci-client, which knows the ways in which registries take them. What they are shown to let us in is found by
//! our own code, which shows a password to nobody but the registry and its token service.

use bytes::Bytes;
use futures_util::stream;
use oci_client::{
    Client, Reference,
    client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol},
    errors::OciDistributionError,
    secrets::RegistryAuth,
};
use platform_domain::Digest;
use platform_signatures::names::signature_tag;
use reqwest::header::HeaderValue;

use crate::{
    Attached, MANIFEST_TYPE, OciError, Part, Progress, Registries,
    parcel::Parcel,
    patience::Pauses,
    remote::{Purpose, Remote},
};

/// How often a signature is written until it stays: the last look is at what was written before.
const SIGNING_TRIES: usize = 4;
/// How much of a blob is handed on at once.
const PIECE: usize = 64 << 10;

/// A repository that is written to.
pub(crate) struct Upload {
    remote: Remote,
    registries: Registries,
    authority: Option<Vec<u8>>,
    /// Whether the registry was seen to ask for name and password and for nothing else.
    basic: bool,
}

impl Upload {
    pub(crate) async fn begin(
        registry: &str,
        repository: &str,
        registries: &Registries,
    ) -> Result<Self, OciError> {
        Ok(Self {
            remote: Remote::open(registry, repository, Purpose::Push, registries).await?,
            registries: registries.clone(),
            authority: registries.authority(registry).await?,
            basic: false,
        })
    }

    /// Adds signatures to those of a manifest. A registry replaces what has a name without asking, so whoever signs at the
    /// same moment may replace ours: we look afterwards whether they are there, and add them again. That does not help
    /// who looked before we wrote; no registry has a lock for it.
    pub(crate) async fn sign(&mut self, manifest: &Digest, signatures: &[Attached]) -> Result<(), OciError> {
        if signatures.is_empty() {
            return Ok(());
        }
        for _ in 0..SIGNING_TRIES {
            let mut parcel = Parcel::default();
            let present = self.remote.named(&signature_tag(manifest)).await?;
            parcel.sign(manifest, present.as_deref(), signatures)?;
            if parcel.manifests.is_empty() {
                return Ok(());
            }
            self.send(&parcel).await?;
        }
        Err(self
            .remote
            .refused("others sign it at the same time; sign it again"))
    }

    /// Stores everything that the registry does not have yet.
    pub(crate) async fn send(&mut self, parcel: &Parcel) -> Result<(), OciError> {
        for (part, blob) in &parcel.blobs {
            let name = Digest::of(blob).to_string();
            let progress = self.registries.progress().filter(|_| *part == Part::Component);
            let (progress, mut pauses) = (progress.cloned(), self.remote.pauses());
            // An upload that breaks is begun anew: where it broke, only the registry knows.
            while let Err(error) = self.blob_once(&name, blob, progress.as_ref()).await {
                self.again(error, &mut pauses).await?;
            }
        }
        for (tag, manifest) in &parcel.manifests {
            let mut pauses = self.remote.pauses();
            while let Err(error) = self.manifest_once(tag, manifest).await {
                self.again(error, &mut pauses).await?;
            }
        }
        Ok(())
    }

    /// Waits until another try is of use. A registry that lets everybody read may ask who comes only now.
    async fn again(&mut self, error: OciError, pauses: &mut Pauses) -> Result<(), OciError> {
        if matches!(error, OciError::Denied { .. }) && !self.remote.is_admitted() {
            return match self.remote.ask_to_write().await {
                Ok(()) if self.remote.is_admitted() => Ok(()),
                Ok(()) => Err(error),
                Err(error) => Err(error),
            };
        }
        pauses.wait(error).await
    }

    async fn blob_once(
        &mut self,
        name: &str,
        blob: &Bytes,
        progress: Option<&Progress>,
    ) -> Result<(), OciError> {
        if self.remote.has_blob(name).await? {
            return Ok(());
        }
        let (size, progress, blob) = (blob.len() as u64, progress.cloned(), blob.clone());
        let starts = (0..blob.len()).step_by(PIECE);
        let pieces = starts.map(move |start| {
            let end = blob.len().min(start + PIECE);
            if let Some(progress) = &progress {
                progress.tell(end as u64, size);
            }
            Ok(blob.slice(start..end))
        });
        let (client, to) = self.client("latest").await?;
        let pushed = client.push_blob_stream(&to, stream::iter(pieces), name, Some(size));
        pushed.await.map(drop).map_err(|error| self.translate(error))
    }

    async fn manifest_once(&mut self, tag: &str, manifest: &Bytes) -> Result<(), OciError> {
        let (client, to) = self.client(tag).await?;
        let kind = HeaderValue::from_static(MANIFEST_TYPE);
        let pushed = client.push_manifest_raw(&to, manifest.clone(), kind);
        pushed.await.map(drop).map_err(|error| self.translate(error))
    }

    /// A client that shows what the registry wanted to see last.
    async fn client(&mut self, tag: &str) -> Result<(Client, Reference), OciError> {
        let (registry, repository) = (self.remote.registry.clone(), self.remote.repository.clone());
        let trusted = self.authority.clone().map(|data| Certificate {
            encoding: CertificateEncoding::Pem,
            data,
        });
        let mut config = ClientConfig {
            protocol: ClientProtocol::Https,
            // In pieces an upload needs more of a registry than in one.
            use_monolithic_push: true,
            connect_timeout: Some(self.registries.patience().connect),
            extra_root_certificates: trusted.into_iter().collect(),
            ..ClientConfig::default()
        };
        if self.registries.is_plain(&registry) {
            config.protocol = ClientProtocol::Http;
            // Its only way to ask no proxy, which would read what is meant for the registry.
            config.http_proxy = Some("http://127.0.0.1".to_owned());
            config.no_proxy = Some("*,0.0.0.0/0,::/0".to_owned());
        }
        let to = Reference::with_tag(registry, repository, tag.to_owned());
        // `Client::new` would fall back to defaults.
        let client = Client::try_from(config).map_err(|error| self.translate(error))?;
        if let Some(shown) = self.remote.shown() {
            if matches!(shown, RegistryAuth::Basic(..)) && !self.basic {
                self.remote.only_asks_for_basic().await?;
                self.basic = true;
            }
            client.store_auth_if_needed(to.resolve_registry(), &shown).await;
        }
        Ok((client, to))
    }

    /// Keeps what a caller can act on and leaves out addresses, whose queries hold upload tokens.
    fn translate(&self, error: OciDistributionError) -> OciError {
        match error {
            OciDistributionError::RequestError(source) => self.remote.unreachable(source),
            OciDistributionError::ServerError { code, .. } => self.remote.refused_with(code, None),
            OciDistributionError::UnauthorizedError { .. } => self.remote.refused_with(401, None),
            _ => self.remote.refused("something that is not in the specification"),
        }
    }
}
