//! The page for those who read documents: what it shows as examples are some, and what it says is signed is.

use std::time::Duration;

use platform_domain::UnixSeconds;
use platform_fallback::{Expected, Refused, Signed, Subject};
use serde_json::Value;

use crate::documents::primary;

const PAGE: &str = include_str!("../../../docs/weights-document.md");

/// The blocks of a kind on the page.
fn blocks(kind: &str) -> Vec<&'static str> {
    let begin = format!("```{kind}\n");
    let found = PAGE.split(begin.as_str()).skip(1);
    found.map(|rest| rest.split("\n```").next().unwrap()).collect()
}

fn examples() -> [Signed; 2] {
    let parsed: Vec<_> = blocks("json")
        .into_iter()
        .map(|text| Signed::parse(text.as_bytes()).unwrap())
        .collect();
    parsed.try_into().unwrap()
}

#[test]
fn the_examples_are_signed_and_written_as_a_host_writes_them() {
    for (signed, text) in examples().iter().zip(blocks("json")) {
        assert_eq!(signed.hotkey, primary().hotkey());
        assert!(signed.is_genuine().unwrap(), "{text}");
        assert_eq!(signed.to_json().unwrap(), text.as_bytes());
    }
    let [first, _] = examples();
    assert_eq!(
        blocks("text"),
        [String::from_utf8(first.document.signed_bytes().unwrap()).unwrap()]
    );
}

#[test]
fn the_example_of_a_challenge_counts_and_that_of_all_does_not() {
    let [of_one, of_all] = examples();
    let Subject::Challenge { slug, weights, .. } = &of_one.document.subject else {
        panic!("the first example is about a challenge");
    };
    let document = &of_one.document;
    let expected = Expected {
        signer: primary().hotkey(),
        genesis: document.genesis,
        netuid: document.netuid,
        mechanism: document.mechanism,
        slug: slug.clone(),
        numbering: document.numbering.clone(),
        epoch: document.epoch,
        epochs_behind: 0,
        max_age: Duration::from_secs(60),
    };
    let now = UnixSeconds(document.computed_at.0 + 12);
    assert_eq!(expected.take(&of_one, now).unwrap().weights.len(), weights.len());
    assert!(matches!(expected.take(&of_all, now), Err(Refused::About(_))));
}

#[test]
fn each_field_of_the_examples_is_explained() {
    let mut names = std::collections::BTreeSet::new();
    for text in blocks("json") {
        let whole: Value = serde_json::from_str(text).unwrap();
        for map in [&whole, &whole["document"], &whole["document"]["subject"]] {
            names.extend(map.as_object().unwrap().keys().cloned());
        }
    }
    assert_eq!(names.len(), 18);
    let prose: String = PAGE.split("```").step_by(2).collect();
    for name in names {
        assert!(prose.contains(&format!("`{name}`")), "{name}");
    }
}
