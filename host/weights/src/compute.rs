//! The offline form: the same pipeline over JSON, for `weights compute` and for whoever checks an epoch.
//!
//! Every refusal names the field.

use std::fmt;

use platform_domain::{EmissionPercent, Slug, Uid};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{
    AnswerSource, ChallengeAnswer, Fallback, Inputs, NO_LIMIT, Outcome, Payout, Policy, Report, Share, Uids,
    WeightsError, aggregate,
    pairs::Pairs,
    wire::{ChallengeWire, ChallengeWritten, JsonScore},
};

/// The inputs of an epoch but for its policy: what is stored of an epoch, and what `weights compute` reads.
///
/// `{"challenges":[{"slug","emission_percent","ok","weights":{hotkey:score}}],"uids":{hotkey:uid}}`, optional
/// `sink_uid`, `min_allowed_weights` (1), `max_weight_limit` (65535), `fallback` ([`Fallback::Skip`]). A
/// challenge that is not `ok` needs no `weights` and may give a `reason`; each may say its `source`
/// ([`AnswerSource`], live when it does not) and, in `earlier`, why other sources did not count. A score may be a
/// text too, as it must where JSON has no number for it (`"NaN"`, `"inf"`, `"-inf"`), and `weights` may be a list
/// of pairs, as it is written: then a hotkey that is named twice is still twice there for any reader.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComputeRequest {
    #[serde(serialize_with = "write_challenges", deserialize_with = "field::challenges")]
    challenges: Vec<ChallengeAnswer>,
    #[serde(serialize_with = "write_uids", deserialize_with = "field::uids")]
    uids: Uids,
    #[serde(default, deserialize_with = "field::sink_uid")]
    sink_uid: Option<Uid>,
    #[serde(default = "one", deserialize_with = "field::min_allowed_weights")]
    min_allowed_weights: u16,
    #[serde(default = "no_limit", deserialize_with = "field::max_weight_limit")]
    max_weight_limit: u16,
    #[serde(default, deserialize_with = "field::fallback")]
    fallback: Fallback,
}

/// `{"uids":[…],"weights":[…],"u16":[…],"report":{…}}`; the lists are empty when there is nothing to pay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ComputeResponse {
    /// Ordered.
    pub uids: Vec<Uid>,
    /// Decimal strings that sum to exactly one.
    pub weights: Vec<Share>,
    /// What the chain stores.
    pub u16: Vec<u16>,
    /// Why.
    pub report: Report,
}

/// Makes the vector that an epoch with these inputs would record.
pub fn compute(request: ComputeRequest, policy: Policy) -> Result<ComputeResponse, WeightsError> {
    let Outcome { payout, report } = aggregate(&request.into_inputs(policy))?;
    let (uids, weights, u16) = match payout {
        Payout::Vector(vector) => (vector.uids, vector.weights, vector.u16),
        Payout::Empty(_) => Default::default(),
    };
    Ok(ComputeResponse {
        uids,
        weights,
        u16,
        report,
    })
}

impl ComputeRequest {
    /// The same inputs as [`aggregate()`] takes them.
    pub fn into_inputs(self, policy: Policy) -> Inputs {
        let Self {
            challenges,
            uids,
            sink_uid,
            min_allowed_weights,
            max_weight_limit,
            fallback,
        } = self;
        Inputs {
            policy,
            challenges,
            uids,
            sink: sink_uid,
            min_allowed_weights,
            max_weight_limit,
            fallback,
        }
    }
}

/// Everything but the policy.
impl From<&Inputs> for ComputeRequest {
    fn from(inputs: &Inputs) -> Self {
        let Inputs {
            policy: _,
            challenges,
            uids,
            sink,
            min_allowed_weights,
            max_weight_limit,
            fallback,
        } = inputs;
        Self {
            challenges: challenges.clone(),
            uids: uids.clone(),
            sink_uid: *sink,
            min_allowed_weights: *min_allowed_weights,
            max_weight_limit: *max_weight_limit,
            fallback: fallback.clone(),
        }
    }
}

fn write_challenges<S: Serializer>(challenges: &[ChallengeAnswer], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(challenges.iter().map(ChallengeWritten::from))
}

fn write_uids<S: Serializer>(uids: &Uids, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(uids.iter())
}

const fn one() -> u16 {
    1
}

const fn no_limit() -> u16 {
    NO_LIMIT
}

/// Deserialisers that put the field's name before what is wrong with its value.
pub(crate) mod field {
    use super::*;

    macro_rules! named {
        ($($name:ident: $type:ty),* $(,)?) => { $(
            pub(crate) fn $name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                Deserialize::deserialize(deserializer)
                    .map_err(|e| D::Error::custom(format_args!(concat!(stringify!($name), ": {}"), e)))
            }
        )* };
    }

    named! {
        slug: Slug, emission_percent: EmissionPercent, ok: bool, weights: Option<Pairs<JsonScore>>,
        reason: Option<String>, sink_uid: Option<Uid>, min_allowed_weights: u16, max_weight_limit: u16,
        fallback: Fallback, source: AnswerSource, earlier: Vec<String>,
    }

    pub(super) fn challenges<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<ChallengeAnswer>, D::Error> {
        let read = |e: &dyn fmt::Display| D::Error::custom(format_args!("challenges: {e}"));
        let wires = Vec::<ChallengeWire>::deserialize(d).map_err(|e| read(&e))?;
        wires
            .into_iter()
            .map(ChallengeAnswer::try_from)
            .collect::<Result<_, _>>()
            .map_err(|e| read(&e))
    }

    pub(super) fn uids<'de, D: Deserializer<'de>>(d: D) -> Result<Uids, D::Error> {
        let read = |e: &dyn fmt::Display| D::Error::custom(format_args!("uids: {e}"));
        let pairs = Pairs::<Uid>::deserialize(d).and_then(Pairs::into_hotkeys);
        let pairs = pairs.map_err(|e| read(&e))?;
        Uids::new(pairs).map_err(|e| read(&e))
    }
}
