//! A strategy: a machine of a few states, each with a move and where to go after the other's move.

use platform_guest_sdk::prelude::*;
use serde::{Deserialize, Serialize};

/// More than the known strategies need, and few enough to store thousands.
const MAX_STATES: usize = 64;
/// Of one match. Long enough that the beginning does not decide.
pub(crate) const ROUNDS: u32 = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Move {
    /// Cooperate.
    #[serde(rename = "C")]
    Cooperate,
    /// Defect.
    #[serde(rename = "D")]
    Defect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    #[serde(rename = "move")]
    plays: Move,
    /// The state that follows when the other cooperated.
    on_cooperate: usize,
    /// The state that follows when the other defected.
    on_defect: usize,
}

/// It begins in the first state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Automaton {
    states: Vec<State>,
}

impl Automaton {
    /// Whether every state leads to a state.
    pub(crate) fn check(&self) -> Result<()> {
        let count = self.states.len();
        if !(1..=MAX_STATES).contains(&count) {
            let message = format!("a strategy has 1 to {MAX_STATES} states, this has {count}");
            return Err(Error::unprocessable(message));
        }
        let leads = |state: &State| state.on_cooperate < count && state.on_defect < count;
        match self.states.iter().position(|state| !leads(state)) {
            None => Ok(()),
            Some(index) => {
                let message = format!("state {index} leads to a state that is not there");
                Err(Error::unprocessable(message))
            }
        }
    }

    /// The points of both after a match. The same two always play the same.
    pub(crate) fn play(&self, other: &Self) -> [u32; 2] {
        let (mut at, mut points) = ([0, 0], [0, 0]);
        for _ in 0..ROUNDS {
            let (Some(mine), Some(theirs)) = (self.states.get(at[0]), other.states.get(at[1])) else {
                // Checked before it was stored.
                break;
            };
            let [one, two] = payoff(mine.plays, theirs.plays);
            points = [points[0] + one, points[1] + two];
            at = [mine.after(theirs.plays), theirs.after(mine.plays)];
        }
        points
    }
}

impl State {
    fn after(&self, others: Move) -> usize {
        match others {
            Move::Cooperate => self.on_cooperate,
            Move::Defect => self.on_defect,
        }
    }
}

/// Axelrod's: 3 each for cooperation, 1 each for defection, 5 and 0 for who defects alone and who is left alone.
fn payoff(one: Move, two: Move) -> [u32; 2] {
    match (one, two) {
        (Move::Cooperate, Move::Cooperate) => [3, 3],
        (Move::Defect, Move::Defect) => [1, 1],
        (Move::Defect, Move::Cooperate) => [5, 0],
        (Move::Cooperate, Move::Defect) => [0, 5],
    }
}
