//! The ranges of all limits: each has two ends, and at either end of all of them together an engine still works.

use platform_domain::ByteSize;
use platform_wasm::{CallError, ComponentError, Engine, Limit, Limits, Unit};
use serde_json::{Map, Value};

use crate::{
    guests,
    host::{self, Host, ask},
};

/// Limits as a configuration gives them; `None` when they cannot even be written.
fn limits(value: impl Fn(&Limit) -> u64) -> Option<Limits> {
    let entry = |limit: &Limit| {
        let value = value(limit);
        let json = match limit.unit {
            Unit::Bytes => Value::from(value.to_string()),
            Unit::Count | Unit::Milliseconds => Value::from(value),
        };
        (limit.key.to_owned(), json)
    };
    let all: Map<String, Value> = Limits::TABLE.iter().map(entry).collect();
    serde_json::from_value(all.into()).ok()
}

/// The defaults but for one.
fn with(changed: &Limit, value: u64) -> Option<Limits> {
    limits(|limit| {
        if limit.key == changed.key {
            value
        } else {
            limit.default
        }
    })
}

#[test]
fn every_limit_has_a_floor_and_a_ceiling_and_is_named_beyond_them() {
    for limit in Limits::TABLE {
        let Limit {
            key,
            floor,
            default,
            ceiling,
            ..
        } = limit;
        assert!(
            floor <= default && default <= ceiling && *ceiling < u64::MAX >> 20,
            "{key}"
        );
        for inside in [*floor, *ceiling] {
            let limits = with(limit, inside).unwrap_or_else(|| panic!("{key} cannot be {inside}"));
            assert!(limits.check().is_ok(), "{key} = {inside}");
        }
        for outside in [floor.checked_sub(1), Some(ceiling + 1), Some(u64::MAX)] {
            // A size of nothing cannot be written.
            let Some(limits) = outside.and_then(|outside| with(limit, outside)) else {
                continue;
            };
            let refused = limits.check().unwrap_err();
            assert_eq!(refused.key, *key, "{outside:?}");
            let mut config = host::config(std::env::temp_dir());
            config.limits = limits;
            let error = Engine::new(config).err().unwrap();
            assert!(error.to_string().contains(&format!("limits.{key}")), "{error}");
        }
    }
}

/// Starts an engine and calls a guest. Whatever does not fit is refused in words.
async fn works(what: &str, limits: Limits) -> Result<String, String> {
    let dir = tempfile::tempdir().unwrap();
    let mut config = host::config(dir.path().join("code"));
    config.limits = limits;
    let engine = Engine::new(config).unwrap_or_else(|error| panic!("{what}: {error}"));
    let host = Host { engine, dir };
    let component = guests::smallest();
    let mut spec = host::spec(&component);
    spec.memory = ByteSize(64 << 10);
    let program = match host.engine.load(component, spec).await {
        Ok(program) => program,
        Err(ComponentError::Host(error)) => panic!("{what}: {error}"),
        Err(refused) => return Err(refused.to_string()),
    };
    match ask(&program, "/").await {
        Err(CallError::Host(error)) => panic!("{what}: {error}"),
        answer => answer.map_err(|error| error.explanation()),
    }
}

#[tokio::test]
async fn an_engine_works_at_either_end_of_all_ranges() {
    for (what, value) in [
        ("floors", (|limit| limit.floor) as fn(&Limit) -> u64),
        ("ceilings", |limit| limit.ceiling),
    ] {
        assert_eq!(
            works(what, limits(value).unwrap()).await,
            Ok(String::new()),
            "{what}"
        );
    }
}

#[tokio::test]
async fn an_engine_works_with_any_one_limit_at_an_end_of_its_range() {
    for limit in Limits::TABLE {
        for value in [limit.floor, limit.ceiling] {
            let what = format!("{} = {}", limit.key, limit.unit.show(value));
            let answer = works(&what, with(limit, value).unwrap()).await;
            assert_eq!(answer, Ok(String::new()), "{what}");
        }
    }
}
