//! A beacon: whose pulses they are, and when which is out.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use platform_domain::UnixSeconds;

use crate::{CurveError, PublicKey, Pulse, Round, curve};

/// A beacon of drand's kind. Made by [`BeaconConfig::build`](crate::BeaconConfig::build), whose default is quicknet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beacon {
    pub(crate) public_key: PublicKey,
    pub(crate) genesis: UnixSeconds,
    /// Above zero.
    pub(crate) period_seconds: u64,
}

/// Why a pulse is not the beacon's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Signed by somebody else, or for another round.
    #[error(
        "the signature of round {0} is not the beacon's; is the beacon in the configuration the chain's?"
    )]
    Forged(Round),
    /// No pulse's fault.
    #[error(transparent)]
    Curve(#[from] CurveError),
}

/// The moment has no round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the moment is beyond every round that has a number; are clock and beacon right?")]
pub struct MomentError;

impl Beacon {
    /// What pulses are verified with.
    pub const fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// When round 1 came out.
    pub const fn genesis(&self) -> UnixSeconds {
        self.genesis
    }

    /// The time between two rounds, whole seconds.
    pub const fn period(&self) -> Duration {
        Duration::from_secs(self.period_seconds)
    }

    /// Whether a pulse is this beacon's: `e(signature, g2) = e(Q(round), public key)`, as pallets/drand verifies it (spec 425).
    pub fn verify(&self, pulse: &Pulse) -> Result<(), VerifyError> {
        let signed = curve::identity(pulse.round)?;
        let left = (pulse.signature.point(), curve::generator());
        if curve::pairings_agree(left, (signed, self.public_key.point())) {
            Ok(())
        } else {
            Err(VerifyError::Forged(pulse.round))
        }
    }

    /// When a round comes out: `genesis + (round − 1) · period`. `None` for one that no clock reaches.
    pub fn emitted_at(&self, round: Round) -> Option<SystemTime> {
        let before = round.get().checked_sub(1)?.checked_mul(self.period_seconds)?;
        let seconds = self.genesis.0.checked_add(before)?;
        UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
    }

    /// The newest round that is out at a moment: `floor((now − genesis) / period) + 1`; `None` before genesis.
    pub fn newest_at(&self, now: SystemTime) -> Option<Round> {
        let genesis = UNIX_EPOCH.checked_add(Duration::from_secs(self.genesis.0))?;
        let since = now.duration_since(genesis).ok()?.as_secs();
        Round::new((since / self.period_seconds).checked_add(1)?).ok()
    }

    /// The round that Bittensor's clients seal to when the chain should have it at a moment:
    /// `max(1, floor((moment − genesis) / period))` (bittensor-drand 2.0.0, `generate_commit_v2`). It is one before
    /// [`Beacon::newest_at`], so it has been out for up to a period; kept, so that all commit to the same round.
    ///
    /// The moment is in nanoseconds since 1970.
    pub(crate) fn round_for(&self, moment: u128) -> Result<Round, MomentError> {
        let genesis = u128::from(self.genesis.0) * NANOS;
        let period = u128::from(self.period_seconds) * NANOS;
        let number = moment.saturating_sub(genesis) / period;
        let number = u64::try_from(number).map_err(|_| MomentError)?;
        Ok(Round::new(number).unwrap_or(Round::FIRST))
    }
}

/// In a second. A `u64` of seconds in nanoseconds fits into `u128` with bits to spare.
const NANOS: u128 = 1_000_000_000;
