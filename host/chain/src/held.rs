//! What the chain has of a vector whose fate is unknown: looked up before anything is sent again.

use platform_domain::{BlockHash, BlockNumber, Hotkey, Uid};

use crate::{
    Chain, ChainError, Sealed, WeightsCall,
    extrinsic::blake2_256,
    subnet::storage_index,
    view::{View, entry},
};

/// What the chain has of a vector, at its best block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The block this was read at.
    pub block: (BlockNumber, BlockHash),
    /// The hotkey's UID; `None` when it is not registered any more.
    pub uid: Option<Uid>,
    /// When it last set or committed weights of this mechanism; `None` is never.
    pub last_update: Option<BlockNumber>,
    /// Blocks until the rate limit lets it do so again: 0 when the next block may.
    pub limit_left: u64,
    /// What is there.
    pub what: Holding,
    /// Whether the last final block says the same.
    pub finalised: bool,
}

/// What the chain has of a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holding {
    /// Nothing has come of it: the hotkey has not updated since. An extrinsic that still waits in a pool may change that,
    /// which [`Chain::inclusion`] and [`Chain::is_dead`] tell.
    Nothing,
    /// These very weights are set, or were revealed.
    Weights,
    /// This very commit waits for its reveal, filed under this epoch of the chain.
    Commit {
        /// The epoch.
        epoch: u64,
    },
    /// The hotkey has updated since, and neither the weights nor the commit are there: it did so from elsewhere, or the commit
    /// came to nothing.
    Other,
}

/// An entry of `TimelockedWeightCommits`: who, the block of the commit, the sealed bytes, the round.
pub(crate) type StoredCommit = ([u8; 32], u64, Vec<u8>, u64);

impl Chain {
    /// Looks what the chain has of a vector that was sent in or after block `since` and whose fate is unknown: `LastUpdate`, the
    /// row of `Weights` and, for one that was committed, the commits that wait.
    pub async fn held(
        &self,
        hotkey: Hotkey,
        call: &WeightsCall,
        sealed: Option<&Sealed>,
        since: BlockNumber,
    ) -> Result<Held, ChainError> {
        // The final block first: the best chain that is asked for afterwards contains it.
        let finalised = self.final_view().await?;
        let best = self.best_view().await?;
        let mut held = best.held(hotkey, call, sealed, since).await?;
        held.finalised = finalised.held(hotkey, call, sealed, since).await?.what == held.what;
        Ok(held)
    }
}

impl View<'_> {
    async fn held(
        &self,
        hotkey: Hotkey,
        call: &WeightsCall,
        sealed: Option<&Sealed>,
        since: BlockNumber,
    ) -> Result<Held, ChainError> {
        let uid = self.uid_of(call, hotkey).await?;
        let last_update = match uid {
            Some(uid) => self.last_update(call, uid).await?,
            None => None,
        };
        let updated = last_update.is_some_and(|last| last >= since);
        let commit = match sealed {
            Some(sealed) => self.find_commit(hotkey, call, sealed).await?,
            None => None,
        };
        let what = match (commit, uid) {
            (Some(epoch), _) => Holding::Commit { epoch },
            (None, _) if !updated => Holding::Nothing,
            (None, Some(uid)) if self.row(call, uid).await? == call.row() => Holding::Weights,
            (None, _) => Holding::Other,
        };
        let limit: u64 = self.get(entry::RATE_LIMIT, (call.netuid.0,)).await?;
        let next = self.number.0.saturating_add(1);
        Ok(Held {
            block: (self.number, self.hash),
            uid,
            last_update,
            limit_left: limit_left(last_update, limit, next),
            what,
            finalised: false,
        })
    }

    /// The hotkey's UID in the subnet.
    pub(crate) async fn uid_of(&self, call: &WeightsCall, hotkey: Hotkey) -> Result<Option<Uid>, ChainError> {
        let uid: Option<u16> = self
            .find(entry::UIDS, (call.netuid.0, *hotkey.as_bytes()))
            .await?;
        Ok(uid.map(Uid))
    }

    /// When a UID last updated this mechanism.
    pub(crate) async fn last_update(
        &self,
        call: &WeightsCall,
        uid: Uid,
    ) -> Result<Option<BlockNumber>, ChainError> {
        let index = storage_index(call.netuid, call.mechanism)?;
        let updates: Vec<u64> = self.get(entry::LAST_UPDATE, (index,)).await?;
        let last = updates.get(usize::from(uid.0)).copied().filter(|last| *last > 0);
        Ok(last.map(BlockNumber))
    }

    /// The row that a UID has set.
    pub(crate) async fn row(&self, call: &WeightsCall, uid: Uid) -> Result<Vec<(u16, u16)>, ChainError> {
        let index = storage_index(call.netuid, call.mechanism)?;
        self.get(entry::WEIGHTS, (index, uid.0)).await
    }

    /// The commits that wait under an epoch.
    pub(crate) async fn commits(
        &self,
        call: &WeightsCall,
        epoch: u64,
    ) -> Result<Vec<StoredCommit>, ChainError> {
        let index = storage_index(call.netuid, call.mechanism)?;
        self.get(entry::COMMITS, (index, epoch)).await
    }

    /// The epoch under which a commit waits. It may have got into a later block than foreseen, and so under a later epoch; the
    /// chain keeps those from which on a reveal may still come.
    pub(crate) async fn find_commit(
        &self,
        hotkey: Hotkey,
        call: &WeightsCall,
        sealed: &Sealed,
    ) -> Result<Option<u64>, ChainError> {
        let timing = self.timing(call.netuid).await?;
        let current = timing.epoch().map_err(ChainError::Schedule)?.0;
        let oldest = current.saturating_sub(timing.reveal_period.get().saturating_add(1));
        for epoch in sealed.committed_in.max(oldest)..=current {
            let is_it = |commit: &StoredCommit| {
                commit.0 == *hotkey.as_bytes() && blake2_256(&commit.2) == sealed.commit_hash.0
            };
            if self.commits(call, epoch).await?.iter().any(is_it) {
                return Ok(Some(epoch));
            }
        }
        Ok(None)
    }
}

/// Blocks until block `next` or a later one may update again: the chain wants `block − last ≥ limit`.
pub(crate) fn limit_left(last_update: Option<BlockNumber>, limit: u64, next: u64) -> u64 {
    last_update.map_or(0, |last| last.0.saturating_add(limit).saturating_sub(next))
}
