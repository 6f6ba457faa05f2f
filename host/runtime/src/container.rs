//! A challenge that runs outside and speaks HTTP: what the host asks of it, in the words of the platform before this one.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::SystemTime,
};

use bytes::Bytes;
use platform_domain::{
    EpochContext, PlainToken, RawWeight, Request, Response, Slug, UnixSeconds, UpstreamAddress,
};
use platform_upstream::{Limits, Upgrade, Upstream, UpstreamError, relay};
use platform_wasm::RequestBody;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

use crate::{
    CallError, Entrance, ResponseBody,
    limits::{CONTAINER_WEIGHTS_BYTES, CONTAINER_WEIGHTS_TIME},
};

/// A container that can be called. Cheap to clone.
#[derive(Clone)]
pub struct Container {
    upstream: Upstream,
    slug: Slug,
    tokens: Arc<Tokens>,
}

/// By which the challenge knows the host.
struct Tokens {
    current: PlainToken,
    /// The one before, and the last second in which it counts.
    previous: Option<(PlainToken, UnixSeconds)>,
    /// The challenge knows the current one.
    known: AtomicBool,
}

/// Where it takes what miners hand in. Private: only the host comes by this door.
const BRIDGE: &str = "/internal/v1/bridge/submissions";
/// Where it tells what became of it, before the path inside.
const SUBMITTED: &str = "/v1";
/// Where it gives weights.
const GET_WEIGHTS: &str = "/internal/v1/get_weights";

/// What a challenge answers that does not know the token.
const UNAUTHORIZED: u16 = 401;

/// What a challenge answers. It may say more.
#[derive(Deserialize)]
struct Weights {
    challenge_slug: String,
    epoch: Option<u64>,
    #[serde(deserialize_with = "entries")]
    weights: Vec<RawWeight>,
}

/// A WebSocket that a container has opened.
#[derive(Debug)]
pub struct WebSocket {
    tunnel: platform_upstream::Tunnel,
}

/// What a container makes of the wish to open one.
pub enum Opened {
    /// It is open: what the client is told, and the other end.
    Switched(Response<()>, WebSocket),
    /// Any other answer.
    Answered(Response<ResponseBody>),
}

impl Container {
    /// Connects by TCP when it is asked to.
    pub fn new(
        slug: Slug,
        address: UpstreamAddress,
        current: PlainToken,
        previous: Option<(PlainToken, UnixSeconds)>,
    ) -> Self {
        Self::over(Upstream::new(address, Limits::default()), slug, current, previous)
    }

    /// The same for one that is reached in this way. A challenge that somebody else runs may know only the token before, until it is given the
    /// current one: as long as that counts, it is asked with whichever it is known to know.
    pub fn over(
        upstream: Upstream,
        slug: Slug,
        current: PlainToken,
        previous: Option<(PlainToken, UnixSeconds)>,
    ) -> Self {
        let known = AtomicBool::new(previous.is_none());
        Self {
            upstream,
            slug,
            tokens: Arc::new(Tokens {
                current,
                previous,
                known,
            }),
        }
    }

    pub(crate) async fn handle_http(
        &self,
        mut request: Request<RequestBody>,
        entrance: Entrance,
    ) -> Result<Response<ResponseBody>, CallError> {
        if entrance == Entrance::Submissions {
            self.submissions(&mut request);
        }
        let answer = self.upstream.send(request).await.map_err(failed)?;
        Ok(wrapped(answer))
    }

    pub(crate) async fn open(&self, request: Request<()>) -> Result<Opened, CallError> {
        Ok(match self.upstream.upgrade(request).await.map_err(failed)? {
            Upgrade::Switched { head, tunnel } => Opened::Switched(head, WebSocket { tunnel }),
            Upgrade::Answered(answer) => Opened::Answered(wrapped(answer)),
        })
    }

    pub(crate) async fn weights(
        &self,
        epoch: &EpochContext,
        by: Instant,
    ) -> Result<Vec<RawWeight>, CallError> {
        let own = Instant::now() + CONTAINER_WEIGHTS_TIME;
        let by_both = by.min(own);
        let answer = match self.ask_weights(&self.tokens.current, by_both).await {
            Err(UpstreamError::Status(UNAUTHORIZED)) if let Some(before) = self.tokens.previous() => {
                self.tokens.known.store(false, Relaxed);
                self.ask_weights(before, by_both).await
            }
            answer => {
                if answer.is_ok() {
                    self.tokens.known.store(true, Relaxed);
                }
                answer
            }
        };
        let answer = answer.map_err(|error| match error {
            UpstreamError::HeadTimeout(_) | UpstreamError::IdleTimeout(_) | UpstreamError::TooLong(_) => {
                match by < own {
                    true => CallError::Overdue,
                    false => CallError::Deadline(CONTAINER_WEIGHTS_TIME),
                }
            }
            error => failed(error),
        })?;
        let Weights {
            challenge_slug,
            epoch: answered,
            weights,
        } = serde_json::from_slice(&answer)
            .map_err(|error| CallError::Failed(format!("its weights cannot be read: {error}")))?;
        if challenge_slug != self.slug.as_str() {
            let slug = challenge_slug.escape_debug().take(64).collect::<String>();
            return Err(CallError::Failed(format!("it gives the weights of {slug}")));
        }
        // Those that were written for the platform before this one count epochs in their own way, such as seconds; what they
        // say is not wrong for that, and an answer that was kept from another epoch cannot be told by it.
        if let Some(answered) = answered.filter(|answered| *answered != epoch.epoch.0) {
            tracing::debug!(challenge.slug = %self.slug, epoch = %epoch.epoch, answered, "it counts epochs in its own way");
        }
        Ok(weights)
    }

    async fn ask_weights(&self, token: &PlainToken, by: Instant) -> Result<Bytes, UpstreamError> {
        let headers = vec![
            credentials(token),
            (
                "x-platform-challenge-slug".to_owned(),
                self.slug.to_string().into(),
            ),
            ("accept".to_owned(), Bytes::from_static(b"application/json")),
        ];
        self.upstream
            .get_json(GET_WEIGHTS, headers, CONTAINER_WEIGHTS_BYTES, by)
            .await
    }

    /// By which door it is reached, and as whom.
    fn submissions<B>(&self, request: &mut Request<B>) {
        request.path = match request.caller {
            Some(_) if request.method == "POST" => BRIDGE.to_owned(),
            _ => format!("{SUBMITTED}{}", request.path),
        };
        if request.path == BRIDGE {
            request.headers.push(credentials(self.tokens.best()));
        }
    }
}

impl Tokens {
    /// The one before the current one, as long as it counts.
    fn previous(&self) -> Option<&PlainToken> {
        let (token, until) = self.previous.as_ref()?;
        (*until >= UnixSeconds::from(SystemTime::now())).then_some(token)
    }

    /// The one that the challenge is known to know.
    fn best(&self) -> &PlainToken {
        let previous = self.previous().filter(|_| !self.known.load(Relaxed));
        previous.unwrap_or(&self.current)
    }
}

fn credentials(token: &PlainToken) -> (String, Bytes) {
    let token = format!("Bearer {}", token.reveal());
    ("authorization".to_owned(), token.into())
}

impl WebSocket {
    /// Passes bytes on, both ways, until it ends.
    pub async fn relay<C: AsyncRead + AsyncWrite + Unpin>(self, client: C) -> Result<(), CallError> {
        let relayed = relay(client, self.tunnel, &Limits::default()).await;
        relayed.map(drop).map_err(failed)
    }
}

impl fmt::Debug for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Container({})", self.upstream.address())
    }
}

fn wrapped(answer: Response<platform_upstream::UpstreamBody>) -> Response<ResponseBody> {
    let (head, body) = answer.take_body();
    head.with_body(ResponseBody::Container(body))
}

/// What a caller can act on stays apart; the rest is a failure with its story.
pub(crate) fn failed(error: UpstreamError) -> CallError {
    match error {
        UpstreamError::Busy { retry_after } => CallError::Busy { retry_after },
        UpstreamError::Unreachable(_) => CallError::Down(platform_domain::with_causes(&error).into()),
        UpstreamError::HeadTimeout(limit)
        | UpstreamError::IdleTimeout(limit)
        | UpstreamError::TooLong(limit) => CallError::Deadline(limit),
        UpstreamError::Broken(_)
        | UpstreamError::TooLarge
        | UpstreamError::RequestBody(_)
        | UpstreamError::NotAllowed(_)
        | UpstreamError::Status(_)
        | UpstreamError::AnswerTooLarge(_) => CallError::Failed(platform_domain::with_causes(&error)),
    }
}

/// The entries as they came: one that is there twice is for whoever computes to judge.
fn entries<'de, D: Deserializer<'de>>(json: D) -> Result<Vec<RawWeight>, D::Error> {
    struct Entries;
    impl<'de> Visitor<'de> for Entries {
        type Value = Vec<RawWeight>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map from hotkeys to numbers")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut entries = Vec::new();
            while let Some((hotkey, score)) = map.next_entry()? {
                entries.push(RawWeight { hotkey, score });
            }
            Ok(entries)
        }
    }
    json.deserialize_map(Entries)
}
