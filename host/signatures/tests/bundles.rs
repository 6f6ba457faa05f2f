//! The newer form, signed by a key of ours: what is not as it should be is refused.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use platform_domain::Digest;
use platform_signatures::{limits::*, names::*, *};
use serde_json::{Value, json};

use crate::given::*;

const IN_TOTO: &str = "application/vnd.in-toto+json";

fn statement() -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": manifest().hex()}, "annotations": {}}],
        "predicateType": SIGN_PREDICATE,
        "predicate": {},
    })
}

/// As the specification of DSSE has it.
fn envelope(key: &PrivateKey, kind: &str, payload: &[u8]) -> Value {
    let head = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len());
    let signature = key.sign(&[head.as_bytes(), payload].concat());
    json!({
        "payload": STANDARD.encode(payload),
        "payloadType": kind,
        "signatures": [{"sig": signature.to_string()}],
    })
}

fn bundle(envelope: Value) -> Value {
    json!({
        "mediaType": BUNDLE_MEDIA_TYPE,
        "verificationMaterial": {"publicKey": {"hint": "whatever"}, "tlogEntries": [{"logIndex": "1"}]},
        "dsseEnvelope": envelope,
    })
}

fn of_statement(key: &PrivateKey, statement: &Value) -> Value {
    bundle(envelope(key, IN_TOTO, statement.to_string().as_bytes()))
}

fn verify(key: &PrivateKey, bundle: &Value) -> Result<(), Refused> {
    let trusted = trusting(&[("ours", key.public())]);
    let verified = trusted.verify_bundle(&manifest(), bundle.to_string().as_bytes());
    verified.map(|name| assert_eq!(name.as_str(), "ours"))
}

#[test]
fn a_bundle_of_either_kind_of_key_counts() {
    for key in ALGORITHMS.map(new_key) {
        verify(&key, &of_statement(&key, &statement())).unwrap();
        let mut several = statement();
        several["_type"] = json!("https://in-toto.io/Statement/v0.1");
        several["subject"] = json!([
            {"name": "other", "digest": {"sha256": Digest::of(b"other").hex()}},
            {"name": "this", "digest": {"sha512": "00", "sha256": manifest().hex()}},
        ]);
        verify(&key, &of_statement(&key, &several)).unwrap();
        let stranger = new_key(key.algorithm());
        let refused = verify(&key, &of_statement(&stranger, &statement()));
        assert!(matches!(refused, Err(Refused::NoKey)), "{refused:?}");
    }
}

#[test]
fn a_bundle_that_is_made_otherwise_is_refused_with_its_own_reason() {
    let key = new_key(Algorithm::P256);
    let good = || of_statement(&key, &statement());
    type Change = fn(&mut Value);
    let cases: [(Change, &str); 11] = [
        (
            |b| b["mediaType"] = json!("application/vnd.dev.sigstore.bundle+json;version=0.2"),
            "MediaType",
        ),
        (|b| b["mediaType"] = json!(null), "Json"),
        (
            |b| b["verificationMaterial"] = json!({"certificate": {"rawBytes": "AAAA"}}),
            "Certificate",
        ),
        (|b| b["verificationMaterial"] = json!({}), "Certificate"),
        (|b| b["dsseEnvelope"] = json!(null), "File"),
        (|b| b["dsseEnvelope"]["signatures"] = json!([]), "Signatures(0)"),
        (
            |b| {
                let one = b["dsseEnvelope"]["signatures"][0].clone();
                b["dsseEnvelope"]["signatures"] = json!([one, one]);
            },
            "Signatures(2)",
        ),
        (
            |b| b["dsseEnvelope"]["signatures"][0]["sig"] = json!("?"),
            "NoBase64",
        ),
        (
            |b| b["dsseEnvelope"]["signatures"][0]["sig"] = json!("A".repeat(4096)),
            "TooLong",
        ),
        (|b| b["dsseEnvelope"]["payload"] = json!("?"), "Statement"),
        (
            |b| b["dsseEnvelope"]["payloadType"] = json!("text/plain"),
            "Statement",
        ),
    ];
    for (change, expected) in cases {
        let mut bundle = good();
        change(&mut bundle);
        match verify(&key, &bundle).unwrap_err() {
            Refused::Bundle(reason) => assert!(format!("{reason:?}").contains(expected), "{reason:?}"),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

#[test]
fn a_statement_that_a_key_signed_must_be_that_it_signs_this() {
    let key = new_key(Algorithm::Ed25519);
    type Change = fn(&mut Value);
    let cases: [(Change, &str); 9] = [
        (
            |s| s["_type"] = json!("https://in-toto.io/Statement/v2"),
            "Statement",
        ),
        (|s| s["_type"] = json!(null), "Statement"),
        (
            |s| s["predicateType"] = json!("https://slsa.dev/provenance/v1"),
            "Predicate",
        ),
        (
            |s| s["predicateType"] = json!("https://sigstore.dev/cosign/sign/v1/"),
            "Predicate",
        ),
        (|s| s["subject"] = json!([]), "OtherManifest"),
        (|s| s["subject"] = json!(null), "Statement"),
        (|s| s["subject"][0]["digest"] = json!({}), "OtherManifest"),
        (
            |s| s["subject"][0]["digest"]["sha256"] = json!("00"),
            "OtherManifest",
        ),
        (
            |s| s["subject"][0]["digest"] = json!({"sha1": manifest().hex()}),
            "OtherManifest",
        ),
    ];
    for (change, expected) in cases {
        let mut statement = statement();
        change(&mut statement);
        match verify(&key, &of_statement(&key, &statement)).unwrap_err() {
            Refused::Statement { source, .. } => {
                assert!(format!("{source:?}").starts_with(expected), "{source:?}");
            }
            other => panic!("{expected}: {other:?}"),
        }
    }
    let nothing = bundle(envelope(&key, IN_TOTO, b""));
    let refused = verify(&key, &nothing);
    assert!(matches!(
        refused,
        Err(Refused::Statement {
            source: BundleError::Statement,
            ..
        })
    ));
}

/// A signature of the older form is over other bytes; neither can be put into the place of the other.
#[test]
fn the_forms_cannot_be_taken_for_each_other() {
    let key = new_key(Algorithm::P256);
    let trusted = trusting(&[("ours", key.public())]);
    let statement = statement().to_string();
    let mut bundle = of_statement(&key, &json!(null));
    bundle["dsseEnvelope"]["payload"] = json!(STANDARD.encode(&statement));
    bundle["dsseEnvelope"]["signatures"][0]["sig"] = json!(key.sign(statement.as_bytes()).to_string());
    let refused = trusted.verify_bundle(&manifest(), bundle.to_string().as_bytes());
    assert!(matches!(refused, Err(Refused::NoKey)));
    let made = envelope(&key, IN_TOTO, &payload());
    let signature = made["signatures"][0]["sig"].as_str().unwrap();
    let refused = trusted.verify(&manifest(), &payload(), signature);
    assert!(matches!(refused, Err(Refused::NoKey)));
}

#[test]
fn a_bundle_has_a_size() {
    let key = new_key(Algorithm::P256);
    let mut bundle = of_statement(&key, &statement());
    bundle["comment"] = json!("");
    bundle["comment"] = json!("x".repeat(MAX_BUNDLE - bundle.to_string().len()));
    verify(&key, &bundle).unwrap();
    bundle["more"] = json!(1);
    let refused = verify(&key, &bundle);
    assert!(matches!(refused, Err(Refused::Bundle(BundleError::TooLarge))));
}

#[test]
fn no_changed_byte_of_a_bundle_makes_it_another_ones() {
    let key = new_key(Algorithm::P256);
    let text = of_statement(&key, &statement()).to_string();
    let (bundle, trusted) = (text.as_bytes(), trusting(&[("ours", key.public())]));
    trusted.verify_bundle(&manifest(), bundle).unwrap();
    for value in [r#""payload":""#, r#""sig":""#, r#""payloadType":""#] {
        let begin = text.find(value).unwrap() + value.len();
        let end = begin + text[begin..].find('"').unwrap();
        for changed in each_byte_changed(&bundle[begin..end]) {
            let changed = [&bundle[..begin], &changed, &bundle[end..]].concat();
            let refused = trusted.verify_bundle(&manifest(), &changed);
            assert!(refused.is_err(), "{}", String::from_utf8_lossy(&changed));
        }
    }
}
