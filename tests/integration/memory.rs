//! Memory that nobody counts any more has to be free again: what calls may have together is a promise to the machine.

use platform_tests::{Served, new_challenge};
use serde_json::json;

/// What each call fills until it is refused more.
const CALL_MIB: u64 = 64;
const CALLS: usize = 20;

#[tokio::test]
async fn the_memory_of_a_call_that_has_ended_is_given_back() {
    let host = Served::start("").await;
    let mut grow = new_challenge("grow", "grow", "0", &[]);
    grow.resources = serde_json::from_value(json!({ "memory": format!("{CALL_MIB}MiB") })).unwrap();
    host.run_all([grow]).await;
    let call = async || {
        let answer = host.send("GET", "grow/").await;
        let taken: u64 = String::from_utf8(answer.body).unwrap().parse().unwrap();
        assert!((CALL_MIB / 2..=CALL_MIB).contains(&taken), "{taken} MiB");
    };
    // What a slot keeps for the next call is there from now on.
    call().await;
    let before = host.footprint().memory_kib;
    for _ in 0..CALLS {
        call().await;
    }
    let after = host.footprint().memory_kib;
    let one_call = CALL_MIB << 10;
    assert!(after < before + one_call / 2, "{before} KiB, then {after} KiB");
}
