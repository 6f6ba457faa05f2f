//! The tournament in the database: everybody against everybody, always complete. Whoever comes plays against all who are
//! there, in one transaction, so that any number of miners may come at the same time.

use platform_guest_sdk::prelude::*;
use serde::Serialize;

use crate::automaton::Automaton;

/// A place in the tournament.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Standing {
    pub(crate) hotkey: String,
    /// Over all matches.
    pub(crate) points: u64,
    pub(crate) matches: u64,
}

/// One match, from one side.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Match {
    opponent: String,
    points: u32,
}

/// Whoever has more points is before, and of equals whoever came earlier.
const STANDINGS: &str = "
    SELECT s.hotkey, coalesce(sum(m.points), 0) AS points, count(m.points) AS matches
    FROM strategies s LEFT JOIN matches m USING (hotkey)
    GROUP BY s.hotkey ORDER BY points DESC, s.submitted_at, s.hotkey";

/// Takes a strategy in, in place of one that this hotkey had.
pub(crate) fn enter(environment: &Environment, hotkey: &str, automaton: &Automaton, now: u64) -> Result<()> {
    let database = environment.database()?;
    let transaction = database.transaction()?;
    transaction.execute("DELETE FROM strategies WHERE hotkey = ?1", [hotkey])?;
    let others = transaction.query_map("SELECT hotkey, automaton FROM strategies", [], |row| {
        Ok((
            row.get::<String>("hotkey")?,
            row.get::<Json<Automaton>>("automaton")?.0,
        ))
    })?;
    transaction.execute(
        "INSERT INTO strategies (hotkey, automaton, submitted_at) VALUES (?1, ?2, ?3)",
        params![hotkey, Json(automaton), now],
    )?;
    for (opponent, theirs) in &others {
        let [mine, its] = automaton.play(theirs);
        transaction.execute(
            "INSERT INTO matches (hotkey, opponent, points) VALUES (?1, ?2, ?3), (?2, ?1, ?4)",
            params![hotkey, opponent, mine, its],
        )?;
    }
    Ok(transaction.commit()?)
}

/// Everybody, best first.
pub(crate) fn standings(environment: &Environment) -> Result<Vec<Standing>> {
    let standings = environment.database()?.query_map(STANDINGS, [], |row| {
        Ok(Standing {
            hotkey: row.get("hotkey")?,
            points: row.get("points")?,
            matches: row.get("matches")?,
        })
    })?;
    Ok(standings)
}

/// The strategy of a hotkey.
pub(crate) fn strategy(environment: &Environment, hotkey: &str) -> Result<Option<Automaton>> {
    let sql = "SELECT automaton FROM strategies WHERE hotkey = ?1";
    let found = environment
        .database()?
        .query_row(sql, [hotkey], |row| Ok(row.get::<Json<Automaton>>(0)?.0));
    Ok(found.optional()?)
}

/// The matches of a hotkey. A cursor, because there may be more than one result takes.
pub(crate) fn matches(environment: &Environment, hotkey: &str) -> Result<Vec<Match>> {
    let sql = "SELECT opponent, points FROM matches WHERE hotkey = ?1 ORDER BY opponent";
    let database = environment.database()?;
    let mut cursor = database.cursor(sql, [hotkey])?;
    let mut matches = Vec::new();
    while let Some(row) = cursor.next()? {
        matches.push(Match {
            opponent: row.get("opponent")?,
            points: row.get("points")?,
        });
    }
    Ok(matches)
}
