//! Cryptography in an author's tests: what the host computes, natively.

use blake2::{
    Blake2b, Blake2b512, Digest,
    digest::consts::{U16, U32},
};
use ed25519_dalek::{Signer as _, SigningKey};
use platform_domain::Ss58Address;
use platform_guest_sdk::{
    crypto::{self, Account},
    testing::Keypair,
};
use proptest::prelude::*;
use sha2::Sha256;

proptest! {
    #[test]
    fn a_signature_holds_where_it_holds_in_the_host(
        seed: [u8; 32],
        message: Vec<u8>,
        old: bool,
        change in proptest::option::of((0..3_usize, any::<usize>(), 1..=u8::MAX)),
    ) {
        let (key, signature) = if old {
            let pair = SigningKey::from_bytes(&seed);
            (pair.verifying_key().to_bytes(), pair.sign(&message).to_bytes())
        } else {
            let pair = Keypair::from_seed(seed);
            prop_assert_eq!(pair.hotkey(), platform_keys::Keypair::from_seed(seed).hotkey().to_string());
            (pair.public_key(), pair.sign(&message))
        };
        let mut parts = [key.to_vec(), message, signature.to_vec()];
        if let Some((which, at, bits)) = change {
            match parts[which].len() {
                0 => {}
                length => parts[which][at % length] ^= bits,
            }
        }
        let [key, message, signature] = parts;
        let here = crypto::sr25519_verify(&key, &message, &signature);
        prop_assert_eq!(here, platform_keys::verify_sr25519(&key, &message, &signature));
        let there = crypto::ed25519_verify(&key, &message, &signature);
        prop_assert_eq!(there, platform_keys::verify_ed25519(&key, &message, &signature));
        prop_assert!(change.is_some() || here != there);
    }

    #[test]
    fn an_address_is_read_and_written_as_the_host_does(prefix in 0..20_000_u16, key: [u8; 32], text in "[1-9A-Za-z]{0,52}") {
        let address = Ss58Address::new(prefix, key).map(|address| address.to_string());
        prop_assert_eq!(crypto::ss58_encode(&key, prefix), address.clone());
        for text in address.iter().chain([&text]) {
            let theirs = text.parse::<Ss58Address>().ok();
            let theirs = theirs.map(|it| Account { public_key: *it.key(), prefix: it.prefix() });
            prop_assert_eq!(crypto::ss58_decode(text), theirs, "{}", text);
        }
    }

    #[test]
    fn hashes_are_those_of_everybody(data: Vec<u8>) {
        prop_assert_eq!(crypto::blake2b128(&data).to_vec(), Blake2b::<U16>::digest(&data).to_vec());
        prop_assert_eq!(crypto::blake2b256(&data).to_vec(), Blake2b::<U32>::digest(&data).to_vec());
        prop_assert_eq!(crypto::blake2b512(&data).to_vec(), Blake2b512::digest(&data).to_vec());
        prop_assert_eq!(crypto::sha256(&data).to_vec(), Sha256::digest(&data).to_vec());
    }
}

#[test]
fn what_is_malformed_is_nothing_and_fails_nothing() {
    let pair = Keypair::from_seed([7; 32]);
    let (key, signature) = (pair.public_key(), pair.sign(b"x"));
    assert!(crypto::is_signed_by(&pair.hotkey(), b"x", &signature));
    let elsewhere = crypto::ss58_encode(&key, 0).unwrap();
    for (hotkey, message) in [
        (pair.hotkey().as_str(), &b"y"[..]),
        (&pair.hotkey()[1..], b"x"),
        (&elsewhere, b"x"),
        ("", b"x"),
    ] {
        assert!(!crypto::is_signed_by(hotkey, message, &signature), "{hotkey}");
    }
    for length in (0..100).filter(|length| *length != 64) {
        let cut: Vec<u8> = signature.iter().copied().cycle().take(length).collect();
        assert!(!crypto::sr25519_verify(&key, b"x", &cut), "{length}");
        assert!(!crypto::ed25519_verify(&key, b"x", &cut), "{length}");
    }
    for length in (0..100).filter(|length| *length != 32) {
        let cut: Vec<u8> = key.iter().copied().cycle().take(length).collect();
        assert!(!crypto::sr25519_verify(&cut, b"x", &signature), "{length}");
        assert_eq!(crypto::ss58_encode(&cut, 42), None, "{length}");
    }
    assert_eq!(crypto::ss58_encode(&key, 16_384), None);
    assert_eq!(crypto::ss58_decode(&"1".repeat(1 << 20)), None);
}
