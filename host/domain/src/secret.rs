//! What a challenge is given to keep or to send, and nobody is to read: its name, its value, what becomes of it.

use std::{fmt, str::FromStr, sync::Arc};

use zeroize::Zeroizing;

use crate::{Injection, text::serde_as_text};

/// What operator and challenge call a secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretName(String);

/// The text is no name of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a secret's name begins with a letter, consists of A-Z a-z 0-9 _ - and has {MAX_SECRET_NAME} bytes at most"
)]
pub struct SecretNameError;

/// Names are short, and shown in lists.
pub const MAX_SECRET_NAME: usize = 64;

/// A value in clear. Neither `Serialize` nor `Display`, and silent in `Debug`: whoever shows it calls
/// [`SecretValue::reveal`], and one search finds all who do. Wiped when the last clone is dropped.
#[derive(Clone)]
pub struct SecretValue(Arc<Zeroizing<Vec<u8>>>);

/// What becomes of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretUse {
    /// The challenge may read it.
    Reveal,
    /// The host puts it into requests of the challenge, which never sees it.
    Inject(Injection),
}

/// A secret in clear.
#[derive(Clone, Debug)]
pub struct Secret {
    /// What it is called.
    pub name: SecretName,
    /// What becomes of it.
    pub usage: SecretUse,
    /// What nobody else may see.
    pub value: SecretValue,
}

impl SecretName {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SecretValue {
    /// Takes these bytes, and wipes them in the end.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Zeroizing::new(bytes)))
    }

    /// The bytes in clear.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(…)")
    }
}

impl FromStr for SecretName {
    type Err = SecretNameError;

    fn from_str(text: &str) -> Result<Self, SecretNameError> {
        let first = text.bytes().next().is_some_and(|c| c.is_ascii_alphabetic());
        let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-');
        match first && text.len() <= MAX_SECRET_NAME && text.bytes().all(plain) {
            true => Ok(Self(text.to_owned())),
            false => Err(SecretNameError),
        }
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(SecretName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_plain() {
        for name in ["a", "API_KEY", "api-key-2", &"a".repeat(64)] {
            assert_eq!(name.parse::<SecretName>().unwrap().to_string(), name);
        }
        for name in [
            "",
            "1a",
            "_a",
            "-a",
            "a.b",
            "a b",
            "a\n",
            "a/b",
            "é",
            &"a".repeat(65),
        ] {
            assert_eq!(name.parse::<SecretName>(), Err(SecretNameError), "{name:?}");
        }
    }

    #[test]
    fn a_value_shows_itself_to_nobody() {
        let secret = Secret {
            name: "API_KEY".parse().unwrap(),
            usage: SecretUse::Reveal,
            value: SecretValue::new(b"hunter2".to_vec()),
        };
        let shown = format!("{secret:?} {secret:#?}");
        assert!(!shown.contains("hunter2") && !shown.contains("104"), "{shown}");
        assert_eq!(secret.value.reveal(), b"hunter2");
    }
}
