//! Ciphertexts of other programs, byte for byte. Here and not in `tests/`, because nobody outside may say what is random.

use platform_domain::{Hotkey, Uid};
use zeroize::Zeroizing;

use crate::{Beacon, BeaconConfig, Ciphertext, OpenError, Payload, Pulse, Round, entropy::Entropy, ibe};

/// Made by the crate that the chain is built with; see the README beside it.
const REFERENCE: &str = include_str!("../tests/golden/tle-5416406.hex");
const FIXED: &str = include_str!("../tests/golden/fixed.hex");

fn quicknet() -> Beacon {
    BeaconConfig::default().build().unwrap()
}

fn pulse() -> Pulse {
    Pulse::quicknet_1000().unwrap()
}

fn payload() -> Payload {
    Payload {
        hotkey: Hotkey::from_bytes([1; 32]),
        weights: vec![(Uid(0), 10), (Uid(1), 20)],
        version_key: 0,
    }
}

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text.trim()).unwrap()
}

#[test]
fn what_the_chains_own_crate_sealed_is_opened_and_sealed_again_byte_for_byte() {
    let golden = bytes(REFERENCE);
    let read = Ciphertext::decode(&golden).unwrap();
    assert_eq!(read.encode().unwrap(), golden);
    let opened = read.open(&pulse().signature).unwrap();
    assert_eq!(Payload::decode(&opened).unwrap(), payload());
    // What it took at random comes out as well, and makes the same ciphertext.
    let (key, sigma) = ibe::unwrap(&read.wrapped, &pulse().signature).unwrap().unwrap();
    assert_eq!(*key, [2; 32]);
    let entropy = Entropy {
        key,
        sigma,
        nonce: read.nonce,
    };
    let sealed = quicknet().seal_with(&opened, pulse().round, &entropy).unwrap();
    assert_eq!(sealed.encode().unwrap(), golden);
}

#[test]
fn fixed_randomness_makes_the_known_bytes() {
    let entropy = Entropy {
        key: Zeroizing::new([2; 32]),
        sigma: Zeroizing::new([3; 32]),
        nonce: [4; 12],
    };
    let sealed = quicknet()
        .seal_with(&payload().encode(), pulse().round, &entropy)
        .unwrap();
    assert_eq!(hex::encode(sealed.encode().unwrap()), FIXED.trim());
    let opened = sealed.open(&pulse().signature).unwrap();
    assert_eq!(Payload::decode(&opened).unwrap(), payload());
}

#[test]
fn another_round_with_the_same_randomness_does_not_open() {
    let entropy = Entropy::fresh().unwrap();
    let round = Round::new(1_001).unwrap();
    let sealed = quicknet().seal_with(b"weights", round, &entropy).unwrap();
    assert_eq!(sealed.open(&pulse().signature), Err(OpenError::Signature));
}
