//! The wallet's key file under a passphrase: `$NACL`, a nonce, and the plain file in XSalsa20-Poly1305 (NaCl's
//! secretbox) under what Argon2i makes of the passphrase.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use crypto_secretbox::{Key, KeyInit as _, Nonce, XSalsa20Poly1305, aead::Aead as _};
use zeroize::Zeroizing;

use crate::KeyError;

/// What such a file begins with.
pub(crate) const MAGIC: &[u8] = b"$NACL";

/// The wallet has the same salt for everybody.
const SALT: [u8; 16] = *b"\x13q\x83\xdf\xf1Z\t\xbc\x9c\x90\xb5Q\x879\xe9\xb1";
/// libsodium's "sensitive" cost of Argon2i: half a gibibyte, eight times.
const MEMORY_KIB: u32 = 524_288;
const PASSES: u32 = 8;
const LANES: u32 = 1;
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// Opens a sealed file. Takes seconds and 512 MiB for as long.
pub(crate) fn open(content: &[u8], passphrase: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let (nonce, sealed) = split(content)?;
    unseal(nonce, sealed, &*derive(passphrase)?)
}

/// What is to be seen without a passphrase, nonce and secret box.
fn split(content: &[u8]) -> Result<(&[u8], &[u8]), KeyError> {
    let sealed = content.strip_prefix(MAGIC).ok_or(KeyError::Format)?;
    sealed.split_at_checked(NONCE_BYTES).ok_or(KeyError::Passphrase)
}

fn unseal(nonce: &[u8], sealed: &[u8], key: &[u8; KEY_BYTES]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let cipher = XSalsa20Poly1305::new(Key::from_slice(key));
    let opened = cipher.decrypt(Nonce::from_slice(nonce), sealed);
    opened.map(Zeroizing::new).map_err(|_| KeyError::Passphrase)
}

fn derive(passphrase: &[u8]) -> Result<Zeroizing<[u8; KEY_BYTES]>, KeyError> {
    // Constants that the function takes, and a passphrase far below its 4 GiB.
    let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(KEY_BYTES)).map_err(|_| KeyError::Passphrase)?;
    let blocks = params.block_count();
    let mut memory = Zeroizing::new(Vec::new());
    // By itself it would end the process when there is not so much.
    memory.try_reserve_exact(blocks).map_err(|_| KeyError::Memory)?;
    memory.resize(blocks, Block::default());
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    let argon2 = Argon2::new(Algorithm::Argon2i, Version::V0x13, params);
    let derived =
        argon2.hash_password_into_with_memory(passphrase, &SALT, key.as_mut_slice(), memory.as_mut_slice());
    derived.map_err(|_| KeyError::Passphrase)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by the wallet itself (`bittensor-wallet` 4.1.1) of the phrase in the tests of `file.rs`.
    const FILE: &[u8] = include_bytes!("../tests/files/nacl_hotkey");
    const PASSPHRASE: &str = "correct horse \u{e9} battery";

    #[test]
    fn a_file_that_the_wallet_sealed_is_opened_by_its_passphrase_alone() {
        let key = derive(PASSPHRASE.as_bytes()).unwrap();
        let (nonce, sealed) = split(FILE).unwrap();
        let opened = unseal(nonce, sealed, &key).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&opened).unwrap();
        assert_eq!(
            json.get("ss58Address").and_then(serde_json::Value::as_str),
            Some("5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV")
        );
        let mut other = *key;
        other[31] ^= 1;
        assert!(matches!(unseal(nonce, sealed, &other), Err(KeyError::Passphrase)));
        for at in [0, sealed.len() - 1] {
            let mut damaged = sealed.to_vec();
            damaged[at] ^= 1;
            assert!(matches!(unseal(nonce, &damaged, &key), Err(KeyError::Passphrase)));
        }
        assert!(matches!(unseal(nonce, &[], &key), Err(KeyError::Passphrase)));
    }

    #[test]
    fn what_is_cut_off_is_refused_before_anything_is_computed() {
        for end in MAGIC.len()..MAGIC.len() + NONCE_BYTES {
            assert!(
                matches!(open(&FILE[..end], b""), Err(KeyError::Passphrase)),
                "{end}"
            );
        }
        assert!(matches!(open(b"{}", b""), Err(KeyError::Format)));
    }
}
