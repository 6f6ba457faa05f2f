//! The same over the host's database: a thousand guests that are killed inside of their transactions.

use std::time::Duration;

use platform_wasm::Program;

use crate::{
    host::Host,
    ledger::{ask, ledger},
};

async fn load(host: &Host, deadline: Duration) -> Program {
    let (component, mut spec) = ledger(host);
    spec.route_deadline = deadline;
    host.engine.load(component, spec).await.unwrap()
}

/// How often a guest is killed; each time it has come a little further, by one tick of the clock or two.
const KILLS: u64 = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_guests_that_are_killed_while_they_write_lose_nothing_that_was_committed() {
    let host = Host::new();
    let mut last = 0;
    let sql = "SELECT coalesce(max(amount), 0), count(*) = 2 * coalesce(max(amount), 0), \
               count(DISTINCT amount) = coalesce(max(amount), 0) FROM entries";
    for round in 0..KILLS / 100 {
        // Deadlines that are no multiples of a tick.
        let writing = load(&host, Duration::from_micros(3_000 + round * 1_700)).await;
        for _ in 0..100 {
            let answer = ask(&writing, "/pairs", "").await;
            assert!(
                answer
                    .as_ref()
                    .is_err_and(|error| error.contains("did not answer") || error.contains("9:")),
                "{answer:?}"
            );
        }
        drop(writing);
        let program = load(&host, Duration::from_secs(20)).await;
        let found = ask(&program, "/query", sql).await.unwrap();
        let (now, whole) = found.split_once(' ').unwrap();
        assert_eq!(whole, "1 1", "after {round}");
        let now: u64 = now.parse().unwrap();
        assert!(now > last, "{now} after {last}");
        last = now;
        assert_eq!(
            ask(&program, "/query", "PRAGMA integrity_check").await.unwrap(),
            "ok"
        );
    }
}
