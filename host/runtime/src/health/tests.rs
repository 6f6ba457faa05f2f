//! The breaker behind its atomic number, and the record under a flood.

use platform_domain::Uid;

use super::*;

const TRAP: (IncidentKind, CalledFunction) = (IncidentKind::Trap, CalledFunction::Route);

/// Opens at the first failure; back at once or never.
fn health(backoff: Duration) -> (Arc<Health>, Arc<Notify>) {
    let changed = Arc::new(Notify::new());
    let policy = BreakerPolicy {
        failures: 1,
        watch: Duration::ZERO,
        first_backoff: backoff,
        longest_backoff: backoff,
        ..BreakerPolicy::default()
    };
    let health = Arc::new(Health::new("tsp".parse().unwrap(), policy, Arc::clone(&changed)));
    (health, changed)
}

#[tokio::test]
async fn what_opens_and_closes_is_told_to_whoever_writes_it_down() {
    let (health, changed) = health(Duration::from_secs(60));
    let untouched = health.memory();
    health.admit(Voice::Anyone).unwrap().end(Outcome::Answered);
    drop(health.admit(Voice::Anyone).unwrap());
    assert_eq!(health.memory(), untouched);
    let late = health.admit(Voice::Anyone).unwrap();
    health.admit(Voice::Anyone).unwrap().end(Outcome::Failed);
    changed.notified().await;
    late.end(Outcome::Answered);
    assert!(health.may_ask().is_err() && health.admit(Voice::Anyone).is_err());
    let memory = health.memory();
    assert!(memory.generation > untouched.generation && memory.open.is_some());

    let (restored, _) = self::health(Duration::from_secs(60));
    restored.restore(memory);
    assert!(matches!(restored.report().state, BreakerState::Open { .. }) && restored.may_ask().is_err());
    restored.reset();
    assert_eq!(
        restored.report(),
        BreakerReport {
            state: BreakerState::Closed,
            trips: 1
        }
    );
    assert!(restored.may_ask().is_ok());
}

#[test]
fn a_probe_that_nobody_waits_for_is_given_to_the_next() {
    let (health, _) = health(Duration::from_millis(1));
    health.admit(Voice::Anyone).unwrap().end(Outcome::Failed);
    while health.may_ask().is_err() {
        std::hint::spin_loop();
    }
    let probe = health.admit(Voice::Miner(Uid(1))).unwrap();
    assert!(health.admit(Voice::Miner(Uid(2))).is_err());
    drop(probe);
    health.admit(Voice::Miner(Uid(2))).unwrap().end(Outcome::Answered);
    assert_eq!(health.report().state, BreakerState::Closed);
}

#[test]
fn a_flood_from_many_threads_is_counted_to_the_last_and_kept_as_one() {
    let (health, _) = health(Duration::from_secs(60));
    let (threads, each) = (4, 50_000_u64);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for n in 0..each {
                    let (kind, function) = TRAP;
                    health.record(kind, function, &n.to_string(), || "unreachable".to_owned());
                }
            });
        }
    });
    println!(
        "{:?} for each of {} failures",
        begun.elapsed() / 200_000,
        threads * each
    );
    let expected = threads * each;
    assert_eq!(
        health.counts().find(|(kind, _)| *kind == IncidentKind::Trap),
        Some((IncidentKind::Trap, expected))
    );
    assert_eq!(
        health.incidents().iter().map(|it| it.count).collect::<Vec<_>>(),
        [expected]
    );
}
