//! Writing to a registry, through oci-client, which knows the ways in which registries take uploads.

use bytes::Bytes;
use oci_client::{
    Client, Reference, RegistryOperation,
    client::{ClientConfig, ClientProtocol},
    errors::OciDistributionError,
    secrets::RegistryAuth,
};
use platform_domain::Digest;

use crate::{
    MANIFEST_TYPE, OciError,
    artifact::Documents,
    limits::{CONNECT_TIMEOUT, READ_TIMEOUT, TOTAL_TIMEOUT},
    remote::{install_tls, is_loopback},
};

/// Uploads the pieces and then the manifest that refers to them, under a tag.
pub(crate) async fn push(
    (registry, repository, tag): (&str, &str, &str),
    component: &[u8],
    documents: &Documents,
) -> Result<(), OciError> {
    let upload = upload((registry, repository, tag), component, documents);
    match tokio::time::timeout(TOTAL_TIMEOUT, upload).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(translate(registry, error)),
        Err(_) => Err(OciError::TimedOut {
            registry: registry.to_owned(),
        }),
    }
}

async fn upload(
    (registry, repository, tag): (&str, &str, &str),
    component: &[u8],
    Documents { manifest, config }: &Documents,
) -> Result<(), OciDistributionError> {
    install_tls();
    let protocol = if is_loopback(registry) {
        ClientProtocol::Http
    } else {
        ClientProtocol::Https
    };
    // `try_from`, because `Client::new` falls back to defaults without these timeouts.
    let client = Client::try_from(ClientConfig {
        protocol,
        connect_timeout: Some(CONNECT_TIMEOUT),
        read_timeout: Some(READ_TIMEOUT),
        ..ClientConfig::default()
    })?;
    let to = Reference::with_tag(registry.to_owned(), repository.to_owned(), tag.to_owned());
    client
        .auth(&to, &RegistryAuth::Anonymous, RegistryOperation::Push)
        .await?;
    for blob in [component, config] {
        let digest = Digest::of(blob).to_string();
        if !client.blob_exists(&to, &digest).await? {
            client
                .push_blob(&to, Bytes::copy_from_slice(blob), &digest)
                .await?;
        }
    }
    let media_type = reqwest::header::HeaderValue::from_static(MANIFEST_TYPE);
    client
        .push_manifest_raw(&to, manifest.clone(), media_type)
        .await?;
    Ok(())
}

/// Keeps what a caller can act on and leaves out addresses, whose queries hold upload tokens.
fn translate(registry: &str, error: OciDistributionError) -> OciError {
    let registry = registry.to_owned();
    let answer = match error {
        OciDistributionError::UnauthorizedError { .. } | OciDistributionError::AuthenticationFailure(_) => {
            return OciError::Denied { registry };
        }
        OciDistributionError::RequestError(source) => {
            let source = source.without_url();
            return OciError::Unreachable { registry, source };
        }
        OciDistributionError::RegistryError { envelope, .. } => {
            let codes: Vec<_> = envelope
                .errors
                .iter()
                .map(|error| format!("{:?}", error.code))
                .collect();
            codes.join(", ")
        }
        OciDistributionError::ServerError { code, .. } => format!("status {code}"),
        _ => "something that is not in the specification".to_owned(),
    };
    let answer = crate::error::shown(&answer);
    OciError::Refused { registry, answer }
}
