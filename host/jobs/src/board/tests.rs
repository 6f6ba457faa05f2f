//! Turns, without jobs.

mod aside;

use std::{collections::BTreeSet, time::Duration};

use super::*;

fn board(at_once: u32, per_challenge: u32, waiting: u32, waiting_per_challenge: u32) -> Board {
    Board::new(Quotas {
        at_once,
        at_once_per_challenge: per_challenge,
        waiting,
        waiting_per_challenge,
        per_hour: 1,
        gpu_wait: Duration::ZERO,
    })
}

fn slug(text: &str) -> Slug {
    text.parse().unwrap()
}

impl Board {
    fn enter(&self, slug: &Slug, bytes: u64) -> Result<Turn, Busy> {
        self.look_at(slug, bytes)?.enter()
    }
}

fn has_come(turn: &mut Turn) -> bool {
    turn.comes.as_mut().is_none_or(|comes| comes.try_recv().is_ok())
}

#[test]
fn a_challenge_that_asks_for_much_does_not_come_before_others() {
    let board = board(2, 2, 99, 99);
    let enter = |name: &str| board.enter(&slug(name), 0).unwrap();
    let (first, second) = (enter("greedy"), enter("greedy"));
    let mut greedy: Vec<Turn> = (0..10).map(|_| enter("greedy")).collect();
    let (mut one, mut two) = (enter("one"), enter("two"));
    drop(first);
    // Of those who wait the one that runs least, not the one that came first.
    assert!(has_come(&mut one) && !has_come(&mut two));
    drop(second);
    assert!(has_come(&mut two));
    assert!(!greedy.iter_mut().any(has_come));
    drop(one);
    assert!(has_come(&mut greedy[0]) && !has_come(&mut greedy[1]));
    let mut one = enter("one");
    drop(two);
    assert!(has_come(&mut one));
}

#[test]
fn who_comes_back_at_once_waits_for_those_who_wait() {
    let board = board(1, 1, 99, 99);
    let again = board.enter(&slug("again"), 0).unwrap();
    let mut other = board.enter(&slug("other"), 0).unwrap();
    let mut next = board.enter(&slug("again"), 0).unwrap();
    drop(again);
    assert!(has_come(&mut other) && !has_come(&mut next));
    let mut third = board.enter(&slug("third"), 0).unwrap();
    drop(other);
    // It never had a turn.
    assert!(has_come(&mut third) && !has_come(&mut next));
    drop(third);
    assert!(has_come(&mut next));
}

#[test]
fn every_room_has_its_bound_and_is_free_again() {
    let board = board(1, 1, 3, 2);
    let (a, b, c) = (slug("aa"), slug("bb"), slug("cc"));
    let running = board.enter(&a, 0).unwrap();
    let waiting = [board.enter(&a, 0).unwrap(), board.enter(&a, 0).unwrap()];
    assert_eq!(board.enter(&a, 0).err(), Some(Busy::ChallengeWaits));
    let third = board.enter(&b, 0).unwrap();
    assert_eq!(board.enter(&c, 0).err(), Some(Busy::AllWait));
    drop((running, waiting, third));
    let places = board.places();
    assert_eq!((places.running, places.waiting, places.held), (0, 0, 0));
    drop(places);
    // Half of the memory is the most that one has.
    assert_eq!(
        board.enter(&c, HELD_BYTES_PER_CHALLENGE + 1).err(),
        Some(Busy::Memory)
    );
    let half = board.look_at(&c, HELD_BYTES_PER_CHALLENGE).unwrap();
    assert_eq!(board.look_at(&c, 1).err(), Some(Busy::Memory));
    let all = board.look_at(&b, HELD_BYTES_PER_CHALLENGE).unwrap();
    assert_eq!(board.look_at(&a, 1).err(), Some(Busy::Memory));
    drop((half, all));
    assert!(board.enter(&a, 1).is_ok());
}

#[test]
fn one_challenge_never_has_all_places() {
    let board = board(3, 2, 99, 99);
    let mut own: Vec<Turn> = (0..5).map(|_| board.enter(&slug("own"), 0).unwrap()).collect();
    let came: BTreeSet<usize> = (0..5).filter(|at| has_come(&mut own[*at])).collect();
    assert_eq!(came, [0, 1].into());
    let mut other = board.enter(&slug("other"), 0).unwrap();
    assert!(has_come(&mut other));
    // Who gives up in the queue leaves no gap.
    drop(own.remove(2));
    drop(own.remove(0));
    assert!(has_come(&mut own[1]) && !has_come(&mut own[2]));
}
