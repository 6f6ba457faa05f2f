//! The state machine by tables and by arbitrary histories.

use proptest::{collection::vec, prelude::*};

use super::*;

const ANYONE: Voice = Voice::Anyone;
const FIRST: u64 = 2_000;
const LONGEST: u64 = 600_000;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn miner(uid: u16) -> Voice {
    Voice::Miner(Uid(uid))
}

fn breaker() -> Breaker {
    Breaker::new(BreakerPolicy::default())
}

/// One call that takes no time.
fn call(breaker: &mut Breaker, now: u64, voice: Voice, outcome: Outcome) -> Result<(), Duration> {
    let ticket = breaker.admit(ms(now), voice)?;
    breaker.settle(ms(now), ticket, outcome);
    Ok(())
}

/// A failure each second from `now` until it opens; when that was.
fn break_it(breaker: &mut Breaker, now: u64) -> u64 {
    let opened = (0..100).map(|n| now + n * 1000).find(|at| {
        call(breaker, *at, ANYONE, Outcome::Failed).unwrap();
        breaker.opening().is_some()
    });
    opened.expect("it opens")
}

#[test]
fn it_opens_when_enough_was_seen_and_most_of_it_is_bad() {
    use Outcome::{Answered, Failed, Nothing};
    // What one caller does: (from, to, every, outcome), in milliseconds; and whether it opens.
    type Habit = (Voice, (u64, u64, usize), Outcome);
    let table: [(&str, &[Habit], bool); 10] = [
        ("everything fails", &[(ANYONE, (0, 6_000, 1_000), Failed)], true),
        ("too few failures", &[(ANYONE, (0, 6_000, 2_000), Failed)], false),
        ("too rare", &[(ANYONE, (0, 600_000, 20_000), Failed)], false),
        ("a burst is not enough", &[(ANYONE, (0, 4_000, 1), Failed)], false),
        (
            "half of it fails",
            &[
                (ANYONE, (0, 10_000, 1_000), Failed),
                (ANYONE, (500, 10_000, 1_000), Answered),
            ],
            true,
        ),
        (
            "a third of it fails",
            &[
                (ANYONE, (100, 60_000, 1_000), Failed),
                (ANYONE, (0, 60_000, 500), Answered),
            ],
            false,
        ),
        (
            "one miner's flood against one good miner",
            &[
                (miner(7), (0, 60_000, 10), Failed),
                (miner(8), (100, 60_000, 2_000), Answered),
            ],
            false,
        ),
        (
            "a flood of strangers against one good miner",
            &[
                (ANYONE, (0, 60_000, 10), Failed),
                (miner(8), (100, 60_000, 2_000), Answered),
            ],
            false,
        ),
        (
            "most miners fail",
            &[
                (miner(1), (0, 20_000, 3_000), Failed),
                (miner(2), (10, 20_000, 3_000), Failed),
                (miner(3), (20, 20_000, 100), Answered),
            ],
            true,
        ),
        (
            "calls that say nothing",
            &[(ANYONE, (0, 60_000, 100), Nothing)],
            false,
        ),
    ];
    for (name, habits, expected) in table {
        let mut calls: Vec<_> = habits
            .iter()
            .flat_map(|(voice, (from, to, every), outcome)| {
                (*from..*to).step_by(*every).map(move |at| (at, *voice, *outcome))
            })
            .collect();
        calls.sort_by_key(|(at, ..)| *at);
        let mut breaker = breaker();
        let opened = calls.into_iter().any(|(at, voice, outcome)| {
            call(&mut breaker, at, voice, outcome).unwrap();
            breaker.opening().is_some()
        });
        assert_eq!(opened, expected, "{name}");
    }
}

#[test]
fn while_it_is_open_nothing_passes_and_then_one_call_decides() {
    let mut breaker = breaker();
    let opened = break_it(&mut breaker, 0);
    assert_eq!(opened, 5_000);
    assert_eq!(
        &*breaker.opening().unwrap().reason,
        "6 of 6 calls ended with a crash or a time-out within 5s"
    );
    assert_eq!(breaker.admit(ms(opened), ANYONE), Err(ms(FIRST)));
    assert_eq!(breaker.admit(ms(opened + 1_999), ANYONE), Err(ms(1)));
    let due = opened + FIRST;
    assert!(breaker.is_half_open(ms(due)) && breaker.may_ask(ms(due)).is_ok());
    let probe = breaker.admit(ms(due), ANYONE).unwrap();
    assert_eq!(breaker.admit(ms(due), ANYONE), Err(ms(FIRST)), "one at a time");
    assert_eq!(breaker.admit(ms(due), miner(1)), Err(ms(FIRST)));
    breaker.settle(ms(due + 10), probe, Outcome::Answered);
    assert!(breaker.opening().is_none() && breaker.admit(ms(due + 10), ANYONE).is_ok());
    assert_eq!(breaker.trips(), 1);
}

#[test]
fn a_probe_that_fails_doubles_the_back_off_up_to_the_longest() {
    let mut breaker = breaker();
    let mut now = break_it(&mut breaker, 0);
    let mut waits = Vec::new();
    for probe in 0..12_u16 {
        let wait = breaker.may_ask(ms(now)).unwrap_err().as_millis() as u64;
        waits.push(wait / 1000);
        now += wait;
        call(&mut breaker, now, miner(probe), Outcome::Failed).unwrap();
    }
    assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600]);
    assert_eq!(breaker.trips(), 1, "it was never closed in between");
}

#[test]
fn only_a_long_quiet_time_makes_the_back_off_short_again() {
    for (quiet, expected) in [(0, 4), (LONGEST - 6_000, 4), (LONGEST, 2), (LONGEST * 5, 2)] {
        let mut breaker = breaker();
        let closed = break_it(&mut breaker, 0) + FIRST;
        call(&mut breaker, closed, ANYONE, Outcome::Answered).unwrap();
        let opened = break_it(&mut breaker, closed + quiet);
        assert_eq!(
            breaker.may_ask(ms(opened)),
            Err(Duration::from_secs(expected)),
            "{quiet}"
        );
        assert_eq!(breaker.trips(), 2);
    }
}

#[test]
fn whose_probe_failed_or_was_given_up_goes_after_all_others() {
    for outcome in [Outcome::Failed, Outcome::Nothing] {
        let mut breaker = breaker();
        let due = break_it(&mut breaker, 0) + FIRST;
        call(&mut breaker, due, miner(7), outcome).unwrap();
        let due = breaker.opening().unwrap().until.as_millis() as u64;
        assert_eq!(breaker.admit(ms(due), miner(7)), Err(ms(FIRST)), "{outcome:?}");
        assert!(breaker.may_ask(ms(due)).is_ok());
        let mut later = due;
        call(&mut breaker, later, miner(8), Outcome::Nothing).unwrap();
        later += FIRST;
        assert!(
            breaker.admit(ms(later), miner(7)).is_ok(),
            "{outcome:?}: its turn comes"
        );
    }
}

#[test]
fn what_began_before_it_opened_decides_nothing_after() {
    let mut breaker = breaker();
    let old = breaker.admit(ms(0), ANYONE).unwrap();
    let opened = break_it(&mut breaker, 0);
    breaker.settle(ms(opened), old, Outcome::Answered);
    assert!(breaker.opening().is_some());
    let probe = breaker.admit(ms(opened + FIRST), ANYONE).unwrap();
    breaker.settle(ms(opened + FIRST), old, Outcome::Failed);
    breaker.reset(ms(opened + FIRST));
    breaker.settle(ms(opened + FIRST), probe, Outcome::Failed);
    assert!(breaker.opening().is_none() && !breaker.is_watching());
    // And by decision the back-off begins anew.
    let opened = break_it(&mut breaker, 20_000);
    assert_eq!(breaker.may_ask(ms(opened)), Err(ms(FIRST)));
}

#[test]
fn a_restart_forgets_neither_the_opening_nor_how_often_it_was() {
    let reason: Arc<str> = "why".into();
    for (until, expected) in [(0, Ok(())), (1_000, Err(ms(1_000))), (u64::MAX, Err(ms(LONGEST)))] {
        let mut breaker = breaker();
        let opening = Opening {
            until: ms(until),
            reason: reason.clone(),
        };
        breaker.restore(ms(0), Some(opening), 3, 9);
        assert_eq!(breaker.may_ask(ms(0)), expected, "{until}");
        let due = breaker.opening().unwrap().until.as_millis() as u64;
        call(&mut breaker, due, ANYONE, Outcome::Failed).unwrap();
        assert_eq!(breaker.may_ask(ms(due)), Err(ms(FIRST << 3)));
        assert_eq!(breaker.trips(), 9);
    }
    let mut closed = breaker();
    closed.restore(ms(0), None, 3, 9);
    assert!(closed.may_ask(ms(0)).is_ok());
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Answered),
        Just(Outcome::Failed),
        Just(Outcome::Nothing)
    ]
}

fn voices() -> impl Strategy<Value = Voice> {
    prop_oneof![Just(ANYONE), (0_u16..4).prop_map(miner)]
}

proptest! {
    /// Whatever happens: it says when to come back, never later than the longest back-off and a head start; who
    /// comes then gets a turn; one probe is on its way at most; and a success of the probe closes it.
    #[test]
    fn it_never_stays_shut(steps in vec((0_u64..30_000, voices(), outcomes(), 0_usize..3), 1..200)) {
        let mut breaker = breaker();
        let (mut now, mut running) = (0, Vec::new());
        for (pause, voice, outcome, kept) in steps {
            now += pause;
            let was_shut = breaker.opening().is_some();
            match breaker.admit(ms(now), voice) {
                Ok(ticket) => {
                    if was_shut {
                        prop_assert!(breaker.is_half_open(ms(now)));
                        prop_assert!(breaker.admit(ms(now), miner(99)).is_err(), "a second probe");
                    }
                    running.push((ticket, outcome));
                }
                Err(wait) => {
                    prop_assert!(was_shut && !wait.is_zero() && wait <= ms(LONGEST + FIRST), "{wait:?}");
                }
            }
            while running.len() > kept {
                let (ticket, outcome) = running.remove(0);
                let decides = ticket.generation == breaker.generation() && breaker.opening().is_some();
                breaker.settle(ms(now), ticket, outcome);
                prop_assert_eq!(breaker.opening().is_none() || !decides, outcome == Outcome::Answered || !decides);
            }
        }
        for (ticket, _) in running {
            breaker.settle(ms(now), ticket, Outcome::Nothing);
        }
        now += LONGEST + FIRST;
        prop_assert!(call(&mut breaker, now, ANYONE, Outcome::Answered).is_ok());
        prop_assert!(breaker.opening().is_none());
    }

    /// One caller alone, whatever it sends and how fast, does not shut out another who is answered.
    #[test]
    fn one_voice_does_not_open_it(flood in vec((0_u64..200, outcomes()), 1..500), calm in 20_u64..5_000) {
        let mut breaker = breaker();
        let (mut now, mut next) = (0, 0);
        for (pause, outcome) in flood {
            now += pause;
            while next <= now {
                prop_assert!(call(&mut breaker, next, miner(1), Outcome::Answered).is_ok());
                next += calm;
            }
            prop_assert!(call(&mut breaker, now, ANYONE, outcome).is_ok());
        }
    }
}
