//! SS58, the text of a Substrate account: the network's prefix, a 32-byte key and a checksum, in base58.

use std::{fmt, str::FromStr};

use blake2::{Blake2b512, Digest as _};

/// An account with the network it is for. Its text form has at most 50 characters, and each account has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ss58Address {
    prefix: u16,
    key: [u8; 32],
}

/// Why a text is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ss58Error {
    /// Not base58, or not a prefix, 32 key bytes and two checksum bytes.
    #[error("not an SS58 address of a 32-byte key")]
    Shape,
    /// A mistyped address.
    #[error("the SS58 checksum does not match")]
    Checksum,
}

/// The domain separator of the checksum (Substrate `sp_core::crypto`).
const CHECKSUM_CONTEXT: &[u8] = b"SS58PRE";
/// No address of this shape is longer; what is longer is not decoded, which takes the square of the length.
const MAX_TEXT_LEN: usize = 50;
/// The first prefix that takes two bytes.
const FIRST_OF_TWO_BYTES: u16 = 64;

impl Ss58Address {
    /// The largest prefix: two bytes hold 14 bits of it.
    pub const MAX_PREFIX: u16 = 0x3fff;
    /// The prefix that Bittensor uses, as does every Substrate chain without one of its own.
    pub const BITTENSOR: u16 = 42;

    /// The address of a key in a network; `None` when the prefix is too large to be written.
    pub const fn new(prefix: u16, key: [u8; 32]) -> Option<Self> {
        if prefix > Self::MAX_PREFIX {
            return None;
        }
        Some(Self { prefix, key })
    }

    /// The address of a key in Bittensor.
    pub(crate) const fn of_bittensor(key: [u8; 32]) -> Self {
        let prefix = Self::BITTENSOR;
        Self { prefix, key }
    }

    /// The number of the network.
    pub const fn prefix(&self) -> u16 {
        self.prefix
    }

    /// The raw public key.
    pub const fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// Two bytes of a prefix have a mark and its bits 2 to 7 in the first, its bits 8 to 13 and then 0 and 1 in the
    /// second.
    fn body(&self) -> Vec<u8> {
        let [low, high] = self.prefix.to_le_bytes();
        let mut bytes = Vec::with_capacity(36);
        if self.prefix < FIRST_OF_TWO_BYTES {
            bytes.push(low);
        } else {
            bytes.push(0b0100_0000 | (low >> 2));
            bytes.push((low << 6) | high);
        }
        bytes.extend_from_slice(&self.key);
        bytes
    }
}

fn checksum(body: &[u8]) -> [u8; 2] {
    let hash = Blake2b512::new()
        .chain_update(CHECKSUM_CONTEXT)
        .chain_update(body);
    let [first, second, ..] = <[u8; 64]>::from(hash.finalize());
    [first, second]
}

impl FromStr for Ss58Address {
    type Err = Ss58Error;

    fn from_str(text: &str) -> Result<Self, Ss58Error> {
        if text.len() > MAX_TEXT_LEN {
            return Err(Ss58Error::Shape);
        }
        let bytes = bs58::decode(text).into_vec().map_err(|_| Ss58Error::Shape)?;
        let (body, sum) = bytes.split_last_chunk::<2>().ok_or(Ss58Error::Shape)?;
        let (head, key) = body.split_last_chunk::<32>().ok_or(Ss58Error::Shape)?;
        let prefix = match *head {
            [prefix @ ..0b0100_0000] => u16::from(prefix),
            [first @ 0b0100_0000..0b1000_0000, second] => {
                u16::from_le_bytes([(first << 2) | (second >> 6), second & 0b0011_1111])
            }
            _ => return Err(Ss58Error::Shape),
        };
        // A prefix that fits into one byte is not written with two.
        if head.len() == 2 && prefix < FIRST_OF_TWO_BYTES {
            return Err(Ss58Error::Shape);
        }
        if checksum(body) != *sum {
            return Err(Ss58Error::Checksum);
        }
        Ok(Self { prefix, key: *key })
    }
}

impl fmt::Display for Ss58Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.body();
        bytes.extend_from_slice(&checksum(&bytes));
        f.write_str(&bs58::encode(bytes).into_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d";
    /// The first made by a node, the others published by the libraries of Polkadot.
    const ADDRESSES: [(u16, &str, &str); 8] = [
        (42, ALICE, "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"),
        (0, ALICE, "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5"),
        (2, ALICE, "HNZata7iMYWmk5RvZRTiAsSDhV8366zq2YGb3tLH5Upf74F"),
        (
            69,
            "ae640d53cfa815f4a6a50ae70235cd7d9d134d0f1c3a4ccd118e321dfb6ab51f",
            "cnVRwXfAnz3RSVQyBUC8f8McrK3YBX2QYd4WoctpeSC6VTJYm",
        ),
        (
            252,
            "5c64f1151f0ce4358c27238fb20c88e7c899825436f565410724c8c2c5add869",
            "xw5g1Eec8LT99pZLZMaTWwrwvNtfM6vrSuZeVbtEszCDUwByg",
        ),
        (
            255,
            "242fd5a078ac6b7c3c2531e9bcf1314343782aeb58e7bc6880794589e701db55",
            "yGDYxQatQwuxqT39Zs4LtcTnpzE12vXb7ZJ6xpdiHv6gTu1hF",
        ),
        (
            4242,
            "44d5a3ac156335ea99d33a83c57c7146c40c8e2260a8a4adf4e7a86256454651",
            "mHm8k9Emsvyfp3piCauSH684iA6NakctF8dySQcX94GDdrJrE",
        ),
        (
            14_269,
            "88f01441682a17b52d6ae12d1a5670cf675fd254897efabaa5069eb3a701ab73",
            "r6Gr4gaMP8TsjhFbqvZhv3YvnasugLiRJpzpRHifsqqG18UXa",
        ),
    ];

    fn key(digits: &str) -> [u8; 32] {
        hex::decode(digits).unwrap().try_into().unwrap()
    }

    #[test]
    fn known_addresses_are_read_and_written() {
        for (prefix, digits, text) in ADDRESSES {
            let address = Ss58Address::new(prefix, key(digits)).unwrap();
            assert_eq!(address.to_string(), text);
            assert_eq!(text.parse(), Ok(address));
        }
        assert_eq!(Ss58Address::new(16_384, key(ALICE)), None);
    }

    #[test]
    fn what_is_mistyped_cut_long_or_written_otherwise_is_no_address() {
        let ((_, _, good), alice) = (ADDRESSES[0], key(ALICE));
        for end in 0..good.len() {
            assert!(good[..end].parse::<Ss58Address>().is_err(), "{end}");
        }
        let mistyped = good.replace("tQY", "tQZ").parse::<Ss58Address>();
        assert_eq!(mistyped, Err(Ss58Error::Checksum));
        let with_sum = |body: &[u8]| bs58::encode([body, &checksum(body)].concat()).into_string();
        assert_eq!(with_sum(&[&[42][..], &alice].concat()), good);
        for body in [
            // 42 in two bytes, a reserved first byte, keys of other lengths.
            [&[0b0100_1010, 0b1000_0000][..], &alice].concat(),
            [&[0b1000_0000][..], &alice].concat(),
            [&[42][..], &alice[1..]].concat(),
            [&[42, 0, 0][..], &alice].concat(),
        ] {
            assert_eq!(
                with_sum(&body).parse::<Ss58Address>(),
                Err(Ss58Error::Shape),
                "{body:?}"
            );
        }
        // The fourth is of an ECDSA key, which has 33 bytes.
        for text in [
            "",
            "0",
            "é",
            "4pbsSkWcBaYoFHrKJZp5fDVUKbqSYD9dhZZGvpp3vQ5ysVs5ybV",
            &"1".repeat(50),
            &"z".repeat(50),
            &"5".repeat(1 << 20),
        ] {
            assert!(text.parse::<Ss58Address>().is_err());
        }
    }

    proptest::proptest! {
        #[test]
        fn every_account_has_one_text(prefix in 0..=Ss58Address::MAX_PREFIX, key: [u8; 32]) {
            let address = Ss58Address::new(prefix, key).unwrap();
            let text = address.to_string();
            proptest::prop_assert!(text.len() <= MAX_TEXT_LEN, "{}", text);
            proptest::prop_assert_eq!(text.parse(), Ok(address));
        }
    }
}
