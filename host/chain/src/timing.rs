//! When a subnet's epochs are, and when a commit of now would be revealed: from what the chain keeps at one block.

use std::time::{Duration, SystemTime};

use platform_domain::{BlockHash, BlockNumber, EpochId, Netuid};
use platform_timelock::{Beacon, Epochs, Grid, Reveal, RevealPeriod, Schedule, ScheduleError};

use crate::{
    Chain, ChainError,
    view::{View, entry},
};

/// When things happen in a subnet, seen from one block.
#[derive(Clone, Debug)]
pub struct Timing {
    /// The subnet.
    pub netuid: Netuid,
    /// The block all this was read at.
    pub block: (BlockNumber, BlockHash),
    /// When its epochs are: stateful where the runtime has `LastEpochBlock` (spec 423 and later), else on the grid.
    pub schedule: Schedule,
    /// Epochs between commit and reveal, as the chain has it; [`RevealPeriod::new`] checks it.
    pub reveal_period: RevealPeriod,
    /// The time between two blocks: the constant `Aura.SlotDuration`, or `AuraApi_slot_duration` where that is absent.
    pub block_time: Duration,
    /// The block's own time, `Timestamp.Now`.
    pub block_at: SystemTime,
    /// Whose pulses open commits.
    pub beacon: Beacon,
}

const SLOT_DURATION: (&str, &str) = ("Aura", "SlotDuration");
const AURA_API: (&str, &str) = ("AuraApi", "slot_duration");

impl Chain {
    /// Reads a subnet's schedule at a block, which should be the best one.
    pub async fn timing(&self, netuid: Netuid, at: BlockHash) -> Result<Timing, ChainError> {
        self.view_at(at).await?.timing(netuid).await
    }
}

impl View<'_> {
    /// Reads a subnet's schedule.
    pub(crate) async fn timing(&self, netuid: Netuid) -> Result<Timing, ChainError> {
        let key = (netuid.0,);
        let (exists, tempo, period, now): (bool, u16, u64, u64) = tokio::try_join!(
            self.get(entry::NETWORKS_ADDED, key),
            self.get(entry::TEMPO, key),
            self.get(entry::REVEAL_PERIOD, key),
            self.get(entry::NOW, ()),
        )?;
        if !exists {
            return Err(ChainError::NoSubnet(netuid));
        }
        let (schedule, block_time) = tokio::try_join!(self.schedule(netuid, tempo), self.block_time())?;
        Ok(Timing {
            netuid,
            block: (self.number, self.hash),
            schedule,
            reveal_period: RevealPeriod::new(period).map_err(ChainError::Schedule)?,
            block_time,
            block_at: SystemTime::UNIX_EPOCH
                .checked_add(Duration::from_millis(now))
                .ok_or_else(|| ChainError::runtime(entry::NOW.1, "a time that no clock reaches"))?,
            beacon: *self.chain().beacon(),
        })
    }

    async fn schedule(&self, netuid: Netuid, tempo: u16) -> Result<Schedule, ChainError> {
        if !self.runtime.has_entry(entry::LAST_EPOCH_BLOCK) {
            return Ok(Schedule::Grid(Grid {
                head: self.number,
                netuid,
                tempo,
            }));
        }
        let key = (netuid.0,);
        let (last, pending, epoch_index, blocks_since_last_step) = tokio::try_join!(
            self.get(entry::LAST_EPOCH_BLOCK, key),
            self.get(entry::PENDING_EPOCH_AT, key),
            self.get(entry::EPOCH_INDEX, key),
            self.get(entry::BLOCKS_SINCE_LAST_STEP, key),
        )?;
        Ok(Schedule::Epochs(Epochs {
            head: self.number,
            last_epoch_block: BlockNumber(last),
            pending_epoch_at: BlockNumber(pending),
            epoch_index,
            tempo,
            blocks_since_last_step,
        }))
    }

    pub(crate) async fn block_time(&self) -> Result<Duration, ChainError> {
        let millis = match self.runtime.constant(SLOT_DURATION)? {
            Some(millis) => millis,
            None => {
                let (function, arguments) = self.runtime.api_call(AURA_API, ())?;
                let answer = self.chain().rpc().call(&function, &arguments, self.hash).await?;
                self.runtime.api_answer(AURA_API, &answer)?
            }
        };
        Ok(Duration::from_millis(millis))
    }
}

impl Timing {
    /// The number of the chain's epoch that the next block is in: what a commit in it is filed under.
    pub fn epoch(&self) -> Result<EpochId, ScheduleError> {
        let next = self.schedule.head().0.checked_add(1);
        let next = BlockNumber(next.ok_or(ScheduleError::Overflow)?);
        let number = match self.schedule {
            Schedule::Epochs(Epochs { tempo: 0, .. }) | Schedule::Grid(Grid { tempo: 0, .. }) => {
                return Err(ScheduleError::NoTempo);
            }
            Schedule::Epochs(epochs) => epochs.epoch_in(next),
            // `floor((block + netuid + 1) / (tempo + 1))`, see [`Grid`].
            Schedule::Grid(grid) => {
                let place = next.0.checked_add(u64::from(grid.netuid.0) + 1);
                place.ok_or(ScheduleError::Overflow)? / (u64::from(grid.tempo) + 1)
            }
        };
        Ok(EpochId(number))
    }

    /// Blocks of one of the chain's epochs, if nobody changes the schedule.
    pub fn length(&self) -> u64 {
        match self.schedule {
            Schedule::Epochs(epochs) => epochs.tempo.into(),
            // The one in which it ends is not counted there.
            Schedule::Grid(grid) => u64::from(grid.tempo).saturating_add(1),
        }
    }

    /// The first block after this one in which an epoch ends, if nobody changes the schedule.
    pub fn next_epoch(&self) -> Result<BlockNumber, ScheduleError> {
        self.schedule.next_epoch()
    }

    /// When a commit that is sent at `now` is revealed, and the round to seal it to. A clock that is behind the block's own
    /// time stands at that: what is sealed to an earlier round could be read before its time.
    pub fn reveal(&self, now: SystemTime) -> Result<Reveal, ScheduleError> {
        let now = now.max(self.block_at);
        self.schedule
            .reveal(self.reveal_period, &self.beacon, now, self.block_time)
    }
}
