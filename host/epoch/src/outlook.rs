//! What an operator wants to know of the chain before weights are sent. Reads, and writes nothing.

use std::sync::Arc;

use platform_chain::{Account, Chain, ChainStatus, Preflight, Subnet, Timing, WeightsCall};
use platform_domain::{EpochId, Hotkey, Metagraph, Uid};
use platform_store::epochs;

use crate::{EpochError, Epochs, submit::weights_call};

/// The nodes, the runtime and the subnet.
#[derive(Clone, Debug)]
pub struct Outlook {
    /// The nodes and the runtime.
    pub status: ChainStatus,
    /// The subnet's rules.
    pub subnet: Subnet,
    /// When its epochs are.
    pub timing: Timing,
    /// Whose weights are submitted, if any.
    pub account: Option<Account>,
}

/// Whether the chain would take weights.
#[derive(Clone, Debug)]
pub struct Foreseen {
    /// The epoch whose vector was tried; `None` when the hotkey's weight for itself was, because no vector is recorded.
    pub epoch: Option<EpochId>,
    /// Every check.
    pub preflight: Preflight,
}

impl Epochs {
    /// Looks at the nodes and at the subnet.
    pub async fn outlook(&self) -> Result<Outlook, EpochError> {
        let chain = self.chain().await?;
        let status = chain.status().await?;
        let (config, best) = (self.config(), status.best.1);
        let subnet = chain.subnet(config.netuid, config.mechanism, best).await?;
        let timing = chain.timing(config.netuid, best).await?;
        let account = self.submitter().map(Account::from);
        Ok(Outlook {
            status,
            subnet,
            timing,
            account,
        })
    }

    /// Reads who is registered, anew.
    pub async fn metagraph(&self) -> Result<Arc<Metagraph>, EpochError> {
        self.refresh_metagraph(self.chain().await?).await
    }

    /// Makes every check of the newest recorded vector, or of the hotkey's weight for itself where there is none.
    pub async fn preflight(&self) -> Result<Foreseen, EpochError> {
        let chain = self.chain().await?;
        let submitter = self.submitter().ok_or(EpochError::NoHotkey)?;
        let lane = self.lane(chain);
        let newest = self
            .store()
            .read("epoch_newest_recorded", move |connection| {
                epochs::newest_recorded(connection, lane)
            })
            .await?;
        let (_, best) = chain.best_block().await?;
        let version = chain
            .subnet(lane.netuid, lane.mechanism, best)
            .await?
            .weights_version;
        let recorded = newest.and_then(|row| Some((row.epoch, row.vector?)));
        let (epoch, call) = match recorded {
            Some((epoch, vector)) => (Some(epoch), weights_call(lane, &vector, version)),
            None => (None, self.own_weight(chain, submitter.hotkey(), version).await?),
        };
        let preflight = chain.preflight(submitter, &call).await?;
        Ok(Foreseen { epoch, preflight })
    }

    /// All for the hotkey itself, which every validator may say.
    async fn own_weight(
        &self,
        chain: &Chain,
        hotkey: Hotkey,
        version_key: u64,
    ) -> Result<WeightsCall, EpochError> {
        let metagraph = self.refresh_metagraph(chain).await?;
        // Of a hotkey without a UID the checks will say so; any UID will do.
        let uid = metagraph.uid_of(&hotkey).unwrap_or(Uid(0));
        Ok(WeightsCall {
            netuid: self.config().netuid,
            mechanism: self.config().mechanism,
            uids: vec![uid],
            values: vec![u16::MAX],
            version_key,
        })
    }
}
