//! Reading manifests and blobs from a registry. What passes is tried again, and a blob whose transfer breaks is
//! continued where it broke.

use platform_domain::Digest;
use reqwest::{
    Method, Response, StatusCode,
    header::{ACCEPT, CONTENT_RANGE, HeaderValue, RANGE},
};

use super::{Call, Remote};
use crate::{
    OciError, Part,
    document::{ACCEPTED, Pointer, verify_digest},
    limits::MAX_MANIFEST,
};

const DIGEST_HEADER: &str = "docker-content-digest";

impl Remote {
    /// A manifest or index by tag or digest. The registry's own word on the digest is checked too.
    pub(crate) async fn manifest(&mut self, name: &str) -> Result<Vec<u8>, OciError> {
        let mut call = Call::new(Method::GET, self.url("manifests", name)?);
        // Registries of Docker's own documents answer with the type that fits best.
        let accepted = HeaderValue::try_from(ACCEPTED.join(", "));
        call.headers.extend(accepted.ok().map(|value| (ACCEPT, value)));
        let mut pauses = self.pauses();
        loop {
            match self.manifest_once(&call, name).await {
                Err(error) => pauses.wait(error).await?,
                done => return done,
            }
        }
    }

    async fn manifest_once(&mut self, call: &Call, name: &str) -> Result<Vec<u8>, OciError> {
        let response = self.existing(call, name, &[]).await?;
        let header = response.headers().get(DIGEST_HEADER);
        let told: Option<Digest> = header.and_then(|value| value.to_str().ok()?.parse().ok());
        let mut bytes = Vec::new();
        self.body_into(&mut bytes, response, Part::Manifest, MAX_MANIFEST)
            .await?;
        if let Some(told) = told {
            verify_digest(Part::Manifest, told, Digest::of(&bytes))?;
        }
        Ok(bytes)
    }

    /// The manifest or index of this name, if there is one.
    pub(crate) async fn named(&mut self, tag: &str) -> Result<Option<Vec<u8>>, OciError> {
        match self.manifest(tag).await {
            Err(OciError::NotFound { .. }) => Ok(None),
            found => found.map(Some),
        }
    }

    /// The index of what refers to a manifest; `None` when the registry keeps none.
    pub(crate) async fn referrers(&mut self, manifest: Digest) -> Result<Option<Vec<u8>>, OciError> {
        let call = Call::new(Method::GET, self.url("referrers", &manifest.to_string())?);
        let mut pauses = self.pauses();
        loop {
            match self.referrers_once(&call).await {
                Err(error) => pauses.wait(error).await?,
                done => return done,
            }
        }
    }

    async fn referrers_once(&mut self, call: &Call) -> Result<Option<Vec<u8>>, OciError> {
        // What registries say that do not know the question.
        let unknown = [
            StatusCode::BAD_REQUEST,
            StatusCode::NOT_FOUND,
            StatusCode::METHOD_NOT_ALLOWED,
            StatusCode::NOT_IMPLEMENTED,
        ];
        let response = self.exchange(call, &unknown).await?;
        if !response.status().is_success() {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        self.body_into(&mut bytes, response, Part::Index, MAX_MANIFEST)
            .await?;
        Ok(Some(bytes))
    }

    /// Content by digest, verified. The caller has limited its size.
    pub(crate) async fn blob(&mut self, to: Pointer, part: Part) -> Result<Vec<u8>, OciError> {
        let (mut bytes, mut pauses) = (Vec::new(), self.pauses());
        while let Err(error) = self.rest_of_blob(&mut bytes, to, part).await {
            pauses.wait(error).await?;
        }
        to.verify(part, &bytes)?;
        Ok(bytes)
    }

    /// Gets what is missing; what came stays when it breaks off.
    async fn rest_of_blob(&mut self, bytes: &mut Vec<u8>, to: Pointer, part: Part) -> Result<(), OciError> {
        let name = to.digest.to_string();
        let call = Call::new(Method::GET, self.url("blobs", &name)?);
        let mut response = None;
        if !bytes.is_empty() {
            let mut rest = call.clone();
            let range = HeaderValue::try_from(format!("bytes={}-", bytes.len()));
            rest.headers.extend(range.ok().map(|range| (RANGE, range)));
            let answer = self
                .existing(&rest, &name, &[StatusCode::RANGE_NOT_SATISFIABLE])
                .await?;
            match answer.status() {
                StatusCode::PARTIAL_CONTENT if continues(&answer, bytes.len() as u64, to.size) => {
                    response = Some(answer);
                }
                StatusCode::OK => {
                    bytes.clear();
                    response = Some(answer);
                }
                // Another piece than the one that is missing, or none.
                _ => bytes.clear(),
            }
        }
        let response = match response {
            Some(response) => response,
            None => self.existing(&call, &name, &[]).await?,
        };
        let wrong_size = |actual: u64| OciError::Size {
            part,
            expected: to.size,
            actual,
        };
        let already = bytes.len() as u64;
        let announced = response
            .content_length()
            .map(|length| length.saturating_add(already));
        if let Some(actual) = announced.filter(|actual| *actual != to.size) {
            return Err(wrong_size(actual));
        }
        let read = self.body_into(bytes, response, part, to.size).await;
        // One byte more than declared is a lie, whatever the limit is.
        read.map_err(|error| match error {
            OciError::TooLarge { size, .. } => wrong_size(size),
            other => other,
        })
    }

    /// The answer, where 404 says that there is no such thing.
    async fn existing(&mut self, call: &Call, name: &str, also: &[StatusCode]) -> Result<Response, OciError> {
        let also: Vec<_> = [StatusCode::NOT_FOUND].iter().chain(also).copied().collect();
        let response = self.exchange(call, &also).await?;
        match response.status() {
            StatusCode::NOT_FOUND => {
                let separator = if name.contains(':') { '@' } else { ':' };
                let reference = format!("{}/{}{separator}{name}", self.registry, self.repository);
                Err(OciError::NotFound { reference })
            }
            StatusCode::PARTIAL_CONTENT if !call.headers.contains_key(RANGE) => {
                Err(self.refused("a part where all was asked for"))
            }
            _ => Ok(response),
        }
    }
}

/// Whether an answer is the rest of so many bytes.
fn continues(response: &Response, from: u64, size: u64) -> bool {
    let range = response.headers().get(CONTENT_RANGE);
    let expected = format!("bytes {from}-{}/", size.saturating_sub(1));
    let rest = range.and_then(|range| range.to_str().ok()?.strip_prefix(expected.as_str()));
    rest.is_some_and(|whole| whole == "*" || whole == size.to_string())
}
