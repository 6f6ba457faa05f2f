//! Which pulses are a beacon's, and how the chain stores them.

use platform_timelock::*;

use crate::given::*;

const RANDOMNESS: &str = "fe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd";

/// Another one of quicknet's; pallets/drand/src/tests.rs.
const ROUND: u64 = 9_683_710;
const SIGNATURE: &str =
    "b0a8b04e009cf72534321aca0f50048da596a3feec1172a0244d9a4a623a3123d0402da79854d4c705e94bc73224c342";
const ITS_RANDOMNESS: &str = "87f03ef5f62885390defedf60d5b8132b4dc2115b1efc6e99d166a37ab2f3a02";
/// The bad one of the same file, said to be of round 1000: its last byte is another.
const BAD: &str =
    "b0a8b04e009cf72534321aca0f50048da596a3feec1172a0244d9a4a623a3123d0402da79854d4c705e94bc73224c341";

#[test]
fn pulses_of_quicknet_are_quicknets() {
    let known = quicknet_1000();
    quicknet().verify(&known).unwrap();
    assert_eq!(hex::encode(known.randomness()), RANDOMNESS);
    let other = Pulse {
        round: round(ROUND),
        signature: SIGNATURE.parse().unwrap(),
    };
    quicknet().verify(&other).unwrap();
    assert_eq!(hex::encode(other.randomness()), ITS_RANDOMNESS);
}

#[test]
fn the_bad_pulse_of_the_chains_tests_is_refused() {
    // There is no point of the curve with these numbers.
    assert_eq!(BAD.parse::<Signature>(), Err(SignatureError::Point));
}

#[test]
fn a_signature_of_another_round_is_refused_for_this_one() {
    let swapped = Pulse {
        round: round(1_000),
        signature: SIGNATURE.parse().unwrap(),
    };
    assert_eq!(
        quicknet().verify(&swapped),
        Err(VerifyError::Forged(round(1_000)))
    );
}

#[test]
fn a_pulse_of_another_round_or_beacon_is_forged() {
    let moved = Pulse {
        round: round(1_001),
        ..quicknet_1000()
    };
    assert_eq!(quicknet().verify(&moved), Err(VerifyError::Forged(round(1_001))));
    let (_, other) = own();
    assert_eq!(
        other.verify(&quicknet_1000()),
        Err(VerifyError::Forged(round(1_000)))
    );
}

#[test]
fn a_pulse_is_read_as_the_chain_stores_it() {
    let pulse = quicknet_1000();
    let bytes = pulse.encode();
    let expected = format!("e80300000000000080{RANDOMNESS}c0{}", pulse.signature);
    assert_eq!(hex::encode(&bytes), expected);
    assert_eq!(Pulse::decode(&bytes), Ok(pulse));
    let with_prefix = [b"0x".as_slice(), pulse.signature.as_bytes()].concat();
    assert_eq!(
        Pulse::from_parts(1_000, &pulse.randomness(), &with_prefix),
        Ok(pulse)
    );
}

#[test]
fn what_is_not_as_the_chain_stores_it_is_refused_with_the_reason() {
    let pulse = quicknet_1000();
    let bytes = pulse.encode();
    let longer = [bytes.as_slice(), &[0]].concat();
    for bad in [&bytes[..bytes.len() - 1], &longer, &[]] {
        assert!(matches!(Pulse::decode(bad), Err(PulseError::Scale(_))));
    }
    let (random, signature) = (pulse.randomness(), pulse.signature.as_bytes().as_slice());
    assert_eq!(
        Pulse::from_parts(0, &random, signature),
        Err(PulseError::Round(RoundError))
    );
    assert_eq!(
        Pulse::from_parts(1_000, &[0; 32], signature),
        Err(PulseError::Randomness(round(1_000)))
    );
    assert_eq!(
        Pulse::from_parts(1_000, &random, &signature[1..]),
        Err(PulseError::Signature {
            round: round(1_000),
            source: SignatureError::Length(47),
        })
    );
}

#[test]
fn a_signature_is_a_point_and_not_zero() {
    let mut zero = [0; Signature::BYTES];
    zero[0] = 0xc0;
    for bytes in [[0; Signature::BYTES], [0xff; Signature::BYTES], zero] {
        assert_eq!(Signature::from_bytes(&bytes), Err(SignatureError::Point));
    }
    // On the curve (4³ + 4 is a square), and not in the group of prime order.
    let mut outside = [0; Signature::BYTES];
    (outside[0], outside[Signature::BYTES - 1]) = (0x80, 4);
    assert_eq!(Signature::from_bytes(&outside), Err(SignatureError::Point));
    for text in ["", "b4", "zz", &"00".repeat(49)] {
        assert_eq!(text.parse::<Signature>(), Err(SignatureError::Text));
    }
    let text = format!("0x{SIGNATURE}");
    assert_eq!(text.parse::<Signature>().unwrap().to_string(), SIGNATURE);
}
