//! The schedule against the chain's own way: block by block, written from the formulas and not from the code.

use std::time::Duration;

use platform_domain::BlockNumber;
use platform_timelock::*;
use proptest::prelude::*;

use crate::{
    given::*,
    schedules::{epochs, grid},
};

/// What the chain keeps, and the state after the block before.
#[derive(Clone, Copy, Debug)]
struct Kept {
    last: u64,
    pending: u64,
    index: u64,
    tempo: u64,
    since: u64,
}

impl Kept {
    fn runs(&self, block: u64) -> bool {
        if self.tempo == 0 {
            return false;
        }
        let asked = self.pending > 0 && block >= self.pending;
        let overdue = self.since > 50_400;
        asked || overdue || block.saturating_sub(self.last) >= self.tempo
    }

    fn epoch(&self, block: u64) -> u64 {
        self.index + u64::from(self.runs(block))
    }

    fn step(&mut self, block: u64) {
        self.since += 1;
        if self.runs(block) {
            (self.last, self.pending, self.since) = (block, 0, 0);
            self.index += 1;
        }
    }

    /// Of a commit in the block after `head`.
    fn first_reveal(mut self, head: u64, period: u64) -> Option<u64> {
        let target = self.epoch(head + 1) + period;
        for block in head + 1..=head + 1 + (period + 1) * 50_400 {
            if self.epoch(block) == target {
                return Some(block);
            }
            self.step(block);
        }
        None
    }

    fn next_epoch(mut self, head: u64) -> u64 {
        let index = self.index;
        (head + 1..)
            .find(|block| {
                self.step(*block);
                self.index > index
            })
            .unwrap()
    }
}

/// Small tempos and numbers near each other, so that all three reasons for an epoch meet.
fn kept() -> impl Strategy<Value = (Kept, u64)> {
    let tempo = prop_oneof![1..5_u64, 1..400_u64, 49_000..=65_535_u64];
    let since = prop_oneof![0..400_u64, 50_000..51_000_u64];
    let pending = prop_oneof![Just(None), (-500..2_000_i64).prop_map(Some)];
    let last = prop_oneof![-2_000..1_000_i64, Just(i64::MAX / 2)];
    let head = 3_000..1_000_000_u64;
    (head, last, pending, 0..1_000_u64, tempo, since).prop_map(
        |(head, last, pending, index, tempo, since)| {
            let near = |distance: i64| head.saturating_add_signed(distance);
            let pending = pending.map_or(0, near);
            let last = near(last);
            (
                Kept {
                    last,
                    pending,
                    index,
                    tempo,
                    since,
                },
                head,
            )
        },
    )
}

fn ours(kept: &Kept, head: u64) -> Epochs {
    let tempo = u16::try_from(kept.tempo).unwrap();
    epochs((kept.last, kept.pending, kept.index, tempo, kept.since, head))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_reveal_is_in_the_block_where_the_chain_gets_to_it((kept, head) in kept(), period in prop_oneof![1..4_u64, 1..=100_u64]) {
        let schedule = Schedule::Epochs(ours(&kept, head));
        let found = schedule.reveal(RevealPeriod::new(period).unwrap(), &quicknet(), at(NOW), Duration::from_secs(12));
        match kept.first_reveal(head, period) {
            Some(block) => {
                let found = found.unwrap();
                prop_assert_eq!(found.first_block, BlockNumber(block));
                prop_assert_eq!(found.committed_in, SubnetEpoch(kept.epoch(head + 1)));
                let seconds = NOW + (block + 3 - head) * 12;
                prop_assert_eq!(found.round.get(), (seconds - 1_692_803_367) / 3);
            }
            None => prop_assert_eq!(found, Err(ScheduleError::NeverRevealed)),
        }
        prop_assert_eq!(schedule.next_epoch(), Ok(BlockNumber(kept.next_epoch(head))));
    }

    #[test]
    fn a_step_is_the_chains_step((mut kept, head) in kept(), blocks in 1..500_u64) {
        let mut state = ours(&kept, head);
        for block in head + 1..=head + blocks {
            prop_assert_eq!(state.epoch_in(BlockNumber(block)), kept.epoch(block));
            state = state.after(BlockNumber(block));
            kept.step(block);
            prop_assert_eq!(state, ours(&kept, block));
        }
    }

    #[test]
    fn on_a_grid_the_epoch_of_the_reveal_begins_in_its_first_block(
        head in 0..100_000_000_u64, netuid: u16, tempo in 1..=u16::MAX, period in 1..=100_u64
    ) {
        let schedule = Schedule::Grid(grid(head, netuid, tempo));
        let epoch = |block: u64| (block + u64::from(netuid) + 1) / (u64::from(tempo) + 1);
        let found = schedule.reveal(RevealPeriod::new(period).unwrap(), &quicknet(), at(NOW), Duration::from_secs(12)).unwrap();
        let BlockNumber(first) = found.first_block;
        prop_assert!(first > head);
        prop_assert_eq!(found.committed_in, SubnetEpoch(epoch(head)));
        prop_assert_eq!(epoch(first), epoch(head) + period);
        prop_assert_eq!(epoch(first - 1), epoch(head) + period - 1);
        let BlockNumber(next) = schedule.next_epoch().unwrap();
        prop_assert!(next > head);
        prop_assert_eq!(epoch(next + 1), epoch(next) + 1);
        prop_assert_eq!(epoch(head + 1), epoch(next));
    }
}
