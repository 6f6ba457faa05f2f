//! One WebSocket connection to one node, made anew when it breaks. Every request has the deadline, connecting included,
//! and every new connection is checked to lead to the chain that is meant. Nothing is repeated here: whether a request may
//! be sent twice is not known at this level.

#[cfg(test)]
mod tests;

use std::{
    error::Error,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use platform_domain::{BlockHash, Ss58Address};
use serde::{Deserialize, de::DeserializeOwned};
use subxt::{
    ext::jsonrpsee::{
        core::{
            client::{ClientT, Error as ClientError},
            params::ArrayParams,
        },
        ws_client::{PingConfig, WsClient, WsClientBuilder},
    },
    rpcs::{Error as RpcError, UserError, client::RawValue},
};
use tokio::time::{Instant, timeout_at};
use tracing::{instrument::WithSubscriber as _, subscriber::NoSubscriber};

use crate::{
    endpoint::Endpoint,
    limits::{PING_EVERY, RESPONSE_MAX_BYTES, SILENCE_MAX},
};

/// The way to one node.
pub(crate) struct Link {
    endpoint: Endpoint,
    deadline: Duration,
    pings: Pings,
    /// The configured genesis, or that of the first connection of any endpoint.
    genesis: Arc<OnceLock<BlockHash>>,
    current: Mutex<Option<Arc<WsClient>>>,
    /// Held while connecting, so that a broken connection is replaced once and not by every task.
    connecting: tokio::sync::Mutex<()>,
}

/// How a connection that nobody speaks on is kept, and how a dead one is found.
#[derive(Clone, Copy)]
struct Pings {
    every: Duration,
    /// Silence after which it is dead.
    silence: Duration,
}

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    #[error("no answer to {method} within {after:?}")]
    Timeout { method: String, after: Duration },
    #[error("the connection failed")]
    Lost(#[source] Box<dyn Error + Send + Sync>),
    #[error("genesis {found} instead of {expected}")]
    Genesis { expected: BlockHash, found: BlockHash },
    #[error("SS58 prefix {0}")]
    Prefix(u64),
    #[error("a runtime called {0:?}")]
    Runtime(String),
    #[error("the connection serves requests only")]
    NoSubscriptions,
}

/// A request without an answer, or with a refusal.
pub(crate) struct NoAnswer {
    pub(crate) error: RpcError,
    /// Whether the node may have received it.
    pub(crate) sent: bool,
}

impl NoAnswer {
    /// Whether a connection that stood was lost under the request.
    pub(crate) fn is_broken_connection(&self) -> bool {
        let RpcError::Client(client) = &self.error else {
            return false;
        };
        self.sent && matches!(client.downcast_ref(), Some(LinkError::Lost(_)))
    }
}

/// `system_properties`, as far as it matters. Not every node fills it in.
#[derive(Deserialize)]
struct Properties {
    #[serde(rename = "ss58Format")]
    ss58: Option<serde_json::Value>,
}

/// `state_getRuntimeVersion`, as far as it matters here.
#[derive(Deserialize)]
struct Version {
    #[serde(rename = "specName")]
    spec_name: String,
}

/// What subtensor calls its runtime, on every network.
const SPEC_NAME: &str = "node-subtensor";
/// jsonrpsee has deadlines of its own, which must not come first.
const GRACE: Duration = Duration::from_secs(1);
/// Texts of a node in an error.
const NAME_MAX_CHARS: usize = 64;

impl Link {
    pub(crate) fn new(endpoint: Endpoint, deadline: Duration, genesis: Arc<OnceLock<BlockHash>>) -> Self {
        Self {
            endpoint,
            deadline,
            pings: Pings {
                every: PING_EVERY,
                silence: SILENCE_MAX,
            },
            genesis,
            current: Mutex::new(None),
            connecting: tokio::sync::Mutex::new(()),
        }
    }

    pub(crate) const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    fn current(&self) -> MutexGuard<'_, Option<Arc<WsClient>>> {
        // A panic cannot leave half a value behind: the slot is only ever replaced.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn live(&self) -> Option<Arc<WsClient>> {
        self.current().clone().filter(|client| client.is_connected())
    }

    async fn client(&self) -> Result<Arc<WsClient>, LinkError> {
        if let Some(client) = self.live() {
            return Ok(client);
        }
        let _one_at_a_time = self.connecting.lock().await;
        if let Some(client) = self.live() {
            return Ok(client);
        }
        let client = Arc::new(self.connect().await?);
        *self.current() = Some(Arc::clone(&client));
        Ok(client)
    }

    async fn connect(&self) -> Result<WsClient, LinkError> {
        // Pings find a dead connection that no request is waiting on, and keep an idle one from being closed.
        let pings = PingConfig::new()
            .ping_interval(self.pings.every)
            .inactive_limit(self.pings.silence);
        let client = WsClientBuilder::default()
            .connection_timeout(self.deadline.saturating_add(GRACE))
            .request_timeout(self.deadline.saturating_add(GRACE))
            .max_response_size(RESPONSE_MAX_BYTES)
            .enable_ws_ping(pings)
            // The first try counts: a key does not follow to wherever it is sent.
            .max_redirections(1)
            .build(self.endpoint.url())
            // The client logs the whole address at its debug level.
            .with_subscriber(NoSubscriber::default())
            .await
            .map_err(|error| self.lost(&error))?;
        self.check_chain(&client).await?;
        tracing::info!(chain.endpoint = %self.endpoint, "connected to a node of the chain");
        Ok(client)
    }

    /// Genesis, address format and runtime of the node.
    async fn check_chain(&self, client: &WsClient) -> Result<(), LinkError> {
        let mut first_block = ArrayParams::new();
        first_block
            .insert(0)
            .map_err(|error| LinkError::Lost(error.into()))?;
        let none = ArrayParams::new;
        let (found, properties, version) = tokio::try_join!(
            self.ask::<BlockHash>(client, "chain_getBlockHash", first_block),
            self.ask::<Properties>(client, "system_properties", none()),
            self.ask::<Version>(client, "state_getRuntimeVersion", none()),
        )?;
        // Who refuses to say is told apart by its genesis and its metadata.
        if let Some(name) = version.map(|version| version.spec_name)
            && name != SPEC_NAME
        {
            let name = name.chars().filter(|c| !c.is_control());
            return Err(LinkError::Runtime(name.take(NAME_MAX_CHARS).collect()));
        }
        let prefix = properties.and_then(|properties| properties.ss58?.as_u64());
        if let Some(prefix) = prefix
            && prefix != u64::from(Ss58Address::BITTENSOR)
        {
            return Err(LinkError::Prefix(prefix));
        }
        let found = found.ok_or_else(|| LinkError::Lost("it does not name its first block".into()))?;
        let expected = *self.genesis.get_or_init(|| found);
        if found != expected {
            return Err(LinkError::Genesis { expected, found });
        }
        Ok(())
    }

    /// `None` when the node does not have the method, or an answer of another shape.
    async fn ask<T: DeserializeOwned>(
        &self,
        client: &WsClient,
        method: &str,
        params: ArrayParams,
    ) -> Result<Option<T>, LinkError> {
        match client.request(method, params).await {
            Ok(answer) => Ok(Some(answer)),
            Err(ClientError::Call(_) | ClientError::ParseError(_)) => Ok(None),
            Err(error) => Err(self.lost(&error)),
        }
    }

    fn lost(&self, error: &(dyn Error + 'static)) -> LinkError {
        LinkError::Lost(Box::new(self.endpoint.conceal(error)))
    }

    /// A provider that does not like a key says so with the key in its words.
    fn without_address(&self, mut error: UserError) -> UserError {
        if self.endpoint.shows(&error.message) {
            error.message = Endpoint::WITHHELD.to_owned();
        }
        if error
            .data
            .as_ref()
            .is_some_and(|data| self.endpoint.shows(data.get()))
        {
            error.data = None;
        }
        error
    }

    /// Forgets a connection that is of no use; one made by someone else meanwhile stays.
    fn forget(&self, client: &Arc<WsClient>) {
        let mut current = self.current();
        if current
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current, client))
        {
            *current = None;
        }
    }

    /// One request, within the deadline.
    pub(crate) async fn request(
        &self,
        method: &str,
        params: Option<Box<RawValue>>,
    ) -> Result<Box<RawValue>, NoAnswer> {
        let deadline = Instant::now() + self.deadline;
        let late = || {
            let method = method.to_owned();
            let after = self.deadline;
            LinkError::Timeout { method, after }
        };
        let failed = |error: LinkError, sent| {
            let error = RpcError::Client(Box::new(error));
            NoAnswer { error, sent }
        };
        let client = match timeout_at(deadline, self.client()).await {
            Err(_) => return Err(failed(late(), false)),
            Ok(Err(error)) => return Err(failed(error, false)),
            Ok(Ok(client)) => client,
        };
        let answer = timeout_at(
            deadline,
            subxt::rpcs::client::RpcClientT::request_raw(client.as_ref(), method, params),
        );
        match answer.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(RpcError::Client(error))) => {
                // An answer that cannot be read leaves the stream unusable, as a lost connection does.
                self.forget(&client);
                Err(failed(self.lost(error.as_ref()), true))
            }
            Ok(Err(RpcError::User(error))) => Err(NoAnswer {
                error: RpcError::User(self.without_address(error)),
                sent: true,
            }),
            Ok(Err(error)) => Err(NoAnswer { error, sent: true }),
            Err(_) => {
                // A socket that is half dead would swallow the next request as well.
                self.forget(&client);
                Err(failed(late(), true))
            }
        }
    }
}
