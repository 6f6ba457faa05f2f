//! Signatures, addresses and hashes, computed by the host: a component needs no code for them, and they are two to four
//! times as fast as inside of one.
//!
//! ```
//! use platform_guest_sdk::{crypto, testing::Keypair};
//!
//! let alice = Keypair::from_seed([1; 32]);
//! let (document, signature) = (b"my answer is 42", alice.sign(b"my answer is 42"));
//! assert!(crypto::is_signed_by(&alice.hotkey(), document, &signature));
//! assert!(!crypto::is_signed_by(&alice.hotkey(), b"my answer is 43", &signature));
//!
//! let account = crypto::ss58_decode(&alice.hotkey()).unwrap();
//! assert_eq!(account.prefix, crypto::BITTENSOR);
//! assert_eq!(crypto::ss58_encode(&account.public_key, 42), Some(alice.hotkey()));
//! ```
//!
//! Who sent a request is in its [`caller`](crate::Request::caller), whose signature the host has verified already. This is
//! for all other signatures. Whatever is malformed is no signature and no address; nothing fails.
//!
//! What one function is given is bounded by the host, at 16 MiB unless its operator says otherwise: who gives more loses
//! the call. Natively there is no such bound.

#[cfg(target_family = "wasm")]
mod component;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod native;

#[cfg(target_family = "wasm")]
use component as border;
#[cfg(not(target_family = "wasm"))]
use native as border;

/// The SS58 prefix of Bittensor's addresses.
pub const BITTENSOR: u16 = 42;

/// An account with the network it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Account {
    /// The key.
    pub public_key: [u8; 32],
    /// The network: [`BITTENSOR`], or another one up to 16383.
    pub prefix: u16,
}

/// Whether the key behind this address of Bittensor signed exactly this message, as wallets sign: with sr25519 in the
/// context `substrate`. What a wallet in a browser signs has `<Bytes>` and `</Bytes>` around it.
pub fn is_signed_by(hotkey: &str, message: &[u8], signature: &[u8]) -> bool {
    let account = ss58_decode(hotkey).filter(|account| account.prefix == BITTENSOR);
    account.is_some_and(|account| sr25519_verify(&account.public_key, message, signature))
}

/// Whether this key, of 32 bytes, signed exactly this message with this signature, of 64: sr25519 in the context
/// `substrate`.
pub fn sr25519_verify(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    border::sr25519_verify(public_key, message, signature)
}

/// The same for Ed25519. Strictly: keys and signatures of small order, which would hold for many messages, do not hold.
pub fn ed25519_verify(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    border::ed25519_verify(public_key, message, signature)
}

/// The SS58 address of a key; none when the key has not 32 bytes, or the prefix is larger than 16383.
pub fn ss58_encode(public_key: &[u8], prefix: u16) -> Option<String> {
    border::ss58_encode(public_key, prefix)
}

/// What an SS58 address of a 32-byte key says; none when it is mistyped.
pub fn ss58_decode(address: &str) -> Option<Account> {
    border::ss58_decode(address)
}

/// BLAKE2b with 128 bits.
pub fn blake2b128(data: &[u8]) -> [u8; 16] {
    border::blake2b128(data)
}

/// BLAKE2b with 256 bits.
pub fn blake2b256(data: &[u8]) -> [u8; 32] {
    border::blake2b256(data)
}

/// BLAKE2b with 512 bits.
pub fn blake2b512(data: &[u8]) -> [u8; 64] {
    border::blake2b512(data)
}

/// SHA-256.
pub fn sha256(data: &[u8]) -> [u8; 32] {
    border::sha256(data)
}
