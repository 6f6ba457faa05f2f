//! Which of the trusted keys signed.

use platform_domain::Digest;
use platform_signatures::{limits::*, *};

use crate::given::*;

#[test]
fn the_key_that_signed_is_named() {
    let keys = [Algorithm::P256, Algorithm::Ed25519, Algorithm::P256].map(new_key);
    let [alice, bob, carol] = &keys;
    let trusted = trusting(&[("alice", alice.public()), ("bob", bob.public())]);
    for (key, name) in [(alice, "alice"), (bob, "bob")] {
        let signature = key.sign(&payload()).to_string();
        let found = trusted.verify(&manifest(), &payload(), &signature).unwrap();
        assert_eq!(found.as_str(), name);
        // As a file has it.
        trusted
            .verify(&manifest(), &payload(), &format!("{signature}\n"))
            .unwrap();
    }
    let signature = carol.sign(&payload()).to_string();
    let refused = trusted.verify(&manifest(), &payload(), &signature);
    assert!(matches!(refused, Err(Refused::NoKey)));
    let nobody = Trusted::default();
    assert!(nobody.is_empty() && !trusted.is_empty());
    let refused = nobody.verify(&manifest(), &payload(), &signature);
    assert!(matches!(refused, Err(Refused::NoKey)));
}

#[test]
fn a_signature_of_something_else_says_whose_it_is() {
    let key = new_key(Algorithm::P256);
    let trusted = trusting(&[("alice", key.public())]);
    let signature = key.sign(&payload()).to_string();
    let refused = trusted.verify(&Digest::of(b"other"), &payload(), &signature);
    match refused.unwrap_err() {
        Refused::Payload {
            key,
            source: PayloadError::OtherManifest(digest),
        } => assert_eq!((key.as_str(), digest), ("alice", manifest())),
        other => panic!("{other:?}"),
    }
    let signature = key.sign(b"a letter").to_string();
    let refused = trusted.verify(&manifest(), b"a letter", &signature);
    assert!(matches!(
        refused,
        Err(Refused::Payload {
            source: PayloadError::Json(_),
            ..
        })
    ));
}

#[test]
fn no_changed_byte_of_payload_or_signature_is_overlooked() {
    for key in ALGORITHMS.map(new_key) {
        let trusted = trusting(&[("alice", key.public())]);
        let signature = key.sign(&payload()).to_string();
        trusted.verify(&manifest(), &payload(), &signature).unwrap();
        for changed in each_byte_changed(&payload()) {
            let refused = trusted.verify(&manifest(), &changed, &signature);
            assert!(matches!(refused, Err(Refused::NoKey)));
        }
        for changed in each_byte_changed(signature.as_bytes()) {
            // A text is all that a signature can be; what is no text does not even come here.
            if let Ok(changed) = str::from_utf8(&changed) {
                let refused = trusted.verify(&manifest(), &payload(), changed);
                assert!(refused.is_err(), "{changed}");
            }
        }
        for end in 0..signature.len() {
            let refused = trusted.verify(&manifest(), &payload(), &signature[..end]);
            assert!(refused.is_err());
        }
    }
}

/// The other of the two forms of a signature of ECDSA: `s` is replaced with what it lacks to the order of the group.
#[test]
fn both_forms_of_a_signature_of_ecdsa_count() {
    let key = new_key(Algorithm::P256);
    let signature = p256::ecdsa::Signature::from_der(key.sign(b"a").as_bytes()).unwrap();
    let (r, s) = signature.split_scalars();
    let other = p256::ecdsa::Signature::from_scalars(r, -*s).unwrap();
    assert_ne!(signature, other);
    for signature in [signature, other] {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let text = STANDARD.encode(signature.to_der().as_bytes());
        assert_eq!(key.public().verify(b"a", &text.parse().unwrap()), Ok(()));
    }
}

#[test]
fn a_key_has_one_name_and_a_name_one_key() {
    let [first, second] = [(); 2].map(|()| new_key(Algorithm::Ed25519).public());
    let mut trusted = trusting(&[("alice", first.clone())]);
    let name = |text: &str| text.parse::<KeyName>().unwrap();
    assert_eq!(
        trusted.add(name("alice"), second.clone()),
        Err(TrustedError::Name(name("alice")))
    );
    assert_eq!(
        trusted.add(name("bob"), first),
        Err(TrustedError::Key(name("alice")))
    );
    trusted.add(name("bob"), second).unwrap();
    let names: Vec<_> = trusted.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["alice", "bob"]);
}

#[test]
fn a_host_trusts_a_number_of_keys() {
    let mut trusted = Trusted::default();
    for number in 0..MAX_TRUSTED_KEYS {
        let name = format!("key-{number}").parse().unwrap();
        trusted.add(name, new_key(Algorithm::Ed25519).public()).unwrap();
    }
    let one_more = trusted.add("one-more".parse().unwrap(), new_key(Algorithm::P256).public());
    assert_eq!(one_more, Err(TrustedError::TooMany));
}

#[test]
fn a_signature_has_a_length() {
    let longest = "A".repeat(MAX_SIGNATURE_TEXT);
    assert!(longest.parse::<Signature>().is_ok());
    let long = "A".repeat(MAX_SIGNATURE_TEXT + 4);
    assert_eq!(long.parse::<Signature>(), Err(SignatureError::TooLong));
    for text in ["?", "A", "AAAA=", "AA==AA==", "AB==", "A A=", "\u{e4}"] {
        assert_eq!(text.parse::<Signature>(), Err(SignatureError::NoBase64), "{text}");
    }
}
