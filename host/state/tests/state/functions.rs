//! Functions that the host brings answer as SQLite's own, and without taking minutes.

use platform_state::{Parameters, Value};
use proptest::{prelude::*, sample::select, test_runner::TestRunner};
use rusqlite::{Connection, params_from_iter, types};

use crate::given::{LIMITS, given, soon};

const CALLS: [&str; 5] = [
    "instr(?1, ?2)",
    "replace(?1, ?2, ?3)",
    "trim(?1, ?2)",
    "ltrim(?1, ?2)",
    "rtrim(?1, ?2)",
];

fn value() -> impl Strategy<Value = Value> {
    let letters = proptest::collection::vec(select(vec!["a", "b", "é", "\u{10ffff}", "0", " "]), 0..8);
    prop_oneof![
        1 => Just(Value::Null),
        1 => (-20i64..200).prop_map(Value::Integer),
        4 => letters.clone().prop_map(|list| Value::Text(list.concat())),
        1 => letters.prop_map(|list| Value::Blob(list.concat().into_bytes())),
    ]
}

fn original(sqlite: &Connection, call: &str, values: &[Value]) -> Value {
    let plain = values.iter().map(|value| match value.clone() {
        Value::Null => types::Value::Null,
        Value::Integer(number) => types::Value::Integer(number),
        Value::Real(number) => types::Value::Real(number),
        Value::Text(text) => types::Value::Text(text),
        Value::Blob(bytes) => types::Value::Blob(bytes),
    });
    let answer = sqlite.query_row(&format!("SELECT {call}"), params_from_iter(plain), |row| {
        row.get(0)
    });
    match answer.unwrap() {
        types::Value::Null => Value::Null,
        types::Value::Integer(number) => Value::Integer(number),
        types::Value::Real(number) => Value::Real(number),
        types::Value::Text(text) => Value::Text(text),
        types::Value::Blob(bytes) => Value::Blob(bytes),
    }
}

#[test]
fn they_answer_as_sqlites_own() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (given, sqlite) = (given(LIMITS), Connection::open_in_memory().unwrap());
    let cases = (select(CALLS.to_vec()), [value(), value(), value()]);
    let mut runner = TestRunner::new(ProptestConfig::with_cases(3_000));
    runner
        .run(&cases, |(call, values)| {
            let number = call.matches('?').count();
            let values = values[..number].to_vec();
            let expected = original(&sqlite, call, &values);
            let sql = format!("SELECT {call}");
            let rows = runtime.block_on(
                given
                    .database
                    .query(&sql, &Parameters::Positional(values), soon()),
            );
            prop_assert_eq!(&rows.unwrap().unwrap().values, &[expected]);
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn long_texts_that_almost_match_are_no_way_to_stop_the_host() {
    let given = given(LIMITS);
    let half = LIMITS.value as usize / 2;
    let (whole, part) = ("a".repeat(2 * half - 100), format!("{}b", "a".repeat(half)));
    let mut several: String = (0u32..200_000)
        .filter_map(char::from_u32)
        .take(100_000)
        .filter(|&c| c != 'a')
        .collect();
    several.push('a');
    for (call, part) in [
        ("instr(?1, ?2)", &part),
        ("replace(?1, ?2, 'x')", &part),
        ("trim(?1, ?2)", &several),
    ] {
        let values = [whole.clone(), part.clone()].map(Value::Text).to_vec();
        let sql = format!("SELECT length({call})");
        // SQLite's own take minutes for these; the clock is asked before and after only.
        let started = std::time::Instant::now();
        given
            .database
            .query(&sql, &Parameters::Positional(values), soon())
            .await
            .unwrap();
        assert!(started.elapsed().as_secs() < 10, "{call}");
    }
}

#[tokio::test]
async fn a_result_is_refused_before_it_is_made_too_long() {
    let given = given(LIMITS);
    let values = [Value::Text("a".repeat(1 << 19)), Value::Text("b".repeat(1 << 19))].to_vec();
    let error = given
        .database
        .query(
            "SELECT replace(?1, 'a', ?2)",
            &Parameters::Positional(values),
            soon(),
        )
        .await
        .unwrap_err();
    assert!(error.message.contains("too long"), "{error:?}");
    let error = given
        .query("SELECT trim(1.5, 'x')", Parameters::Positional(Vec::new()))
        .await
        .unwrap_err();
    assert!(error.message.contains("CAST"), "{error:?}");
}
