//! What stands for the host when an author's tests run natively: the same functions, from the same libraries.

mod ss58;

use blake2::{
    Blake2b, Blake2b512, Digest,
    digest::consts::{U16, U32},
};
use ed25519_dalek::VerifyingKey;
use schnorrkel::{PublicKey, Signature};
use sha2::Sha256;

pub(super) use ss58::{ss58_decode, ss58_encode};

/// The signing context of Substrate.
pub(crate) const CONTEXT: &[u8] = b"substrate";

pub(super) fn sr25519_verify(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let (key, signature) = (
        PublicKey::from_bytes(public_key),
        Signature::from_bytes(signature),
    );
    match (key, signature) {
        (Ok(key), Ok(signature)) => key.verify_simple(CONTEXT, message, &signature).is_ok(),
        _ => false,
    }
}

pub(super) fn ed25519_verify(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let signature = ed25519_dalek::Signature::from_slice(signature);
    let (Ok(key), Ok(signature)) = (public_key.try_into(), signature) else {
        return false;
    };
    VerifyingKey::from_bytes(key).is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
}

pub(super) fn blake2b128(data: &[u8]) -> [u8; 16] {
    Blake2b::<U16>::digest(data).into()
}

pub(super) fn blake2b256(data: &[u8]) -> [u8; 32] {
    Blake2b::<U32>::digest(data).into()
}

pub(super) fn blake2b512(data: &[u8]) -> [u8; 64] {
    Blake2b512::digest(data).into()
}

pub(super) fn sha256(data: &[u8]) -> [u8; 32] {
    Sha256::digest(data).into()
}
