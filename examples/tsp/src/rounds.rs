//! Rounds, and what a tour is worth in one.

use std::time::{SystemTime, UNIX_EPOCH};

use platform_guest_sdk::prelude::*;

const DEFAULT_SECONDS: u64 = 3600;
/// With it a tour 9 % longer than the shortest earns half.
const DEFAULT_POWER: u32 = 8;
/// Beyond this everybody but the first earns nothing to speak of.
const MAX_POWER: u32 = 64;

/// How time is cut into rounds.
pub(crate) struct Rounds {
    seconds: u64,
}

impl Rounds {
    pub(crate) fn read(environment: &Environment) -> Result<Self> {
        match environment.config_or("ROUND_SECONDS", DEFAULT_SECONDS)? {
            0 => Err(Error::internal("ROUND_SECONDS must not be 0")),
            seconds => Ok(Self { seconds }),
        }
    }

    /// The round that runs at this time.
    pub(crate) fn at(&self, unix_seconds: u64) -> u64 {
        unix_seconds / self.seconds
    }

    /// The round that runs now.
    pub(crate) fn now(&self) -> Result<u64> {
        Ok(self.at(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs()))
    }

    /// The Unix time at which a round is over.
    pub(crate) fn end_of(&self, round: u64) -> u64 {
        round.saturating_add(1).saturating_mul(self.seconds)
    }
}

pub(crate) fn power(environment: &Environment) -> Result<u32> {
    match environment.config_or("POWER", DEFAULT_POWER)? {
        power @ 1..=MAX_POWER => Ok(power),
        _ => Err(Error::internal(format!("POWER must be 1 to {MAX_POWER}"))),
    }
}

/// `(best / length) ^ power`. `powf` may differ between machines in the last bit, multiplication may not.
pub(crate) fn score(best: u64, length: u64, power: u32) -> f64 {
    let ratio = best as f64 / length.max(1) as f64;
    (0..power).fold(1.0, |score, _| score * ratio)
}
