//! Speaking to a registry. Every answer is limited in size while it is read, errors included: a registry is a
//! stranger, and so is whoever it redirects to. Redirects are followed here and not by the client, so that what
//! lets us in is shown to nobody on the way.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::{
    Client, Method, Response, StatusCode, Url,
    header::{AUTHORIZATION, CONTENT_ENCODING, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER},
    redirect::Policy,
};
use tokio::time::Instant;

use crate::{
    OciError, Part, Registries, auth::Challenge, credentials::Found, endpoint::Endpoint,
    limits::MAX_REDIRECTS, patience::Pauses,
};

mod read;
mod token;
mod write;

/// What is done in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Pull,
    Push,
}

/// One repository of one registry.
#[derive(Debug)]
pub(crate) struct Remote {
    client: Client,
    pub(crate) endpoint: Endpoint,
    pub(crate) registry: String,
    pub(crate) repository: String,
    purpose: Purpose,
    registries: Registries,
    /// Looked for when the registry first asks for them.
    found: Option<Found>,
    authorization: Option<HeaderValue>,
    deadline: Instant,
}

/// A request that can be sent again.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
}

/// Installs the process's TLS provider. Somebody else may have done so; any provider will do.
fn install_tls() {
    drop(rustls::crypto::ring::default_provider().install_default());
}

impl Call {
    pub(crate) fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: None,
        }
    }
}

impl Remote {
    pub(crate) async fn open(
        registry: &str,
        repository: &str,
        purpose: Purpose,
        registries: &Registries,
    ) -> Result<Self, OciError> {
        install_tls();
        let patience = registries.patience();
        let plain = registries.is_plain(registry);
        let endpoint = Endpoint::new(registry, plain).ok_or_else(|| OciError::NotFound {
            reference: registry.to_owned(),
        })?;
        let mut client = Client::builder()
            .connect_timeout(patience.connect)
            .redirect(Policy::none())
            .tls_certs_merge(registries.certificates(registry).await?);
        if purpose == Purpose::Pull {
            // Not for a push, where it would bound how long a body is on its way.
            client = client.read_timeout(patience.silence);
        }
        if plain {
            // A proxy would read what is meant for the registry.
            client = client.no_proxy();
        }
        let client = client.build().map_err(|source| unreachable(registry, source))?;
        Ok(Self {
            client,
            endpoint,
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            purpose,
            registries: registries.clone(),
            found: None,
            authorization: None,
            deadline: Instant::now() + patience.total,
        })
    }

    /// How often and how long a piece of work may be tried.
    pub(crate) fn pauses(&self) -> Pauses {
        self.registries.patience().pauses(self.deadline)
    }

    /// An address of the repository.
    pub(crate) fn url(&self, kind: &str, name: &str) -> Result<Url, OciError> {
        let path = format!("{}/{kind}/{name}", self.repository);
        self.endpoint.url(&path).ok_or_else(|| self.refused("no address"))
    }

    /// Sends a request once, and once more when the registry asks for credentials. What comes back is a success, or
    /// one of the statuses in `also`.
    pub(crate) async fn exchange(&mut self, call: &Call, also: &[StatusCode]) -> Result<Response, OciError> {
        let shown = self.authorization.clone();
        let mut response = self.follow(call, shown.as_ref()).await?;
        // What others ask for they do not get.
        if response.status() == StatusCode::UNAUTHORIZED
            && self.endpoint.is_own(response.url())
            && let Some(challenge) = Challenge::of(response.headers())
        {
            drop(response);
            let shown = Some(self.authorize(&challenge).await?);
            response = self.follow(call, shown.as_ref()).await?;
            self.authorization = shown;
        }
        let status = response.status();
        if !status.is_success() && !also.contains(&status) {
            return Err(self.failure(&response));
        }
        let encoding = response.headers().get(CONTENT_ENCODING);
        if encoding.is_some_and(|encoding| encoding != "identity") {
            return Err(self.refused("a content encoding that was not asked for"));
        }
        Ok(response)
    }

    /// Sends a request and follows where it is sent on to. Only the registry itself sees the authorization, and only
    /// as long as nobody else has sent us on.
    async fn follow(&self, call: &Call, authorization: Option<&HeaderValue>) -> Result<Response, OciError> {
        let redirects = || OciError::Redirects {
            registry: self.registry.clone(),
        };
        let (mut url, mut shown) = (call.url.clone(), authorization);
        for _ in 0..=MAX_REDIRECTS {
            shown = shown.filter(|_| self.endpoint.is_own(&url));
            let response = self.send(call, url, shown).await?;
            let moved = [301, 302, 303, 307, 308].contains(&response.status().as_u16());
            // A body is meant for whom it is sent to.
            if !moved || call.body.is_some() {
                return Ok(response);
            }
            let location = response.headers().get(LOCATION);
            let location = location.and_then(|location| location.to_str().ok());
            url = location
                .and_then(|location| response.url().join(location).ok())
                .filter(|url| self.endpoint.may_follow(url))
                .ok_or_else(redirects)?;
        }
        Err(redirects())
    }

    async fn send(
        &self,
        call: &Call,
        url: Url,
        authorization: Option<&HeaderValue>,
    ) -> Result<Response, OciError> {
        let mut request = self.client.request(call.method.clone(), url);
        request = request.headers(call.headers.clone());
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value);
        }
        match &call.body {
            Some(body) => request = request.body(body.clone()),
            None if self.purpose == Purpose::Push => {
                request = request.timeout(self.registries.patience().silence);
            }
            None => {}
        }
        let answer = request.send().await;
        answer.map_err(|source| unreachable(&self.registry, source))
    }

    /// Reads at most `limit` bytes behind those that are there, which stay there when it breaks off. A larger
    /// announced size is refused before anything is read.
    pub(crate) async fn body_into(
        &self,
        bytes: &mut Vec<u8>,
        mut response: Response,
        part: Part,
        limit: u64,
    ) -> Result<(), OciError> {
        let too_large = |size: u64| Err(OciError::TooLarge { part, size, limit });
        let announced = response.content_length().unwrap_or_default();
        let whole = announced.saturating_add(bytes.len() as u64);
        if whole > limit {
            return too_large(whole);
        }
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
            if let (Part::Component, Some(progress)) = (part, self.registries.progress()) {
                // A blob's limit is its size.
                progress.tell(size, limit);
            }
        }
        Ok(())
    }

    /// Why an answer is none. Its body is not read.
    pub(crate) fn failure(&self, response: &Response) -> OciError {
        let pause = retry_after(response.headers(), SystemTime::now());
        self.refused_with(response.status().as_u16(), pause)
    }

    /// What a status says.
    pub(crate) fn refused_with(&self, status: u16, pause: Option<Duration>) -> OciError {
        let registry = self.registry.clone();
        match status {
            401 | 403 => OciError::Denied {
                registry,
                origin: self.found.clone().unwrap_or_default().origin,
            },
            429 | 500 | 502 | 503 | 504 => OciError::Unavailable {
                registry,
                status,
                pause,
            },
            status => self.refused(&format!("status {status}")),
        }
    }

    pub(crate) fn unreachable(&self, source: reqwest::Error) -> OciError {
        unreachable(&self.registry, source)
    }

    pub(crate) fn refused(&self, answer: &str) -> OciError {
        OciError::Refused {
            registry: self.registry.clone(),
            answer: answer.to_owned(),
        }
    }
}

/// How long a server asks to be left alone, in seconds or until a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

fn unreachable(registry: &str, source: reqwest::Error) -> OciError {
    // The address may be one that the registry redirected to, with a signature in its query.
    OciError::Unreachable {
        registry: registry.to_owned(),
        source: source.without_url(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_encrypted_registry_needs_nothing_from_the_rest_of_the_process() {
        let registries = Registries::default();
        let open = Remote::open("registry.example", "echo", Purpose::Pull, &registries);
        assert!(open.await.is_ok());
        install_tls();
    }

    #[test]
    fn a_pause_is_asked_for_in_seconds_or_until_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (text, expected) in [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            ("Sun, 06 Nov 1994 08:49:27 GMT", Some(0)),
            ("-1", None),
            ("soon", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::try_from(text).unwrap());
            let expected = expected.map(Duration::from_secs);
            assert_eq!(retry_after(&headers, now), expected, "{text}");
        }
    }
}
