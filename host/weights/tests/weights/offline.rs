//! The JSON form: what it gives, and what it refuses by name.

use platform_weights::{ComputeRequest, Policy, compute};
use serde_json::{Value, json};

use crate::given::{at, key};

fn read(text: &str) -> Result<ComputeRequest, String> {
    serde_json::from_str(text).map_err(|e| e.to_string())
}

fn run(policy: Policy, request: &Value) -> Value {
    let request = read(&request.to_string()).unwrap();
    serde_json::to_value(compute(request, policy).unwrap()).unwrap()
}

fn request() -> Value {
    json!({
        "challenges": [
            {"slug": "one", "emission_percent": "30", "ok": true,
             "weights": {at(1).to_string(): 1, at(2).to_string(): 3.0}},
            {"slug": "two", "emission_percent": 10, "ok": true,
             "weights": {at(2).to_string(): 0.5, at(3).to_string(): 0.5, key(99).to_string(): 1.0}},
            {"slug": "three", "emission_percent": 20.5, "ok": false, "reason": "down"},
        ],
        "uids": {at(1).to_string(): 1, at(2).to_string(): 2, at(3).to_string(): 3},
        "sink_uid": 0,
    })
}

#[test]
fn an_epoch_is_computed_from_json() {
    let got = run(Policy::Normalized, &request());
    // 30/40 · (1/4, 3/4) and 10/40 · (1/4, 1/4) of 7/8: 3/14, 10/14, 1/14.
    assert_eq!(got["uids"], json!([1, 2, 3]));
    let weights = [
        "0.214285714285714286",
        "0.714285714285714286",
        "0.071428571428571428",
    ];
    assert_eq!(got["weights"], json!(weights));
    assert_eq!(got["u16"], json!([19660, 65535, 6554]));
    assert_eq!(got["report"]["policy"], "normalized/1");
    assert_eq!(got["report"]["challenges"][1]["status"], "failed");
    assert_eq!(got["report"]["challenges"][1]["reason"], "down");

    let got = run(Policy::Absolute, &request());
    assert_eq!(got["uids"], json!([0, 1, 2, 3]));
    assert_eq!(got["weights"][0], "0.650000000000000000");
    assert_eq!(got["report"]["sink"]["share"], "0.650000000000000000");
    assert_eq!(got["report"]["uids"][0]["hotkey"], Value::Null);
}

#[test]
fn nothing_to_pay_gives_empty_lists_and_the_reason() {
    let got = run(Policy::Normalized, &json!({"challenges": [], "uids": {}}));
    assert_eq!(
        (&got["uids"], &got["weights"], &got["u16"]),
        (&json!([]), &json!([]), &json!([]))
    );
    assert_eq!(got["report"]["empty"], "no challenge takes part");
}

#[test]
fn a_key_that_occurs_twice_is_noticed() {
    let alice = at(1);
    let with = |weights: &str, uids: &str| {
        let challenge =
            format!(r#"{{"slug":"one","emission_percent":"1","ok":true,"weights":{{{weights}}}}}"#);
        read(&format!(r#"{{"challenges":[{challenge}],"uids":{{{uids}}}}}"#))
    };
    let twice = with(&format!(r#""{alice}":1,"{alice}":1"#), &format!(r#""{alice}":1"#)).unwrap();
    let got = compute(twice, Policy::Normalized).unwrap();
    let reason = got.report.challenges[0].reason.clone().unwrap();
    assert!(got.uids.is_empty() && reason.contains("twice"), "{reason}");
    let error = with("", &format!(r#""{alice}":1,"{alice}":2"#)).unwrap_err();
    assert!(
        error.starts_with("uids:") && error.contains("listed twice"),
        "{error}"
    );
    let error = with("", &format!(r#""{alice}":1,"{}":1"#, at(2))).unwrap_err();
    assert!(
        error.starts_with("uids:") && error.contains("two hotkeys"),
        "{error}"
    );
}

#[test]
fn a_refusal_names_the_field() {
    let change = |pointer: &str, value: &str| {
        let mut request = request();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        request.pointer_mut(parent).unwrap()[name] = json!("PLACEHOLDER");
        request.to_string().replace("\"PLACEHOLDER\"", value)
    };
    let score = format!("/challenges/0/weights/{}", at(1));
    let uid = format!("/uids/{}", at(1));
    let table = [
        (change(&score, "1e400"), "challenges: weights"),
        (change(&score, "-1e400"), "challenges: weights"),
        (change(&score, "null"), "challenges: weights"),
        (change(&score, "\"x\""), "challenges: weights"),
        (change(&score, "\"\""), "challenges: weights"),
        (change(&score, "\"1e400\""), "challenges: weights"),
        (change(&score, "\"1 \""), "challenges: weights"),
        (change(&score, "\"infinity\""), "challenges: weights"),
        (change(&score, "NaN"), "challenges: weights"),
        (change("/challenges/0/weights", "[1]"), "challenges: weights"),
        (
            change("/challenges/0/weights", "null"),
            "challenges: weights: missing",
        ),
        (
            change("/challenges/0/weights", "[[\"x\"]]"),
            "challenges: weights",
        ),
        (
            change("/challenges/0/source", "{\"kind\":\"guess\"}"),
            "challenges: source",
        ),
        (
            change("/challenges/0/source", "{\"kind\":\"last_good\"}"),
            "challenges: source",
        ),
        (change("/challenges/0/earlier", "1"), "challenges: earlier"),
        (change("/fallback", "\"burn\""), "fallback"),
        (change("/fallback", "{}"), "fallback"),
        (change("/challenges/0/ok", "1"), "challenges: ok"),
        (change("/challenges/0/slug", "\"../x\""), "challenges: slug"),
        (
            change("/challenges/0/emission_percent", "101"),
            "challenges: emission_percent",
        ),
        (
            change("/challenges/0/emission_percent", "\"NaN\""),
            "challenges: emission_percent",
        ),
        (change("/challenges", "{}"), "challenges"),
        (change(&uid, "65536"), "uids"),
        (change(&uid, "-1"), "uids"),
        (change("/uids", "{\"5Grw\":1}"), "uids: \"5Grw\""),
        (change("/sink_uid", "65536"), "sink_uid"),
        (
            r#"{"challenges":[],"uids":{},"min_allowed_weights":-1}"#.into(),
            "min_allowed_weights",
        ),
        (
            r#"{"challenges":[],"uids":{},"max_weight_limit":65536}"#.into(),
            "max_weight_limit",
        ),
        (
            r#"{"challenges":[],"uids":{},"sink":1}"#.into(),
            "unknown field `sink`",
        ),
        (r#"{"challenges":[]}"#.into(), "missing field `uids`"),
    ];
    for (text, expected) in table {
        let error = read(&text).unwrap_err();
        assert!(error.starts_with(expected), "{error} / {expected}");
    }
}

#[test]
fn the_limits_of_the_subnet_are_read() {
    let mut request = request();
    request["max_weight_limit"] = json!(32768);
    request["min_allowed_weights"] = json!(3);
    assert_eq!(run(Policy::Normalized, &request)["report"]["limited"], true);
    request["min_allowed_weights"] = json!(4);
    let error = compute(read(&request.to_string()).unwrap(), Policy::Normalized).unwrap_err();
    assert!(error.to_string().starts_with("min_allowed_weights:"), "{error}");
}

#[test]
fn a_source_and_a_fallback_are_read_and_told_of() {
    let mut request = request();
    request["challenges"][0]["source"] = json!({"kind": "last_good", "epoch": 41});
    request["challenges"][0]["earlier"] = json!(["it timed out"]);
    let got = run(Policy::Normalized, &request);
    let one = &got["report"]["challenges"][0];
    assert_eq!(one["source"], json!({"kind": "last_good", "epoch": 41}));
    assert_eq!(one["earlier"], json!(["it timed out"]));
    assert_eq!(got["report"]["uids"][0]["from"][0]["source"]["epoch"], 41);

    let nobody =
        json!({"challenges": [], "uids": {at(2).to_string(): 7}, "fallback": {at(2).to_string(): 3}});
    let got = run(Policy::Normalized, &nobody);
    assert_eq!((&got["uids"], &got["u16"]), (&json!([7]), &json!([65535])));
    assert_eq!(got["report"]["fallback"]["used"], "vector");
}

#[test]
fn a_score_may_be_a_text_and_the_weights_a_list_of_pairs() {
    let mut request = request();
    let texts = [("-1.0", 1), ("NaN", 1), ("inf", 2), ("-inf", 3), ("5e-324", 3)];
    request["challenges"][0]["weights"] = texts.iter().map(|(text, n)| json!([at(*n), text])).collect();
    let inputs = read(&request.to_string())
        .unwrap()
        .into_inputs(Policy::Normalized);
    let answer = inputs.challenges[0].answer.as_ref().unwrap();
    let scores: Vec<_> = answer.iter().map(|entry| entry.score.to_string()).collect();
    assert_eq!(scores[..4], ["-1", "NaN", "inf", "-inf"]);
    assert_eq!(answer[4].score.to_bits(), 1);
    let got = run(Policy::Normalized, &request);
    let reason = got["report"]["challenges"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("twice"), "{reason}");
}

proptest::proptest! {
    /// Also what a tool printed is read back as it was, so an epoch can be checked from its record.
    #[test]
    fn a_printed_score_is_read_as_the_same_double(score in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL) {
        let weights = json!({at(1).to_string(): score});
        let challenge = json!({"slug": "one", "emission_percent": "1", "ok": true, "weights": weights});
        let request = json!({"challenges": [challenge], "uids": {}}).to_string();
        let inputs = read(&request).unwrap().into_inputs(Policy::Normalized);
        let read = inputs.challenges[0].answer.as_ref().unwrap()[0].score;
        proptest::prop_assert_eq!(read.to_bits(), score.to_bits());
    }

    #[test]
    fn inputs_are_read_as_they_were_written(inputs in crate::random::inputs()) {
        let text = serde_json::to_string(&ComputeRequest::from(&inputs)).unwrap();
        let again = read(&text).unwrap().into_inputs(inputs.policy);
        // Every score as text, for one that is no number equals nothing.
        proptest::prop_assert_eq!(format!("{again:?}"), format!("{inputs:?}"));
        proptest::prop_assert_eq!(platform_weights::aggregate(&again), platform_weights::aggregate(&inputs));
    }
}
