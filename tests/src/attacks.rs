//! What hostile guests can do, a row for each attack, and all that may come of it. The matrix checks each row,
//! the soak repeats them for minutes, and `docs/limits.md` lists them. Components that attack their compiler have a
//! table and a test of their own.

mod answers;
mod components;

use platform_admin_types::CreateChallenge;
use platform_domain::{
    DataMode, Grant,
    IncidentKind::{self, Deadline, InvalidOutput, OutOfMemory, OutputTooLarge, Trap},
};
use serde_json::json;

use crate::new_challenge;

use self::{
    NoWeights::{Broke, Said, Uncounted},
    Outcome::{Cut, Dies, Fails, Late, Refused},
    answers::{
        A_FEW, DEEP, DONE, FEW_ELEMENTS, FEW_PAGES, FLOOD, INSIDE, ITS_DIRECTORY, LITTLE, MARKED,
        NO_DIRECTORY, NO_ROOM, NOBODY, ORDINARY, SOUND, TOLD, UNCHANGED, UNMARKED, WHOLE,
    },
};
pub use self::{
    answers::{Holds, Outcome},
    components::{BadComponent, COMPONENTS, Refusal},
};

/// An attack through a route.
#[derive(Clone, Copy, Debug)]
pub struct Attack {
    /// The challenge: the name of its guest, with a number when several run.
    pub slug: &'static str,
    /// Method and path.
    pub request: &'static str,
    /// What the guest does, or answers with.
    pub what: &'static str,
    /// What the caller gets.
    pub outcome: Outcome,
    /// What the operator reads about this very request; empty when there is nothing to tell.
    pub event: &'static str,
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
    /// What the guest does, or answers with.
    pub what: &'static str,
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
    /// So many entries could be read, and the epoch counts none of them.
    Uncounted(usize),
}

impl BadWeights {
    /// What the epoch takes, in words, for the page of limits.
    pub fn says(&self) -> String {
        match self.outcome {
            Ok(0) => "none, and that is an answer".to_owned(),
            Ok(entries) => {
                format!("{entries} entries; what is no weight of a hotkey is left out and counted")
            }
            Err(_) => "none; the others' go on".to_owned(),
        }
    }
}

macro_rules! attacks {
    ($($slug:literal $request:literal: $what:literal => $outcome:expr $(, $event:literal)?;)+) => {
        &[$(Attack {
            slug: $slug,
            request: $request,
            what: $what,
            outcome: $outcome,
            event: concat!($($event)?),
        }),+]
    };
}

macro_rules! weights {
    ($($slug:literal $guest:literal $mode:literal: $what:literal => $outcome:expr;)+) => {
        &[$(BadWeights {
            slug: $slug,
            guest: $guest,
            mode: $mode,
            what: $what,
            outcome: $outcome,
        }),+]
    };
}

/// In the order in which a challenge is attacked; different challenges are attacked at the same time. Challenge,
/// request: what is done => what the caller gets, what the operator reads;
pub const ATTACKS: &[Attack] = attacks! {
    "spin" "GET /spin": "computes for ever" => Late, "within 15s";
    "spin" "GET /sleep": "sleeps for ever" => Late, "within 15s";
    "spin" "GET /fine": "nothing, after calls that were ended" => ORDINARY;
    "late" "GET /": "computes for ever while it is being made" => Late, "within 15s";
    "vast" "GET /": "wants 64 MiB of 32 while it is being made" => Dies(OutOfMemory), "exceeds memory limits";
    "pester-0" "GET /preopens": "looks for directories, without files" => NO_DIRECTORY;
    "pester-1" "GET /clock": "asks for the time for ever" => Late, "within 15s";
    "pester-1" "GET /poll-same": "waits for 5,000 things that are ready, for ever" => Late, "within 15s";
    "pester-2" "GET /random": "takes random bytes for ever" => Late, "within 15s";
    "pester-2" "GET /write-tiny": "writes to stdout for ever, a byte at a time" => Late, "within 15s";
    "pester-3" "GET /random-most": "takes as many random bytes as it may, for ever" => Late, "within 15s";
    "pester-3" "GET /write-lines": "writes empty lines for ever" => Late, "within 15s";
    "pester-4" "GET /naps": "sleeps for a millisecond, for ever" => Late, "within 15s";
    "pester-4" "GET /poll-many": "waits for 400 timers at once" => Late, "within 15s";
    "pester-5" "GET /timers": "makes timers without end" => Dies(Trap), "no free keys";
    "pester-5" "GET /random-huge": "wants a GiB of random bytes" => Dies(Trap), "exceeds limit 65536";
    "pester-5" "GET /random-absurd": "wants 2^64 random bytes" => Dies(Trap), "exceeds limit 65536";
    "pester-5" "GET /poll-none": "waits for nothing" => Dies(Trap), "empty poll list";
    "pester-5" "GET /poll-lent": "waits for 100,000 things at once" => Dies(Trap), "handle limit exceeded";
    "pester-5" "GET /poll-most": "waits for 10,000,000 things at once" => Dies(OutputTooLarge), "given to the host";
    "pester-5" "GET /write-huge": "writes 64 MiB to stdout at once" => Dies(OutputTooLarge), "given to the host";
    "pester-5" "GET /write-at-once": "writes a MiB and waits for it" => Dies(Trap), "Buffer too large";
    "pester-5" "GET /write-zeroes": "writes 2^64 zeroes" => Dies(Trap), "more zeroes";
    "pester-5" "GET /preopens": "looks for directories" => ITS_DIRECTORY;
    "pester-6" "GET /environment": "asks for its environment for ever" => Late, "within 15s";
    "pester-6" "GET /timer-absurd": "sleeps beyond the end of time" => Late, "within 15s";
    "notary-1" "GET /for-ever/sr25519/64": "has signatures verified for ever" => Late, "within 15s";
    "notary-1" "GET /for-ever/sha256/16000000": "has 16 MB hashed for ever" => Late, "within 15s";
    "notary-2" "GET /for-ever/sr25519/16000000": "has a signature of 16 MB verified for ever" => Late, "within 15s";
    "notary-2" "GET /sha256/20000000": "has 20 MB hashed at once" => Dies(OutputTooLarge), "given to the host";
    "trap" "GET /panic": "panics" => Dies(Trap), "unreachable";
    "trap" "GET /abort": "aborts" => Dies(Trap), "unreachable";
    "trap" "GET /exit/0": "exits, as if all were well" => Dies(Trap), "exit with code 0";
    "trap" "GET /exit/1": "exits" => Dies(Trap), "exit with code 1";
    "trap" "GET /overflow": "calls itself for ever" => Dies(Trap), "out of bounds memory access";
    "trap" "GET /recurse": "calls itself twice, for ever" => Dies(Trap), "call stack exhausted";
    "trap" "GET /fine": "nothing, after calls that crashed" => ORDINARY;
    "python" "GET /fail": "raises what nobody catches" => Dies(Trap), "crashed";
    "python" "GET /leave": "exits" => Dies(Trap), "called exit";
    "python" "GET /mistyped": "answers with another type" => Dies(Trap), "crashed";
    "python" "GET /grow": "takes memory until it fails" => Dies(OutOfMemory), "out of memory";
    "python" "GET /recurse": "calls itself for ever" => Dies(OutOfMemory), "out of memory";
    "python" "GET /loop": "computes for ever" => Late, "within 15s";
    "python" "GET /refuse": "an error for the client" => Refused(404);
    "python" "GET /fine": "nothing, after all that" => ORDINARY;
    "grow" "GET /": "takes memory until it is refused" => LITTLE;
    "crafted-1" "GET /inside": "does not come back while it is handed its arguments" => Late, "within 15s";
    "crafted-1" "GET /after": "does not come back after its answer" => Late, "within 15s";
    "crafted-2" "GET /tables": "grows two tables until it is refused" => FEW_ELEMENTS;
    "crafted-2" "GET /memories": "grows six memories until it is refused" => FEW_PAGES;
    "crafted-2" "GET /handles": "makes handles of its own without end" => Dies(Trap), "handle limit exceeded";
    "crafted-2" "GET /overlap": "4,096 headers that are the same 64 KiB" => Dies(OutputTooLarge), "given to the host";
    "crafted-2" "GET /all": "a list longer than its memory" => Dies(Trap), "list pointer/length out of bounds";
    "crafted-2" "GET /astray": "an answer beyond its memory" => Dies(Trap), "pointer out of bounds";
    "crafted-2" "GET /uneven": "an answer at an odd address" => Dies(Trap), "not aligned";
    "crafted-2" "GET /outside": "has its arguments written beyond its memory" => Dies(Trap), "beyond end of memory";
    "crafted-2" "GET /leave": "calls out while it is handed its arguments" => Dies(Trap), "cannot leave component";
    "crafted-2" "GET /crash": "crashes after its answer" => Dies(Trap), "unreachable";
    "crafted-2" "GET /fine": "nothing, after all that" => ORDINARY;
    "remember-1" "GET /crash": "marks all of a kept instance and crashes" => Dies(Trap), "unreachable";
    "remember-1" "GET /look": "looks for its marks" => UNMARKED;
    "remember-1" "GET /spin": "marks all of it and does not come back" => Late, "within 15s";
    "remember-1" "GET /look": "looks for its marks" => UNMARKED;
    "remember-1" "GET /astray": "marks all of it and answers from beyond its memory" => Dies(Trap), "out of bounds";
    "remember-1" "GET /look": "looks for its marks" => UNMARKED;
    "remember-1" "GET /leave": "marks all of it" => MARKED;
    "remember-1" "GET /look": "looks for its marks in the instance that was kept" => MARKED;
    "remember-2" "GET /crash": "marks all of an instance that is not kept and crashes" => Dies(Trap), "unreachable";
    "remember-2" "GET /spin": "marks all of it and does not come back" => Late, "within 15s";
    "remember-2" "GET /leave": "marks all of it" => MARKED;
    "remember-2" "GET /look": "looks for its marks and for those of another challenge" => UNMARKED;
    "flood" "GET /body": "a body of 64 MiB" => Dies(OutputTooLarge), "given to the host";
    "flood" "GET /headers": "100,000 headers" => Dies(OutputTooLarge), "headers, the limit is 100";
    "flood" "GET /header-large": "a header of a MiB" => Dies(OutputTooLarge), "bytes of headers";
    "flood" "GET /header-name": "a line end in a header's name" => Dies(InvalidOutput), "name of header 0";
    "flood" "GET /header-utf8": "a header's name that is not UTF-8" => Dies(Trap), "utf-8";
    "flood" "GET /header-empty": "a header without a name" => Dies(InvalidOutput), "name of header 0";
    "flood" "GET /header-value": "a second answer in a header's value" => Dies(InvalidOutput), "value of header x-split";
    "flood" "GET /header-nul": "NUL in a header's value" => Dies(InvalidOutput), "value of header x-nul";
    "flood" "GET /header-hop": "headers that only the host may set" => FLOOD;
    "flood" "GET /status/0": "status 0" => Dies(InvalidOutput), "the status is 0";
    "flood" "GET /status/99": "status 99" => Dies(InvalidOutput), "the status is 99";
    "flood" "GET /status/100": "status 100" => Dies(InvalidOutput), "the status is 100";
    "flood" "GET /status/600": "status 600" => Dies(InvalidOutput), "the status is 600";
    "flood" "GET /status/65535": "status 65535" => Dies(InvalidOutput), "the status is 65535";
    "flood" "GET /error": "an error of its own with a MiB of text" => Fails, "xxx";
    "flood" "GET /error-public": "an error for the client with a MiB of text" => Refused(404);
    "flood" "GET /error-control": "an error that a terminal would obey" => Refused(400);
    "flood" "GET /error-utf8": "an error that is not UTF-8" => Dies(Trap), "utf-8";
    "flood" "GET /stdout?500000": "thousands of lines on stdout" => FLOOD;
    "flood" "GET /stderr?500000": "thousands of lines on stderr" => FLOOD;
    "flood" "GET /one-line?4000000": "a line of 4 MB" => FLOOD;
    "flood" "GET /control": "log lines that a terminal would obey" => FLOOD;
    "clerk" "GET /flood": "logs for ever, by wasi:logging" => Late, "within 15s";
    "clerk" "GET /ask": "asks for its configuration for ever" => Late, "within 15s";
    "clerk" "GET /long": "logs 8 MiB of line ends, again and again" => ORDINARY;
    "clerk" "GET /huge": "logs a line of 32 MiB" => Dies(OutputTooLarge), "given to the host";
    "clerk" "GET /control": "log lines and contexts that a terminal would obey" => ORDINARY;
    "foreman-1" "GET /flood": "hands in jobs for ever, without an engine to run them" => Late, "within 15s";
    "foreman-1" "GET /polls": "asks for a job for ever, and ends it" => Late, "within 15s";
    "foreman-1" "GET /fine": "nothing, after that" => ORDINARY;
    "foreman-2" "GET /others": "asks for jobs of another challenge by their ids, and ends them" => UNCHANGED;
    "foreman-2" "GET /forbidden": "wants images, limits, mounts and GPUs that no job may have" => UNCHANGED;
    "foreman-2" "GET /giant": "hands in a job with 32 MiB" => Dies(OutputTooLarge), "given to the host";
    "foreman-2" "GET /fine": "nothing, after all that" => ORDINARY;
    "files" "GET /escape": "`..`, absolute paths, links, renames and removals out of `/data`" => INSIDE;
    "files" "GET /surroundings": "looks for variables, arguments and input of the host" => TOLD;
    "sockets" "GET /": "connects, listens, sends and resolves" => NOBODY;
    "files" "POST /deep": "directories deeper than any path can name" => DEEP, "is full";
    "disk-1" "POST /fill/appends": "appends to a file without end" => NO_ROOM, "is full";
    "disk-2" "POST /fill/sparse": "makes files with holes, up to a TiB" => NO_ROOM, "is full";
    "disk-3" "POST /fill/far": "writes far behind the end of files" => NO_ROOM, "is full";
    "disk-4" "POST /fill/files": "makes files without end" => NO_ROOM, "is full";
    "disk-5" "POST /fill/empty-files": "makes empty files without end" => NO_ROOM, "is full";
    "disk-6" "POST /fill/directories": "makes directories without end" => NO_ROOM, "is full";
    "disk-7" "POST /fill/unlinked": "fills files that have no name any more" => NO_ROOM, "is full";
    "disk-8" "POST /fill/replaced": "fills files that others replace" => NO_ROOM, "is full";
    "disk-9" "POST /database/fill": "fills a database" => NO_ROOM, "is full";
    "disk-9" "GET /database": "nothing, after that" => SOUND;
    "disk-9" "POST /database/halve": "deletes half of it from the full disk" => DONE;
    "disk-9" "POST /database/add": "adds to it again" => DONE;
    "disk-10" "POST /names": "moves, links and removes what must stay where it is" => UNCHANGED;
    "disk-10" "POST /games": "shrinks and grows a file for a long time" => DONE;
    "disk-10" "POST /fill/handles": "opens files without end" => A_FEW;
    "disk-10" "POST /fill/listings": "lists directories without end" => A_FEW;
    "relay-1" "GET /flood/4000000000": "answers without end" => Cut(OutputTooLarge), "bytes of body";
    "relay-1" "GET /cut": "crashes in the middle of its answer" => Cut(Trap), "unreachable";
    "relay-1" "GET /unfinished": "does not finish its answer" => Cut(InvalidOutput), "did not finish";
    "relay-1" "GET /finished-and-broken": "crashes at the end of its answer" => Cut(Trap), "unreachable";
    "relay-2" "GET /stuck": "stops in the middle of its answer" => Cut(Deadline), "within 15s";
    "relay-2" "GET /asleep": "sleeps before its answer" => Late, "within 15s";
    "relay-1" "GET /headers/150": "answers with 151 headers" => Dies(OutputTooLarge), "headers";
    "relay-1" "GET /headers/50000": "makes 50,000 headers" => Dies(Trap), "exceeds limit";
    "relay-1" "GET /status/100": "answers that there will be an answer" => Dies(InvalidOutput), "status is 100";
    "relay-1" "GET /silent": "does not answer" => Dies(InvalidOutput), "without having set";
    "relay-1" "GET /error": "answers with an error of HTTP" => Fails, "InternalError";
    "relay-1" "GET /seen": "nothing, after that" => ORDINARY;
    "stale-lock" "POST /commit": "commits, to begin with" => DONE;
    "stale-lock" "POST /trap": "crashes in a transaction" => Dies(Trap), "unreachable";
    "stale-lock" "GET /state": "nothing, after that" => WHOLE;
    "stale-lock" "POST /spin": "does not come back from a transaction" => Late, "within 15s";
    "stale-lock" "GET /state": "nothing, after that" => WHOLE;
    "stale-lock" "POST /commit?journal=wal": "commits to a write-ahead log" => DONE;
    "stale-lock" "POST /trap?journal=wal": "crashes in a transaction of it" => Dies(Trap), "unreachable";
    "stale-lock" "GET /state?journal=wal": "nothing, after that" => WHOLE;
    "stale-lock" "POST /spin?journal=wal": "does not come back from a transaction of it" => Late, "within 15s";
    "stale-lock" "GET /state?journal=wal": "nothing, after that" => WHOLE;
};

/// Those that have routes too are attacked through both. Challenge, guest, mode: what is done => what is taken;
pub const WEIGHTS: &[BadWeights] = weights! {
    "spin" "spin" "": "computes for ever" => Err(Broke(Deadline));
    "trap" "trap" "": "panics" => Err(Broke(Trap));
    "grow" "grow" "": "takes memory without end" => Err(Broke(OutOfMemory));
    "python" "python" "": "no weights at all" => Ok(0);
    "w-python" "python" "raise": "raises what nobody catches" => Err(Broke(Trap));
    "clerk" "clerk" "": "no weights, and a line in its log" => Ok(0);
    "disk-1" "disk" "": "no weights, beside a full disk" => Ok(0);
    "disk-5" "disk" "": "no weights, beside a full disk" => Ok(0);
    "crafted-1" "crafted" "": "4,096 hotkeys that are the same 64 KiB" => Err(Broke(OutputTooLarge));
    "crafted-2" "crafted" "": "4,096 hotkeys that are the same 64 KiB" => Err(Broke(OutputTooLarge));
    "remember-1" "remember" "": "looks for marks that routes have left, in an instance that is kept" => Ok(0);
    "remember-2" "remember" "": "looks for marks that routes have left" => Ok(0);
    "w-many" "garbage-weights" "many": "5,000 weights" => Err(Broke(OutputTooLarge));
    "w-million" "garbage-weights" "million": "1,000,000 weights" => Err(Broke(OutputTooLarge));
    "w-huge" "garbage-weights" "huge": "a hotkey of 16 MiB" => Err(Broke(OutputTooLarge));
    "w-not-utf8" "garbage-weights" "not-utf8": "a hotkey that is not UTF-8" => Err(Broke(Trap));
    "w-error" "garbage-weights" "error": "an error of its own with a MiB of text" => Err(Said);
    "w-nan" "garbage-weights" "nan": "a score that is no number" => Ok(2);
    "w-infinity" "garbage-weights" "infinity": "an infinite score" => Ok(2);
    "w-minus-infinity" "garbage-weights" "minus-infinity": "an infinite negative score" => Ok(2);
    "w-negative" "garbage-weights" "negative": "a negative score" => Ok(2);
    "w-minus-zero" "garbage-weights" "minus-zero": "a score of -0" => Ok(2);
    "w-extremes" "garbage-weights" "extremes": "the largest score and the smallest" => Ok(2);
    "w-malformed" "garbage-weights" "malformed": "hotkeys that are none" => Ok(6);
    "w-duplicate" "garbage-weights" "duplicate": "a hotkey twice" => Err(Uncounted(2));
};

/// What the configuration of a host has to say in `[limits]` and after it, so that little is enough for the attacks.
pub const LIMITS: &str = "data_files = 100\nopen_files = 64\nstreamed_body = \"64KiB\"\n\
    [jobs]\nimages = [\"registry.example/team\"]\n";
const OPEN_FILES: u64 = 64;
/// Guests that are to meet the end of what they may have soon.
const SMALL: [(&str, &str, &str); 5] = [
    ("grow", "memory", "32MiB"),
    ("crafted", "memory", "32MiB"),
    ("vast", "memory", "32MiB"),
    ("python", "memory", "64MiB"),
    ("disk", "disk", "1MiB"),
];
/// Have no files, unlike their siblings.
const WITHOUT_FILES: [&str; 2] = ["pester-0", KEPT];
/// Has instances that are kept. Without files, so that nobody ends them to make room in a directory.
const KEPT: &str = "remember-1";

/// May hand in jobs, which no challenge may by itself.
const HAS_JOBS: &str = "foreman";
/// Declares what can be set, so that nothing else can.
const TYPED: &str = "clerk";

/// Every challenge of both tables.
pub fn challenges() -> Vec<CreateChallenge> {
    let routes = ATTACKS.iter().map(|attack| (attack.slug, attack.guest(), ""));
    let weights = WEIGHTS.iter().map(|bad| (bad.slug, bad.guest, bad.mode));
    let mut all: Vec<_> = routes.chain(weights).collect();
    all.sort_unstable();
    all.dedup();
    let challenge = |(slug, guest, mode): (&str, &str, &str)| {
        let env = [("MODE", mode)];
        let env = if guest == TYPED { &[] } else { &env[..] };
        let mut new = new_challenge(slug, guest, "0", env);
        if let Some((_, resource, most)) = SMALL.iter().find(|(small, _, _)| *small == guest) {
            new.resources = serde_json::from_value(json!({ *resource: most })).unwrap();
        }
        if WITHOUT_FILES.contains(&slug) {
            new.data = Some(DataMode::None);
        }
        if guest == HAS_JOBS {
            new.grants = Some([Grant::Kv, Grant::Jobs, Grant::GpuJobs].into());
        }
        if slug == KEPT {
            new.instances = Some("warm(1)".parse().unwrap());
        }
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
