//! What compiling may take.

use std::time::Duration;

use bytes::Bytes;
use platform_domain::ByteSize;
use platform_wasm::{ComponentError, Limits};

use crate::{
    guests,
    host::{self, Host, ask},
};

/// Takes seconds and hundreds of megabytes.
const MUCH: usize = 400_000;

async fn refusal(host: &Host, component: Bytes) -> ComponentError {
    let spec = host::spec(&component);
    host.engine
        .load(component, spec)
        .await
        .err()
        .expect("it is refused")
}

#[tokio::test]
async fn compiling_takes_no_more_than_it_may_and_the_next_one_goes_on() {
    type Change = fn(&mut Limits);
    type Expected = fn(&ComponentError) -> bool;
    let cases: [(usize, Change, Expected); 4] = [
        (
            MUCH,
            |limits| (limits.compile_cpu_ms, limits.compile_wall_ms) = (1_000, 3_600_000),
            |error| matches!(error, ComponentError::CompilerCpu(limit) if *limit == Duration::from_secs(1)),
        ),
        (
            MUCH,
            |limits| limits.compile_wall_ms = 1_000,
            |error| matches!(error, ComponentError::CompilerTime(limit) if *limit == Duration::from_secs(1)),
        ),
        (
            MUCH,
            |limits| limits.compile_memory = ByteSize(256 << 20),
            |error| matches!(error, ComponentError::CompilerMemory(_)),
        ),
        (
            20_000,
            |limits| limits.compiled_code = ByteSize(64 << 10),
            |error| matches!(error, ComponentError::TooMuchCode { .. }),
        ),
    ];
    for (number, (products, change, expected)) in cases.into_iter().enumerate() {
        let host = Host::with(change);
        let error = refusal(&host, guests::with_a_long_function(products)).await;
        assert!(expected(&error), "{number}: {error}");
        let left = std::fs::read_dir(host.cache_dir()).unwrap().count();
        assert_eq!(left, 1, "{number}: the key and nothing else");
        if number < 3 {
            let program = host.load(guests::challenge(true, false)).await;
            assert_eq!(ask(&program, "/").await.unwrap(), "/", "{number}");
        }
    }
}

#[tokio::test]
async fn a_component_of_too_many_names_is_refused() {
    let host = Host::new();
    let names: Vec<String> = (0..1_001).map(|n| format!("wasi:n{n}/n@0.2.0")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let error = refusal(&host, guests::exporting(&names)).await;
    // Whoever counts first.
    assert!(
        matches!(error, ComponentError::TooManyNames | ComponentError::Malformed(_)),
        "{error}"
    );
    let names = ["a", "b", "c", "d"].map(|letter| format!("wasi:{}/n@0.2.0", letter.repeat(90_000)));
    let error = refusal(&host, guests::exporting(&names.each_ref().map(String::as_str))).await;
    assert!(matches!(error, ComponentError::TooManyNames), "{error}");
}
