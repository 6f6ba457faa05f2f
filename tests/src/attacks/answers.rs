//! What the caller of an attack gets, and whether an answer is that and nothing more.

use platform_domain::IncidentKind::{self, Deadline, DiskFull};
use serde_json::{Value, json};

use crate::RawAnswer;

/// What the caller of an attack gets.
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    /// 502, in the host's words; the operator finds an incident of this kind.
    Dies(IncidentKind),
    /// 504, in the host's words; the operator finds that it took too long.
    Late,
    /// 200 with a part of a body, and the connection breaks off; the operator finds an incident of this kind.
    Cut(IncidentKind),
    /// 500, in the host's words: the challenge said itself that it failed.
    Fails,
    /// This status with the text of the challenge, which it meant for the client.
    Refused(u16),
    /// The attack came to nothing: the guest answers, and this holds for the answer.
    Served(Holds),
    /// The same of one that met a full disk; the operator finds that, too.
    Full(Holds),
}

/// What holds for an answer.
#[derive(Clone, Copy, Debug)]
pub struct Holds {
    /// In words.
    pub says: &'static str,
    /// Whether it does.
    pub check: fn(&RawAnswer) -> bool,
}

use Outcome::{Cut, Dies, Fails, Full, Late, Refused, Served};

impl Outcome {
    /// The incident that is recorded.
    pub fn incident(self) -> Option<IncidentKind> {
        match self {
            Dies(kind) | Cut(kind) => Some(kind),
            Late => Some(Deadline),
            Full(_) => Some(DiskFull),
            Fails | Refused(_) | Served(_) => None,
        }
    }

    /// Status, code and message in the host's words; `None` when the words are the challenge's.
    fn refusal(self) -> Option<(u16, &'static str, &'static str)> {
        match self {
            Dies(_) => Some((502, "challenge_unavailable", "Challenge unavailable")),
            Late => Some((504, "challenge_timeout", "Challenge did not answer in time")),
            Fails => Some((500, "challenge_error", "Challenge error")),
            Cut(_) | Refused(_) | Served(_) | Full(_) => None,
        }
    }

    /// Whether the answer is this and nothing more.
    pub fn fits(self, answer: &RawAnswer) -> bool {
        match self {
            Refused(status) => answer.status == status && answer.body.len() < 2200 && is_clean(answer),
            Cut(_) => is_cut(answer),
            Served(holds) | Full(holds) => (holds.check)(answer),
            Dies(_) | Late | Fails => self.refusal().is_some_and(|refusal| is_refusal(answer, refusal)),
        }
    }

    /// In words, for the page of limits.
    pub fn says(self) -> String {
        match (self, self.refusal()) {
            (Served(holds) | Full(holds), _) => holds.says.to_owned(),
            (Cut(_), _) => "a part of an answer that breaks off".to_owned(),
            (Refused(status), _) => format!("{status} with the challenge's text, cut and cleaned"),
            (_, Some((status, code, _))) => format!("{status} `{code}`"),
            (Dies(_) | Late | Fails, None) => String::new(),
        }
    }
}

/// The challenge works as if nothing were.
pub(super) const ORDINARY: Outcome = served("an ordinary answer", is_ok);
/// The same, without content.
pub(super) const DONE: Outcome = served("an ordinary answer", |answer| answer.status == 204);
/// Of what the guest sent, nothing but status and body.
pub(super) const FLOOD: Outcome = served("an ordinary answer, without what does not belong there", is_flood);
/// A whole database with what was committed in it, and no more.
pub(super) const WHOLE: Outcome = served(
    "a whole database with all that was committed and no more",
    is_whole,
);
/// Memory below what the challenge was granted.
pub(super) const LITTLE: Outcome = served("an ordinary answer, after less than 32 MiB", |answer| {
    is_ok(answer) && number(answer).is_some_and(|mebibytes| (8..32).contains(&mebibytes))
});
/// The same in pages, over several memories.
pub(super) const FEW_PAGES: Outcome =
    served("an ordinary answer, after less than 32 MiB over all", |answer| {
        is_ok(answer) && number(answer).is_some_and(|pages| (128..512).contains(&pages))
    });
/// No more elements than `table_elements`.
pub(super) const FEW_ELEMENTS: Outcome =
    served("an ordinary answer, after 100,000 elements over all", |answer| {
        is_ok(answer) && number(answer).is_some_and(|elements| (1_000..=100_000).contains(&elements))
    });
/// Of what an instance was left with, nothing.
pub(super) const UNMARKED: Outcome = served("an ordinary answer: it found none", |answer| {
    is_ok(answer) && number(answer) == Some(0)
});
/// What this very instance was left with.
pub(super) const MARKED: Outcome = served("an ordinary answer: it found its own", |answer| {
    is_ok(answer) && number(answer).is_some_and(|marks| marks > 0)
});
/// No file but its own.
pub(super) const INSIDE: Outcome = served(
    "an ordinary answer: it reached nothing but `/data`",
    reached_only_its_own,
);
/// Nothing that it was not given.
pub(super) const TOLD: Outcome = served(
    "an ordinary answer: it was told only its own variables",
    was_told_only_its_own,
);
/// No directory at all.
pub(super) const NO_DIRECTORY: Outcome = served("an ordinary answer: there is none", |answer| {
    is_ok(answer) && answer.body.is_empty()
});
/// Its own directory.
pub(super) const ITS_DIRECTORY: Outcome = served("an ordinary answer: there is `/data` only", |answer| {
    is_ok(answer) && answer.body == b"/data"
});
/// It was told that the disk is full.
pub(super) const NO_ROOM: Outcome = full("an ordinary answer: it found a full disk", found_no_room);
/// As deep as there was room.
pub(super) const DEEP: Outcome = full("an ordinary answer, after it found a full disk", is_ok);
/// A whole database, with whatever was in it.
pub(super) const SOUND: Outcome = served("a whole database", |answer| {
    is_ok(answer) && answer.json()["integrity"] == "ok"
});
/// No more than `open_files` of the attacks' host.
pub(super) const A_FEW: Outcome = served("an ordinary answer, after as many as it may open", |answer| {
    let done = answer.json()["done"].as_u64();
    is_ok(answer) && done.is_some_and(|done| (8..=super::OPEN_FILES).contains(&done))
});
/// Each attempt was refused.
pub(super) const UNCHANGED: Outcome = served("an ordinary answer: all of it was refused", reached_nobody);
/// Nobody.
pub(super) const NOBODY: Outcome = served("an ordinary answer: it reached nobody", reached_nobody);

const fn full(says: &'static str, check: fn(&RawAnswer) -> bool) -> Outcome {
    Full(Holds { says, check })
}

const fn served(says: &'static str, check: fn(&RawAnswer) -> bool) -> Outcome {
    Served(Holds { says, check })
}

/// The host's own words, byte for byte, and no header of the guest's.
fn is_refusal(answer: &RawAnswer, (status, code, message): (u16, &str, &str)) -> bool {
    const OURS: [&str; 5] = [
        "content-type",
        "content-length",
        "connection",
        "date",
        "x-request-id",
    ];
    let body = json!({ "error": { "code": code, "message": message }, "detail": message }).to_string();
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

/// Without the chunk that would end it.
fn is_cut(answer: &RawAnswer) -> bool {
    is_ok(answer)
        && answer.all("transfer-encoding") == ["chunked"]
        && answer.body.len() < 2 << 20
        && !answer.body.ends_with(b"0\r\n\r\n")
}

fn is_flood(answer: &RawAnswer) -> bool {
    let length = answer.all("content-length");
    answer.status == 200
        && answer.body == b"flood"
        && length == ["5"]
        && answer.all("transfer-encoding").is_empty()
}

fn number(answer: &RawAnswer) -> Option<u32> {
    String::from_utf8_lossy(&answer.body).parse().ok()
}

fn is_whole(answer: &RawAnswer) -> bool {
    let state = || answer.json();
    let rows = || state()["rows"].as_u64().unwrap_or(0);
    answer.status == 200 && state()["integrity"] == "ok" && rows() > 0 && rows() % 500 == 0
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

fn found_no_room(answer: &RawAnswer) -> bool {
    let refused = |text: &str| text.contains("No space left") || text.contains("disk is full");
    is_ok(answer) && answer.json()["refused"].as_str().is_some_and(refused)
}

fn reached_nobody(answer: &RawAnswer) -> bool {
    let report = answer.json();
    let mut attempts = report.as_object().into_iter().flatten();
    answer.status == 200 && attempts.all(|(_, result)| result.as_str().is_some_and(|result| result != "ok"))
}
