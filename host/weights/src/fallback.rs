//! Whom to pay when the challenges pay nobody: the operator's choice.

use std::{collections::BTreeMap, fmt, num::NonZeroU32};

use platform_domain::Hotkey;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, Visitor},
};

use crate::{MAX_ENTRIES, pairs::Pairs};

/// What to do when there is nothing to pay. In configuration files `"skip"`, `"sink"`, or a table
/// `{hotkey = weight, …}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Fallback {
    /// No vector: the chain keeps the last one.
    #[default]
    Skip,
    /// Everything to the sink.
    Sink,
    /// Everything to these hotkeys, those that are registered.
    Vector(FixedWeights),
}

/// Hotkeys with positive whole weights, in proportion to which they are paid. 1 to [`MAX_ENTRIES`] of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixedWeights(BTreeMap<Hotkey, NonZeroU32>);

/// Why weights cannot be a fallback.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FixedWeightsError {
    /// Nobody is named.
    #[error("the table names no hotkey; \"skip\" pays nobody")]
    Nobody,
    /// More than a subnet can have.
    #[error("the table has {0} hotkeys, {MAX_ENTRIES} are allowed")]
    TooMany(usize),
    /// One hotkey, two weights.
    #[error("the hotkey {0} is listed twice")]
    Twice(Hotkey),
}

impl FixedWeights {
    /// Takes the weights in any order.
    pub fn new(pairs: impl IntoIterator<Item = (Hotkey, NonZeroU32)>) -> Result<Self, FixedWeightsError> {
        let mut weights = BTreeMap::new();
        for (hotkey, weight) in pairs {
            if weights.insert(hotkey, weight).is_some() {
                return Err(FixedWeightsError::Twice(hotkey));
            }
        }
        match weights.len() {
            0 => Err(FixedWeightsError::Nobody),
            many if many > MAX_ENTRIES => Err(FixedWeightsError::TooMany(many)),
            _ => Ok(Self(weights)),
        }
    }

    /// Every weight, ordered by hotkey.
    pub fn iter(&self) -> impl Iterator<Item = (&Hotkey, NonZeroU32)> {
        self.0.iter().map(|(hotkey, weight)| (hotkey, *weight))
    }
}

impl Serialize for Fallback {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Skip => serializer.serialize_str("skip"),
            Self::Sink => serializer.serialize_str("sink"),
            Self::Vector(weights) => serializer.collect_map(&weights.0),
        }
    }
}

impl<'de> Deserialize<'de> for Fallback {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;

        impl<'de> Visitor<'de> for Form {
            type Value = Fallback;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"skip\", \"sink\" or a table of hotkeys with positive whole weights")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Fallback, E> {
                match text {
                    "skip" => Ok(Fallback::Skip),
                    "sink" => Ok(Fallback::Sink),
                    other => Err(E::invalid_value(serde::de::Unexpected::Str(other), &self)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Fallback, A::Error> {
                let pairs = Pairs::<NonZeroU32>::of_map(map)?.into_hotkeys()?;
                let weights = FixedWeights::new(pairs).map_err(A::Error::custom)?;
                Ok(Fallback::Vector(weights))
            }
        }

        deserializer.deserialize_any(Form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> Hotkey {
        Hotkey::from_bytes([n; 32])
    }

    #[test]
    fn every_form_is_read_as_it_is_written() {
        let weights = [(key(2), NonZeroU32::MAX), (key(1), NonZeroU32::MIN)];
        let vector = Fallback::Vector(FixedWeights::new(weights).unwrap());
        let table = format!("{{\"{}\":1,\"{}\":4294967295}}", key(1), key(2));
        for (fallback, text) in [
            (Fallback::Skip, "\"skip\""),
            (Fallback::Sink, "\"sink\""),
            (vector, &table),
        ] {
            assert_eq!(serde_json::to_string(&fallback).unwrap(), text);
            assert_eq!(serde_json::from_str::<Fallback>(text).unwrap(), fallback);
        }
    }

    #[test]
    fn what_is_no_fallback_is_refused_with_the_reason() {
        let (one, two) = (key(1), key(2));
        for (text, reason) in [
            ("\"burn\"".to_owned(), "expected \"skip\", \"sink\" or a table"),
            ("{}".to_owned(), "names no hotkey"),
            (format!("{{\"{one}\":0}}"), "nonzero"),
            (format!("{{\"{one}\":-1}}"), "-1"),
            (format!("{{\"{one}\":0.5}}"), "0.5"),
            (format!("{{\"{one}\":4294967296}}"), "4294967296"),
            (format!("{{\"{two}\":1,\"{one}\":1,\"{two}\":1}}"), "listed twice"),
            ("{\"5Grw\":1}".to_owned(), "\"5Grw\""),
            ("[]".to_owned(), "expected"),
        ] {
            let error = serde_json::from_str::<Fallback>(&text).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn a_fallback_may_name_4096_hotkeys_and_no_more() {
        let many = |n: u16| {
            let key = |n: u16| Hotkey::from_bytes(std::array::from_fn(|at| n.to_be_bytes()[at % 2]));
            FixedWeights::new((0..n).map(|n| (key(n), NonZeroU32::MIN)))
        };
        assert!(many(4096).is_ok());
        assert_eq!(many(4097), Err(FixedWeightsError::TooMany(4097)));
    }
}
