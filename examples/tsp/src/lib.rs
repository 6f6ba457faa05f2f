//! A travelling salesman as a challenge: every round has a new map, the shortest tour earns most.
//!
//! | configuration | meaning | default |
//! |---|---|---|
//! | `SEED` | what the maps are drawn from; keep it secret, or miners know the maps to come | required |
//! | `ROUND_SECONDS` | the length of a round | 3600 |
//! | `CITIES` | cities on a map, 5 to 1000 | 100 |
//! | `POWER` | how much more the shortest tour earns, 1 to 64 | 8 |
//!
//! The number of a round is the Unix time over `ROUND_SECONDS`, so miners find the map at `/instance` before
//! weights are asked. Tours are taken for the running round only. Weights are those of the round that runs at
//! the epoch's time, or else of the last one before it that has a tour:
//!
//! `score = (shortest length / length) ^ POWER`
//!
//! by repeated multiplication, which gives the same bits everywhere. Equal lengths earn the same, and the
//! leaderboard puts the earlier first.

mod map;
mod rounds;
mod store;

use platform_guest_sdk::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{map::Map, rounds::Rounds, store::Store};

struct Tsp;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Submission {
    round: u64,
    tour: Vec<u32>,
}

#[derive(Serialize)]
struct Accepted {
    round: u64,
    length: u64,
    /// The caller's shortest in this round, this tour or an earlier one.
    best: u64,
    rank: usize,
}

#[derive(Serialize)]
struct Instance {
    round: u64,
    ends_at_unix_seconds: u64,
    cities: Vec<[u16; 2]>,
}

#[derive(Serialize)]
struct Leaderboard {
    round: u64,
    entries: Vec<store::Entry>,
}

#[challenge(
    name = "tsp",
    description = "Finds short tours through a new map every round.",
    data = exclusive,
    limits(memory = "64MiB", route_ms = 5000, weights_ms = 10000),
)]
impl Tsp {
    #[get("/instance")]
    fn instance(request: &Request) -> Result<Json<Instance>> {
        let rounds = Rounds::read(request.environment())?;
        let round = rounds.now()?;
        let Map { cities } = Map::of_round(request.environment(), round)?;
        Ok(Json(Instance {
            round,
            ends_at_unix_seconds: rounds.end_of(round),
            cities,
        }))
    }

    // A thousand cities of up to four characters each, and air.
    #[post("/submissions", signed, max_body = 16_384)]
    fn submit(request: &Request) -> Result<(u16, Json<Accepted>)> {
        let Submission { round, tour } = request.json()?;
        let running = Rounds::read(request.environment())?.now()?;
        if round != running {
            return Err(Error::conflict(format!(
                "round {round} is not running, {running} is"
            )));
        }
        let length = Map::of_round(request.environment(), round)?.length_of(&tour)?;
        let hotkey = &request.signed_caller()?.hotkey;
        let mut store = Store::open(request.environment())?;
        store.record(round, hotkey, length, &tour)?;
        let entries = store.leaderboard(round)?;
        let own = entries.iter().position(|entry| entry.hotkey == *hotkey);
        let own = own.and_then(|rank| entries.get(rank).map(|entry| (entry.length, rank + 1)));
        let (best, rank) = own.ok_or_else(|| Error::internal("the tour just recorded is not there"))?;
        log::info!("{hotkey} sent a tour of {length} in round {round}, rank {rank}");
        Ok((
            201,
            Json(Accepted {
                round,
                length,
                best,
                rank,
            }),
        ))
    }

    /// `?round=` for another than the running one.
    #[get("/leaderboard")]
    fn leaderboard(request: &Request) -> Result<Json<Leaderboard>> {
        let running = Rounds::read(request.environment())?.now()?;
        let round = request.query("round")?.unwrap_or(running);
        if round > running {
            return Err(Error::not_found(format!(
                "round {round} has not begun, {running} is running"
            )));
        }
        let entries = Store::open(request.environment())?.leaderboard(round)?;
        Ok(Json(Leaderboard { round, entries }))
    }

    #[weights]
    fn weights(context: &WeightsContext) -> Result<Weights> {
        let running = Rounds::read(context.environment())?.at(context.unix_seconds);
        let power = rounds::power(context.environment())?;
        let store = Store::open(context.environment())?;
        let Some(round) = store.last_round_with_a_tour(running)? else {
            return Ok(Weights::new());
        };
        let entries = store.leaderboard(round)?;
        let best = entries.first().map_or(0, |entry| entry.length);
        // More than the host takes can only be the tail.
        let entries = entries.into_iter().take(platform_guest_sdk::MAX_WEIGHTS);
        Weights::from_scores(entries.map(|entry| (entry.hotkey, rounds::score(best, entry.length, power))))
    }
}

#[cfg(test)]
mod tests;
