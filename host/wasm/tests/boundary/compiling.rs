//! What compiling and looking may take, and that it is never this process that takes it.

use std::time::{Duration, Instant};

use platform_domain::ByteSize;
use platform_wasm::{ComponentError, Limits, MAX_COMPONENT_BYTES};

use crate::{
    guests,
    host::{self, Host, ask},
    hostile,
};

/// Takes seconds and hundreds of megabytes.
const MUCH: usize = 400_000;

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
        let error = host.refusal(guests::with_a_long_function(products)).await;
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
    // Beside one import and two exports of the contract.
    let most = host.engine.inspect(hostile::outer_exports(997, 8)).await.unwrap();
    assert_eq!(most.imports.len() + most.exports.len(), 1_000);
    let error = host.refusal(hostile::outer_exports(998, 8)).await;
    assert!(matches!(error, ComponentError::TooManyNames), "{error}");
    let names = ["a", "b", "c", "d"].map(|letter| format!("wasi:{}/n@0.2.0", letter.repeat(90_000)));
    let error = host
        .refusal(guests::exporting(&names.each_ref().map(String::as_str)))
        .await;
    assert!(matches!(error, ComponentError::TooManyNames), "{error}");
}

#[tokio::test]
async fn code_that_takes_too_long_is_refused_and_keeps_others_out_no_longer() {
    let host = Host::with(|limits| limits.compile_wall_ms = 1_000);
    let (hostile, honest) = (hostile::tangled_function(2_000), guests::whole());
    let (refused, waited) = tokio::join!(host.refusal(hostile), async {
        let started = Instant::now();
        let prepared = host
            .engine
            .load(honest.clone(), host::spec(&honest))
            .await
            .is_ok();
        (prepared, started.elapsed())
    });
    assert!(
        matches!(refused, ComponentError::CompilerTime(limit) if limit == Duration::from_secs(1)),
        "{refused:?}"
    );
    assert!(!refused.is_of_the_component(), "the machine may have been busy");
    // One limit for the other and at most one for itself.
    assert!(waited.1 < Duration::from_secs(10), "{waited:?}");
}

/// By default limits each of these either compiles or is refused by what it is; the point is that it ends, and that
/// this process is none the larger for it.
#[tokio::test]
async fn looking_at_a_hostile_component_costs_this_process_nothing() {
    /// As much as a component itself, and a little more: other tests run in this process.
    const ALLOWED: u64 = 600 << 20;
    let host = Host::with(|limits| limits.compile_memory = ByteSize(1 << 30));
    let largest = MAX_COMPONENT_BYTES - (64 << 10);
    let before = resident();
    for (what, component, expected) in [
        ("a long function", hostile::long_function(7_600_000), None),
        (
            "a function too long",
            hostile::long_function(7_700_000),
            Some("function body size"),
        ),
        ("many exports inside", hostile::inner_exports(80_000), None),
        (
            "10^6 exports inside",
            hostile::inner_exports(1_000_000),
            Some("type size"),
        ),
        (
            "too many exports inside",
            hostile::inner_exports(1_000_001),
            Some("exports count"),
        ),
        // Beside one import and two exports of the contract.
        (
            "as many exports as are allowed",
            hostile::outer_exports(997, 8),
            None,
        ),
        (
            "one export more",
            hostile::outer_exports(998, 8),
            Some("too many imports and exports"),
        ),
        (
            "thousands of exports",
            hostile::outer_exports(20_000, 8),
            Some("too many imports and exports"),
        ),
        (
            "10^6 exports",
            hostile::outer_exports(999_998, 8),
            Some("type size"),
        ),
        (
            "more than 10^6 exports",
            hostile::outer_exports(999_999, 8),
            Some("exports count"),
        ),
        (
            "10^6 exported instances",
            hostile::outer_instances(999_998),
            Some("instances count"),
        ),
        (
            "exports with long names",
            hostile::outer_exports(600, 500),
            Some("too many imports and exports"),
        ),
        ("10^5 types", hostile::types(100_000), None),
        ("10^6 functions", hostile::functions(1_000_000), None),
        ("components in components", hostile::nested(900), None),
        ("a type that doubles", hostile::doubling_type(12), None),
        (
            "a type that doubles and doubles",
            hostile::doubling_type(60),
            Some("type size"),
        ),
        ("as many bytes as are allowed", hostile::ballast(largest), None),
    ] {
        let size = component.len() as u64;
        let looked = host
            .engine
            .inspect(component)
            .await
            .map_err(|error| error.to_string());
        match (expected, looked) {
            (None, Ok(info)) => assert_eq!(info.capabilities.len(), 2, "{what}"),
            (Some(words), Err(text)) => assert!(text.contains(words), "{what}: {text}"),
            (_, looked) => panic!("{what}: {looked:?}"),
        }
        let more = resident().saturating_sub(before);
        assert!(more < size + ALLOWED, "{what}: {more} bytes more");
    }
}

/// Of this process, in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: u64 = line.unwrap().trim().strip_suffix(" kB").unwrap().parse().unwrap();
    kib << 10
}

#[tokio::test]
async fn looking_has_limits_too() {
    let host = Host::with(|limits| limits.compile_memory = ByteSize(256 << 20));
    let error = host.engine.inspect(hostile::types(1_000_000)).await.unwrap_err();
    assert!(matches!(error, ComponentError::CompilerMemory(_)), "{error:?}");
    let host = Host::with(|limits| limits.compile_cpu_ms = 1_000);
    let error = host.engine.inspect(hostile::types(1_000_000)).await.unwrap_err();
    assert!(matches!(error, ComponentError::CompilerCpu(_)), "{error:?}");
    assert_eq!(ask(&host.load(guests::whole()).await, "/").await.unwrap(), "/");
}

#[tokio::test]
async fn whoever_looks_does_not_wait_for_whoever_compiles() {
    let host = Host::with(|limits: &mut Limits| limits.compile_wall_ms = 4_000);
    let hostile = host.refusal(hostile::tangled_function(3_000));
    let looking = async {
        while host.engine.compiler_status().compiling.is_none() {
            tokio::task::yield_now().await;
        }
        host.engine.inspect(guests::whole()).await.unwrap();
        host.engine.compiler_status().compiling
    };
    let (_, still_compiling) = tokio::join!(hostile, looking);
    assert!(still_compiling.is_some(), "it is at it all the while");
}
