//! What hostile guests can do, a row for each attack, and all that may come of it. The matrix checks each row,
//! the soak repeats them for minutes.

use platform_admin_types::CreateChallenge;
use platform_domain::IncidentKind::{
    self, Deadline, DiskFull, InvalidOutput, OutOfMemory, OutputTooLarge, Trap,
};
use serde_json::{Value, json};

use crate::{RawAnswer, new_challenge};

use self::{
    NoWeights::{Broke, Said},
    Outcome::{Dies, Fails, Full, Late, Refused, Served},
};

/// An attack through a route.
#[derive(Clone, Copy, Debug)]
pub struct Attack {
    /// The challenge: the name of its guest, with a number when several run.
    pub slug: &'static str,
    /// Method and path.
    pub request: &'static str,
    /// What the caller gets.
    pub outcome: Outcome,
    /// What the operator reads about this very request; empty when there is nothing to tell.
    pub event: &'static str,
}

/// What the caller of an attack gets.
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    /// 502, in the host's words; the operator finds an incident of this kind.
    Dies(IncidentKind),
    /// 504, in the host's words; the operator finds that it took too long.
    Late,
    /// 500, in the host's words: the challenge said itself that it failed.
    Fails,
    /// This status with the text of the challenge, which it meant for the client.
    Refused(u16),
    /// The attack came to nothing: the guest answers, and this holds for the answer.
    Served(fn(&RawAnswer) -> bool),
    /// The same of one that met a full disk; the operator finds that, too.
    Full(fn(&RawAnswer) -> bool),
}

/// A guest that answers for weights with what it should not.
#[derive(Clone, Copy, Debug)]
pub struct BadWeights {
    /// The challenge.
    pub slug: &'static str,
    /// Its guest.
    pub guest: &'static str,
    /// What it finds as `MODE` in its environment.
    pub mode: &'static str,
    /// How many entries are taken, or why there are none.
    pub outcome: Result<usize, NoWeights>,
}

/// Why nothing is taken.
#[derive(Clone, Copy, Debug)]
pub enum NoWeights {
    /// The operator finds an incident of this kind.
    Broke(IncidentKind),
    /// The challenge said itself that it failed.
    Said,
}

/// What the configuration of a host has to say in `[limits]`, so that little is enough for the attacks.
pub const LIMITS: &str = "data_files = 900\nopen_files = 64\n";
const OPEN_FILES: u64 = 64;

const fn attack(slug: &'static str, request: &'static str, outcome: Outcome, event: &'static str) -> Attack {
    Attack {
        slug,
        request,
        outcome,
        event,
    }
}

const fn weights(
    slug: &'static str,
    guest: &'static str,
    mode: &'static str,
    outcome: Result<usize, NoWeights>,
) -> BadWeights {
    BadWeights {
        slug,
        guest,
        mode,
        outcome,
    }
}

/// In the order in which a challenge is attacked; different challenges are attacked at the same time.
pub const ATTACKS: &[Attack] = &[
    attack("spin", "GET /spin", Late, "within 5s"),
    attack("spin", "GET /sleep", Late, "within 5s"),
    attack("spin", "GET /fine", Served(is_ok), ""),
    attack("pester-1", "GET /clock", Late, "within 5s"),
    attack("pester-2", "GET /random", Late, "within 5s"),
    attack("pester-3", "GET /random-most", Late, "within 5s"),
    attack("pester-4", "GET /naps", Late, "within 5s"),
    attack("pester-5", "GET /timers", Dies(Trap), "crashed"),
    attack("pester-5", "GET /random-huge", Dies(Trap), "crashed"),
    attack("pester-5", "GET /random-absurd", Dies(Trap), "crashed"),
    attack("trap", "GET /panic", Dies(Trap), "crashed"),
    attack("trap", "GET /abort", Dies(Trap), "crashed"),
    attack("trap", "GET /exit/0", Dies(Trap), "exit with code 0"),
    attack("trap", "GET /exit/1", Dies(Trap), "exit with code 1"),
    attack("trap", "GET /overflow", Dies(Trap), "crashed"),
    attack("trap", "GET /recurse", Dies(Trap), "call stack exhausted"),
    attack("trap", "GET /fine", Served(is_ok), ""),
    attack("python", "GET /fail", Dies(Trap), "crashed"),
    attack("python", "GET /leave", Dies(Trap), "called exit"),
    attack("python", "GET /mistyped", Dies(Trap), "crashed"),
    attack("python", "GET /grow", Dies(OutOfMemory), "out of memory"),
    attack("python", "GET /recurse", Dies(OutOfMemory), "out of memory"),
    attack("python", "GET /loop", Late, "within 5s"),
    attack("python", "GET /refuse", Refused(404), ""),
    attack("python", "GET /fine", Served(is_ok), ""),
    attack("grow", "GET /", Served(was_given_less_than_32_mib), ""),
    attack("flood", "GET /body", Dies(OutputTooLarge), "too large"),
    attack("flood", "GET /headers", Dies(OutputTooLarge), "too large"),
    attack("flood", "GET /header-large", Dies(OutputTooLarge), "too large"),
    attack("flood", "GET /header-name", Dies(InvalidOutput), "not legal"),
    attack("flood", "GET /header-utf8", Dies(Trap), "utf-8"),
    attack("flood", "GET /header-empty", Dies(InvalidOutput), "not legal"),
    attack("flood", "GET /header-value", Dies(InvalidOutput), "not legal"),
    attack("flood", "GET /header-nul", Dies(InvalidOutput), "not legal"),
    attack("flood", "GET /header-hop", Served(is_flood), ""),
    attack("flood", "GET /status/0", Dies(InvalidOutput), "the status is 0"),
    attack("flood", "GET /status/99", Dies(InvalidOutput), "the status is 99"),
    attack(
        "flood",
        "GET /status/100",
        Dies(InvalidOutput),
        "the status is 100",
    ),
    attack(
        "flood",
        "GET /status/600",
        Dies(InvalidOutput),
        "the status is 600",
    ),
    attack(
        "flood",
        "GET /status/65535",
        Dies(InvalidOutput),
        "the status is 65535",
    ),
    attack("flood", "GET /error", Fails, "xxx"),
    attack("flood", "GET /error-public", Refused(404), ""),
    attack("flood", "GET /error-control", Refused(400), ""),
    attack("flood", "GET /error-utf8", Dies(Trap), "utf-8"),
    attack("flood", "GET /stdout?500000", Served(is_flood), ""),
    attack("flood", "GET /stderr?500000", Served(is_flood), ""),
    attack("flood", "GET /one-line?4000000", Served(is_flood), ""),
    attack("flood", "GET /control", Served(is_flood), ""),
    attack("files", "GET /escape", Served(reached_only_its_own), ""),
    attack("files", "GET /surroundings", Served(was_told_only_its_own), ""),
    attack("sockets", "GET /", Served(reached_nobody), ""),
    attack("files", "POST /deep", Full(is_ok), "is full"),
    attack("disk-1", "POST /fill/appends", Full(found_no_room), "is full"),
    attack("disk-2", "POST /fill/sparse", Full(found_no_room), "is full"),
    attack("disk-3", "POST /fill/far", Full(found_no_room), "is full"),
    attack("disk-4", "POST /fill/files", Full(found_no_room), "is full"),
    attack("disk-5", "POST /fill/empty-files", Full(found_no_room), "is full"),
    attack("disk-6", "POST /fill/directories", Full(found_no_room), "is full"),
    attack("disk-7", "POST /fill/unlinked", Full(found_no_room), "is full"),
    attack("disk-8", "POST /fill/replaced", Full(found_no_room), "is full"),
    attack("disk-9", "POST /database/fill", Full(found_no_room), "is full"),
    attack("disk-9", "GET /database", Served(is_sound), ""),
    attack("disk-9", "POST /database/halve", Served(is_done), ""),
    attack("disk-9", "POST /database/add", Served(is_done), ""),
    attack("disk-10", "POST /names", Served(changed_nothing), ""),
    attack("disk-10", "POST /games", Served(is_done), ""),
    attack("disk-10", "POST /fill/handles", Served(opened_a_few), ""),
    attack("disk-10", "POST /fill/listings", Served(opened_a_few), ""),
    attack("stale-lock", "POST /commit", Served(is_done), ""),
    attack("stale-lock", "POST /trap", Dies(Trap), "crashed"),
    attack("stale-lock", "GET /state", Served(is_whole), ""),
    attack("stale-lock", "POST /spin", Late, "within 5s"),
    attack("stale-lock", "GET /state", Served(is_whole), ""),
    attack("stale-lock", "POST /commit?journal=wal", Served(is_done), ""),
    attack("stale-lock", "POST /trap?journal=wal", Dies(Trap), "crashed"),
    attack("stale-lock", "GET /state?journal=wal", Served(is_whole), ""),
    attack("stale-lock", "POST /spin?journal=wal", Late, "within 5s"),
    attack("stale-lock", "GET /state?journal=wal", Served(is_whole), ""),
];

/// Those that have routes too are attacked through both.
pub const WEIGHTS: &[BadWeights] = &[
    weights("spin", "spin", "", Err(Broke(Deadline))),
    weights("trap", "trap", "", Err(Broke(Trap))),
    weights("grow", "grow", "", Err(Broke(OutOfMemory))),
    weights("python", "python", "", Ok(0)),
    weights("disk-1", "disk", "", Ok(0)),
    weights("disk-5", "disk", "", Ok(0)),
    weights("w-python", "python", "raise", Err(Broke(Trap))),
    weights("w-many", "garbage-weights", "many", Err(Broke(OutputTooLarge))),
    weights(
        "w-million",
        "garbage-weights",
        "million",
        Err(Broke(OutputTooLarge)),
    ),
    weights("w-huge", "garbage-weights", "huge", Err(Broke(OutputTooLarge))),
    weights("w-not-utf8", "garbage-weights", "not-utf8", Err(Broke(Trap))),
    weights("w-error", "garbage-weights", "error", Err(Said)),
    weights("w-nan", "garbage-weights", "nan", Ok(2)),
    weights("w-infinity", "garbage-weights", "infinity", Ok(2)),
    weights("w-minus-infinity", "garbage-weights", "minus-infinity", Ok(2)),
    weights("w-negative", "garbage-weights", "negative", Ok(2)),
    weights("w-minus-zero", "garbage-weights", "minus-zero", Ok(2)),
    weights("w-extremes", "garbage-weights", "extremes", Ok(2)),
    weights("w-malformed", "garbage-weights", "malformed", Ok(6)),
    weights("w-duplicate", "garbage-weights", "duplicate", Ok(2)),
];

/// Every challenge of both tables.
pub fn challenges() -> Vec<CreateChallenge> {
    let routes = ATTACKS.iter().map(|attack| (attack.slug, attack.guest(), ""));
    let weights = WEIGHTS.iter().map(|bad| (bad.slug, bad.guest, bad.mode));
    let mut all: Vec<_> = routes.chain(weights).collect();
    all.sort_unstable();
    all.dedup();
    let challenge = |(slug, guest, mode): (&str, &str, &str)| {
        let mut new = new_challenge(slug, guest, "0", &[("MODE", mode)]);
        let resources = match guest {
            "grow" => json!({ "memory": "32MiB" }),
            "python" => json!({ "memory": "64MiB" }),
            "disk" => json!({ "disk": "4MiB" }),
            _ => return new,
        };
        new.resources = serde_json::from_value(resources).unwrap();
        new
    };
    all.into_iter().map(challenge).collect()
}

impl Attack {
    /// The guest's name.
    pub fn guest(&self) -> &'static str {
        self.slug
            .trim_end_matches(|end: char| end == '-' || end.is_ascii_digit())
    }
}

impl Outcome {
    /// The incident that is recorded.
    pub fn incident(self) -> Option<IncidentKind> {
        match self {
            Dies(kind) => Some(kind),
            Late => Some(Deadline),
            Full(_) => Some(DiskFull),
            Fails | Refused(_) | Served(_) => None,
        }
    }

    /// Whether the answer is this and nothing more.
    pub fn fits(self, answer: &RawAnswer) -> bool {
        match self {
            Dies(_) => is_refusal(answer, 502, "challenge_unavailable", "Challenge unavailable"),
            Late => is_refusal(
                answer,
                504,
                "challenge_timeout",
                "Challenge did not answer in time",
            ),
            Fails => is_refusal(answer, 500, "challenge_error", "Challenge error"),
            Refused(status) => answer.status == status && answer.body.len() < 1100 && is_clean(answer),
            Served(holds) | Full(holds) => holds(answer),
        }
    }
}

/// The host's own words, byte for byte, and no header of the guest's.
fn is_refusal(answer: &RawAnswer, status: u16, code: &str, message: &str) -> bool {
    const OURS: [&str; 5] = [
        "content-type",
        "content-length",
        "connection",
        "date",
        "x-request-id",
    ];
    let body = json!({ "error": { "code": code, "message": message } }).to_string();
    answer.status == status
        && answer.body == body.as_bytes()
        && answer
            .headers
            .iter()
            .all(|(name, _)| OURS.contains(&name.as_str()))
}

/// No character with which a terminal or a log could be led astray.
fn is_clean(answer: &RawAnswer) -> bool {
    let message = answer.json()["error"]["message"].to_string();
    !message.contains("\\u") && !message.contains("\\n") && !message.contains("\\r")
}

fn is_ok(answer: &RawAnswer) -> bool {
    answer.status == 200
}

fn is_done(answer: &RawAnswer) -> bool {
    answer.status == 204
}

fn is_flood(answer: &RawAnswer) -> bool {
    let length = answer.all("content-length");
    answer.status == 200
        && answer.body == b"flood"
        && length == ["5"]
        && answer.all("transfer-encoding").is_empty()
}

fn was_given_less_than_32_mib(answer: &RawAnswer) -> bool {
    let given = String::from_utf8_lossy(&answer.body).parse::<u32>();
    answer.status == 200 && given.is_ok_and(|mebibytes| (8..32).contains(&mebibytes))
}

/// A whole database with what was committed in it, and no more.
fn is_whole(answer: &RawAnswer) -> bool {
    let state = || answer.json();
    let rows = || state()["rows"].as_u64().unwrap_or(0);
    answer.status == 200 && state()["integrity"] == "ok" && rows() > 0 && rows() % 500 == 0
}

/// A whole database, with whatever was in it.
fn is_sound(answer: &RawAnswer) -> bool {
    answer.status == 200 && answer.json()["integrity"] == "ok"
}

fn found_no_room(answer: &RawAnswer) -> bool {
    let refused = |text: &str| text.contains("No space left") || text.contains("disk is full");
    answer.status == 200 && answer.json()["refused"].as_str().is_some_and(refused)
}

fn opened_a_few(answer: &RawAnswer) -> bool {
    let done = answer.json()["done"].as_u64();
    answer.status == 200 && done.is_some_and(|done| (8..=OPEN_FILES).contains(&done))
}

fn changed_nothing(answer: &RawAnswer) -> bool {
    let report = answer.json();
    let mut attempts = report.as_object().into_iter().flatten();
    answer.status == 200 && attempts.all(|(_, result)| result.as_str().is_some_and(|result| result != "ok"))
}

fn reached_only_its_own(answer: &RawAnswer) -> bool {
    let report = answer.json();
    let inside = |what: &str| matches!(what, "read inside" | "write inside");
    let reached = |result: &Value| result.as_str().is_none_or(|text| text.starts_with("ok"));
    let mut attempts = report.as_object().into_iter().flatten();
    answer.status == 200 && attempts.all(|(what, result)| reached(result) == inside(what))
}

fn was_told_only_its_own(answer: &RawAnswer) -> bool {
    let told = json!({ "variables": { "MODE": "" }, "arguments": [], "stdin": "" });
    answer.status == 200 && answer.json() == told
}

fn reached_nobody(answer: &RawAnswer) -> bool {
    let report = answer.json();
    let mut attempts = report.as_object().into_iter().flatten();
    answer.status == 200 && attempts.all(|(_, result)| result.as_str().is_some_and(|result| result != "ok"))
}
