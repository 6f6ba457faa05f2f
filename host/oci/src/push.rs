//! Writing to a registry: the blobs that it does not have, then the manifest that refers to them.

use bytes::Bytes;
use platform_domain::Digest;
use reqwest::{
    Method, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderValue, LOCATION},
};

use crate::{
    MANIFEST_TYPE, OciError, Registries,
    artifact::Documents,
    remote::{Call, Purpose, Remote},
};

/// Uploads the pieces, and the manifest under a tag.
pub(crate) async fn push(
    (registry, repository, tag): (&str, &str, &str),
    component: &[u8],
    documents: &Documents,
    registries: &Registries,
) -> Result<(), OciError> {
    let upload = async {
        let mut remote = Remote::open(registry, repository, Purpose::Push, registries).await?;
        for blob in [component, &documents.config] {
            remote.push_blob(Bytes::copy_from_slice(blob)).await?;
        }
        remote
            .push_manifest(tag, Bytes::copy_from_slice(&documents.manifest))
            .await
    };
    let total = registries.patience().total;
    tokio::time::timeout(total, upload)
        .await
        .map_err(|_| OciError::TimedOut {
            registry: registry.to_owned(),
        })?
}

impl Remote {
    async fn push_blob(&mut self, blob: Bytes) -> Result<(), OciError> {
        let (name, mut pauses) = (Digest::of(&blob).to_string(), self.pauses());
        // An upload that breaks is begun anew: where it broke, only the registry knows.
        while let Err(error) = self.push_blob_once(&name, &blob).await {
            pauses.wait(error).await?;
        }
        Ok(())
    }

    async fn push_blob_once(&mut self, name: &str, blob: &Bytes) -> Result<(), OciError> {
        let ask = Call::new(Method::HEAD, self.url("blobs", name)?);
        if self.exchange(&ask, &[StatusCode::NOT_FOUND]).await?.status() == StatusCode::OK {
            return Ok(());
        }
        let mut begin = Call::new(Method::POST, self.url("blobs", "uploads/")?);
        begin.body = Some(Bytes::new());
        let begun = self.exchange(&begin, &[]).await?;
        let location = begun.headers().get(LOCATION);
        let location = location.and_then(|location| begun.url().join(location.to_str().ok()?).ok());
        let mut url = location.ok_or_else(|| self.refused("no place for an upload"))?;
        if !self.endpoint.may_follow(&url) {
            let registry = self.registry.clone();
            return Err(OciError::Redirects { registry });
        }
        url.query_pairs_mut().append_pair("digest", name);
        let kind = HeaderValue::from_static("application/octet-stream");
        self.put(url, blob.clone(), kind).await
    }

    async fn push_manifest(&mut self, tag: &str, manifest: Bytes) -> Result<(), OciError> {
        let (url, mut pauses) = (self.url("manifests", tag)?, self.pauses());
        let kind = HeaderValue::from_static(MANIFEST_TYPE);
        while let Err(error) = self.put(url.clone(), manifest.clone(), kind.clone()).await {
            pauses.wait(error).await?;
        }
        Ok(())
    }

    async fn put(&mut self, url: Url, body: Bytes, kind: HeaderValue) -> Result<(), OciError> {
        let mut call = Call::new(Method::PUT, url);
        call.headers.insert(CONTENT_TYPE, kind);
        call.body = Some(body);
        self.exchange(&call, &[]).await.map(drop)
    }
}
