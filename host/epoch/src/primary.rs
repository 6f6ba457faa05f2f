//! Another host, whose word is taken for challenges that this one cannot run. It is a stranger until its document has been
//! checked: what it answers is bounded in size and time, it sends nobody elsewhere, and its signature, not the connection, is
//! what is believed.

use std::{
    net::IpAddr,
    time::{Duration, SystemTime},
};

use platform_domain::{BlockHash, EpochId, Hotkey, MechanismId, Netuid, Slug};
use platform_fallback::{Expected, Refused, Signed, Taken, limits::MAX_DOCUMENT};
use reqwest::{
    Client, Response, StatusCode, Url,
    header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE},
    redirect::Policy,
};
use tokio::time::{sleep, timeout};

/// Between one try and the next, while the deadline lasts: what is over in a second or two, a restart say, should not cost
/// an epoch.
const PAUSES: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(1)];
const JSON: &str = "application/json";

/// What an operator says of the primary.
#[derive(Clone, Debug)]
pub struct PrimaryConfig {
    /// Its public address, `https://HOST[:PORT]`; `http://` for one on this machine.
    pub url: String,
    /// Whether `http://` is good enough for one elsewhere: whoever is on the way can then read what is asked, and keep the
    /// answer back or hand out an older one that still holds, but make none.
    pub plain: bool,
    /// Whose word is taken.
    pub hotkey: Hotkey,
    /// How long ago it may have computed what it tells.
    pub max_age: Duration,
    /// How many epochs that may be behind the one that it is for.
    pub epochs_behind: u64,
    /// How long it may take in all, from the first try to the last byte.
    pub deadline: Duration,
}

/// A host that can be asked.
#[derive(Clone, Debug)]
pub struct Primary {
    config: PrimaryConfig,
    url: Url,
    client: Client,
}

/// What its weights are for. All of it must be in the document, or it does not count.
#[derive(Clone, Debug)]
pub struct Sought<'a> {
    /// The chain.
    pub genesis: BlockHash,
    /// The subnet.
    pub netuid: Netuid,
    /// The mechanism of the subnet.
    pub mechanism: MechanismId,
    /// How this host counts epochs: `tempo` or `every/N`.
    pub numbering: &'a str,
    /// The epoch.
    pub epoch: EpochId,
    /// The challenge.
    pub slug: &'a Slug,
}

/// Why the primary gives no weights.
#[derive(Debug, thiserror::Error)]
pub enum PrimaryError {
    /// The address is none that would be asked.
    #[error(
        "the address of a primary is https://HOST[:PORT], without path, user and password; http:// is for one on this machine"
    )]
    Address,
    /// No client can be made, for want of certificates say.
    #[error("there is no client for the primary")]
    Client(#[source] reqwest::Error),
    /// No connection, or it broke.
    #[error("the primary cannot be reached, or its answer broke off")]
    Unreachable(#[source] reqwest::Error),
    /// It took too long.
    #[error("the primary gave no whole answer within {0:?}")]
    Deadline(Duration),
    /// It has nothing of this challenge, by its own word.
    #[error("the primary has no weights of this challenge at this time")]
    Nothing,
    /// It sends elsewhere.
    #[error(
        "the primary sends elsewhere (status {0}), which is not followed; configure where its weights are"
    )]
    Moved(u16),
    /// It answers with a failure.
    #[error("the primary answers with status {0}")]
    Status(u16),
    /// It answers with something that is not JSON, by its own word.
    #[error("what answers at the primary's address is not a host: its answer is not {JSON}")]
    ContentType,
    /// It answers with more than a document may have.
    #[error("the primary's answer has more than {MAX_DOCUMENT} bytes")]
    TooLarge,
    /// It answers with what does not count.
    #[error("what the primary tells does not count")]
    Refused(#[from] Refused),
}

impl PrimaryError {
    /// Whether another try may end better.
    fn passes(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Status(status) => *status == 429 || *status >= 500,
            _ => false,
        }
    }
}

impl Primary {
    /// Takes what the operator says. Connects to nothing yet.
    pub fn new(config: PrimaryConfig) -> Result<Self, PrimaryError> {
        let url = address(&config.url, config.plain).ok_or(PrimaryError::Address)?;
        // Somebody else may have done so; any provider will do.
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut client = Client::builder()
            .redirect(Policy::none())
            // One request an epoch: a connection that was kept would be a dead one.
            .pool_max_idle_per_host(0);
        if url.scheme() == "http" {
            client = client.no_proxy();
        }
        let client = client.build().map_err(PrimaryError::Client)?;
        Ok(Self { config, url, client })
    }

    /// Whose word is taken.
    pub const fn hotkey(&self) -> Hotkey {
        self.config.hotkey
    }

    /// The challenge's weights as the primary tells them, if they count. Never the vector of all challenges.
    pub async fn weights(&self, sought: &Sought<'_>) -> Result<Taken, PrimaryError> {
        let path = format!("/v1/challenges/{}/weights/latest", sought.slug);
        let url = self.url.join(&path).map_err(|_| PrimaryError::Address)?;
        let deadline = self.config.deadline;
        let told = timeout(deadline, self.fetch_patiently(url)).await;
        let told = told.map_err(|_| PrimaryError::Deadline(deadline))??;
        let signed = Signed::parse(&told).map_err(Refused::from)?;
        let taken = self.expected(sought).take(&signed, SystemTime::now().into());
        Ok(taken?)
    }

    fn expected(&self, sought: &Sought<'_>) -> Expected {
        Expected {
            signer: self.config.hotkey,
            genesis: sought.genesis,
            netuid: sought.netuid,
            mechanism: sought.mechanism,
            slug: sought.slug.clone(),
            numbering: sought.numbering.to_owned(),
            epoch: sought.epoch,
            epochs_behind: self.config.epochs_behind,
            max_age: self.config.max_age,
        }
    }

    async fn fetch_patiently(&self, url: Url) -> Result<Vec<u8>, PrimaryError> {
        for pause in PAUSES {
            match self.fetch(url.clone()).await {
                Err(error) if error.passes() => sleep(pause).await,
                other => return other,
            }
        }
        self.fetch(url).await
    }

    async fn fetch(&self, url: Url) -> Result<Vec<u8>, PrimaryError> {
        let request = self.client.get(url).header(ACCEPT, JSON);
        // Caches on the way may have the epoch before.
        let request = request.header(CACHE_CONTROL, "no-cache");
        let response = request.send().await.map_err(unreachable)?;
        match response.status() {
            StatusCode::OK if is_json(&response) => body(response).await,
            StatusCode::OK => Err(PrimaryError::ContentType),
            StatusCode::NOT_FOUND => Err(PrimaryError::Nothing),
            status if status.is_redirection() => Err(PrimaryError::Moved(status.as_u16())),
            status => Err(PrimaryError::Status(status.as_u16())),
        }
    }
}

/// The root of an address; `None` when it is none that would be asked.
fn address(text: &str, plain: bool) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let is_public = url.username().is_empty() && url.password().is_none();
    let may_be_asked = match url.scheme() {
        "https" => true,
        "http" => plain || is_loopback(&url),
        _ => false,
    };
    (is_bare && is_public && may_be_asked).then_some(url)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn is_json(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(JSON)
}

/// Reads it as far as a document may go.
async fn body(mut response: Response) -> Result<Vec<u8>, PrimaryError> {
    let announced = response.content_length().unwrap_or_default();
    if announced > MAX_DOCUMENT as u64 {
        return Err(PrimaryError::TooLarge);
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if bytes.len().saturating_add(chunk.len()) > MAX_DOCUMENT {
            return Err(PrimaryError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// The operator knows the address, and a log may have other readers.
fn unreachable(error: reqwest::Error) -> PrimaryError {
    PrimaryError::Unreachable(error.without_url())
}

#[cfg(test)]
mod tests;
