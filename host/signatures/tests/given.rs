//! What the tests begin with.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use platform_domain::Digest;
use platform_signatures::*;

pub(crate) const ALGORITHMS: [Algorithm; 2] = [Algorithm::P256, Algorithm::Ed25519];

/// A file of `golden`.
macro_rules! golden {
    ($name:literal) => {
        include_bytes!(concat!("golden/", $name)).as_slice()
    };
}
pub(crate) use golden;

pub(crate) fn new_key(algorithm: Algorithm) -> PrivateKey {
    PrivateKey::generate(algorithm).unwrap()
}

pub(crate) fn manifest() -> Digest {
    Digest::of(b"a manifest")
}

pub(crate) fn payload() -> Vec<u8> {
    Payload::new("example.test/game", manifest()).to_bytes()
}

pub(crate) fn trusting(names: &[(&str, PublicKey)]) -> Trusted {
    let mut trusted = Trusted::default();
    for (name, key) in names {
        trusted.add(name.parse().unwrap(), key.clone()).unwrap();
    }
    trusted
}

/// A key in clear.
pub(crate) fn plain(file: &[u8]) -> PrivateKey {
    match PrivateKeyFile::from_pem(file).unwrap() {
        PrivateKeyFile::Plain(key) => key,
        PrivateKeyFile::Sealed(_) => panic!("it is sealed"),
    }
}

pub(crate) fn sealed(file: &[u8]) -> SealedKey {
    match PrivateKeyFile::from_pem(file).unwrap() {
        PrivateKeyFile::Sealed(key) => key,
        PrivateKeyFile::Plain(_) => panic!("it is in clear"),
    }
}

pub(crate) fn pem(label: &str, bytes: &[u8]) -> Vec<u8> {
    let base64 = STANDARD.encode(bytes);
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in base64.as_bytes().chunks(64) {
        writeln!(text, "{}", str::from_utf8(line).unwrap()).unwrap();
    }
    text += &format!("-----END {label}-----\n");
    text.into_bytes()
}

/// Each byte changed, in its lowest and in its highest bit.
pub(crate) fn each_byte_changed(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len()).flat_map(|at| {
        [1, 0x80].map(|bit| {
            let mut changed = bytes.to_vec();
            changed[at] ^= bit;
            changed
        })
    })
}
