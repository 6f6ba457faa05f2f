//! Numbers that must not be mixed up: each its own type across every function.

use std::{
    fmt,
    str::FromStr,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use crate::text::serde_as_text;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

number!(
    /// A neuron's place in its subnet, what the chain's weights are addressed to.
    Uid(u16)
);
number!(
    /// A subnet.
    Netuid(u16)
);
number!(
    /// A mechanism (sub-subnet) of a subnet; 0 is the main one.
    MechanismId(u8)
);
number!(
    /// A block's height.
    BlockNumber(u64)
);
number!(
    /// The number of a weights epoch of this host: the block it began at divided by the period.
    EpochId(u64)
);
number!(
    /// Seconds since 1970-01-01 UTC.
    UnixSeconds(u64)
);

impl From<SystemTime> for UnixSeconds {
    /// A clock before 1970 stands at 1970.
    fn from(time: SystemTime) -> Self {
        Self(time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
    }
}

/// A block's hash; the text form is `0x` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockHash(pub [u8; 32]);

/// The text is not `0x` and 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a block hash is 0x and 64 hexadecimal digits")]
pub struct BlockHashError;

impl FromStr for BlockHash {
    type Err = BlockHashError;

    fn from_str(text: &str) -> Result<Self, BlockHashError> {
        let mut bytes = [0; 32];
        let digits = text.strip_prefix("0x").ok_or(BlockHashError)?;
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| BlockHashError)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for BlockHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

impl fmt::Debug for BlockHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlockHash({self})")
    }
}

serde_as_text!(BlockHash);
