//! What was written by cosign and by others of its kind: `golden/README.md`.

use platform_domain::Digest;
use platform_signatures::*;

use crate::given::*;

#[test]
fn what_cosign_1_signed_is_signed_and_made_again_byte_for_byte() {
    let digest: Digest = "sha256:f3cfc9d0dbf931d3db4685ec659b7ac68e2a578219da4aae65427886e649b06b"
        .parse()
        .unwrap();
    let key = PublicKey::from_pem(golden!("cosign1.pub")).unwrap();
    let trusted = trusting(&[("theirs", key)]);
    let (payload, signature) = (golden!("cosign1.payload.json"), golden!("cosign1.sig"));
    let signature = str::from_utf8(signature).unwrap();
    let name = trusted.verify(&digest, payload, signature).unwrap();
    assert_eq!(name.as_str(), "theirs");
    let ours = Payload::new("registry-testing.svc.lan/busybox", digest);
    assert_eq!(ours.to_bytes(), payload);
    assert_eq!(Payload::parse(payload).unwrap(), ours);
}

#[test]
fn a_statement_about_a_manifest_is_no_signature_of_it() {
    let digest: Digest = "sha256:a0cfc71271d6e278e57cd332ff957c3f7043fdda354c4cbb190a30d56efa01bf"
        .parse()
        .unwrap();
    let key = PublicKey::from_pem(golden!("statement.pub")).unwrap();
    let trusted = trusting(&[("theirs", key)]);
    let refused = trusted.verify_bundle(&digest, golden!("statement.bundle.json"));
    match refused.unwrap_err() {
        Refused::Statement {
            key,
            source: BundleError::Predicate(predicate),
        } => {
            assert_eq!(key.as_str(), "theirs", "the signature itself is right");
            assert_eq!(predicate, "https://example.com/test");
        }
        other => panic!("{other:?}"),
    }
}

/// The fingerprints are from Python's scrypt, NaCl and OpenSSL.
#[test]
fn what_others_sealed_opens_with_its_password_and_is_the_key_that_was_sealed() {
    for (file, password, fingerprint) in [
        (
            golden!("sealed-32768-hello.key"),
            "hello",
            "f1057bf3c114d5486f0bdb3c702596d6154158248980d4be49f6c61fdc62c591",
        ),
        (
            golden!("sealed-65536-empty.key"),
            "",
            "0d8cd6794def5c5e3b42f37bf6ee29bb252ce269771cf3c0785d92fca7be586f",
        ),
        (
            golden!("sealed-old-label.key"),
            "123",
            "00208863d9785226df9ad68ceb2ad5b43f1f5ddd686147f25116ee088726eb6d",
        ),
        (
            golden!("sealed-ed25519.key"),
            "123",
            "ad48ebce6c26b505246c4cc4c753f6483a8dc645d120d306d6881e3f98f70a9e",
        ),
    ] {
        let sealed = sealed(file);
        let key = sealed.unseal(password.as_bytes()).unwrap();
        assert_eq!(key.public().fingerprint().to_string(), fingerprint);
        assert_eq!(sealed.unseal(b"wrong").unwrap_err(), SealError::Password);
    }
}

/// From the tests of sigstore/sigstore (Apache-2.0): the Ed25519 of its library, pure and prehashed.
#[test]
fn both_forms_of_ed25519_that_sigstore_makes_are_taken_and_ours_is_the_pure_one() {
    let private = pem(
        "PRIVATE KEY",
        &hex::decode("302e020100300506032b65700422042053fd0996fa2750e238b7dd2243dfcb56f004e0a3106e8a47f708761c3dd09d47")
            .unwrap(),
    );
    let public = b"-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEA9wy4umF4RHQ8UQXo8fzEQNBWE4GsBMkCzQPAfHvkf/s=\n\
        -----END PUBLIC KEY-----";
    let pure = "cnafwd8DKq2nQ564eN66ckYV8anVFGFi5vaYiQg2aal7ej/J0/OE0PPdKHLHe9wdzWRMFy5MpurRD/2cGXGLBQ==";
    let prehashed =
        "9D4pA8jutZnbqKy4fFRl+kDsVUCO50qrOD1lxmsiUFk6NX+7OXUK5BCMkE2KYPRDxjkDFBzbDZEQhaFdDV5tDg==";
    let key = PublicKey::from_pem(public).unwrap();
    assert_eq!(plain(&private).public(), key);
    assert_eq!(plain(&private).sign(b"sign me").to_string(), pure);
    for signature in [pure, prehashed] {
        let signature = signature.parse().unwrap();
        assert_eq!(key.verify(b"sign me", &signature), Ok(()));
        assert_eq!(key.verify(b"sign you", &signature), Err(SignatureError::Other));
    }
}
