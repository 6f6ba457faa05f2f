//! What a manifest declares, as the host would hold an operator to it.

use serde::Deserialize;
use serde_json::Value;

/// The part of a manifest that a test's environment depends on.
#[derive(Debug, Deserialize)]
pub(crate) struct Declared {
    #[serde(default)]
    config: Vec<Variable>,
    #[serde(default)]
    pub(crate) outbound: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Variable {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, deserialize_with = "present")]
    default: Option<Value>,
}

/// `null` is a value, and not the absence of one.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Declared {
    pub(crate) fn of(manifest: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(manifest)
    }

    /// Each variable with a default, and its text.
    pub(crate) fn defaults(&self) -> impl Iterator<Item = (&str, String)> {
        self.config.iter().filter_map(|variable| {
            let text = match (variable.kind.as_str(), variable.default.as_ref()?) {
                ("string", Value::String(text)) => text.clone(),
                (_, value) => value.to_string(),
            };
            Some((variable.name.as_str(), text))
        })
    }

    /// Whether an operator may set this. Who declares nothing takes everything.
    pub(crate) fn check(&self, name: &str, text: &str) -> Result<(), String> {
        if self.config.is_empty() {
            return Ok(());
        }
        let Some(variable) = self.config.iter().find(|variable| variable.name == name) else {
            let known: Vec<_> = self.config.iter().map(|it| it.name.as_str()).collect();
            return Err(format!(
                "config(...) declares no such variable, but {}",
                known.join(", ")
            ));
        };
        let json = serde_json::from_str::<Value>(text);
        let bare = text.bytes().all(|byte| !byte.is_ascii_whitespace());
        let (right, wanted) = match variable.kind.as_str() {
            "integer" => (
                bare && json.is_ok_and(|value| value.is_i64()),
                "a whole number of 64 bits",
            ),
            "number" => (bare && json.is_ok_and(|value| value.is_number()), "a number"),
            "boolean" => (matches!(text, "true" | "false"), "true or false"),
            "json" => (json.is_ok(), "valid JSON"),
            _ => (true, "a string"),
        };
        match right {
            true => Ok(()),
            false => Err(format!("{text:?} is not {wanted}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use platform_domain::{Manifest, configured};

    use super::*;

    const MANIFEST: &str = r#"{
        "name": "x", "version": "1", "data": "none",
        "config": [
            { "name": "S", "type": "string", "default": "a \"b\"" },
            { "name": "I", "type": "integer", "default": -7 },
            { "name": "N", "type": "number", "default": 1.5 },
            { "name": "B", "type": "boolean", "default": false },
            { "name": "J", "type": "json", "default": null },
            { "name": "O", "type": "json" }
        ]
    }"#;

    #[test]
    fn a_test_may_set_what_an_operator_may_set() {
        let (ours, theirs) = (
            Declared::of(MANIFEST).unwrap(),
            Manifest::parse(MANIFEST.as_bytes()).unwrap(),
        );
        let texts = [
            "",
            "7",
            "-7",
            "+7",
            "007",
            "7.0",
            " 7",
            "7 ",
            "9223372036854775807",
            "9223372036854775808",
            ".5",
            "2e3",
            "NaN",
            "1e999",
            "true",
            "false",
            "yes",
            "null",
            "{}",
            "{",
            "[1, 2]",
            "\"x\"",
            "lisbon",
        ];
        for name in ["S", "I", "N", "B", "J", "O", "UNKNOWN"] {
            for text in texts {
                let set = BTreeMap::from([(name.to_owned(), text.to_owned())]);
                let expected = configured(&theirs.config, &set).map(drop).is_ok();
                let checked = ours.check(name, text);
                assert_eq!(checked.is_ok(), expected, "{name}={text:?}: {checked:?}");
            }
        }
    }

    #[test]
    fn a_test_has_the_defaults_that_a_challenge_has() {
        let ours = Declared::of(MANIFEST).unwrap();
        let ours: BTreeMap<_, _> = ours
            .defaults()
            .map(|(name, text)| (name.to_owned(), text))
            .collect();
        let theirs = Manifest::parse(MANIFEST.as_bytes()).unwrap();
        assert_eq!(ours, configured(&theirs.config, &BTreeMap::new()).unwrap());
    }
}
