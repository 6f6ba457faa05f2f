//! Values on their way into the database and out of it.

use platform_guest_sdk::{
    Json,
    database::{FromSql, ToSql, Value},
    prelude::*,
    testing::Harness,
};
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};
use serde::{Deserialize, Serialize};

struct Keeper;

#[challenge(
    name = "keeper",
    migrations("migrations/0001_scores.sql", "migrations/0002_rounds.sql")
)]
impl Keeper {
    #[any]
    fn any(_: &Request) -> Result<()> {
        Ok(())
    }
}

/// Stores a value and reads it as it is stored.
fn stored(database: &Database, value: &impl ToSql) -> Result<Value, DatabaseError> {
    let sql = "INSERT INTO rounds (data) VALUES (?1) RETURNING data";
    database.query_row(sql, params![value], |row| row.get(0))
}

fn comes_back<T: ToSql + for<'a> FromSql<'a> + PartialEq + std::fmt::Debug>(
    database: &Database,
    value: T,
) -> Result<(), TestCaseError> {
    let stored = stored(database, &value)?;
    let read = T::from_sql(&stored).map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(read, value);
    Ok(())
}

/// With each type a strategy; in a macro because each is a type of its own.
macro_rules! come_back {
    ($($name:ident: $strategy:expr,)+) => {$(
        #[test]
        fn $name() {
            let environment = Harness::<Keeper>::new().environment();
            let database = environment.database().unwrap();
            TestRunner::default().run(&$strategy, |value| comes_back(&database, value)).unwrap();
        }
    )+};
}

fn any_value() -> impl Strategy<Value = Value> {
    let real = any::<f64>().prop_filter("stored as null", |number| !number.is_nan());
    prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::Integer),
        real.prop_map(Value::Real),
        any::<String>().prop_map(Value::Text),
        vec(any::<u8>(), 0..100).prop_map(Value::Blob),
    ]
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        any::<String>().prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| vec(inner, 0..4).prop_map(Into::into))
}

come_back! {
    every_value_comes_back: any_value(),
    every_i64_comes_back: any::<i64>(),
    every_u8_comes_back: any::<u8>(),
    every_u16_comes_back: any::<u16>(),
    every_i32_comes_back: any::<i32>(),
    every_u32_comes_back: any::<u32>(),
    every_u64_that_is_an_integer_comes_back: 0..=i64::MAX.cast_unsigned(),
    every_bool_comes_back: any::<bool>(),
    every_f32_comes_back: any::<f32>(),
    every_text_comes_back: any::<String>(),
    all_bytes_come_back: vec(any::<u8>(), 0..1000),
    every_hash_comes_back: any::<[u8; 32]>(),
    every_option_comes_back: any::<Option<String>>(),
    every_json_comes_back: any_json(),
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Tour {
    cities: Vec<u16>,
}

#[test]
fn an_authors_type_is_stored_as_json() {
    let environment = Harness::<Keeper>::new().environment();
    let database = environment.database().unwrap();
    let tour = Json(Tour {
        cities: vec![3, 1, 2],
    });
    assert_eq!(
        stored(&database, &tour),
        Ok(Value::Text(r#"{"cities":[3,1,2]}"#.into()))
    );
    let Json(read) = <Json<Tour>>::from_sql(&tour.to_sql().unwrap()).unwrap();
    assert_eq!(read.cities, [3, 1, 2]);
    assert_eq!(stored(&database, &f64::NAN), Ok(Value::Null), "as SQLite does it");
    assert_eq!(
        stored(&database, &serde_json::Value::Null),
        Ok(Value::Text("null".into()))
    );
}

#[test]
fn a_value_of_another_type_is_an_error_that_names_the_column() {
    let environment = Harness::<Keeper>::new().environment();
    let database = environment.database().unwrap();
    let sql = "SELECT NULL AS n, 300 AS i, 1.5 AS r, 'x' AS t, x'ff' AS b";
    let read = |row: &Row<'_>| {
        for (result, says) in [
            (
                row.get::<i64>("n").err(),
                "the column n: INTEGER was expected, it is NULL; read what may be NULL",
            ),
            (row.get::<u8>("i").err(), "the column i: 300 is no u8"),
            (
                row.get::<i64>("r").err(),
                "the column r: INTEGER was expected, it is REAL",
            ),
            (row.get::<f64>("t").err(), "REAL was expected, it is TEXT"),
            (row.get::<&str>("b").err(), "TEXT was expected, it is BLOB"),
            (row.get::<&[u8]>("t").err(), "BLOB was expected, it is TEXT"),
            (row.get::<Option<bool>>("t").err(), "INTEGER was expected"),
            (row.get::<[u8; 2]>("b").err(), "it has 1 bytes, not 2"),
            (
                row.get::<Json<Tour>>("t").err(),
                "the column t: expected value at line 1",
            ),
            (row.get::<i64>(5).err(), "the result has no column 5"),
            (row.get::<i64>("x").err(), "the result has no column x"),
        ] {
            let error = result.map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(says), "{error}");
        }
        assert_eq!(
            (row.get("i"), row.get("I"), row.get::<f32>(1)),
            (Ok(300), Ok(300_u16), Ok(300.0))
        );
        assert_eq!(
            (row.get::<Option<i64>>(0), row.get::<Option<&[u8]>>(4)),
            (Ok(None), Ok(Some(&[255][..])))
        );
        Ok(row.values().len() - row.columns().len())
    };
    assert_eq!(database.query_row(sql, [], read), Ok(0));
}
