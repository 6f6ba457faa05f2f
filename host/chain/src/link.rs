//! One WebSocket connection, made anew when it breaks. Every request has the deadline, connecting included,
//! and every new connection is checked to lead to the same chain. Nothing is repeated here: whether a
//! request may be sent twice is not known at this level.

use std::{
    error::Error,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use platform_domain::BlockHash;
use subxt::{
    ext::jsonrpsee::{
        core::client::ClientT,
        core::params::ArrayParams,
        ws_client::{PingConfig, WsClient, WsClientBuilder},
    },
    rpcs::{
        Error as RpcError,
        client::{RawRpcFuture, RawRpcSubscription, RawValue, RpcClientT},
    },
};
use tokio::time::{Instant, timeout_at};

/// The way to one node.
pub(crate) struct Link {
    /// Never logged: providers put their keys into it.
    endpoint: String,
    deadline: Duration,
    /// The configured genesis, or that of the first connection.
    genesis: OnceLock<BlockHash>,
    current: Mutex<Option<Arc<WsClient>>>,
    /// Held while connecting, so that a broken connection is replaced once and not by every task.
    connecting: tokio::sync::Mutex<()>,
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
    #[error("the connection serves requests only")]
    NoSubscriptions,
}

/// A metadata answer is about 0.8 MB as JSON, a full block at most 10 MB as JSON.
const RESPONSE_MAX_BYTES: u32 = 16 * 1024 * 1024;
/// jsonrpsee has deadlines of its own, which must not come first.
const GRACE: Duration = Duration::from_secs(1);

impl Link {
    pub(crate) fn new(endpoint: String, deadline: Duration, genesis: Option<BlockHash>) -> Self {
        Self {
            endpoint,
            deadline,
            genesis: genesis.map_or_else(OnceLock::new, OnceLock::from),
            current: Mutex::new(None),
            connecting: tokio::sync::Mutex::new(()),
        }
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
        // Pings find a dead connection that no request is waiting on.
        let client = WsClientBuilder::default()
            .connection_timeout(self.deadline.saturating_add(GRACE))
            .request_timeout(self.deadline.saturating_add(GRACE))
            .max_response_size(RESPONSE_MAX_BYTES)
            .enable_ws_ping(PingConfig::default())
            .build(&self.endpoint)
            .await
            .map_err(|error| LinkError::Lost(error.into()))?;
        let mut first_block = ArrayParams::new();
        first_block
            .insert(0)
            .map_err(|error| LinkError::Lost(error.into()))?;
        let found: BlockHash = client
            .request("chain_getBlockHash", first_block)
            .await
            .map_err(|error| LinkError::Lost(error.into()))?;
        let expected = *self.genesis.get_or_init(|| found);
        if found != expected {
            return Err(LinkError::Genesis { expected, found });
        }
        tracing::info!(chain.genesis = %found, "connected to the chain's node");
        Ok(client)
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

    async fn request(&self, method: &str, params: Option<Box<RawValue>>) -> Result<Box<RawValue>, RpcError> {
        let deadline = Instant::now() + self.deadline;
        let late = || {
            let method = method.to_owned();
            let after = self.deadline;
            RpcError::Client(Box::new(LinkError::Timeout { method, after }))
        };
        let client = match timeout_at(deadline, self.client()).await {
            Err(_) => return Err(late()),
            Ok(Err(error)) => return Err(RpcError::Client(Box::new(error))),
            Ok(Ok(client)) => client,
        };
        match timeout_at(deadline, client.request_raw(method, params)).await {
            Ok(Err(RpcError::Client(error))) => {
                // An answer that cannot be read leaves the stream unusable, as a lost connection does.
                self.forget(&client);
                Err(RpcError::Client(Box::new(LinkError::Lost(error))))
            }
            Ok(answer) => answer,
            Err(_) => {
                // A socket that is half dead would swallow the next request as well.
                self.forget(&client);
                Err(late())
            }
        }
    }
}

/// What [`subxt::rpcs::RpcClient`] drives.
pub(crate) struct Requests(pub(crate) Arc<Link>);

impl RpcClientT for Requests {
    fn request_raw<'a>(
        &'a self,
        method: &'a str,
        params: Option<Box<RawValue>>,
    ) -> RawRpcFuture<'a, Box<RawValue>> {
        Box::pin(self.0.request(method, params))
    }

    fn subscribe_raw<'a>(
        &'a self,
        _: &'a str,
        _: Option<Box<RawValue>>,
        _: &'a str,
    ) -> RawRpcFuture<'a, RawRpcSubscription> {
        Box::pin(async { Err(RpcError::Client(Box::new(LinkError::NoSubscriptions))) })
    }
}
