//! Reading from a registry. Every answer is limited in size while it is read, errors included: a registry is
//! a stranger, and so is whoever it redirects to.

use std::net::IpAddr;

use platform_domain::Digest;
use reqwest::{
    Client, RequestBuilder, Response, StatusCode, Url,
    header::{ACCEPT, WWW_AUTHENTICATE},
    redirect::{Attempt, Policy},
};

use crate::{
    OciError, Part,
    auth::{Challenge, TokenAnswer},
    document::{ACCEPTED, Pointer, parse, verify_digest},
    limits::{CONNECT_TIMEOUT, MAX_MANIFEST, MAX_REDIRECTS, MAX_TOKEN, READ_TIMEOUT},
};

const DIGEST_HEADER: &str = "docker-content-digest";

/// One repository of one registry.
#[derive(Debug)]
pub(crate) struct Remote {
    client: Client,
    registry: String,
    repository: String,
    token: Option<String>,
}

/// Installs the process's TLS provider. Somebody else may have done so; any provider will do.
pub(crate) fn install_tls() {
    drop(rustls::crypto::ring::default_provider().install_default());
}

/// Whether plain HTTP is spoken to this `HOST[:PORT]`: it never leaves the machine.
pub(crate) fn is_loopback(registry: &str) -> bool {
    Url::parse(&format!("http://{registry}/")).is_ok_and(|url| is_loopback_url(&url))
}

fn is_loopback_url(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The host that serves a registry's name. Docker Hub is the one whose name is not its address.
fn address(registry: &str) -> &str {
    if registry == "docker.io" {
        "registry-1.docker.io"
    } else {
        registry
    }
}

impl Remote {
    pub(crate) fn new(registry: &str, repository: &str) -> Result<Self, OciError> {
        install_tls();
        let loopback = is_loopback(registry);
        let mut client = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .redirect(Policy::custom(move |attempt| redirect(attempt, loopback)));
        if loopback {
            client = client.no_proxy();
        }
        let client = client.build().map_err(|source| unreachable(registry, source))?;
        Ok(Self {
            client,
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            token: None,
        })
    }

    /// A manifest or index by tag or digest. The registry's own word on the digest is checked too.
    pub(crate) async fn manifest(&mut self, name: &str) -> Result<Vec<u8>, OciError> {
        let response = self.get("manifests", name).await?;
        let header = response.headers().get(DIGEST_HEADER);
        let told: Option<Digest> = header.and_then(|value| value.to_str().ok()?.parse().ok());
        let bytes = self.body(response, Part::Manifest, MAX_MANIFEST).await?;
        if let Some(told) = told {
            verify_digest(Part::Manifest, told, Digest::of(&bytes))?;
        }
        Ok(bytes)
    }

    /// Content by digest, verified. The caller has limited its size.
    pub(crate) async fn blob(&mut self, to: Pointer, part: Part) -> Result<Vec<u8>, OciError> {
        let response = self.get("blobs", &to.digest.to_string()).await?;
        if let Some(actual) = response.content_length().filter(|length| *length != to.size) {
            return Err(OciError::Size {
                part,
                expected: to.size,
                actual,
            });
        }
        let bytes = self.body(response, part, to.size).await;
        // One byte more than declared is a lie, whatever the limit is.
        let bytes = bytes.map_err(|error| match error {
            OciError::TooLarge { part, size, .. } => OciError::Size {
                part,
                expected: to.size,
                actual: size,
            },
            other => other,
        })?;
        to.verify(part, &bytes)?;
        Ok(bytes)
    }

    async fn get(&mut self, kind: &str, name: &str) -> Result<Response, OciError> {
        let scheme = if is_loopback(&self.registry) {
            "http"
        } else {
            "https"
        };
        let host = address(&self.registry);
        let url = format!("{scheme}://{host}/v2/{}/{kind}/{name}", self.repository);
        let mut response = self.send(self.request(&url)).await?;
        if response.status() == StatusCode::UNAUTHORIZED && self.token.is_none() {
            let header = response
                .headers()
                .get(WWW_AUTHENTICATE)
                .and_then(|value| value.to_str().ok());
            if let Some(challenge) = header.and_then(Challenge::parse) {
                self.token = Some(self.fetch_token(&challenge).await?);
                response = self.send(self.request(&url)).await?;
            }
        }
        let registry = self.registry.clone();
        match response.status() {
            StatusCode::OK => Ok(response),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(OciError::Denied { registry }),
            StatusCode::NOT_FOUND => {
                let separator = if name.contains(':') { '@' } else { ':' };
                let reference = format!("{registry}/{}{separator}{name}", self.repository);
                Err(OciError::NotFound { reference })
            }
            other => Err(OciError::Refused {
                registry,
                answer: format!("status {}", other.as_u16()),
            }),
        }
    }

    /// Asks for a token without credentials. The realm is an address chosen by the registry, so it is held to
    /// the rules for redirects.
    async fn fetch_token(&self, challenge: &Challenge) -> Result<String, OciError> {
        let refused = |answer: &str| OciError::Refused {
            registry: self.registry.clone(),
            answer: answer.to_owned(),
        };
        let mut realm =
            Url::parse(&challenge.realm).map_err(|_| refused("a token service without address"))?;
        if !may_follow(&realm, is_loopback(&self.registry)) {
            let registry = self.registry.clone();
            return Err(OciError::Redirects { registry });
        }
        let scope = format!("repository:{}:pull", self.repository);
        realm.query_pairs_mut().append_pair("scope", &scope);
        if let Some(service) = &challenge.service {
            realm.query_pairs_mut().append_pair("service", service);
        }
        let response = self.send(self.client.get(realm)).await?;
        if response.status() != StatusCode::OK {
            let registry = self.registry.clone();
            return Err(OciError::Denied { registry });
        }
        let bytes = self.body(response, Part::Token, MAX_TOKEN).await?;
        let answer: TokenAnswer = parse(Part::Token, &bytes)?;
        answer.into_token().ok_or_else(|| refused("no token"))
    }

    fn request(&self, url: &str) -> RequestBuilder {
        let request = self.client.get(url).header(ACCEPT, ACCEPTED.join(", "));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, OciError> {
        request
            .send()
            .await
            .map_err(|source| unreachable(&self.registry, source))
    }

    /// Reads at most `limit` bytes. A larger announced size is refused before anything is read.
    async fn body(&self, mut response: Response, part: Part, limit: u64) -> Result<Vec<u8>, OciError> {
        let too_large = |size: u64| Err(OciError::TooLarge { part, size, limit });
        if let Some(size) = response.content_length().filter(|size| *size > limit) {
            return too_large(size);
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|source| unreachable(&self.registry, source))?
        {
            let size = bytes.len() as u64 + chunk.len() as u64;
            if size > limit {
                return too_large(size);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

/// Encrypted addresses always; unencrypted ones only from a loopback registry to the loopback interface.
fn may_follow(url: &Url, from_loopback: bool) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => from_loopback && is_loopback_url(url),
        _ => false,
    }
}

fn redirect(attempt: Attempt<'_>, from_loopback: bool) -> reqwest::redirect::Action {
    if attempt.previous().len() > MAX_REDIRECTS || !may_follow(attempt.url(), from_loopback) {
        return attempt.error("not followed");
    }
    attempt.follow()
}

fn unreachable(registry: &str, source: reqwest::Error) -> OciError {
    let registry = registry.to_owned();
    if source.is_redirect() {
        return OciError::Redirects { registry };
    }
    // The address may be one that the registry redirected to, with a signature in its query.
    let source = source.without_url();
    OciError::Unreachable { registry, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_the_loopback_interface_alone() {
        for loopback in [
            "127.0.0.1:5000",
            "localhost",
            "localhost:5000",
            "[::1]:5000",
            "127.8.9.1",
        ] {
            assert!(is_loopback(loopback), "{loopback}");
        }
        for other in [
            "registry.example",
            "localhost.example:5000",
            "127.0.0.1.example",
            "10.0.0.1:5000",
            "[::2]",
            "",
        ] {
            assert!(!is_loopback(other), "{other}");
        }
    }

    #[test]
    fn an_encrypted_registry_needs_nothing_from_the_rest_of_the_process() {
        assert!(Remote::new("registry.example", "echo").is_ok());
        install_tls();
    }

    #[test]
    fn a_redirect_never_leads_to_an_unencrypted_address_elsewhere() {
        let table = [
            ("https://storage.example/x", false, true),
            ("http://storage.example/x", false, false),
            ("http://storage.example/x", true, false),
            ("http://127.0.0.1:1/x", false, false),
            ("http://127.0.0.1:1/x", true, true),
            ("ftp://127.0.0.1/x", true, false),
        ];
        for (url, from_loopback, expected) in table {
            assert_eq!(
                may_follow(&Url::parse(url).unwrap(), from_loopback),
                expected,
                "{url}"
            );
        }
    }
}
