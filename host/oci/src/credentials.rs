//! What a registry is shown to let us in, and where it came from.

use std::{fmt, fs::File, io::Read as _, path::Path};

use platform_domain::SecretValue;

use crate::limits::MAX_CREDENTIALS;

/// A user of one registry, as whoever starts the program names it.
#[derive(Clone, Debug)]
pub struct Login {
    /// The registry's `HOST[:PORT]`; nobody else is sent it.
    pub registry: String,
    /// Who.
    pub username: String,
    /// The password, or a token that takes its place.
    pub password: SecretValue,
    /// Where it was given, for messages.
    pub from: String,
}

/// Where credentials came from, as the end of a sentence about who was refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// There were none.
    #[default]
    Nowhere,
    /// From there.
    From(String),
    /// They could not be read, for this reason.
    Broken(String),
}

/// What is shown.
#[derive(Clone, Debug)]
pub(crate) enum Credentials {
    /// To the registry or its token service.
    Password { username: String, password: SecretValue },
    /// To its token service, which gives a token for it.
    Identity(SecretValue),
    /// To the registry, as it is.
    Bearer(SecretValue),
}

/// What there is for a registry.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    pub(crate) credentials: Option<Credentials>,
    pub(crate) origin: Origin,
}

impl Found {
    pub(crate) fn from(origin: impl Into<String>, credentials: Credentials) -> Self {
        Self {
            credentials: Some(credentials),
            origin: Origin::From(origin.into()),
        }
    }

    /// Nothing, because of this. Whoever only reads may be let in without.
    pub(crate) fn broken(why: String) -> Self {
        tracing::warn!("a registry is asked without credentials, because {why}");
        Self {
            credentials: None,
            origin: Origin::Broken(why),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere => f.write_str("without credentials; check its name, or give credentials for it"),
            Self::From(from) => write!(
                f,
                "with the credentials from {from}; check them and what they allow"
            ),
            Self::Broken(why) => write!(
                f,
                "without credentials, because {why}; correct that, or check its name"
            ),
        }
    }
}

/// Text as it can stand in a header: in UTF-8 and on one line.
pub(crate) fn text(secret: &SecretValue) -> Option<&str> {
    let text = std::str::from_utf8(secret.reveal()).ok()?;
    (!text.is_empty() && !text.chars().any(char::is_control)).then_some(text)
}

/// A file of the operator, which may be a link; of at most [`MAX_CREDENTIALS`] bytes. Its error is a reason,
/// without anything of what is in the file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let told = |error: std::io::Error| format!("{} cannot be read ({})", path.display(), error.kind());
    // Opening a pipe would wait for its writer.
    let plain = std::fs::metadata(path).map_err(told)?.is_file();
    if !plain {
        return Err(format!("{} is not a file", path.display()));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(told)?;
    file.take(MAX_CREDENTIALS + 1)
        .read_to_end(&mut bytes)
        .map_err(told)?;
    if bytes.len() as u64 > MAX_CREDENTIALS {
        return Err(format!(
            "{} has more than {MAX_CREDENTIALS} bytes",
            path.display()
        ));
    }
    Ok(bytes)
}

/// A secret in a file, without one line end at its end.
pub(crate) fn read_secret(path: &Path) -> Result<SecretValue, String> {
    let mut bytes = read(path)?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    let secret = SecretValue::new(bytes);
    match text(&secret) {
        Some(_) => Ok(secret),
        None => Err(format!("{} is not one line of text", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_one_line_of_a_file_and_is_not_shown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        for (content, expected) in [
            (b"hunter2".as_slice(), Some("hunter2")),
            (b"hunter2\n", Some("hunter2")),
            (b"hunter2\r\n", Some("hunter2")),
            (b" hunter2 ", Some(" hunter2 ")),
            (b"hunter2\n\n", None),
            (b"hunter2\nx", None),
            (b"hunter2\xff", None),
            (b"", None),
        ] {
            std::fs::write(&path, content).unwrap();
            let read = read_secret(&path);
            assert!(!format!("{read:?}").contains("hunter2"), "{read:?}");
            assert_eq!(read.ok().as_ref().and_then(text), expected);
        }
        std::fs::write(&path, vec![b'x'; 1 + MAX_CREDENTIALS as usize]).unwrap();
        assert!(read_secret(&path).unwrap_err().contains("bytes"));
        assert!(read(dir.path()).unwrap_err().contains("not a file"));
    }
}
