//! What came of a commit. The chain says nothing of one that it could not open or whose weights it refused, so this is worked
//! out from what it keeps.

use platform_domain::{BlockHash, BlockNumber, Hotkey, Uid};

use crate::{
    Chain, ChainError, Sealed, WeightsCall,
    limits::REVEAL_SEARCH_MAX,
    outcome,
    view::{View, entry},
};

/// What came of a commit, seen from the last final block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RevealState {
    /// It waits among the chain's commits.
    Waiting {
        /// The first block that may reveal it.
        first_block: BlockNumber,
        /// The block this was read at.
        head: BlockNumber,
        /// The newest round the chain has a pulse of.
        last_stored_round: u64,
    },
    /// Its weights are set.
    Revealed {
        /// The block that did it; `None` when the node has thrown away the state that would tell.
        block: Option<(BlockNumber, BlockHash)>,
    },
    /// The chain went past the round without its pulse, and so will never open the commit: it is to be made anew.
    PulseSkipped {
        /// The newest round the chain has a pulse of.
        last_stored_round: u64,
    },
    /// The commit is gone and its weights are not set.
    Missed {
        /// Why, as far as the chain tells.
        why: Missed,
    },
}

/// Why a commit came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missed {
    /// Opened and dropped.
    #[error(
        "the chain opened the commit and dropped it without a word: it refused the weights in it; a preflight names the check"
    )]
    Refused,
    /// The pulse came too late.
    #[error("the epoch that could reveal the commit ended before the chain had the pulse of its round")]
    Late,
    /// Another vector of this hotkey is in its place.
    #[error("another vector of the same hotkey is in its place; is a second host running with this hotkey?")]
    Replaced,
    /// The hotkey has lost its UID.
    #[error("the hotkey is no longer registered in the subnet")]
    Deregistered,
    /// The state that would tell is discarded.
    #[error("the commit is gone and the node no longer has the state that would tell why")]
    Unknown,
}

impl Chain {
    /// Looks what came of a commit that is in a block. Reads at the last final block; for one that is gone, also the states in
    /// between, to find the block where it went. One that the best block has and the final one has not yet waits, and so does one
    /// that a node cannot have, because its final block is older than `committed`, the block that the commit is in.
    pub async fn reveal(
        &self,
        hotkey: Hotkey,
        call: &WeightsCall,
        sealed: &Sealed,
        committed: BlockNumber,
    ) -> Result<RevealState, ChainError> {
        // The final block first: the best chain that is asked for afterwards contains it.
        let view = self.final_view().await?;
        let waiting = async || {
            Ok(RevealState::Waiting {
                first_block: sealed.first_block,
                head: view.number,
                last_stored_round: view.get(entry::LAST_ROUND, ()).await?,
            })
        };
        if view.number < committed {
            return waiting().await;
        }
        let state = view.reveal(hotkey, call, sealed, committed).await?;
        if matches!(state, RevealState::Missed { .. }) {
            let best = self.best_view().await?;
            if best.find_commit(hotkey, call, sealed).await?.is_some() {
                return waiting().await;
            }
        }
        Ok(state)
    }
}

/// The last block with a commit and the first without it.
struct Gone<'a> {
    with: View<'a>,
    without: View<'a>,
}

impl View<'_> {
    async fn reveal(
        &self,
        hotkey: Hotkey,
        call: &WeightsCall,
        sealed: &Sealed,
        committed: BlockNumber,
    ) -> Result<RevealState, ChainError> {
        let last_stored_round: u64 = self.get(entry::LAST_ROUND, ()).await?;
        let skipped = self.is_skipped(sealed.round, last_stored_round).await?;
        if self.find_commit(hotkey, call, sealed).await?.is_some() {
            return Ok(match skipped {
                true => RevealState::PulseSkipped { last_stored_round },
                false => RevealState::Waiting {
                    first_block: sealed.first_block,
                    head: self.number,
                    last_stored_round,
                },
            });
        }
        let missed = |why| Ok(RevealState::Missed { why });
        let Some(uid) = self.uid_of(call, hotkey).await? else {
            return missed(Missed::Deregistered);
        };
        let Some(gone) = self.find_where_it_went(hotkey, call, sealed, uid).await? else {
            // What the row says is all that is left. Before its first block no reveal can have set it.
            return if self.number >= sealed.first_block && self.row(call, uid).await? == call.row() {
                Ok(RevealState::Revealed { block: None })
            } else if self
                .last_update(call, uid)
                .await?
                .is_some_and(|last| last > committed)
            {
                // What the hotkey said since is newer, whatever it was.
                missed(Missed::Replaced)
            } else if skipped {
                Ok(RevealState::PulseSkipped { last_stored_round })
            } else {
                missed(Missed::Unknown)
            };
        };
        let revealed = gone.has_revealed(hotkey, call).await?;
        if revealed && gone.without.row(call, uid).await? == call.row() {
            let block = Some((gone.without.number, gone.without.hash));
            return Ok(RevealState::Revealed { block });
        }
        if revealed {
            missed(Missed::Replaced)
        } else if gone.with.has_pulse(sealed.round).await? {
            missed(Missed::Refused)
        } else if skipped {
            Ok(RevealState::PulseSkipped { last_stored_round })
        } else {
            missed(Missed::Late)
        }
    }

    /// Whether the chain went past a round without its pulse: `LastStoredRound` only grows, and is the one place from which the
    /// chain goes on. Pulses before `OldestStoredRound` it had and has thrown away.
    async fn is_skipped(&self, round: u64, last_stored_round: u64) -> Result<bool, ChainError> {
        if last_stored_round < round || self.has_pulse(round).await? {
            return Ok(false);
        }
        match self.runtime.has_entry(entry::OLDEST_ROUND) {
            true => Ok(self.get::<u64>(entry::OLDEST_ROUND, ()).await? <= round),
            false => Ok(true),
        }
    }

    /// Halves the blocks between the commit's own, by `LastUpdate`, and this one, which is without it. `None` when the state that
    /// would tell is discarded, or when the hotkey has updated again since.
    async fn find_where_it_went(
        &self,
        hotkey: Hotkey,
        call: &WeightsCall,
        sealed: &Sealed,
        uid: Uid,
    ) -> Result<Option<Gone<'_>>, ChainError> {
        let Some(committed) = self.last_update(call, uid).await? else {
            return Ok(None);
        };
        let oldest = self.number.0.saturating_sub(REVEAL_SEARCH_MAX);
        let mut with = match self.at_height(committed.0.max(oldest)).await {
            Err(ChainError::BlockUnavailable(_)) => return Ok(None),
            view => view?,
        };
        match with.find_commit(hotkey, call, sealed).await {
            Ok(Some(_)) => {}
            Ok(None) | Err(ChainError::BlockUnavailable(_)) => return Ok(None),
            Err(error) => return Err(error),
        }
        let mut without = self.at_height(self.number.0).await?;
        while without.number.0.saturating_sub(with.number.0) > 1 {
            let middle = self.at_height(with.number.0.midpoint(without.number.0)).await?;
            match middle.find_commit(hotkey, call, sealed).await? {
                Some(_) => with = middle,
                None => without = middle,
            }
        }
        Ok(Some(Gone { with, without }))
    }

    /// The state after the block of the final chain at a height.
    async fn at_height(&self, number: u64) -> Result<View<'_>, ChainError> {
        let hash = if number == self.number.0 {
            self.hash
        } else {
            self.chain().rpc().hash_at(BlockNumber(number)).await?
        };
        self.chain().view_at(hash).await
    }
}

impl Gone<'_> {
    /// Whether the block without the commit says that it revealed weights of the hotkey. Its events were written by the runtime
    /// before it.
    async fn has_revealed(&self, hotkey: Hotkey, call: &WeightsCall) -> Result<bool, ChainError> {
        let events = self.without.events().await?;
        outcome::has_revealed(&self.with.runtime, events, call, hotkey)
    }
}
