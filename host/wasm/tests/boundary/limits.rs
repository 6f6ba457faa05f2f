//! Limits that an operator can move: each holds exactly where it is put.

use std::{fs, time::Duration};

use bytes::Bytes;
use platform_domain::ByteSize;
use platform_wasm::{CallError, ComponentError, MAX_COMPONENT_BYTES, inspect};

use crate::{
    guests,
    host::{self, Host, ask},
};

/// How the one route of a guest ends.
async fn outcome(host: &Host, component: Bytes, path: &str) -> Result<String, CallError> {
    ask(&host.load(component).await, path).await
}

#[tokio::test]
async fn a_limit_holds_where_the_configuration_puts_it() {
    let host = Host::with(|limits| {
        limits.handles = 100;
        limits.table_elements = 1_000;
        limits.transfer = ByteSize(1 << 20);
    });
    // One element is there from the beginning.
    assert!(outcome(&host, guests::growing_a_table(999), "/").await.is_ok());
    for (what, component) in [
        ("an element too many", guests::growing_a_table(1_000)),
        ("handles without end", guests::hoarding_handles()),
    ] {
        let error = outcome(&host, component, "/").await.unwrap_err();
        assert!(
            matches!(error, CallError::Trapped(_)),
            "{what}: {}",
            error.explanation()
        );
    }
    // Nine megabytes are more than the largest body anyway: what differs is who notices first.
    for (host, noticed) in [(host, "given to the host at once"), (Host::new(), "of body")] {
        let error = outcome(&host, guests::whole(), "/b").await.unwrap_err();
        let too_large = matches!(&error, CallError::OutputTooLarge { what, .. } if what.contains(noticed));
        assert!(too_large, "{noticed}: {}", error.explanation());
    }
}

#[tokio::test]
async fn an_instance_that_needs_much_of_the_host_is_not_made() {
    let host = Host::with(|limits| limits.instance = ByteSize(64 << 10));
    let load = async |globals: usize| {
        let component = guests::with_instances(&"(global i32 (i32.const 0))".repeat(globals), 1);
        let spec = host::spec(&component);
        host.engine.load(component, spec).await.err()
    };
    assert!(load(100).await.is_none());
    let error = load(10_000).await;
    assert!(matches!(error, Some(ComponentError::Compile(_))), "{error:?}");
}

#[tokio::test]
async fn who_waits_for_a_turn_longer_than_allowed_is_refused() {
    let host = Host::with(|limits| limits.queue_wait_ms = 20);
    let program = host.load_with_data(guests::whole()).await;
    let (first, second) = tokio::join!(ask(&program, "/s"), ask(&program, "/x"));
    assert!(matches!(first, Err(CallError::Deadline(_))), "{first:?}");
    let told = Duration::from_secs(1);
    assert!(matches!(second, Err(CallError::Busy { retry_after }) if retry_after == told));
}

#[tokio::test]
async fn who_computes_for_longer_than_allowed_is_stopped() {
    let host = Host::with(|limits| (limits.route_cpu_ms, limits.weights_cpu_ms) = (30, 60));
    let spec = |data: bool| {
        let mut spec = host::spec(&guests::whole());
        (spec.route_deadline, spec.weights_deadline) = (host::DEADLINE * 100, host::DEADLINE * 100);
        spec.data_dir = data.then(|| host.dir.path().join("state/data"));
        spec
    };
    for data in [false, true] {
        let program = host.engine.load(guests::whole(), spec(data)).await.unwrap();
        let [route, weights] = [30, 60].map(Duration::from_millis);
        let error = ask(&program, "/s").await.unwrap_err();
        assert!(
            matches!(error, CallError::Computed(limit) if limit == route),
            "{error}"
        );
        let error = program.get_weights(host::epoch(7_777_777)).await.unwrap_err();
        assert!(
            matches!(error, CallError::Computed(limit) if limit == weights),
            "{error}"
        );
        assert!(ask(&program, "/").await.is_ok());
    }
}

#[tokio::test]
async fn the_search_for_stale_locks_has_an_end() {
    /// More than are looked at when a directory is opened.
    const LOCKS: usize = 20_050;
    let host = Host::new();
    let data = host.dir.path().join("state/data");
    fs::create_dir_all(&data).unwrap();
    for lock in 0..LOCKS {
        fs::create_dir(data.join(format!("{lock}.lock"))).unwrap();
    }
    host.load_with_data(guests::whole()).await;
    let left = fs::read_dir(&data).unwrap().count();
    assert_eq!(left, 51, "of {LOCKS}");
}

#[test]
fn a_component_of_too_many_bytes_is_not_even_looked_at() {
    let error = inspect(&vec![0; MAX_COMPONENT_BYTES + 1]).err();
    assert!(
        matches!(error, Some(ComponentError::TooLarge { .. })),
        "{error:?}"
    );
}
