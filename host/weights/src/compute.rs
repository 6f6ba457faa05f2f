//! The offline form: the same pipeline over JSON, for `weights compute` and for whoever checks an epoch.
//!
//! Maps are read as lists of pairs, because a key that occurs twice must be noticed: a map type would keep one
//! of the two silently. Every refusal names the field.

use std::{fmt, marker::PhantomData};

use platform_domain::{EmissionPercent, Hotkey, RawWeight, Slug, Uid};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{
    ChallengeAnswer, Inputs, NO_LIMIT, Outcome, Payout, Policy, Report, Share, Uids, WeightsError, aggregate,
};

/// The inputs of an epoch but for its policy.
///
/// `{"challenges":[{"slug","emission_percent","ok","weights":{hotkey:score}}],"uids":{hotkey:uid}}`, optional
/// `sink_uid`, `min_allowed_weights` (1), `max_weight_limit` (65535). A challenge that is not `ok` needs no
/// `weights` and may give a `reason`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComputeRequest {
    #[serde(deserialize_with = "field::challenges")]
    challenges: Vec<ChallengeAnswer>,
    #[serde(deserialize_with = "field::uids")]
    uids: Uids,
    #[serde(default, deserialize_with = "field::sink_uid")]
    sink_uid: Option<Uid>,
    #[serde(default = "one", deserialize_with = "field::min_allowed_weights")]
    min_allowed_weights: u16,
    #[serde(default = "no_limit", deserialize_with = "field::max_weight_limit")]
    max_weight_limit: u16,
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
        } = self;
        Inputs {
            policy,
            challenges,
            uids,
            sink: sink_uid,
            min_allowed_weights,
            max_weight_limit,
        }
    }
}

const fn one() -> u16 {
    1
}

const fn no_limit() -> u16 {
    NO_LIMIT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChallengeWire {
    #[serde(deserialize_with = "field::slug")]
    slug: Slug,
    #[serde(deserialize_with = "field::emission_percent")]
    emission_percent: EmissionPercent,
    #[serde(deserialize_with = "field::ok")]
    ok: bool,
    #[serde(default, deserialize_with = "field::weights")]
    weights: Option<Pairs<JsonScore>>,
    #[serde(default, deserialize_with = "field::reason")]
    reason: Option<String>,
}

impl TryFrom<ChallengeWire> for ChallengeAnswer {
    type Error = String;

    fn try_from(wire: ChallengeWire) -> Result<Self, String> {
        let ChallengeWire {
            slug,
            emission_percent,
            ok,
            weights,
            reason,
        } = wire;
        let answer = match (ok, weights) {
            (true, Some(Pairs(pairs))) => Ok(pairs
                .into_iter()
                .map(|(hotkey, JsonScore(score))| RawWeight { hotkey, score })
                .collect()),
            (true, None) => return Err(format!("weights: missing, and the challenge {slug} is ok")),
            (false, _) => Err(reason.unwrap_or_else(|| "no reason given".to_owned())),
        };
        Ok(Self {
            slug,
            emission_percent,
            answer,
        })
    }
}

/// A JSON number as the double nearest to it. The standard library rounds correctly; the JSON reader does not
/// promise to, and an epoch computed again from its printed scores must come to the same vector.
struct JsonScore(f64);

impl<'de> Deserialize<'de> for JsonScore {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let text = raw.get();
        if !text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
            return Err(D::Error::custom("a score is a number"));
        }
        let number: f64 = text.parse().map_err(D::Error::custom)?;
        if !number.is_finite() {
            return Err(D::Error::custom("a score is at most 1.7976931348623157e308"));
        }
        Ok(Self(number))
    }
}

/// A JSON object as a list of its entries, repeated keys and all.
struct Pairs<V>(Vec<(String, V)>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Pairs<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<V>(PhantomData<V>);

        impl<'de, V: Deserialize<'de>> Visitor<'de> for Entries<V> {
            type Value = Pairs<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with a hotkey per entry")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    let value = map.next_value();
                    let shown: String = key.chars().take(48).collect();
                    let value = value.map_err(|e| A::Error::custom(format_args!("{shown:?}: {e}")))?;
                    pairs.push((key, value));
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Entries(PhantomData))
    }
}

/// Deserialisers that put the field's name before what is wrong with its value.
mod field {
    use super::*;

    macro_rules! named {
        ($($name:ident: $type:ty),* $(,)?) => { $(
            pub(super) fn $name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                Deserialize::deserialize(deserializer)
                    .map_err(|e| D::Error::custom(format_args!(concat!(stringify!($name), ": {}"), e)))
            }
        )* };
    }

    named! {
        slug: Slug, emission_percent: EmissionPercent, ok: bool, weights: Option<Pairs<JsonScore>>,
        reason: Option<String>, sink_uid: Option<Uid>, min_allowed_weights: u16, max_weight_limit: u16,
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
        let Pairs(pairs) = Pairs::<Uid>::deserialize(d).map_err(|e| read(&e))?;
        let parse = |(text, uid): (String, Uid)| match text.parse::<Hotkey>() {
            Ok(hotkey) => Ok((hotkey, uid)),
            Err(e) => Err(read(&format_args!(
                "{:?}: {e}",
                text.chars().take(48).collect::<String>()
            ))),
        };
        let pairs: Vec<_> = pairs.into_iter().map(parse).collect::<Result<_, _>>()?;
        Uids::new(pairs).map_err(|e| read(&e))
    }
}
