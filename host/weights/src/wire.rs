//! A challenge's answer as JSON, in such a way that nothing is lost: neither the last bit of a score nor one
//! that is no number, nor a hotkey that is named twice.

use platform_domain::{EmissionPercent, RawWeight, Slug};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::value::RawValue;

use crate::{AnswerSource, ChallengeAnswer, compute::field, pairs::Pairs};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChallengeWire {
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
    #[serde(default, deserialize_with = "field::source")]
    source: AnswerSource,
    #[serde(default, deserialize_with = "field::earlier")]
    earlier: Vec<String>,
}

/// What [`ChallengeWire`] reads, without a copy of the answer.
#[derive(Serialize)]
pub(crate) struct ChallengeWritten<'a> {
    slug: &'a Slug,
    emission_percent: EmissionPercent,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    weights: Option<Vec<(&'a str, JsonScore)>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    source: AnswerSource,
    earlier: &'a [String],
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
            source,
            earlier,
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
            source,
            earlier,
        })
    }
}

impl<'a> From<&'a ChallengeAnswer> for ChallengeWritten<'a> {
    fn from(answer: &'a ChallengeAnswer) -> Self {
        let ChallengeAnswer {
            slug,
            emission_percent,
            answer,
            source,
            earlier,
        } = answer;
        let pair = |entry: &'a RawWeight| (entry.hotkey.as_str(), JsonScore(entry.score));
        Self {
            slug,
            emission_percent: *emission_percent,
            ok: answer.is_ok(),
            weights: answer
                .as_ref()
                .ok()
                .map(|entries| entries.iter().map(pair).collect()),
            reason: answer.as_ref().err().map(String::as_str),
            source: *source,
            earlier,
        }
    }
}

/// A double as a JSON number, or as a text where there is none for it: `"NaN"`, `"inf"`, `"-inf"`.
///
/// A number is read as the double nearest to it, and so is a number in a text. The standard library rounds
/// correctly; the JSON reader does not promise to, and an epoch computed again from its written scores must
/// come to the same vector.
pub(crate) struct JsonScore(f64);

impl Serialize for JsonScore {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.is_finite() {
            true => serializer.serialize_f64(self.0),
            false => serializer.collect_str(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for JsonScore {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const EXPECTED: &str = "a score is a number, or one as text, or \"NaN\", \"inf\" or \"-inf\"";
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let text = match raw.get() {
            text if text.starts_with('"') => serde_json::from_str(text).map_err(D::Error::custom)?,
            text => text.to_owned(),
        };
        match text.as_str() {
            "NaN" => return Ok(Self(f64::NAN)),
            "inf" => return Ok(Self(f64::INFINITY)),
            "-inf" => return Ok(Self(f64::NEG_INFINITY)),
            other if other.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => (),
            _ => return Err(D::Error::custom(EXPECTED)),
        }
        let number: f64 = text.parse().map_err(|_| D::Error::custom(EXPECTED))?;
        if !number.is_finite() {
            return Err(D::Error::custom("a score is at most 1.7976931348623157e308"));
        }
        Ok(Self(number))
    }
}
