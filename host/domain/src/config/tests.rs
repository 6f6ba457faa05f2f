//! What is declared, what is set, and what comes of both.

use proptest::{collection::btree_map, prelude::*};
use serde_json::json;

use super::*;

fn declared(list: Value) -> Vec<ConfigVariable> {
    serde_json::from_value(list).unwrap()
}

fn set(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    pairs.iter().map(owned).collect()
}

fn one(kind: &str) -> Vec<ConfigVariable> {
    declared(json!([{ "name": "X", "type": kind }]))
}

#[test]
fn a_value_has_the_type_that_is_declared() {
    for (kind, good, bad) in [
        ("string", &["", "anything", "\u{1f680}"][..], &[][..]),
        (
            "integer",
            &["0", "-7", "9223372036854775807", "-9223372036854775808"],
            &[
                "",
                " 7",
                "7 ",
                "+7",
                "007",
                "7.0",
                "1e3",
                "9223372036854775808",
                "0x10",
                "-0",
                "seven",
                "7\n",
            ],
        ),
        (
            "number",
            &["0", "-1.5", "2e3", "-0", "18446744073709551615"],
            &["", "NaN", "inf", "1e999", ".5", "1.", "1 2", " 1", "\"1\"", "0x1"],
        ),
        ("boolean", &["true", "false"], &["", "True", "1", "yes", " true"]),
        (
            "json",
            &["null", "[]", r#"{"a":[1,"b"]}"#, " 1 ", "\"text\""],
            &["", "{", "{a:1}", "nul", "1 2", "NaN"],
        ),
    ] {
        for text in good {
            let given = set(&[("X", text)]);
            assert_eq!(configured(&one(kind), &given), Ok(given), "{kind} {text:?}");
        }
        for text in bad {
            let error = configured(&one(kind), &set(&[("X", text)])).unwrap_err();
            assert_eq!(error.name, "X", "{kind} {text:?}");
            assert!(
                error.reason.starts_with("the value is not "),
                "{kind} {text:?}: {error}"
            );
        }
    }
    let deep = "[".repeat(100_000);
    assert!(configured(&one("json"), &set(&[("X", &deep)])).is_err());
}

#[test]
fn what_is_not_set_has_its_default_and_what_is_required_must_be_set() {
    let variables = declared(json!([
        { "name": "NAME", "type": "string", "default": "tours" },
        { "name": "SIZE", "type": "integer", "default": 12 },
        { "name": "RATE", "type": "number", "default": 0.5, "description": "Of the best." },
        { "name": "OPEN", "type": "boolean", "default": false },
        { "name": "MAPS", "type": "json", "default": [{ "a": null }] },
        { "name": "NONE", "type": "json", "default": null },
        { "name": "FREE", "type": "string" },
        { "name": "SEED", "type": "integer", "required": true },
    ]));
    check(&variables).unwrap();
    let all = configured(&variables, &set(&[("SEED", "7"), ("RATE", "1")])).unwrap();
    let expected = set(&[
        ("NAME", "tours"),
        ("SIZE", "12"),
        ("RATE", "1"),
        ("OPEN", "false"),
        ("MAPS", r#"[{"a":null}]"#),
        ("NONE", "null"),
        ("SEED", "7"),
    ]);
    assert_eq!(all, expected);
    let missing = configured(&variables, &set(&[("RATE", "1")])).unwrap_err();
    assert_eq!(missing.name, "SEED");
    assert!(missing.reason.contains("cannot do without"), "{missing}");
}

#[test]
fn what_is_not_declared_is_refused_with_what_is() {
    let variables =
        declared(json!([{ "name": "SEED", "type": "integer" }, { "name": "SIZE", "type": "integer" }]));
    let error = configured(&variables, &set(&[("SEDE", "7")])).unwrap_err();
    assert_eq!(error.name, "SEDE");
    assert!(error.reason.ends_with("it declares SEED, SIZE"), "{error}");
    let many: Vec<_> = (0..30)
        .map(|n| json!({ "name": format!("V{n}"), "type": "string" }))
        .collect();
    let error = configured(&declared(many.into()), &set(&[("W", "")])).unwrap_err();
    assert!(error.reason.contains("V19 and 10 more"), "{error}");
    let anything = set(&[("WHAT", "ever"), ("=", "odd")]);
    assert_eq!(
        configured(&[], &anything),
        Ok(anything),
        "who declares nothing gets everything"
    );
}

#[test]
fn a_default_of_another_type_is_the_authors_to_repair() {
    for (kind, default) in [
        ("string", json!(7)),
        ("string", json!(null)),
        ("string", json!("a\u{0}b")),
        ("integer", json!("7")),
        ("integer", json!(7.0)),
        ("integer", json!(u64::MAX)),
        ("number", json!("1")),
        ("boolean", json!("true")),
        ("boolean", json!(0)),
    ] {
        let variables = declared(json!([{ "name": "X", "type": kind, "default": default }]));
        check(&variables).unwrap();
        // Also when it is not needed: it is wrong all the same.
        for given in [set(&[]), set(&[("X", "true")])] {
            let error = configured(&variables, &given).unwrap_err();
            assert!(
                error.name == "X" && error.reason.contains("default"),
                "{kind} {default}: {error}"
            );
        }
    }
}

#[test]
fn a_declaration_that_cannot_be_obeyed_is_refused() {
    let long = "A".repeat(MAX_NAME_BYTES + 1);
    for (list, reason) in [
        (json!([{ "name": "", "type": "json" }]), "a name begins"),
        (json!([{ "name": "A=B", "type": "json" }]), "a name begins"),
        (json!([{ "name": "1A", "type": "json" }]), "a name begins"),
        (json!([{ "name": "A\u{0}", "type": "json" }]), "a name begins"),
        (json!([{ "name": "\u{e9}", "type": "json" }]), "a name begins"),
        (json!([{ "name": long, "type": "json" }]), "a name begins"),
        (
            json!([{ "name": "A", "type": "json" }, { "name": "A", "type": "string" }]),
            "twice",
        ),
        (
            json!([{ "name": "A", "type": "json", "default": 1, "required": true }]),
            "never missing",
        ),
    ] {
        let error = check(&declared(list.clone())).unwrap_err();
        assert!(error.reason.contains(reason), "{list}: {error}");
        assert!(!error.name.contains(char::is_control), "{error}");
    }
    let named = |count: usize| -> Vec<_> {
        (0..count)
            .map(|n| json!({ "name": format!("V{n}"), "type": "json" }))
            .collect()
    };
    assert_eq!(check(&declared(named(MAX_VARIABLES).into())), Ok(()));
    assert!(check(&declared(named(MAX_VARIABLES + 1).into())).is_err());
    for bad in [
        json!([{ "name": "A" }]),
        json!([{ "name": "A", "type": "float" }]),
        json!([{ "name": "A", "type": "json", "secret": true }]),
        json!([{ "name": 7, "type": "json" }]),
    ] {
        assert!(
            serde_json::from_value::<Vec<ConfigVariable>>(bad.clone()).is_err(),
            "{bad}"
        );
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map("\\PC{0,4}", inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn kind() -> impl Strategy<Value = ConfigType> {
    use ConfigType::{Boolean, Integer, Json, Number, String};
    proptest::sample::select(vec![String, Integer, Number, Boolean, Json])
}

/// Text that is sometimes a value of some type.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        value().prop_map(|value| value.to_string()),
        any::<i128>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| number.to_string()),
        "[-+0-9eE. ]{0,8}",
        proptest::sample::select(vec!["true", "false", "null", ""]).prop_map(str::to_owned),
    ]
}

fn variable() -> impl Strategy<Value = ConfigVariable> {
    let default = proptest::option::of(value());
    ("[A-Ca-c]{1,2}", kind(), default, any::<bool>()).prop_map(|(name, kind, default, required)| {
        ConfigVariable {
            name,
            kind,
            default,
            required,
            description: None,
        }
    })
}

proptest! {
    #[test]
    fn a_default_that_is_taken_would_be_taken_as_a_value_too(kind in kind(), value in value()) {
        if let Ok(text) = kind.text_of(&value) {
            prop_assert_eq!(kind.check(&text), Ok(()), "{}", text);
        }
    }

    #[test]
    fn a_text_that_is_taken_means_the_same_to_who_reads_it(text in text()) {
        if ConfigType::Integer.check(&text).is_ok() {
            prop_assert_eq!(text.parse::<i64>().unwrap().to_string(), text.clone());
            prop_assert_eq!(ConfigType::Number.check(&text), Ok(()));
        }
        if ConfigType::Number.check(&text).is_ok() {
            prop_assert!(text.parse::<f64>().is_ok_and(f64::is_finite), "{}", text);
            prop_assert_eq!(ConfigType::Json.check(&text), Ok(()));
        }
        prop_assert_eq!(ConfigType::Boolean.check(&text).is_ok(), text.parse::<bool>().is_ok());
        prop_assert_eq!(ConfigType::String.check(&text), Ok(()));
    }

    #[test]
    fn who_declares_gets_what_is_declared_and_nothing_else(
        variables in proptest::collection::vec(variable(), 0..5),
        given in btree_map("[A-Ca-c]{1,2}", text(), 0..5),
    ) {
        let good = check(&variables).is_ok();
        match configured(&variables, &given) {
            Ok(all) if variables.is_empty() => prop_assert_eq!(all, given),
            Ok(all) => {
                prop_assert!(given.iter().all(|(name, text)| all.get(name) == Some(text)));
                for variable in &variables {
                    match all.get(&variable.name) {
                        Some(text) => prop_assert!(!good || variable.kind.check(text).is_ok()),
                        None => prop_assert!(!variable.required && variable.default.is_none()),
                    }
                }
                prop_assert!(all.keys().all(|name| variables.iter().any(|it| it.name == *name)));
            }
            Err(error) => {
                let known = variables.iter().any(|it| it.name == error.name);
                prop_assert!(known || given.contains_key(&error.name));
                // Short words of a reason may be a value by chance.
                let shown = given.values().find(|text| text.len() > 20 && error.reason.contains(*text));
                prop_assert_eq!(shown, None);
            }
        }
    }

    #[test]
    fn a_declaration_comes_back_as_it_was_written(variable in variable()) {
        let json = serde_json::to_string(&variable).unwrap();
        let again: ConfigVariable = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(serde_json::to_string(&again).unwrap(), json);
    }
}
