//! Short ways to write down an epoch.

use platform_domain::{Hotkey, RawWeight, Uid};
use platform_weights::{
    ChallengeAnswer, Fallback, Inputs, NO_LIMIT, Outcome, Payout, Policy, Share, Uids, Vector,
};

/// The key of the n-th miner; the first [`SUBNET`] are registered, in reverse order of their keys.
pub(crate) fn key(n: u8) -> Hotkey {
    Hotkey::from_bytes([n; 32])
}

pub(crate) const SUBNET: u8 = 10;

pub(crate) fn uids() -> Uids {
    Uids::new((0..SUBNET).map(|n| (key(SUBNET - n), uid(n)))).unwrap()
}

/// The key registered at a UID.
pub(crate) fn at(n: u8) -> Hotkey {
    key(SUBNET - n)
}

pub(crate) fn uid(n: u8) -> Uid {
    Uid(u16::from(n))
}

pub(crate) fn raw(hotkey: Hotkey, score: f64) -> RawWeight {
    let hotkey = hotkey.to_string();
    RawWeight { hotkey, score }
}

pub(crate) fn answered(slug: &str, percent: &str, scores: &[(Hotkey, f64)]) -> ChallengeAnswer {
    let entries = scores.iter().map(|(hotkey, score)| raw(*hotkey, *score));
    ChallengeAnswer::live(
        slug.parse().unwrap(),
        percent.parse().unwrap(),
        Ok(entries.collect()),
    )
}

pub(crate) fn failed(slug: &str, percent: &str, reason: &str) -> ChallengeAnswer {
    ChallengeAnswer {
        answer: Err(reason.to_owned()),
        ..answered(slug, percent, &[])
    }
}

pub(crate) fn epoch(policy: Policy, challenges: Vec<ChallengeAnswer>) -> Inputs {
    Inputs {
        policy,
        challenges,
        uids: uids(),
        sink: Some(Uid(9)),
        min_allowed_weights: 1,
        max_weight_limit: NO_LIMIT,
        fallback: Fallback::Skip,
    }
}

pub(crate) fn aggregate(inputs: &Inputs) -> Outcome {
    platform_weights::aggregate(inputs).unwrap()
}

pub(crate) fn vector(inputs: &Inputs) -> Vector {
    match aggregate(inputs).payout {
        Payout::Vector(vector) => vector,
        Payout::Empty(empty) => panic!("{empty}"),
    }
}

/// `(uid, weight without its trailing zeros, 16-bit weight)` for each entry.
pub(crate) fn rows(vector: &Vector) -> Vec<(u16, String, u16)> {
    let shown = |share: &Share| share.to_string().trim_end_matches('0').to_owned();
    let entries = vector.uids.iter().zip(&vector.weights).zip(&vector.u16);
    entries
        .map(|((uid, weight), u16)| (uid.0, shown(weight), *u16))
        .collect()
}
