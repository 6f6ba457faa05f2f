//! Who has no place yet, and who gives it up for a while.

use super::*;

#[test]
fn a_challenge_has_no_more_looked_at_than_there_could_be_places_for() {
    let board = board(1, 1, 3, 2);
    let (a, b) = (slug("aa"), slug("bb"));
    let mut rooms: Vec<Room> = (0..3).map(|_| board.look_at(&a, 1).unwrap()).collect();
    assert_eq!(board.look_at(&a, 1).err(), Some(Busy::ChallengeWaits));
    assert!(board.look_at(&b, 1).is_ok());
    let turn = rooms.pop().unwrap().enter().unwrap();
    let more = board.look_at(&a, 1).unwrap();
    drop((rooms, more, turn));
    let mut places = board.places();
    let of = places.of.remove(&a).unwrap();
    assert_eq!((of.looked_at, of.held, of.running, places.held), (0, 0, 0, 0));
}

#[test]
fn who_steps_aside_lets_others_run_and_comes_back_to_its_place() {
    let board = board(1, 1, 3, 2);
    let (a, b) = (slug("aa"), slug("bb"));
    let mut first = board.enter(&a, 0).unwrap();
    let mut second = board.enter(&a, 0).unwrap();
    assert!(has_come(&mut first) && !has_come(&mut second));
    first.steps_aside();
    assert!(has_come(&mut second));
    second.steps_aside();
    // Those aside wait too, and nobody gets around that by running for a moment.
    assert_eq!(board.enter(&a, 0).err(), Some(Busy::ChallengeWaits));
    let mut theirs = board.enter(&b, 0).unwrap();
    assert!(has_come(&mut theirs));
    second.steps_back();
    first.steps_back();
    drop(theirs);
    assert!(has_come(&mut first) && !has_come(&mut second), "as they came");
    first.steps_aside();
    drop(first);
    assert!(has_come(&mut second));
    drop(second);
    let places = board.places();
    assert_eq!((places.running, places.waiting, places.held), (0, 0, 0));
}
