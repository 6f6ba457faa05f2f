//! How epochs are counted. Two numbers are compared only when they are counted alike.

use std::{fmt, str::FromStr};

/// What an epoch's number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Numbering {
    /// The chain's own epochs of the subnet.
    Tempo,
    /// Blocks, divided by this.
    Every(u64),
    /// Blocks, divided by a number that a host before the ledger's version 12 did not write down. No epoch begins so.
    Blocks,
}

/// The text names no numbering.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a numbering is tempo, every/N with N from 1, or blocks")]
pub struct UnknownNumbering;

impl fmt::Display for Numbering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tempo => f.write_str("tempo"),
            Self::Every(blocks) => write!(f, "every/{blocks}"),
            Self::Blocks => f.write_str("blocks"),
        }
    }
}

impl FromStr for Numbering {
    type Err = UnknownNumbering;

    fn from_str(text: &str) -> Result<Self, UnknownNumbering> {
        let found = match text {
            "tempo" => Self::Tempo,
            "blocks" => Self::Blocks,
            _ => {
                let blocks = text.strip_prefix("every/").ok_or(UnknownNumbering)?;
                Self::Every(blocks.parse().map_err(|_| UnknownNumbering)?)
            }
        };
        // One text for each: it is a part of a key.
        if found.to_string() == text && found != Self::Every(0) {
            Ok(found)
        } else {
            Err(UnknownNumbering)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_numbering_has_one_text() {
        for text in ["tempo", "blocks", "every/1", "every/18446744073709551615"] {
            assert_eq!(
                text.parse::<Numbering>().map(|it| it.to_string()),
                Ok(text.to_owned())
            );
        }
        for bad in [
            "", "Tempo", "every/", "every/0", "every/01", "every/+1", "every 1",
        ] {
            assert_eq!(bad.parse::<Numbering>(), Err(UnknownNumbering), "{bad}");
        }
    }
}
