//! What is signed in the older form.

use platform_domain::Digest;
use platform_signatures::{limits::*, *};
use proptest::{collection::btree_map, prelude::*};
use serde_json::json;

use crate::given::*;

fn with(critical: &str, rest: &str) -> String {
    format!(r#"{{"critical":{critical}{rest}}}"#)
}

fn critical(reference: &str, digest: &str, kind: &str) -> String {
    format!(
        r#"{{"identity":{{"docker-reference":"{reference}"}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"{kind}"}}"#
    )
}

const TYPE: &str = "cosign container image signature";

#[test]
fn a_payload_is_written_as_go_writes_json() {
    let mut payload = Payload::new("a<b>&c\u{2028}\u{2029}\"\\", manifest());
    let digest = manifest().to_string();
    let expected = critical(r#"a\u003cb\u003e\u0026c\u2028\u2029\"\\"#, &digest, TYPE);
    assert_eq!(
        String::from_utf8(payload.to_bytes()).unwrap(),
        with(&expected, r#","optional":null"#)
    );
    payload.optional.insert("z".to_owned(), json!("1"));
    payload.optional.insert("a".to_owned(), json!(2));
    assert_eq!(
        String::from_utf8(payload.to_bytes()).unwrap(),
        with(&expected, r#","optional":{"a":2,"z":"1"}"#)
    );
}

#[test]
fn a_payload_of_another_signer_of_this_form_is_read() {
    let digest = manifest().to_string();
    let good = critical("docker.io/library/game:1", &digest, TYPE);
    for rest in [
        "",
        r#","optional":null"#,
        r#","optional":{}"#,
        // As skopeo and podman write it.
        r#","optional":{"creator":"containers/image 5.22.0","timestamp":1700000000}"#,
    ] {
        let payload = Payload::parse(with(&good, rest).as_bytes()).unwrap();
        assert_eq!(payload.reference, "docker.io/library/game:1");
        payload.check(&manifest()).unwrap();
        let other = payload.check(&Digest::of(b"other")).unwrap_err();
        assert!(matches!(other, PayloadError::OtherManifest(digest) if digest == manifest()));
    }
}

#[test]
fn a_payload_that_says_something_else_is_refused() {
    let digest = manifest().to_string();
    let good = critical("a", &digest, TYPE);
    let json: fn(&PayloadError) -> bool = |error| matches!(error, PayloadError::Json(_));
    let kind: fn(&PayloadError) -> bool = |error| matches!(error, PayloadError::Type(_));
    let no_digest: fn(&PayloadError) -> bool = |error| matches!(error, PayloadError::Digest(_));
    let hex = manifest().hex();
    for (text, expected) in [
        (String::new(), json),
        ("null".to_owned(), json),
        ("[]".to_owned(), json),
        ("{}".to_owned(), json),
        (with("{}", ""), json),
        (with(&good, r#","optional":[]"#), json),
        (with(&good, r#","more":1"#), json),
        (
            with(&good, "").replace(r#""type""#, r#""until":"2030","type""#),
            json,
        ),
        (with(&good, &format!(r#","critical":{good}"#)), json),
        (format!("{}x", with(&good, "")), json),
        (
            with(&critical("a", &digest, "atomic container signature"), ""),
            kind,
        ),
        (
            with(&critical("a", &digest, "Cosign container image signature"), ""),
            kind,
        ),
        (with(&critical("a", &digest, ""), ""), kind),
        (with(&critical("a", "", TYPE), ""), no_digest),
        (with(&critical("a", &hex, TYPE), ""), no_digest),
        (with(&critical("a", &digest.to_uppercase(), TYPE), ""), no_digest),
        (with(&critical("a", &format!("{digest}00"), TYPE), ""), no_digest),
        (
            with(&critical("a", &format!("sha512:{hex}{hex}"), TYPE), ""),
            no_digest,
        ),
    ] {
        let refused = Payload::parse(text.as_bytes()).unwrap_err();
        assert!(expected(&refused), "{text}: {refused:?}");
    }
}

#[test]
fn a_payload_has_a_size() {
    let digest = manifest().to_string();
    let around = with(&critical("", &digest, TYPE), "").len();
    let with_reference = |length: usize| with(&critical(&"x".repeat(length), &digest, TYPE), "");
    let room = MAX_PAYLOAD - around;
    assert!(Payload::parse(with_reference(room).as_bytes()).is_ok());
    let large = with_reference(room + 1);
    let refused = Payload::parse(large.as_bytes());
    assert!(matches!(refused, Err(PayloadError::TooLarge)));

    let key = new_key(Algorithm::P256);
    let trusted = trusting(&[("a", key.public())]);
    let signature = key.sign(large.as_bytes()).to_string();
    let refused = trusted.verify(&manifest(), large.as_bytes(), &signature);
    assert!(matches!(refused, Err(Refused::TooLarge)));
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        reference in any::<String>(),
        bytes in any::<[u8; 32]>(),
        optional in btree_map(any::<String>(), any::<String>(), 0..4),
    ) {
        let mut payload = Payload::new(reference, Digest::from_bytes(bytes));
        payload.optional = optional.into_iter().map(|(key, value)| (key, json!(value))).collect();
        prop_assert_eq!(Payload::parse(&payload.to_bytes()).unwrap(), payload);
    }
}
