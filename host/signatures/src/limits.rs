//! How much of a key, a payload or a bundle is read. Keys come from the operator, all else from a registry.

/// A public key is some 180 bytes, a private one sealed by cosign some 700; what is left is for comments before it.
pub const MAX_KEY_PEM: usize = 8 << 10;
/// What scrypt takes is 1024 bytes times this, 128 MiB: the strongest that cosign's library knows (it writes half of that).
pub const MAX_SCRYPT_N: u32 = 131_072;
/// Reference, digest and type are some 250 bytes; what is left is for annotations of who signed.
pub const MAX_PAYLOAD: usize = 64 << 10;
/// In base64. The longest of both kinds has 72 bytes, 96 characters.
pub const MAX_SIGNATURE_TEXT: usize = 128;
/// With a certificate, a time stamp and a proof from a log it is some 10 kilobytes.
pub const MAX_BUNDLE: usize = 256 << 10;
/// Every signature is tried with each key, up to a millisecond each.
pub const MAX_TRUSTED_KEYS: usize = 32;
