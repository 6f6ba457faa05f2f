//! One WebSocket connection, made anew when it breaks. Every request has the deadline, connecting included,
//! and every new connection is checked to lead to the same chain. Nothing is repeated here: whether a
//! request may be sent twice is not known at this level.

use std::{error::Error, sync::Arc, sync::OnceLock, time::Duration};

use platform_domain::BlockHash;
use subxt::{
    ext::jsonrpsee::{
        core::client::{ClientT, Error as ClientError},
        core::params::ArrayParams,
        ws_client::{PingConfig, WsClient, WsClientBuilder},
    },
    rpcs::{
        Error as RpcError,
        client::{RawRpcFuture, RawRpcSubscription, RawValue, RpcClientT},
    },
};
use tokio::{sync::Mutex, time::timeout};

/// The way to one node.
pub(crate) struct Link {
    /// Never logged: providers put their keys into it.
    endpoint: String,
    deadline: Duration,
    /// The configured genesis, or that of the first connection.
    genesis: OnceLock<BlockHash>,
    client: Mutex<Option<Arc<WsClient>>>,
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
/// jsonrpsee has a deadline of its own, which must not come first.
const GRACE: Duration = Duration::from_secs(1);

impl Link {
    pub(crate) fn new(endpoint: String, deadline: Duration, genesis: Option<BlockHash>) -> Self {
        let genesis = genesis.map_or_else(OnceLock::new, OnceLock::from);
        let client = Mutex::new(None);
        Self {
            endpoint,
            deadline,
            genesis,
            client,
        }
    }

    async fn client(&self) -> Result<Arc<WsClient>, LinkError> {
        let mut slot = self.client.lock().await;
        if let Some(client) = slot.as_ref().filter(|client| client.is_connected()) {
            return Ok(Arc::clone(client));
        }
        let client = Arc::new(self.connect().await?);
        *slot = Some(Arc::clone(&client));
        Ok(client)
    }

    async fn connect(&self) -> Result<WsClient, LinkError> {
        // Pings find a dead connection that no request is waiting on.
        let client = WsClientBuilder::default()
            .connection_timeout(self.deadline)
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

    /// Forgets a connection that did not answer; one made by someone else meanwhile stays.
    async fn forget(&self, client: &Arc<WsClient>) {
        let mut slot = self.client.lock().await;
        if slot.as_ref().is_some_and(|current| Arc::ptr_eq(current, client)) {
            *slot = None;
        }
    }

    async fn request(&self, method: &str, params: Option<Box<RawValue>>) -> Result<Box<RawValue>, RpcError> {
        let late = || {
            let method = method.to_owned();
            RpcError::Client(Box::new(LinkError::Timeout {
                method,
                after: self.deadline,
            }))
        };
        let client = match timeout(self.deadline, self.client()).await {
            Err(_) => return Err(late()),
            Ok(Err(error)) => return Err(RpcError::Client(Box::new(error))),
            Ok(Ok(client)) => client,
        };
        match timeout(self.deadline, client.request_raw(method, params)).await {
            Ok(Err(RpcError::Client(error))) => {
                // An answer that cannot be read leaves the stream unusable, as a lost connection does.
                self.forget(&client).await;
                Err(RpcError::Client(Box::new(
                    match error.downcast::<ClientError>() {
                        Ok(error) if matches!(*error, ClientError::RequestTimeout) => return Err(late()),
                        Ok(error) => LinkError::Lost(error),
                        Err(error) => LinkError::Lost(error),
                    },
                )))
            }
            Ok(answer) => answer,
            Err(_) => {
                // A socket that is half dead would swallow the next request as well.
                self.forget(&client).await;
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
