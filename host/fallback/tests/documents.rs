use std::time::Duration;

use platform_domain::{
    BlockHash, BlockNumber, Digest, EpochId, Hotkey, MechanismId, Netuid, RawWeight, Uid, UnixSeconds,
};
use platform_fallback::{Document, DocumentError, Entry, Expected, Refused, Signed, Subject, Taken, limits};
use platform_keys::Keypair;
use serde_json::{Value, json};

pub(crate) const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

pub(crate) fn primary() -> Keypair {
    Keypair::from_seed([7; 32])
}

pub(crate) fn miner(n: u8) -> Hotkey {
    Hotkey::from_bytes([n; 32])
}

pub(crate) fn document() -> Document {
    Document {
        block: BlockNumber(360 * 9),
        computed_at: UnixSeconds(NOW.0 - 60),
        epoch: EpochId(9),
        expires_at: UnixSeconds(NOW.0 + 3600),
        genesis: BlockHash([1; 32]),
        mechanism: MechanismId(0),
        netuid: Netuid(7),
        numbering: "tempo".into(),
        subject: Subject::Challenge {
            component: Some(Digest::of(b"component")),
            slug: "tsp".parse().unwrap(),
            weights: vec![
                Entry::new(miner(1), 0.1).unwrap(),
                Entry::new(miner(2), 3.0).unwrap(),
            ],
        },
    }
}

pub(crate) fn expected() -> Expected {
    Expected {
        signer: primary().hotkey(),
        genesis: BlockHash([1; 32]),
        netuid: Netuid(7),
        mechanism: MechanismId(0),
        slug: "tsp".parse().unwrap(),
        numbering: "tempo".into(),
        epoch: EpochId(9),
        epochs_behind: 1,
        max_age: Duration::from_secs(7200),
    }
}

pub(crate) fn take(document: Document) -> Result<Taken, Refused> {
    let told = Signed::sign(document, &primary()).unwrap().to_json().unwrap();
    expected().take(&Signed::parse(&told)?, NOW)
}

#[test]
fn the_canonical_form_is_what_it_was() {
    let written = Signed::sign(document(), &primary()).unwrap();
    let bytes = String::from_utf8(written.document.signed_bytes().unwrap()).unwrap();
    let (one, two) = (miner(1), miner(2));
    let genesis = BlockHash([1; 32]);
    let component = Digest::of(b"component");
    assert_eq!(
        bytes,
        format!(
            "platform-weights-v1\n{{\"block\":3240,\"computed_at\":1799999940,\"epoch\":9,\"expires_at\":1800003600,\
             \"genesis\":\"{genesis}\",\"mechanism\":0,\"netuid\":7,\"numbering\":\"tempo\",\
             \"subject\":{{\"about\":\"challenge\",\
             \"component\":\"{component}\",\"slug\":\"tsp\",\"weights\":[{{\"hotkey\":\"{one}\",\"score\":\"0.1\"}},\
             {{\"hotkey\":\"{two}\",\"score\":\"3\"}}]}}}}"
        )
    );
    // What sorts its keys by itself, as other languages do when asked, writes the same.
    let sorted: Value = serde_json::to_value(&written.document).unwrap();
    assert_eq!(bytes, format!("platform-weights-v1\n{sorted}"));
}

#[test]
fn what_a_primary_tells_of_a_challenge_is_its_answer() {
    let taken = take(document()).unwrap();
    let raw = |n, score| RawWeight {
        hotkey: miner(n).to_string(),
        score,
    };
    assert_eq!(taken.weights, [raw(1, 0.1), raw(2, 3.0)]);
    assert_eq!(
        (taken.component, taken.epoch),
        (Some(Digest::of(b"component")), EpochId(9))
    );
    // White space and the order of fields are the way's, not the document's.
    let told = Signed::sign(document(), &primary()).unwrap();
    let value: Value = serde_json::to_value(&told).unwrap();
    let spread = serde_json::to_vec_pretty(&value).unwrap();
    assert!(expected().take(&Signed::parse(&spread).unwrap(), NOW).is_ok());
}

#[test]
fn what_is_about_something_else_or_of_another_time_does_not_count() {
    type Change = fn(&mut Document);
    let cases: [(&str, Change); 16] = [
        ("another chain", |it| it.genesis = BlockHash([2; 32])),
        ("another subnet", |it| it.netuid = Netuid(8)),
        ("another mechanism", |it| it.mechanism = MechanismId(1)),
        ("another challenge", |it| {
            it.subject = Subject::Challenge {
                component: None,
                slug: "other".parse().unwrap(),
                weights: vec![],
            }
        }),
        ("the vector of all challenges", |it| {
            it.subject = Subject::Final {
                policy: "normalized".into(),
                vector: vec![(Uid(0), 65535)],
            }
        }),
        ("counted as every/360", |it| it.numbering = "every/360".into()),
        // As the other host counts it is another epoch: the reason is the counting.
        ("counted as every/1", |it| {
            (it.numbering, it.epoch) = ("every/1".into(), EpochId(3240));
        }),
        ("epoch 10", |it| it.epoch = EpochId(10)),
        ("epoch 7", |it| it.epoch = EpochId(7)),
        ("epoch 18446744073709551615", |it| it.epoch = EpochId(u64::MAX)),
        ("31s from now", |it| it.computed_at = UnixSeconds(NOW.0 + 31)),
        ("from now", |it| it.computed_at = UnixSeconds(u64::MAX)),
        ("7201s ago", |it| it.computed_at = UnixSeconds(NOW.0 - 7201)),
        ("ago", |it| it.computed_at = UnixSeconds(0)),
        ("expired", |it| it.expires_at = NOW),
        ("holds for", |it| it.expires_at = UnixSeconds(NOW.0 + 24 * 3600)),
    ];
    for (said, change) in cases {
        let mut document = document();
        change(&mut document);
        let refused = take(document).unwrap_err();
        assert!(refused.to_string().contains(said), "{said}: {refused}");
    }
    for change in [
        (|it| it.epoch = EpochId(8)) as Change,
        |it| it.computed_at = UnixSeconds(NOW.0 + 30),
        |it| it.computed_at = UnixSeconds(NOW.0 - 7200),
        |it| it.expires_at = UnixSeconds(NOW.0 + 1),
    ] {
        let mut document = document();
        change(&mut document);
        assert!(take(document).is_ok());
    }
}

#[test]
fn nothing_that_was_changed_on_its_way_counts() {
    let told = Signed::sign(document(), &primary()).unwrap();
    let whole = serde_json::to_value(&told).unwrap();
    for (pointer, value) in [
        ("/document/block", json!(1)),
        ("/document/computed_at", json!(NOW.0)),
        ("/document/epoch", json!(8)),
        ("/document/expires_at", json!(NOW.0 + 7200)),
        ("/document/genesis", json!(BlockHash([2; 32]).to_string())),
        ("/document/mechanism", json!(1)),
        ("/document/netuid", json!(8)),
        ("/document/numbering", json!("every/360")),
        ("/document/subject/slug", json!("other")),
        ("/document/subject/component", json!(null)),
        (
            "/document/subject/component",
            json!(format!("sha256:{}", "0".repeat(64))),
        ),
        ("/document/subject/weights/0/score", json!("0.2")),
        ("/document/subject/weights/0/hotkey", json!(miner(0).to_string())),
        ("/document/subject/weights", json!([])),
    ] {
        let mut changed = whole.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        let signed = Signed::parse(changed.to_string().as_bytes()).unwrap();
        let refused = expected().take(&signed, NOW).unwrap_err();
        assert!(matches!(refused, Refused::Signature), "{pointer}: {refused}");
    }
    let eve = Signed::sign(document(), &Keypair::from_seed([8; 32])).unwrap();
    assert!(matches!(expected().take(&eve, NOW), Err(Refused::Signer { .. })));
    let posing = Signed {
        hotkey: primary().hotkey(),
        ..eve
    };
    assert!(matches!(expected().take(&posing, NOW), Err(Refused::Signature)));
    for signature in ["", "0x", "0x00", "zz"] {
        let broken = Signed {
            signature: signature.into(),
            ..told.clone()
        };
        let refused = expected().take(&broken, NOW).unwrap_err();
        assert!(
            matches!(refused, Refused::Document(DocumentError::Signature)),
            "{refused}"
        );
    }
}

#[test]
fn what_no_host_would_write_is_no_document() {
    let whole = serde_json::to_value(Signed::sign(document(), &primary()).unwrap()).unwrap();
    let entry = |n: u8, score: &str| json!({"hotkey": miner(n).to_string(), "score": score});
    for (weights, said) in [
        (json!([entry(2, "1"), entry(1, "1")]), "order"),
        (json!([entry(1, "1"), entry(1, "1")]), "order"),
        (json!([entry(1, "-1")]), "score"),
        (json!([entry(1, "-0")]), "score"),
        (json!([entry(1, "NaN")]), "score"),
        (json!([entry(1, "inf")]), "score"),
        (json!([entry(1, "1e400")]), "score"),
        (json!([entry(1, "1.0")]), "score"),
        (json!([entry(1, "+1")]), "score"),
        (json!([entry(1, "")]), "score"),
        (json!(vec![entry(1, "1"); 4097]), "4097 entries"),
        (json!([{"hotkey": "x", "score": "1"}]), "JSON"),
        (json!([{"hotkey": miner(1).to_string(), "score": 1}]), "JSON"),
        (
            json!([{"hotkey": miner(1).to_string(), "score": "1", "more": 1}]),
            "JSON",
        ),
    ] {
        let mut changed = whole.clone();
        *changed.pointer_mut("/document/subject/weights").unwrap() = weights;
        let refused = Signed::parse(changed.to_string().as_bytes()).unwrap_err();
        assert!(refused.to_string().contains(said), "{said}: {refused}");
    }
    let large = format!("{}{}", " ".repeat(limits::MAX_DOCUMENT), whole);
    assert!(matches!(
        Signed::parse(large.as_bytes()),
        Err(DocumentError::TooLarge)
    ));
    assert!(Entry::new(miner(1), f64::NAN).is_none() && Entry::new(miner(1), -0.0).is_none());
    assert!(Entry::new(miner(1), f64::INFINITY).is_none() && Entry::new(miner(1), 0.0).is_some());
}

#[test]
fn the_most_entries_fit_into_a_document() {
    let key = |n: usize| {
        let mut key = [0xff; 32];
        key[..4].copy_from_slice(&(n as u32).to_be_bytes());
        Hotkey::from_bytes(key)
    };
    for score in [
        0.123_456_789_012_345_67,
        f64::MIN_POSITIVE,
        f64::from_bits(1),
        f64::MAX,
    ] {
        let weights = (0..limits::MAX_ENTRIES).map(|n| Entry::new(key(n), score).unwrap());
        let mut document = document();
        document.subject = Subject::Challenge {
            component: None,
            slug: "a".repeat(63).parse().unwrap(),
            weights: weights.collect(),
        };
        let told = Signed::sign(document, &primary()).unwrap().to_json().unwrap();
        assert!(Signed::parse(&told).is_ok(), "{} bytes", told.len());
    }
}

#[test]
fn epochs_are_counted_in_one_of_two_ways_each_with_one_text() {
    for numbering in ["tempo", "every/1", "every/360", "every/18446744073709551615"] {
        let told = Document {
            numbering: numbering.into(),
            ..document()
        };
        assert!(Signed::sign(told, &primary()).is_ok(), "{numbering}");
    }
    for numbering in [
        "",
        "Tempo",
        "tempo ",
        "manual",
        "blocks",
        "every",
        "every/",
        "every/0",
        "every/01",
        "every/+1",
        "every/-1",
        "every/1/1",
        "every/18446744073709551616",
        "every 1 blocks",
    ] {
        let told = Document {
            numbering: numbering.into(),
            ..document()
        };
        let refused = Signed::sign(told, &primary()).unwrap_err();
        assert!(
            matches!(refused, DocumentError::Numbering),
            "{numbering}: {refused}"
        );
        let mut changed = serde_json::to_value(Signed::sign(document(), &primary()).unwrap()).unwrap();
        *changed.pointer_mut("/document/numbering").unwrap() = json!(numbering);
        let refused = Signed::parse(changed.to_string().as_bytes()).unwrap_err();
        assert!(
            matches!(refused, DocumentError::Numbering),
            "{numbering}: {refused}"
        );
    }
}
