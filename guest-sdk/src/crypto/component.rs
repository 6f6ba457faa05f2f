//! The border to the host, which computes. Only in Wasm.

use super::Account;
use crate::database::component::wit::platform::challenge::crypto;

pub(super) use crypto::{ed25519_verify, sr25519_verify, ss58_encode};

pub(super) fn ss58_decode(address: &str) -> Option<Account> {
    let crypto::Account { public_key, prefix } = crypto::ss58_decode(address)?;
    let public_key = public_key.try_into().ok()?;
    Some(Account { public_key, prefix })
}

pub(super) fn blake2b128(data: &[u8]) -> [u8; 16] {
    whole(&crypto::blake2b128(data))
}

pub(super) fn blake2b256(data: &[u8]) -> [u8; 32] {
    whole(&crypto::blake2b256(data))
}

pub(super) fn blake2b512(data: &[u8]) -> [u8; 64] {
    whole(&crypto::blake2b512(data))
}

pub(super) fn sha256(data: &[u8]) -> [u8; 32] {
    whole(&crypto::sha256(data))
}

/// A host that gives a hash of another length is none.
fn whole<const N: usize>(hash: &[u8]) -> [u8; N] {
    let mut all = [0; N];
    all.copy_from_slice(hash);
    all
}
