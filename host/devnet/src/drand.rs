//! The beacon of this node, and what pallet Drand (pallets/drand/src/lib.rs, spec 425) keeps of its pulses.
//!
//! The chain's pulses come in an unsigned extrinsic of the block's author, `write_pulse`, so the reveal of a block sees those of the
//! blocks before. Here no extrinsic carries them; they are written at the end of a block, and announced there.

use std::collections::BTreeSet;

use platform_domain::UnixSeconds;
use platform_timelock::{Beacon, BeaconError, BeaconKey, CurveError, Round, Scheme};

use crate::{
    config::BeaconGenesis,
    error::MetadataError,
    items::{BEACON_CONFIG, LAST_STORED_ROUND, OLDEST_STORED_ROUND, PULSES, Storage},
};

/// A beacon that signs rounds, and what keeps them from the chain.
pub(crate) struct Drand {
    key: BeaconKey,
    beacon: Beacon,
    /// Rounds that the chain will never have.
    pub(crate) skipped: BTreeSet<Round>,
    /// Nothing is written for now.
    pub(crate) delayed: bool,
}

/// Why no beacon can be made of a configuration.
#[derive(Debug, thiserror::Error)]
pub enum BeaconRefused {
    /// Its genesis or its period.
    #[error(transparent)]
    Beacon(#[from] BeaconError),
    /// Not in the 32 bits that the chain has for them.
    #[error("the beacon's genesis or period is more than the chain can hold")]
    Time,
    /// A defect of this crate.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// No seed's fault.
    #[error(transparent)]
    Curve(#[from] CurveError),
}

/// Pulses that one block takes, as many as the chain's worker fetches at once (`MAX_PULSES_TO_FETCH`).
const MAX_PER_BLOCK: usize = 50;
/// Pulses that are kept. The chain has 216,000 (`MAX_KEPT_PULSES`); here every state has its own map of them.
const MAX_KEPT: u64 = 1_024;

impl Drand {
    pub(crate) fn new(genesis: &BeaconGenesis) -> Result<Self, BeaconRefused> {
        let key = BeaconKey::from_seed(&genesis.seed)?;
        let beacon = key.config(genesis.genesis, genesis.period).build()?;
        Ok(Self {
            key,
            beacon,
            skipped: BTreeSet::new(),
            delayed: false,
        })
    }

    pub(crate) const fn beacon(&self) -> &Beacon {
        &self.beacon
    }

    /// Writes down whose pulses these are. Like drand's own nodes, it names itself by hashes; here they are of nothing.
    pub(crate) fn write_config(&self, storage: &mut Storage<'_>) -> Result<(), BeaconRefused> {
        let seconds = |value: u64| u32::try_from(value).map_err(|_| BeaconRefused::Time);
        let scheme = Scheme::BlsUnchainedG1Rfc9380.to_string().into_bytes();
        let config = (
            self.beacon.public_key().as_bytes().to_vec(),
            seconds(self.beacon.period().as_secs())?,
            seconds(self.beacon.genesis().0)?,
            vec![0; 32],
            vec![0; 32],
            scheme,
            b"devnet".to_vec(),
        );
        Ok(storage.put(&BEACON_CONFIG, (), &config)?)
    }

    /// Writes what is out at the block's time, `now` in milliseconds, and not yet stored: the rounds written. The first block
    /// that writes any begins with the newest, as a chain does that has none.
    pub(crate) fn write(&self, storage: &mut Storage<'_>, now: u64) -> Result<Vec<u64>, MetadataError> {
        let mut written = Vec::new();
        let now = UnixSeconds(now / 1000);
        let newest = self.newest(now).filter(|_| !self.delayed);
        let Some(newest) = newest else {
            return Ok(written);
        };
        let last: u64 = storage.reader().get(&LAST_STORED_ROUND, ())?;
        let mut round = match Round::new(last) {
            Ok(last) => last.next(),
            Err(_) => Some(newest),
        };
        while let Some(next) = round
            && next <= newest
            && written.len() < MAX_PER_BLOCK
        {
            if !self.skipped.contains(&next) {
                let pulse = self.key.sign(next).map_err(MetadataError::Pulse)?;
                let (number, signature) = (next.get(), pulse.signature.as_bytes().to_vec());
                storage.put(
                    &PULSES,
                    (number,),
                    &(number, pulse.randomness().to_vec(), signature),
                )?;
                written.push(number);
            }
            round = next.next();
        }
        if let (Some(first), Some(latest)) = (written.first(), written.last()) {
            if last == 0 {
                storage.put(&OLDEST_STORED_ROUND, (), first)?;
            }
            storage.put(&LAST_STORED_ROUND, (), latest)?;
            prune(storage, *latest)?;
        }
        Ok(written)
    }

    fn newest(&self, now: UnixSeconds) -> Option<Round> {
        let since = std::time::Duration::from_secs(now.0);
        self.beacon.newest_at(std::time::UNIX_EPOCH.checked_add(since)?)
    }
}

/// `prune_old_pulses`.
fn prune(storage: &mut Storage<'_>, last: u64) -> Result<(), MetadataError> {
    let oldest: u64 = storage.reader().get(&OLDEST_STORED_ROUND, ())?;
    let keep = last.saturating_add(1).saturating_sub(MAX_KEPT);
    for round in oldest..keep {
        storage.remove(&PULSES, (round,))?;
    }
    if keep > oldest {
        storage.put(&OLDEST_STORED_ROUND, (), &keep)?;
    }
    Ok(())
}
