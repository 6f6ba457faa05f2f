//! Which beacon it is, when its rounds come out, and one of our own.

use std::time::Duration;

use platform_domain::UnixSeconds;
use platform_timelock::*;
use proptest::prelude::*;

use crate::given::*;

fn config(json: &str) -> Result<BeaconConfig, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

#[test]
fn a_configuration_that_says_nothing_is_quicknet() {
    let beacon = config("{}").unwrap().build().unwrap();
    assert_eq!(beacon, quicknet());
    assert_eq!(beacon.genesis(), UnixSeconds(1_692_803_367));
    assert_eq!(beacon.period(), Duration::from_secs(3));
    assert_eq!(
        config("{}").unwrap().scheme.parse::<Scheme>().unwrap(),
        Scheme::BlsUnchainedG1Rfc9380
    );
}

#[test]
fn a_configuration_that_is_no_beacon_is_refused_with_the_reason() {
    assert!(
        config(r#"{"public_kye": ""}"#)
            .unwrap_err()
            .contains("public_kye")
    );
    for (json, reason) in [
        (r#"{"period": 0}"#, "`period` is 0"),
        (r#"{"scheme": "pedersen-bls-chained"}"#, "pedersen-bls-chained"),
        (r#"{"scheme": "bls-unchained-on-g1"}"#, "bls-unchained-g1-rfc9380"),
        (r#"{"public_key": "83cf"}"#, "`public_key`"),
    ] {
        let error = config(json).unwrap().build().unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
    // The default network of drand signs in G2.
    let chained =
        "868f005eb8e6e4ca0a47c8a77ceaa5309a47978a7c71bc5cce96366b5d7a569937c529eeda66c7293784a9402801af31";
    assert_eq!(chained.parse::<PublicKey>(), Err(PublicKeyError::Text));
    for byte in [0, 0x80, 0xc0, 0xff] {
        let mut bytes = [0; PublicKey::BYTES];
        bytes[0] = byte;
        assert_eq!(PublicKey::from_bytes(bytes), Err(PublicKeyError::Point));
    }
}

#[test]
fn rounds_come_out_one_by_one_from_genesis_on() {
    let beacon = quicknet();
    let UnixSeconds(genesis) = beacon.genesis();
    assert_eq!(beacon.emitted_at(Round::FIRST), Some(at(genesis)));
    assert_eq!(beacon.emitted_at(round(1_000)), Some(at(genesis + 2_997)));
    assert_eq!(beacon.newest_at(at(genesis - 1)), None);
    assert_eq!(beacon.newest_at(at(0)), None);
    for (since, number) in [(0, 1), (2, 1), (3, 2), (2_996, 999), (2_997, 1_000)] {
        assert_eq!(beacon.newest_at(at(genesis + since)), Some(round(number)));
    }
}

#[test]
fn there_is_no_round_0_and_none_after_the_last() {
    assert_eq!(Round::new(0), Err(RoundError));
    assert_eq!(Round::FIRST.next(), Some(round(2)));
    assert_eq!(round(u64::MAX).next(), None);
    assert_eq!(quicknet().emitted_at(round(u64::MAX)), None);
}

#[test]
fn a_key_of_our_own_signs_what_its_beacon_verifies_and_opens_what_was_sealed() {
    let (key, beacon) = own();
    assert!(key.is_of(&beacon) && !key.is_of(&quicknet()));
    let pulse = key.sign(round(42)).unwrap();
    beacon.verify(&pulse).unwrap();
    let sealed = beacon.seal(b"weights", round(42)).unwrap();
    assert_eq!(sealed.open(&pulse.signature).unwrap(), b"weights");
    let early = key.sign(round(41)).unwrap();
    assert_eq!(sealed.open(&early.signature), Err(OpenError::Signature));
}

#[test]
fn a_seed_makes_one_key_which_shows_nothing_of_itself() {
    let [first, again, other] = [[7; 32], [7; 32], [8; 32]].map(|seed| BeaconKey::from_seed(&seed).unwrap());
    assert_eq!(first.public_key(), again.public_key());
    assert_ne!(first.public_key(), other.public_key());
    assert_eq!(first.sign(round(1)), again.sign(round(1)));
    let shown = format!("{first:?}");
    assert_eq!(shown, format!("BeaconKey(… {})", first.public_key()));
    // So that a test node is the same after every update of ours.
    assert_eq!(&first.public_key().to_string()[..16], KNOWN);
}

const KNOWN: &str = "ae7c95e1bcaa20aa";

proptest! {
    #[test]
    fn a_round_is_the_newest_from_its_moment_to_that_of_the_next(
        genesis in 0..4_000_000_000_u64, period in 1..1_000_u64, number in 1..4_000_000_000_u64, later in 0.0..1.0_f64
    ) {
        let config = BeaconConfig { genesis, period, ..BeaconConfig::default() };
        let beacon = config.build().unwrap();
        let out = beacon.emitted_at(round(number)).unwrap();
        let within = out + beacon.period().mul_f64(later * 0.999);
        prop_assert_eq!(beacon.newest_at(out), Some(round(number)));
        prop_assert_eq!(beacon.newest_at(within), Some(round(number)));
        prop_assert_eq!(beacon.emitted_at(round(number + 1)), Some(out + beacon.period()));
    }
}
