//! A miner's or validator's public key, written as an SS58 address with the Bittensor prefix 42.

use std::{fmt, str::FromStr};

use blake2::{Blake2b512, Digest as _};

use crate::text::serde_as_text;

/// An sr25519 public key. Its text form is SS58 with prefix 42, 47 or 48 characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hotkey([u8; 32]);

/// Why a text is not a hotkey.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HotkeyError {
    /// Not base58, or not one prefix byte, 32 key bytes and two checksum bytes.
    #[error("not an SS58 address of a 32-byte key")]
    Shape,
    /// Another network's address.
    #[error("SS58 prefix {0}, Bittensor uses 42")]
    Prefix(u8),
    /// A mistyped address.
    #[error("the SS58 checksum does not match")]
    Checksum,
}

const PREFIX: u8 = 42;
/// The domain separator of the SS58 checksum (Substrate `sp_core::crypto`).
const CHECKSUM_CONTEXT: &[u8] = b"SS58PRE";
/// No address of this shape is longer; what is longer is not decoded.
const MAX_TEXT_LEN: usize = 48;

impl Hotkey {
    /// Takes the raw public key.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The raw public key.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The all-zero account, which the chain uses for "no key".
    pub fn is_zero(&self) -> bool {
        self.0 == [0; 32]
    }

    fn checksum(key: &[u8]) -> [u8; 2] {
        let hash = Blake2b512::new()
            .chain_update(CHECKSUM_CONTEXT)
            .chain_update([PREFIX])
            .chain_update(key);
        let [first, second, ..] = <[u8; 64]>::from(hash.finalize());
        [first, second]
    }
}

impl FromStr for Hotkey {
    type Err = HotkeyError;

    fn from_str(text: &str) -> Result<Self, HotkeyError> {
        if text.len() > MAX_TEXT_LEN {
            return Err(HotkeyError::Shape);
        }
        let bytes = bs58::decode(text).into_vec().map_err(|_| HotkeyError::Shape)?;
        let [prefix, rest @ .., check1, check2] = bytes.as_slice() else {
            return Err(HotkeyError::Shape);
        };
        let key: [u8; 32] = rest.try_into().map_err(|_| HotkeyError::Shape)?;
        if *prefix != PREFIX {
            return Err(HotkeyError::Prefix(*prefix));
        }
        if Self::checksum(&key) != [*check1, *check2] {
            return Err(HotkeyError::Checksum);
        }
        Ok(Self(key))
    }
}

impl fmt::Display for Hotkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = Vec::with_capacity(35);
        bytes.push(PREFIX);
        bytes.extend_from_slice(&self.0);
        bytes.extend_from_slice(&Self::checksum(&self.0));
        f.write_str(&bs58::encode(bytes).into_string())
    }
}

impl fmt::Debug for Hotkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hotkey({self})")
    }
}

serde_as_text!(Hotkey);

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

    #[test]
    fn an_address_recorded_from_a_node_round_trips() {
        let key: Hotkey = ALICE.parse().unwrap();
        assert_eq!(
            hex::encode(key.as_bytes()),
            "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"
        );
        assert_eq!(key.to_string(), ALICE);
    }

    #[test]
    fn a_mistyped_foreign_or_oversized_address_is_refused() {
        for bad in [
            "",
            "5",
            "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQZ",
            "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5",
            "0GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
            &ALICE.repeat(1000),
        ] {
            assert!(bad.parse::<Hotkey>().is_err(), "{bad:?} must not parse");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_key_round_trips_through_its_address(bytes: [u8; 32]) {
            let key = Hotkey::from_bytes(bytes);
            proptest::prop_assert_eq!(key.to_string().parse::<Hotkey>(), Ok(key));
        }
    }
}
