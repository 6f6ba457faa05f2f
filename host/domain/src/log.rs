//! What a line of a challenge's log is said to be, by the challenge or by the host.

use std::{fmt, str::FromStr};

use crate::text::serde_as_text;

/// How much a line matters. In this order, so that `warn` and more can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// How the program flows.
    Trace,
    /// For who looks for a mistake.
    Debug,
    /// For who watches.
    Info,
    /// Something may go wrong.
    Warn,
    /// Something went wrong.
    Error,
    /// Nothing goes on.
    Critical,
}

/// Where a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogSource {
    /// The challenge's standard output.
    Stdout,
    /// The challenge's standard error.
    Stderr,
    /// The interface `wasi:logging`.
    Logging,
    /// The host, about the challenge's log.
    Host,
}

/// The text names no level.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown level {0:?}, known are trace, debug, info, warn, error and critical")]
pub struct UnknownLevel(String);

/// The text names no source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a source of log lines")]
pub struct UnknownSource;

impl LogLevel {
    /// Every level, the least first.
    pub const ALL: [Self; 6] = [
        Self::Trace,
        Self::Debug,
        Self::Info,
        Self::Warn,
        Self::Error,
        Self::Critical,
    ];

    /// The wire form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }
}

impl LogSource {
    /// Every source.
    pub const ALL: [Self; 4] = [Self::Stdout, Self::Stderr, Self::Logging, Self::Host];

    /// The wire form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::Logging => "logging",
            Self::Host => "host",
        }
    }
}

impl FromStr for LogLevel {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        let found = Self::ALL.into_iter().find(|level| level.as_str() == text);
        found.ok_or_else(|| UnknownLevel(text.chars().take(40).collect()))
    }
}

impl FromStr for LogSource {
    type Err = UnknownSource;

    fn from_str(text: &str) -> Result<Self, UnknownSource> {
        let found = Self::ALL.into_iter().find(|source| source.as_str() == text);
        found.ok_or(UnknownSource)
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for LogSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

serde_as_text!(LogLevel);
serde_as_text!(LogSource);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_sources_have_one_name_each_and_levels_an_order() {
        for level in LogLevel::ALL {
            assert_eq!(level.as_str().parse(), Ok(level));
        }
        for source in LogSource::ALL {
            assert_eq!(source.as_str().parse(), Ok(source));
        }
        assert!(LogLevel::ALL.is_sorted());
        let error = "loud".parse::<LogLevel>().unwrap_err().to_string();
        assert!(
            error.contains(r#""loud""#) && error.contains("critical"),
            "{error}"
        );
        assert!("file".parse::<LogSource>().is_err());
    }
}
