//! What operators stick on servers, and what is wanted of one.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::limits::{MAX_LABEL, MAX_LABELS};

/// Keys and values, a few. The text form is `zone=eu,nvlink=yes`, the wire form a map.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct Labels(BTreeMap<String, String>);

/// Why labels are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelsError {
    /// More than people read.
    #[error("at most {MAX_LABELS} labels")]
    TooMany,
    /// No `=`.
    #[error("labels are written as key=value, with commas between them")]
    Pair,
    /// Letters that mean something elsewhere, or too many of them, or none in a key.
    #[error(
        "a label's key and value consist of A-Z a-z 0-9 . _ / - and have {MAX_LABEL} bytes at most; a key has at least one"
    )]
    Characters,
    /// Which of the two counts?
    #[error("a label is given twice")]
    Repeated,
}

impl Labels {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// By key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The key of the first that is wanted, and that is not here or has another value.
    pub fn missing<'a>(&self, wanted: &'a Self) -> Option<&'a str> {
        let mut missing = wanted
            .0
            .iter()
            .filter(|(key, value)| self.0.get(*key) != Some(value));
        missing.next().map(|(key, _)| key.as_str())
    }
}

fn is_plain(text: &str) -> bool {
    let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'/' | b'-');
    text.len() <= MAX_LABEL && text.bytes().all(plain)
}

impl TryFrom<BTreeMap<String, String>> for Labels {
    type Error = LabelsError;

    fn try_from(map: BTreeMap<String, String>) -> Result<Self, LabelsError> {
        if map.len() > MAX_LABELS {
            return Err(LabelsError::TooMany);
        }
        let plain = |(key, value): (&String, &String)| !key.is_empty() && is_plain(key) && is_plain(value);
        match map.iter().all(plain) {
            true => Ok(Self(map)),
            false => Err(LabelsError::Characters),
        }
    }
}

impl From<Labels> for BTreeMap<String, String> {
    fn from(labels: Labels) -> Self {
        labels.0
    }
}

impl FromStr for Labels {
    type Err = LabelsError;

    fn from_str(text: &str) -> Result<Self, LabelsError> {
        let mut map = BTreeMap::new();
        for pair in text.split(',').filter(|_| !text.is_empty()) {
            let (key, value) = pair.trim().split_once('=').ok_or(LabelsError::Pair)?;
            if map.insert(key.to_owned(), value.to_owned()).is_some() {
                return Err(LabelsError::Repeated);
            }
            if map.len() > MAX_LABELS {
                return Err(LabelsError::TooMany);
            }
        }
        map.try_into()
    }
}

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (key, value)) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{key}={value}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_written_as_they_are_read() {
        for (text, written) in [
            ("", ""),
            ("zone=eu", "zone=eu"),
            ("zone=eu, nvlink=", "nvlink=,zone=eu"),
            ("example.org/Rack=B-7", "example.org/Rack=B-7"),
        ] {
            let labels: Labels = text.parse().unwrap();
            assert_eq!(labels.to_string(), written);
            assert_eq!(written.parse::<Labels>().unwrap(), labels);
            let json = serde_json::to_string(&labels).unwrap();
            assert_eq!(serde_json::from_str::<Labels>(&json).unwrap(), labels);
        }
    }

    #[test]
    fn labels_that_mean_something_elsewhere_are_refused() {
        let many: Vec<_> = (0..=MAX_LABELS).map(|n| format!("k{n}=v")).collect();
        let long = format!("k={}", "v".repeat(MAX_LABEL + 1));
        for (text, expected) in [
            ("zone", LabelsError::Pair),
            ("zone=eu,", LabelsError::Pair),
            ("=eu", LabelsError::Characters),
            ("zone=a=b", LabelsError::Characters),
            ("zone=e u", LabelsError::Characters),
            ("zöne=eu", LabelsError::Characters),
            ("zone=eu,zone=us", LabelsError::Repeated),
            (&long, LabelsError::Characters),
            (&many.join(","), LabelsError::TooMany),
        ] {
            assert_eq!(text.parse::<Labels>(), Err(expected), "{text}");
        }
        assert!(serde_json::from_str::<Labels>(r#"{"":"x"}"#).is_err());
        assert!(serde_json::from_str::<Labels>(r#"{"a,b":"x"}"#).is_err());
    }

    #[test]
    fn what_is_wanted_is_there_or_named() {
        let server: Labels = "zone=eu,rack=7".parse().unwrap();
        for (wanted, missing) in [
            ("", None),
            ("zone=eu", None),
            ("zone=us", Some("zone")),
            ("rack=7,tier=1", Some("tier")),
        ] {
            assert_eq!(server.missing(&wanted.parse().unwrap()), missing);
        }
    }
}
