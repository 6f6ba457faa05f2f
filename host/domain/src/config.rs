//! The configuration that a component declares in its manifest, and the texts that it gets: typed by its author, set by
//! its operator. A value is a text all the way, because that is what environment variables and `wasi:config` carry; the
//! type says which texts are right.
//!
//! A refusal never shows a value: it may be a password.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Number, Value};

/// A variable that a component understands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigVariable {
    /// The name, both as an environment variable and in `wasi:config`.
    pub name: String,
    /// Which texts are right.
    #[serde(rename = "type")]
    pub kind: ConfigType,
    /// What the component gets when the operator says nothing.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub default: Option<Value>,
    /// Whether the operator has to say something.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// What it is for, in a sentence for the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// Which texts a variable takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConfigType {
    /// Any.
    String,
    /// A whole number of 64 bits with a sign, as JSON writes it.
    Integer,
    /// A number, as JSON writes it.
    Number,
    /// `true` or `false`.
    Boolean,
    /// Anything in JSON.
    Json,
}

/// A variable that is not what its component declares.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {reason}")]
pub struct ConfigError {
    /// Its name.
    pub name: String,
    /// What is wrong with it; never its value.
    pub reason: String,
}

/// As many as a challenge may have environment variables.
const MAX_VARIABLES: usize = 256;
/// Names are short, and shown in lists.
const MAX_NAME_BYTES: usize = 64;
/// Names that a refusal lists, so that it stays a sentence.
const LISTED: usize = 20;

/// `null` is a value, and not the absence of one.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Whether a manifest may declare these.
pub(crate) fn check(declared: &[ConfigVariable]) -> Result<(), ConfigError> {
    let mut names = BTreeSet::new();
    for variable in declared {
        let refused = |reason: &str| {
            let name = variable.name.escape_debug().take(MAX_NAME_BYTES).collect();
            let reason = reason.to_owned();
            Err(ConfigError { name, reason })
        };
        if !is_name(&variable.name) {
            return refused(
                "a name begins with a letter or _, consists of A-Z a-z 0-9 . _ - and has 64 bytes at most",
            );
        }
        if !names.insert(variable.name.as_str()) {
            return refused("it is declared twice");
        }
        if variable.required && variable.default.is_some() {
            return refused("one with a default is never missing; take out one of the two");
        }
        if names.len() > MAX_VARIABLES {
            return refused("more than 256 variables are declared");
        }
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    let first = name
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    first && name.len() <= MAX_NAME_BYTES && name.bytes().all(plain)
}

/// What a component gets: what is set, and the defaults of what is not. A component that declares nothing gets whatever
/// is set.
pub fn configured(
    declared: &[ConfigVariable],
    set: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, ConfigError> {
    if declared.is_empty() {
        return Ok(set.clone());
    }
    if let Some(name) = set
        .keys()
        .find(|name| !declared.iter().any(|it| it.name == **name))
    {
        return Err(ConfigError {
            name: name.clone(),
            reason: format!(
                "the component declares no such variable; it declares {}",
                names(declared)
            ),
        });
    }
    let mut all = BTreeMap::new();
    for variable in declared {
        let refused = |reason: String| ConfigError {
            name: variable.name.clone(),
            reason,
        };
        let default = variable
            .default
            .as_ref()
            .map(|value| variable.kind.text_of(value));
        let default = default.transpose().map_err(|wanted| {
            refused(format!(
                "its default in the manifest is not {wanted}; its author has to repair that"
            ))
        })?;
        match (set.get(&variable.name), default) {
            (Some(text), _) => {
                variable
                    .kind
                    .check(text)
                    .map_err(|wanted| refused(format!("the value is not {wanted}")))?;
                all.insert(variable.name.clone(), text.clone());
            }
            (None, Some(default)) => {
                all.insert(variable.name.clone(), default);
            }
            (None, None) if variable.required => {
                return Err(refused(format!(
                    "the component cannot do without; it is {}",
                    variable.kind.wanted()
                )));
            }
            (None, None) => {}
        }
    }
    Ok(all)
}

fn names(declared: &[ConfigVariable]) -> String {
    let shown: Vec<_> = declared.iter().take(LISTED).map(|it| it.name.as_str()).collect();
    match declared.len().saturating_sub(LISTED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

impl ConfigType {
    /// Whether a text is right; if not, what would be.
    fn check(self, text: &str) -> Result<(), &'static str> {
        let right = match self {
            Self::String => true,
            Self::Integer => number(text).is_some_and(|number| number.is_i64()),
            Self::Number => number(text).is_some(),
            Self::Boolean => matches!(text, "true" | "false"),
            Self::Json => serde_json::from_str::<Value>(text).is_ok(),
        };
        if right { Ok(()) } else { Err(self.wanted()) }
    }

    /// The text of a value in the manifest, if it is of this type; if not, what would be.
    fn text_of(self, value: &Value) -> Result<String, &'static str> {
        let text = match (self, value) {
            (Self::String, Value::String(text)) if !text.contains('\0') => text.clone(),
            (Self::Integer, Value::Number(number)) if number.is_i64() => number.to_string(),
            (Self::Number, Value::Number(number)) => number.to_string(),
            (Self::Boolean, Value::Bool(truth)) => truth.to_string(),
            (Self::Json, value) => value.to_string(),
            _ => return Err(self.wanted()),
        };
        Ok(text)
    }

    const fn wanted(self) -> &'static str {
        match self {
            Self::String => "a string without NUL",
            Self::Integer => "a whole number of 64 bits, like -7",
            Self::Number => "a number, like 1.5 or 2e3",
            Self::Boolean => "true or false",
            Self::Json => "valid JSON",
        }
    }
}

/// A number that is written as JSON writes it, with nothing around it.
fn number(text: &str) -> Option<Number> {
    let bare = text.bytes().all(|byte| !byte.is_ascii_whitespace());
    bare.then(|| serde_json::from_str(text).ok()).flatten()
}

#[cfg(test)]
mod tests;
