//! SS58: a prefix of one byte or two, 32 bytes of a key and two of a checksum, in base58.

use blake2::{Blake2b512, Digest as _};

use crate::crypto::Account;

/// Two bytes hold 14 bits of a prefix.
const MAX_PREFIX: u16 = 0x3fff;
/// The first prefix that takes two bytes.
const FIRST_OF_TWO_BYTES: u16 = 64;
/// No address of a 32-byte key is longer.
const MAX_TEXT_LEN: usize = 50;

pub(in crate::crypto) fn ss58_encode(public_key: &[u8], prefix: u16) -> Option<String> {
    let key: &[u8; 32] = public_key.try_into().ok()?;
    let [low, high] = prefix.to_le_bytes();
    let head = match prefix {
        ..FIRST_OF_TWO_BYTES => vec![low],
        FIRST_OF_TWO_BYTES..=MAX_PREFIX => vec![0b0100_0000 | (low >> 2), (low << 6) | high],
        _ => return None,
    };
    let body = [&head[..], key].concat();
    let address = [&body[..], &checksum(&body)].concat();
    Some(bs58::encode(address).into_string())
}

pub(in crate::crypto) fn ss58_decode(address: &str) -> Option<Account> {
    if address.len() > MAX_TEXT_LEN {
        return None;
    }
    let bytes = bs58::decode(address).into_vec().ok()?;
    let (body, sum) = bytes.split_last_chunk::<2>()?;
    let (head, public_key) = body.split_last_chunk::<32>()?;
    let prefix = match *head {
        [prefix @ ..0b0100_0000] => u16::from(prefix),
        [first @ 0b0100_0000..0b1000_0000, second] => {
            u16::from_le_bytes([(first << 2) | (second >> 6), second & 0b0011_1111])
        }
        _ => return None,
    };
    // A prefix that fits into one byte is not written with two.
    let short = head.len() == 1 || prefix >= FIRST_OF_TWO_BYTES;
    let account = Account {
        public_key: *public_key,
        prefix,
    };
    (short && checksum(body) == *sum).then_some(account)
}

fn checksum(body: &[u8]) -> [u8; 2] {
    let hash = Blake2b512::new().chain_update(b"SS58PRE").chain_update(body);
    let [first, second, ..] = <[u8; 64]>::from(hash.finalize());
    [first, second]
}
