//! What the checks are made of, read at one block.

use std::time::{Duration, SystemTime};

use platform_domain::{BlockNumber, Hotkey};
use subxt::ext::{
    frame_decode::storage::IntoEncodableValues,
    scale_decode::DecodeAsType,
    scale_value::{Value, ValueDef},
};

use crate::{
    Account, ChainError, WeightsCall,
    commit::{commit_name, payload},
    runtime::Entry,
    view::{View, entry},
    weights::plain_name,
};

/// Something that was read, or why it could not be.
pub(crate) type Fact<T> = Result<T, String>;

/// What the checks are made of.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) head: BlockNumber,
    pub(crate) hotkey: Hotkey,
    pub(crate) exists: Fact<bool>,
    pub(crate) mechanisms: Fact<u8>,
    pub(crate) neurons: Fact<u16>,
    pub(crate) member: Fact<bool>,
    pub(crate) uid: Fact<Option<u16>>,
    pub(crate) owner: Fact<bool>,
    pub(crate) permits: Fact<Vec<bool>>,
    /// What the chain compares with the threshold, for each UID.
    pub(crate) stakes: Fact<Vec<u64>>,
    pub(crate) threshold: Fact<u64>,
    pub(crate) last_updates: Fact<Vec<u64>>,
    pub(crate) rate_limit: Fact<u64>,
    pub(crate) version_key: Fact<u64>,
    pub(crate) min_weights: Fact<u16>,
    pub(crate) max_weight: Fact<u16>,
    pub(crate) commit_reveal: Fact<bool>,
    /// The call that would be made.
    pub(crate) call: Fact<&'static str>,
    pub(crate) safe_mode_until: Fact<Option<u64>>,
    /// With commit-reveal.
    pub(crate) sealed: Option<SealedFacts>,
    /// With a proxy: the delegation that the chain would find.
    pub(crate) delegation: Option<Fact<Option<Delegation>>>,
}

/// What matters of a commit only.
#[derive(Clone, Debug)]
pub(crate) struct SealedFacts {
    pub(crate) version: Fact<u16>,
    /// Own commits that wait under the epoch of the next block.
    pub(crate) waiting: Fact<usize>,
    pub(crate) payload: usize,
    /// Round, epoch and first block of the reveal.
    pub(crate) reveal: Fact<(u64, u64, BlockNumber)>,
    pub(crate) last_stored_round: Fact<u64>,
    /// The round of the chain's that sealing was rehearsed with; `None` when it has none.
    pub(crate) rehearsal: Fact<Option<u64>>,
    /// By how much the block's time is before the host's, or after it.
    pub(crate) clock: Fact<(Duration, bool)>,
}

/// A delegation to the signer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delegation {
    pub(crate) kind: String,
    pub(crate) delay: u64,
}

/// An entry of `Proxy.Proxies`.
#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct ProxyDefinition {
    delegate: [u8; 32],
    proxy_type: Value<()>,
    delay: u64,
}

/// What the runtime says of it is a fact, also that it has no such thing; that the node does not answer is none.
fn fact<T>(answer: Result<T, ChainError>) -> Result<Fact<T>, ChainError> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(
            error @ (ChainError::Connection(_)
            | ChainError::Timeout { .. }
            | ChainError::Rpc { .. }
            | ChainError::Answer { .. }
            | ChainError::BlockUnavailable(_)
            | ChainError::Genesis { .. }
            | ChainError::Prefix(_)
            | ChainError::NotSubtensor(_)),
        ) => Err(error),
        Err(error) => Ok(Err(platform_domain::with_causes(&error))),
    }
}

impl View<'_> {
    async fn fact<T: DecodeAsType>(
        &self,
        entry: Entry<'_>,
        keys: impl IntoEncodableValues,
    ) -> Result<Fact<T>, ChainError> {
        fact(self.get(entry, keys).await)
    }

    /// Reads everything that the checks need.
    pub(crate) async fn facts(&self, who: Account, call: &WeightsCall) -> Result<Facts, ChainError> {
        let key = (call.netuid.0,);
        let hotkey = *who.hotkey.as_bytes();
        let index = crate::subnet::storage_index(call.netuid, call.mechanism).unwrap_or(u16::MAX);
        let (exists, mechanisms, neurons, member, uid, owner, permits) = tokio::try_join!(
            self.fact(entry::NETWORKS_ADDED, key),
            async { fact(self.mechanisms(call.netuid).await) },
            self.fact(entry::NEURONS, key),
            self.fact(entry::IS_MEMBER, (hotkey, call.netuid.0)),
            async { fact(self.find(entry::UIDS, (call.netuid.0, hotkey)).await) },
            self.fact::<[u8; 32]>(entry::OWNER_HOTKEY, key),
            self.fact(entry::PERMITS, key),
        )?;
        let (threshold, last_updates, rate_limit, version_key, min_weights, max_weight, commit_reveal) = tokio::try_join!(
            self.fact(entry::STAKE_THRESHOLD, ()),
            self.fact(entry::LAST_UPDATE, (index,)),
            self.fact(entry::RATE_LIMIT, key),
            self.fact(entry::VERSION_KEY, key),
            self.fact(entry::MIN_WEIGHTS, key),
            self.fact(entry::MAX_WEIGHT, key),
            self.fact(entry::COMMIT_REVEAL, key),
        )?;
        let sealed = matches!(commit_reveal, Ok(true));
        let name = match sealed {
            true => commit_name(&self.runtime, call),
            false => plain_name(&self.runtime, call),
        };
        Ok(Facts {
            head: self.number,
            hotkey: who.hotkey,
            stakes: fact(self.chain().stakes(&self.runtime, call.netuid, self.hash).await)?,
            exists,
            mechanisms,
            neurons,
            member,
            uid,
            owner: owner.map(|owner| owner == hotkey),
            permits,
            threshold,
            last_updates,
            rate_limit,
            version_key,
            min_weights,
            max_weight,
            commit_reveal,
            call: name.map_err(|error| platform_domain::with_causes(&error)),
            safe_mode_until: self.safe_mode_until().await?,
            sealed: match sealed {
                true => Some(self.sealed_facts(who.hotkey, call).await?),
                false => None,
            },
            delegation: match who.proxy {
                Some(signer) => Some(fact(self.delegation(who.hotkey, signer).await)?),
                None => None,
            },
        })
    }

    /// A runtime without the pallet has no safe mode.
    async fn safe_mode_until(&self) -> Result<Fact<Option<u64>>, ChainError> {
        match self.runtime.has_entry(entry::SAFE_MODE) {
            true => fact(self.find(entry::SAFE_MODE, ()).await),
            false => Ok(Ok(None)),
        }
    }

    async fn sealed_facts(&self, hotkey: Hotkey, call: &WeightsCall) -> Result<SealedFacts, ChainError> {
        let content = payload(hotkey, call);
        let now = SystemTime::now();
        let timing = fact(self.timing(call.netuid).await)?;
        let schedule = timing.as_ref().map_err(Clone::clone);
        let reveal = schedule.clone().and_then(|timing| {
            let reveal = timing.reveal(now).map_err(|error| error.to_string())?;
            Ok((reveal.round.get(), reveal.committed_in.0, reveal.first_block))
        });
        let epoch = schedule
            .clone()
            .and_then(|timing| timing.epoch().map_err(|error| error.to_string()));
        let waiting = match epoch {
            Err(why) => Err(why),
            Ok(epoch) => fact(self.commits(call, epoch.0).await)?.map(|commits| {
                let own = commits.iter().filter(|commit| commit.0 == *hotkey.as_bytes());
                own.count()
            }),
        };
        let clock = schedule.map(|timing| match now.duration_since(timing.block_at) {
            Ok(age) => (age, true),
            Err(ahead) => (ahead.duration(), false),
        });
        Ok(SealedFacts {
            version: self.fact(entry::COMMIT_REVEAL_VERSION, ()).await?,
            waiting,
            payload: content.len(),
            reveal,
            last_stored_round: self.fact(entry::LAST_ROUND, ()).await?,
            rehearsal: fact(self.rehearse(&content).await)?,
            clock,
        })
    }

    /// The first delegation of `real` to the signer: that is the one the chain takes when none is asked for by type.
    async fn delegation(&self, real: Hotkey, signer: Hotkey) -> Result<Option<Delegation>, ChainError> {
        let key = (*real.as_bytes(),);
        let (all, _): (Vec<ProxyDefinition>, u64) = self.get(entry::PROXIES, key).await?;
        let found = all.into_iter().find(|entry| entry.delegate == *signer.as_bytes());
        Ok(found.map(|found| Delegation {
            kind: match found.proxy_type.value {
                ValueDef::Variant(variant) => variant.name,
                other => format!("{other:?}"),
            },
            delay: found.delay,
        }))
    }
}
