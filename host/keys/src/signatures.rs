//! Signatures of anybody, with keys that are any bytes: whatever is malformed does not hold, and nothing more is said.

use ed25519_dalek::{Signature, VerifyingKey};
use platform_domain::Hotkey;

use crate::verify;

/// Whether a key of Schnorr on Ristretto signed exactly this message, in the context in which Substrate signs.
pub fn verify_sr25519(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    match (public_key.try_into(), signature.try_into()) {
        (Ok(key), Ok(signature)) => verify(&Hotkey::from_bytes(key), message, signature),
        _ => false,
    }
}

/// Whether an Ed25519 key (RFC 8032) signed exactly this message. Strictly: a key or a signature of small order, which
/// would hold for many messages, does not hold, nor does a second form of a signature.
pub fn verify_ed25519(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let (Ok(key), Ok(signature)) = (public_key.try_into(), Signature::from_slice(signature)) else {
        return false;
    };
    VerifyingKey::from_bytes(key).is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Keypair;

    /// Public key, message and signature: tests 1, 2, 3 and "SHA(abc)" of RFC 8032, section 7.1.
    const RFC_8032: [[&str; 3]; 4] = [
        [
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b\
             d25bf5f0595bbe24655141438e7a100b",
        ],
        [
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c\
             387b2eaeb4302aeeb00d291612bb0c00",
        ],
        [
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659\
             4a7c15e9716ed28dc027beceea1ec40a",
        ],
        [
            "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd\
             454d4423643ce80e2a9ac94fa54ca49f",
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e030\
             3dca179c138ac17ad9bef1177331a704",
        ],
    ];

    #[test]
    fn the_signatures_of_rfc_8032_hold_and_changed_ones_do_not() {
        for vector in RFC_8032 {
            let [key, message, signature] = vector.map(|digits| hex::decode(digits).unwrap());
            assert!(verify_ed25519(&key, &message, &signature));
            assert!(!verify_ed25519(&key, &[&message[..], b"!"].concat(), &signature));
            for at in 0..64 {
                let mut changed = signature.clone();
                changed[at] ^= 1;
                assert!(!verify_ed25519(&key, &message, &changed), "{at}");
            }
            assert!(!verify_sr25519(&key, &message, &signature));
        }
    }

    #[test]
    fn what_holds_for_many_messages_or_has_a_second_form_does_not_hold() {
        // The neutral element as key and as R, with S zero, fulfils the equation for every message.
        let neutral = [&[1][..], &[0; 31]].concat();
        let signature = [&neutral[..], &[0; 32]].concat();
        assert!(!verify_ed25519(&neutral, b"whatever", &signature));
        // S and the order of the group: the same number, in another form.
        let order = hex::decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").unwrap();
        let [key, message, mut signature] = RFC_8032[1].map(|digits| hex::decode(digits).unwrap());
        let mut carry = 0;
        for (digit, add) in signature[32..].iter_mut().zip(order) {
            let sum = u16::from(*digit) + u16::from(add) + carry;
            (*digit, carry) = (sum.to_le_bytes()[0], sum >> 8);
        }
        assert!(!verify_ed25519(&key, &message, &signature));
    }

    #[test]
    fn keys_and_signatures_of_other_lengths_do_not_hold() {
        let pair = Keypair::from_seed([7; 32]);
        let sr25519 = (pair.hotkey().as_bytes().to_vec(), pair.sign(b"").to_vec());
        let [key, _, signature] = RFC_8032[0].map(|digits| hex::decode(digits).unwrap());
        type Verify = fn(&[u8], &[u8], &[u8]) -> bool;
        for (verify, (key, signature)) in [
            (verify_sr25519 as Verify, sr25519),
            (verify_ed25519, (key, signature)),
        ] {
            assert!(verify(&key, b"", &signature));
            for length in (0..100).filter(|length| *length != 32) {
                let cut: Vec<u8> = key.iter().copied().cycle().take(length).collect();
                assert!(!verify(&cut, b"", &signature), "{length}");
            }
            for length in (0..200).filter(|length| *length != 64) {
                let cut: Vec<u8> = signature.iter().copied().cycle().take(length).collect();
                assert!(!verify(&key, b"", &cut), "{length}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_signed_here_holds_there(seed: [u8; 32], message: Vec<u8>) {
            use ed25519_dalek::{Signer as _, SigningKey};
            let pair = Keypair::from_seed(seed);
            proptest::prop_assert!(verify_sr25519(pair.hotkey().as_bytes(), &message, &pair.sign(&message)));
            let pair = SigningKey::from_bytes(&seed);
            let signature = pair.sign(&message).to_bytes();
            proptest::prop_assert!(verify_ed25519(pair.verifying_key().as_bytes(), &message, &signature));
        }
    }
}
