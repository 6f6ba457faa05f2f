//! Ciphertexts and payloads from an enemy: refused, and nothing else.

use platform_timelock::*;
use proptest::prelude::*;

use crate::given::*;

fn golden() -> Vec<u8> {
    hex::decode(include_str!("golden/fixed.hex").trim()).unwrap()
}

#[test]
fn a_length_that_is_not_the_layouts_is_refused_where_it_is() {
    // Where each length is, and what it is of.
    let body = 96 + 40 + 40;
    for (at, what) in [
        (96, "V"),
        (136, "W"),
        (body, "the body"),
        (body + 8, "the content"),
        (golden().len() - 16, "the cipher"),
    ] {
        for length in [u64::MAX, 1 << 32, 5_000] {
            let mut bytes = golden();
            bytes[at..at + 8].copy_from_slice(&length.to_le_bytes());
            assert_eq!(
                Ciphertext::decode(&bytes),
                Err(CiphertextError::Layout(what)),
                "{length} at {at}"
            );
        }
    }
    let mut bytes = golden();
    bytes[96] = 31;
    assert_eq!(Ciphertext::decode(&bytes), Err(CiphertextError::Layout("V")));
}

#[test]
fn another_cipher_or_anything_after_the_end_is_refused() {
    let mut other = golden();
    *other.last_mut().unwrap() = b'!';
    assert_eq!(
        Ciphertext::decode(&other),
        Err(CiphertextError::Layout("the cipher"))
    );
    let longer = [golden().as_slice(), &[0]].concat();
    assert_eq!(
        Ciphertext::decode(&longer),
        Err(CiphertextError::Layout("the end"))
    );
}

#[test]
fn a_beginning_that_is_no_point_or_zero_is_refused() {
    for byte in [0, 0x80, 0xc0, 0xff] {
        let mut bytes = golden();
        bytes[..96].fill(0);
        bytes[0] = byte;
        assert_eq!(
            Ciphertext::decode(&bytes),
            Err(CiphertextError::Point),
            "{byte:x}"
        );
    }
}

#[test]
fn what_was_changed_in_the_content_is_told_from_a_signature_that_does_not_fit() {
    let signature = quicknet_1000().signature;
    let damaged = |at: usize| {
        let mut bytes = golden();
        bytes[at] ^= 1;
        Ciphertext::decode(&bytes).unwrap().open(&signature)
    };
    assert_eq!(damaged(110), Err(OpenError::Signature), "in V");
    assert_eq!(damaged(150), Err(OpenError::Signature), "in W");
    assert_eq!(damaged(200), Err(OpenError::Damaged), "in the content");
    assert_eq!(
        damaged(golden().len() - 20),
        Err(OpenError::Damaged),
        "in the nonce"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_bit_that_is_changed_anywhere_opens_nothing(at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let mut bytes = golden();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let opened = Ciphertext::decode(&bytes).map(|read| read.open(&quicknet_1000().signature));
        prop_assert!(!matches!(opened, Ok(Ok(_))), "bit {bit} of byte {at}");
    }

    #[test]
    fn a_ciphertext_that_was_cut_is_refused(at in any::<prop::sample::Index>()) {
        let bytes = golden();
        prop_assert!(Ciphertext::decode(&bytes[..at.index(bytes.len())]).is_err());
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>()) {
        let _ = Ciphertext::decode(&bytes);
        let _ = Pulse::decode(&bytes);
        let _ = Payload::decode(&bytes);
        let _ = Payload::revealed(&bytes, &hotkey(1));
        let _ = Signature::from_bytes(&bytes);
    }
}
