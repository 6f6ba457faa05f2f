//! The iterated prisoner's dilemma as a challenge: miners upload strategies, and everybody plays against everybody.
//!
//! | configuration | meaning | default |
//! |---|---|---|
//! | `POWER` | how much more the best strategy earns, 1 to 64 | 8 |
//!
//! A strategy is a machine of up to 64 states. Two strategies play 200 rounds; nothing in a match is left to chance, so the
//! tournament has one outcome, whoever came first. The state lies in the host's SQLite: calls run side by side, and each
//! upload is one transaction.
//!
//! `score = (points per match / points per match of the best) ^ POWER`

mod automaton;
mod tournament;

use std::time::{SystemTime, UNIX_EPOCH};

use platform_guest_sdk::prelude::*;
use serde::Serialize;

use crate::{
    automaton::{Automaton, ROUNDS},
    tournament::{Match, Standing},
};

struct Prisoners;

#[derive(Serialize)]
struct Entered {
    /// Counted from 1.
    rank: usize,
    points: u64,
    matches: u64,
}

#[derive(Serialize)]
struct Leaderboard {
    rounds_per_match: u32,
    standings: Vec<Standing>,
}

#[derive(Serialize)]
struct Matches {
    matches: Vec<Match>,
}

#[challenge(
    name = "prisoners",
    description = "Plays the iterated prisoner's dilemma, everybody against everybody.",
    migrations("migrations/0001_tournament.sql"),
    limits(memory = "64MiB", database = "256MiB", route_ms = 5000, weights_ms = 10000)
)]
impl Prisoners {
    // 64 states of some sixty characters.
    #[post("/strategies", signed, max_body = 8192)]
    fn enter(request: &Request) -> Result<(u16, Json<Entered>)> {
        let caller = request.signed_caller()?;
        if caller.uid.is_none() {
            // Anybody can make hotkeys without end; places in the subnet are few.
            return Err(Error::forbidden(
                "only miners that are registered in the subnet play",
            ));
        }
        let automaton: Automaton = request.json()?;
        automaton.check()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        tournament::enter(request.environment(), &caller.hotkey, &automaton, now)?;
        let standings = tournament::standings(request.environment())?;
        let own = standings
            .iter()
            .position(|standing| standing.hotkey == caller.hotkey);
        let own = own.and_then(|index| Some((index, standings.get(index)?)));
        let (index, Standing { points, matches, .. }) =
            own.ok_or_else(|| Error::conflict("another strategy of this hotkey came in between"))?;
        let entered = Entered {
            rank: index + 1,
            points: *points,
            matches: *matches,
        };
        Ok((201, Json(entered)))
    }

    /// The caller's own; nobody else's.
    #[get("/strategy", signed)]
    fn strategy(request: &Request) -> Result<Json<Automaton>> {
        let found = tournament::strategy(request.environment(), &request.signed_caller()?.hotkey)?;
        found
            .map(Json)
            .ok_or_else(|| Error::not_found("this hotkey has no strategy"))
    }

    #[get("/leaderboard")]
    fn leaderboard(request: &Request) -> Result<Json<Leaderboard>> {
        Ok(Json(Leaderboard {
            rounds_per_match: ROUNDS,
            standings: tournament::standings(request.environment())?,
        }))
    }

    #[get("/matches/{hotkey}")]
    fn matches(request: &Request) -> Result<Json<Matches>> {
        let hotkey: String = request.param("hotkey")?;
        let matches = tournament::matches(request.environment(), &hotkey)?;
        Ok(Json(Matches { matches }))
    }

    #[weights]
    fn weights(context: &WeightsContext) -> Result<Weights> {
        let power = context.environment().config_or("POWER", 8)?;
        if !(1..=64).contains(&power) {
            return Err(Error::internal("POWER must be 1 to 64"));
        }
        let standings = tournament::standings(context.environment())?;
        let per_match = |standing: &Standing| standing.points as f64 / standing.matches.max(1) as f64;
        let best = standings.iter().map(per_match).fold(0.0, f64::max);
        // More than the host takes can only be the tail.
        let standings = standings.iter().take(platform_guest_sdk::MAX_WEIGHTS);
        let scores =
            standings.map(|standing| (standing.hotkey.clone(), score(per_match(standing), best, power)));
        Weights::from_scores(scores)
    }
}

/// By repeated multiplication, which gives the same bits everywhere.
fn score(per_match: f64, best: f64, power: u32) -> f64 {
    if best <= 0.0 {
        // Nobody has played yet, and everybody may.
        return 1.0;
    }
    (0..power).fold(1.0, |score, _| score * (per_match / best))
}

#[cfg(test)]
mod tests;
