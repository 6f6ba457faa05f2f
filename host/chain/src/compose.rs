//! From a vector to the bytes of the call that sets it, as the chain wants it now: at once or committed, by mechanism or not,
//! directly or through a proxy.

use subxt::transactions::Payload;

use crate::{
    Account, Chain, ChainError, Sealed, WeightsCall,
    proxy::proxy_call,
    runtime::Runtime,
    view::{View, entry},
    weights::plain_call,
};

/// A call, ready to be signed. Bytes of a commit are different each time, as its secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composed {
    /// The call that sets or commits the weights, by its name in `SubtensorModule`. With a proxy it is inside `Proxy.proxy`.
    pub call: &'static str,
    /// The call data: index of the pallet, index of the call, arguments in SCALE.
    pub data: Vec<u8>,
    /// What to remember of a commit; `None` when the weights are set at once.
    pub sealed: Option<Sealed>,
    /// Whether the call is wrapped in `Proxy.proxy`.
    pub proxied: bool,
    /// The runtime it was composed for.
    pub spec_version: u32,
}

impl Chain {
    /// Chooses and encodes the call for the chain as it is at its best block. Who asks is a [`&Submitter`](crate::Submitter), or an
    /// [`Account`] or hotkey without its secret.
    ///
    /// With commit-reveal the vector is sealed, and before that the sealing is rehearsed with a pulse of the chain's own:
    /// [`ChainError::Rehearsal`] means that the configured beacon is not the chain's. Whether the chain will take the vector is
    /// for [`Chain::preflight`] to say.
    pub async fn compose(&self, who: impl Into<Account>, call: &WeightsCall) -> Result<Composed, ChainError> {
        let Account { hotkey, proxy } = who.into();
        call.check()?;
        let view = self.best_view().await?;
        let commit_reveal = view.takes_commits(call).await?;
        let (name, data, sealed) = if commit_reveal {
            let (name, payload, sealed) = view.seal(hotkey, call).await?;
            (name, encode(&view.runtime, &payload)?, Some(sealed))
        } else {
            let (name, payload) = plain_call(&view.runtime, call)?;
            (name, encode(&view.runtime, &payload)?, None)
        };
        let data = match proxy {
            None => data,
            Some(_) => encode(&view.runtime, &proxy_call(hotkey, data))?,
        };
        Ok(Composed {
            call: name,
            data,
            sealed,
            proxied: proxy.is_some(),
            spec_version: view.runtime.version().spec,
        })
    }
}

impl View<'_> {
    /// Whether the subnet has commit-reveal on; subnet and mechanism must exist.
    async fn takes_commits(&self, call: &WeightsCall) -> Result<bool, ChainError> {
        let (netuid, mechanism) = (call.netuid, call.mechanism);
        let key = (netuid.0,);
        let (exists, commit_reveal): (bool, bool) = tokio::try_join!(
            self.get(entry::NETWORKS_ADDED, key),
            self.get(entry::COMMIT_REVEAL, key),
        )?;
        if !exists {
            return Err(ChainError::NoSubnet(netuid));
        }
        if mechanism.0 >= self.mechanisms(netuid).await? {
            return Err(ChainError::NoMechanism { netuid, mechanism });
        }
        Ok(commit_reveal)
    }
}

/// The bytes of a call.
pub(crate) fn encode(runtime: &Runtime, payload: &impl Payload) -> Result<Vec<u8>, ChainError> {
    let transactions = runtime.codec().transactions();
    transactions
        .call_data(payload)
        .map_err(|error| ChainError::runtime(payload.call_name(), error))
}
