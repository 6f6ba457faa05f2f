//! What the tests begin with.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use platform_domain::{Hotkey, Uid, UnixSeconds};
use platform_timelock::*;

/// When the vectors of the schedule were computed for.
pub(crate) const NOW: u64 = 1_750_000_000;

pub(crate) fn quicknet() -> Beacon {
    BeaconConfig::default().build().unwrap()
}

pub(crate) fn quicknet_1000() -> Pulse {
    Pulse::quicknet_1000().unwrap()
}

pub(crate) fn round(number: u64) -> Round {
    Round::new(number).unwrap()
}

pub(crate) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// A beacon of our own.
pub(crate) fn own() -> (BeaconKey, Beacon) {
    let key = BeaconKey::from_seed(&[7; 32]).unwrap();
    let beacon = key.config(UnixSeconds(1_000_000), 1).build().unwrap();
    (key, beacon)
}

pub(crate) fn hotkey(seed: u8) -> Hotkey {
    Hotkey::from_bytes([seed; 32])
}

pub(crate) fn payload(miners: u16) -> Payload {
    Payload {
        hotkey: hotkey(1),
        weights: (0..miners).map(|uid| (Uid(uid), uid.wrapping_mul(257))).collect(),
        version_key: 10_002_000,
    }
}
