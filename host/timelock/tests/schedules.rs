//! When a commit is revealed: the vectors, and numbers of an unsound node.

use std::time::Duration;

use platform_domain::{BlockNumber, Netuid};
use platform_timelock::{
    limits::{MAX_REVEAL_PERIOD, MAX_TEMPO},
    *,
};
use proptest::prelude::*;

use crate::given::*;

const BLOCK: Duration = Duration::from_secs(12);

/// In the order of the vectors: last, pending, index, tempo, since, head.
pub(crate) fn epochs(of: (u64, u64, u64, u16, u64, u64)) -> Epochs {
    let (last, pending, epoch_index, tempo, blocks_since_last_step, head) = of;
    Epochs {
        head: BlockNumber(head),
        last_epoch_block: BlockNumber(last),
        pending_epoch_at: BlockNumber(pending),
        epoch_index,
        tempo,
        blocks_since_last_step,
    }
}

pub(crate) fn grid(head: u64, netuid: u16, tempo: u16) -> Grid {
    Grid {
        head: BlockNumber(head),
        netuid: Netuid(netuid),
        tempo,
    }
}

fn reveal(schedule: Schedule, period: u64) -> Result<Reveal, ScheduleError> {
    let period = RevealPeriod::new(period)?;
    schedule.reveal(period, &quicknet(), at(NOW), BLOCK)
}

#[test]
fn the_vectors_of_the_chains_client_come_out() {
    // bittensor-drand 2.0.0, epoch_schedule_vectors.rs; the rounds are computed by its formula.
    for (state, period, block, number) in [
        ((10, 0, 0, 50, 0, 10), 1, 60, 19_065_756),
        ((80, 95, 0, 20, 0, 91), 1, 95, 19_065_572),
        ((1_000, 0, 7, 360, 359, 1_359), 1, 1_720, 19_067_000),
        ((1_000, 0, 7, 360, 358, 1_358), 1, 1_360, 19_065_564),
        ((1_000, 0, 7, 360, 100, 1_100), 2, 1_720, 19_068_036),
    ] {
        let found = reveal(Schedule::Epochs(epochs(state)), period).unwrap();
        assert_eq!(
            (found.first_block.0, found.round.get()),
            (block, number),
            "{state:?}"
        );
    }
    let none = Schedule::Epochs(epochs((10, 0, 0, 0, 0, 10)));
    assert_eq!(reveal(none, 1), Err(ScheduleError::NoTempo));
    let committed = reveal(Schedule::Epochs(epochs((100, 0, 0, 50, 0, 120))), 1).unwrap();
    assert_eq!(committed.committed_in, SubnetEpoch(0));
}

#[test]
fn the_vector_of_the_old_grid_comes_out() {
    let found = reveal(Schedule::Grid(grid(1_000, 1, 360)), 1).unwrap();
    assert_eq!(found.first_block, BlockNumber(1_081));
    assert_eq!(found.committed_in, SubnetEpoch(2));
    // 84 blocks later.
    let expected = (NOW + 84 * 12 - 1_692_803_367) / 3;
    assert_eq!(found.round, round(expected));
}

#[test]
fn the_next_epoch_is_the_one_that_is_due_first() {
    for (schedule, block) in [
        (Schedule::Epochs(epochs((1_000, 0, 7, 360, 100, 1_100))), 1_360),
        (
            Schedule::Epochs(epochs((1_000, 1_200, 7, 360, 100, 1_100))),
            1_200,
        ),
        (Schedule::Epochs(epochs((1_000, 5, 7, 360, 100, 1_100))), 1_101),
        (Schedule::Epochs(epochs((1_000, 0, 7, 360, 359, 1_359))), 1_360),
        // 1,080 + 2 = 3 · 361 − 1: the last block before the index is 3.
        (Schedule::Grid(grid(1_000, 1, 360)), 1_080),
        (Schedule::Grid(grid(1_080, 1, 360)), 1_441),
    ] {
        assert_eq!(schedule.next_epoch(), Ok(BlockNumber(block)), "{schedule:?}");
    }
}

#[test]
fn an_epoch_that_is_put_off_for_ever_runs_all_the_same() {
    let never = epochs((u64::MAX, 0, 7, 360, 0, 100));
    assert_eq!(
        Schedule::Epochs(never).next_epoch(),
        Ok(BlockNumber(101 + MAX_TEMPO))
    );
    // Commits and reveals see it a block later than it runs.
    let found = reveal(Schedule::Epochs(never), 1).unwrap();
    assert_eq!(found.first_block, BlockNumber(102 + MAX_TEMPO));
}

#[test]
fn a_reveal_that_would_be_passed_over_is_not_promised() {
    // The epoch after the one that was put off runs in the very next block.
    let odd = Schedule::Epochs(epochs((u64::MAX, 0, 7, 1, 0, 100)));
    assert_eq!(reveal(odd, 1), Err(ScheduleError::NeverRevealed));
    assert!(reveal(odd, 2).is_ok());
}

#[test]
fn what_is_no_schedule_is_refused_with_the_reason() {
    for period in [0, MAX_REVEAL_PERIOD + 1, u64::MAX] {
        assert_eq!(RevealPeriod::new(period), Err(ScheduleError::Period(period)));
    }
    let usual = Schedule::Epochs(epochs((1_000, 0, 7, 360, 100, 1_100)));
    assert!(reveal(usual, MAX_REVEAL_PERIOD).is_ok());
    let period = RevealPeriod::new(1).unwrap();
    assert_eq!(
        usual.reveal(period, &quicknet(), at(NOW), Duration::ZERO),
        Err(ScheduleError::NoBlockTime)
    );
    assert_eq!(
        usual.reveal(period, &quicknet(), at(NOW), Duration::MAX),
        Err(ScheduleError::Moment(MomentError))
    );
    for schedule in [
        Schedule::Epochs(epochs((0, 0, 0, 360, 0, u64::MAX))),
        Schedule::Epochs(epochs((0, 0, u64::MAX, 360, 0, 100))),
        Schedule::Grid(grid(u64::MAX - 1, 1, 360)),
    ] {
        assert_eq!(reveal(schedule, 1), Err(ScheduleError::Overflow));
    }
    assert_eq!(
        reveal(Schedule::Grid(grid(100, 1, 0)), 1),
        Err(ScheduleError::NoTempo)
    );
}

#[test]
fn a_round_before_genesis_is_the_first() {
    let usual = Schedule::Epochs(epochs((1_000, 0, 7, 360, 100, 1_100)));
    let period = RevealPeriod::new(1).unwrap();
    let found = usual.reveal(period, &quicknet(), at(0), BLOCK).unwrap();
    assert_eq!(found.round, Round::FIRST);
}

#[test]
fn blocks_of_a_quarter_of_a_second_are_counted_exactly() {
    let fast = Schedule::Epochs(epochs((10, 0, 0, 50, 0, 10)));
    let period = RevealPeriod::new(1).unwrap();
    let now = at(NOW) + Duration::from_millis(900);
    let found = fast.reveal(period, &quicknet(), now, Duration::from_millis(250));
    // 0.9 s and 53 quarters are 14.15 s.
    assert_eq!(found.unwrap().round, round((NOW + 14 - 1_692_803_367) / 3));
}

fn any_number() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        0..200_000_u64,
        Just(u64::MAX),
        Just(u64::MAX - 50_400)
    ]
}

proptest! {
    #[test]
    fn whatever_a_node_says_there_is_an_answer_or_a_reason(
        [last, pending, index, since, head] in prop::array::uniform5(any_number()), tempo: u16, netuid: u16, period in 1..=100_u64,
        now in 0..=u64::MAX >> 2, block_time in any_number()
    ) {
        let schedules = [
            Schedule::Epochs(epochs((last, pending, index, tempo, since, head))),
            Schedule::Grid(grid(head, netuid, tempo)),
        ];
        for schedule in schedules {
            let period = RevealPeriod::new(period).unwrap();
            let found = schedule.reveal(period, &quicknet(), at(now), Duration::from_millis(block_time));
            if let Ok(found) = found {
                prop_assert!(found.first_block.0 > head);
            }
            if let Ok(next) = schedule.next_epoch() {
                prop_assert!(next.0 > head);
            }
        }
    }
}
