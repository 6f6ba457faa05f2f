//! What somebody makes of a document who has no key: nothing that counts.

use platform_domain::Hotkey;
use platform_fallback::{DocumentError, Entry, Signed, Subject};
use proptest::{collection::btree_map, prelude::*, sample::Index};
use serde_json::{Value, json};

use crate::documents::{NOW, document, expected, miner, primary, take};

#[test]
fn fields_that_are_missing_too_many_or_there_twice_make_no_document() {
    let whole = Signed::sign(document(), &primary()).unwrap().to_json().unwrap();
    let whole = String::from_utf8(whole).unwrap();
    assert!(Signed::parse(whole.as_bytes()).is_ok());
    for (from, to) in [
        (r#""numbering":"tempo","#, ""),
        (r#""about":"challenge","#, ""),
        (r#""about":"challenge""#, r#""about":"all""#),
        (r#""about":"challenge""#, r#""about":"final""#),
        (r#""about":"challenge""#, r#""about":"challenge","more":1"#),
        (
            r#""about":"challenge""#,
            r#""about":"challenge","about":"challenge""#,
        ),
        (r#""slug":"tsp""#, r#""slug":"tsp","slug":"tsp""#),
        (r#""slug":"tsp""#, r#""slug":"TSP""#),
        (r#""epoch":9"#, r#""epoch":9,"epoch":9"#),
        (r#""epoch":9"#, r#""epoch":-9"#),
        (r#""epoch":9"#, r#""epoch":9.0"#),
        (r#""epoch":9"#, r#""epoch":18446744073709551616"#),
        (r#""netuid":7"#, r#""netuid":65543"#),
        (r#""hotkey":"#, r#""more":1,"hotkey":"#),
        (r#"{"document""#, r#"[{"document""#),
    ] {
        let changed = whole.replacen(from, to, 1);
        assert_ne!(changed, whole, "{from}");
        let refused = Signed::parse(changed.as_bytes()).unwrap_err();
        assert!(matches!(refused, DocumentError::Json(_)), "{to}: {refused}");
    }
}

/// Where something is in a document, from the whole of it to each of its leaves.
fn places(value: &Value) -> Vec<String> {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(n, value)| (n.to_string(), value))
            .collect(),
        _ => vec![],
    };
    let below = inner.into_iter().flat_map(|(key, value)| {
        places(value)
            .into_iter()
            .map(move |place| format!("/{key}{place}"))
    });
    std::iter::once(String::new()).chain(below).collect()
}

/// What somebody may write there: values of any kind, numbers at the ends of their ranges, and texts that are nearly right.
fn hostile() -> impl Strategy<Value = Value> {
    let known = [
        json!(null),
        json!([]),
        json!({}),
        json!(0),
        json!(-1),
        json!(9),
        json!(7),
        json!(1.5),
        json!(u64::MAX),
        json!("tempo"),
        json!("every/360"),
        json!("challenge"),
        json!("final"),
        json!("tsp"),
        json!("0.1"),
        json!("3"),
        json!(miner(1).to_string()),
        json!(primary().hotkey().to_string()),
    ];
    let leaf = prop_oneof![
        prop::sample::select(known.to_vec()),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        "(0x)?[0-9a-f]{0,130}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("about|slug|weights|hotkey|score|vector|policy", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_score_comes_back_as_the_same_number(scores in btree_map(any::<[u8; 32]>(), 0.0..f64::MAX, 0..50)) {
        let mut document = document();
        let weights: Vec<_> = scores
            .iter()
            .map(|(key, score)| Entry::new(Hotkey::from_bytes(*key), *score).unwrap())
            .collect();
        document.subject = Subject::Challenge { component: None, slug: "tsp".parse().unwrap(), weights };
        let taken = take(document).unwrap().weights;
        let same = taken.iter().zip(&scores).all(|(raw, (_, score))| raw.score.to_bits() == score.to_bits());
        prop_assert!(same && taken.len() == scores.len());
    }

    #[test]
    fn whatever_is_put_in_the_place_of_a_part_counts_only_if_it_says_the_same(at in any::<Index>(), with in hostile()) {
        let whole = Signed::sign(document(), &primary()).unwrap();
        let mut changed = serde_json::to_value(&whole).unwrap();
        let places = places(&changed);
        let place = at.get(&places);
        *changed.pointer_mut(place).unwrap() = with;
        if let Ok(signed) = Signed::parse(changed.to_string().as_bytes())
            && expected().take(&signed, NOW).is_ok()
        {
            prop_assert_eq!(signed.document, whole.document, "{}", place);
        }
    }

    #[test]
    fn whatever_is_read_is_an_error_at_worst(bytes in any::<Vec<u8>>(), at in any::<Index>(), with in any::<u8>()) {
        let _ = Signed::parse(&bytes);
        let mut told = Signed::sign(document(), &primary()).unwrap().to_json().unwrap();
        let at = at.index(told.len());
        told[at] = with;
        if let Ok(signed) = Signed::parse(&told) {
            let _ = expected().take(&signed, NOW);
        }
    }
}
