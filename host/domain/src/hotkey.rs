//! A miner's or validator's public key, written as an SS58 address with the Bittensor prefix 42.

use std::{fmt, str::FromStr};

use crate::{Ss58Address, Ss58Error, text::serde_as_text};

/// An sr25519 public key. Its text form is SS58 with prefix 42, 47 or 48 characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hotkey([u8; 32]);

/// Why a text is not a hotkey.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HotkeyError {
    /// No address at all.
    #[error(transparent)]
    Address(#[from] Ss58Error),
    /// Another network's address.
    #[error("SS58 prefix {0}, Bittensor uses 42")]
    Prefix(u16),
}

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
}

impl FromStr for Hotkey {
    type Err = HotkeyError;

    fn from_str(text: &str) -> Result<Self, HotkeyError> {
        let address: Ss58Address = text.parse()?;
        match address.prefix() {
            Ss58Address::BITTENSOR => Ok(Self(*address.key())),
            other => Err(HotkeyError::Prefix(other)),
        }
    }
}

impl fmt::Display for Hotkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ss58Address::of_bittensor(self.0).fmt(f)
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
