//! Every hostile guest at once, for minutes, beside honest ones under load: does the host stay what it was? It
//! looks at the process before, during and after, and at what the honest ones were answered.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    Footprint, Served,
    attacks::{self, ATTACKS},
    new_challenge,
};

/// What came of it.
#[derive(Debug)]
pub struct Soaked {
    /// Samples with their second, tolerances, counts of answers.
    pub report: Value,
    /// What did not come back, and what honest ones were refused. Empty is good.
    pub failures: Vec<String>,
}

/// How much more than before may be held when all is quiet again.
struct Tolerance {
    column: &'static str,
    /// In percent of what it was.
    percent: u64,
    /// And so much.
    more: u64,
    reason: &'static str,
}

/// What happened to those who did nothing wrong.
#[derive(Debug, Default)]
struct Honest {
    answered: AtomicU64,
    refused: AtomicU64,
    slowest_ms: AtomicU64,
    weights: AtomicU64,
    no_weights: AtomicU64,
}

/// Attacks end soon, so that there are many, and no breaker comes between.
const CONFIG: &str = "[epoch]\ncollect_seconds = 30\n[breaker]\nfailures = 1000\n\
                      [limits]\nroute_ms = 3000\nweights_ms = 3000\n";
/// The longest that it may take until nothing changes any more: idle threads live for ten seconds.
const SETTLE: Duration = Duration::from_secs(60);
/// Two challenges without files, one with.
const HONEST: [(&str, &str, &str); 3] = [
    ("honest-1", "echo", "/x"),
    ("honest-2", "echo", "/y"),
    ("honest-3", "slow", "/count"),
];
const TOLERANCES: [Tolerance; 7] = [
    Tolerance {
        column: "memory_kib",
        percent: 25,
        more: 64 << 10,
        reason: "the pool keeps slots warm, up to 128 MiB, and an allocator keeps some of what was freed",
    },
    Tolerance {
        column: "fds",
        percent: 0,
        more: 2,
        reason: "a connection may be closing, the database may have one reader more",
    },
    Tolerance {
        column: "threads",
        percent: 0,
        more: 2,
        reason: "threads for files come and go with the honest ones",
    },
    Tolerance {
        column: "mappings",
        percent: 50,
        more: 200,
        reason: "slots that were used differ in protection from their neighbours",
    },
    Tolerance {
        column: "children",
        percent: 0,
        more: 0,
        reason: "",
    },
    Tolerance {
        column: "files",
        percent: 0,
        more: 16,
        reason: "the database's journal, and locks that the next call removes",
    },
    Tolerance {
        column: "disk_kib",
        percent: 10,
        more: 16 << 10,
        reason: "the database's journal grows to some MiB before it is used anew",
    },
];

/// Soaks a host for so long and tells every sample, taken as often as said.
pub async fn soak(lasting: Duration, every: Duration, tell: impl Fn(u64, &Footprint, &str)) -> Soaked {
    let host = Arc::new(Served::start(&format!("{CONFIG}{}", attacks::LIMITS)).await);
    let honest = HONEST.map(|(slug, guest, _)| new_challenge(slug, guest, "1", &[]));
    host.run_all(attacks::challenges().into_iter().chain(honest))
        .await;
    // A first round makes what is made once: images of modules, files of guests, warm slots.
    let counts = Arc::new(Honest::default());
    round(&host, &counts, Duration::ZERO, Duration::MAX, &|_, _, _| ()).await;
    let before = settled(&host, |_| false, Duration::from_secs(15)).await;
    tell(0, &before, "before");

    let counts = Arc::new(Honest::default());
    let mut samples = round(&host, &counts, lasting, every, &tell).await;
    let after = settled(&host, |now| held_too_much(&before, now).is_empty(), SETTLE).await;
    tell(lasting.as_secs(), &after, "after");

    let mut failures = held_too_much(&before, &after);
    failures.extend(counts.failures());
    samples.insert(0, json!({ "second": 0, "held": before.to_json() }));
    samples.push(json!({ "second": lasting.as_secs(), "settled": true, "held": after.to_json() }));
    let tolerances = TOLERANCES
        .iter()
        .map(|it| json!({ "what": it.column, "percent": it.percent, "more": it.more, "reason": it.reason }));
    let report = json!({
        "seconds": lasting.as_secs(), "samples": samples, "tolerances": tolerances.collect::<Vec<_>>(),
        "honest": counts.to_json(), "failures": failures,
    });
    Soaked { report, failures }
}

/// Attacks at least once in every way, and until the time is over.
async fn round(
    host: &Arc<Served>,
    counts: &Arc<Honest>,
    lasting: Duration,
    every: Duration,
    tell: &impl Fn(u64, &Footprint, &str),
) -> Vec<Value> {
    let (started, mut samples) = (Instant::now(), Vec::new());
    let mut neighbours = JoinSet::new();
    for (slug, _, path) in HONEST {
        neighbours.spawn(ask(host.clone(), counts.clone(), format!("{slug}{path}")));
    }
    neighbours.spawn(ask_for_weights(host.clone(), counts.clone()));
    let slugs: BTreeSet<_> = ATTACKS.iter().map(|attack| attack.slug).collect();
    let mut attackers: JoinSet<_> = slugs
        .into_iter()
        .map(|slug| attack(host.clone(), slug, started, lasting))
        .collect();
    let mut next = started.checked_add(every);
    while !attackers.is_empty() {
        let ended = tokio::time::timeout(Duration::from_secs(1), attackers.join_next()).await;
        if let Ok(Some(ended)) = ended {
            ended.unwrap();
        }
        if next.is_some_and(|next| Instant::now() >= next) {
            let (second, held) = (started.elapsed().as_secs(), host.footprint());
            tell(second, &held, "");
            samples.push(json!({ "second": second, "held": held.to_json(), "honest": counts.to_json() }));
            next = next.and_then(|next| next.checked_add(every));
        }
    }
    neighbours.shutdown().await;
    samples
}

async fn attack(host: Arc<Served>, slug: &'static str, started: Instant, lasting: Duration) {
    loop {
        for attack in ATTACKS.iter().filter(|attack| attack.slug == slug) {
            let (method, path) = attack.request.split_once(' ').unwrap();
            // Whether the answer is right is the matrix's question; here the machine may be too slow for it.
            host.send(method, &format!("{slug}{path}")).await;
        }
        if started.elapsed() >= lasting {
            return;
        }
    }
}

async fn ask(host: Arc<Served>, counts: Arc<Honest>, target: String) {
    loop {
        let asked = Instant::now();
        let answer = host.send("GET", &target).await;
        let count = if answer.status == 200 {
            &counts.answered
        } else {
            &counts.refused
        };
        count.fetch_add(1, Ordering::Relaxed);
        let millis = u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX);
        counts.slowest_ms.fetch_max(millis, Ordering::Relaxed);
    }
}

async fn ask_for_weights(host: Arc<Served>, counts: Arc<Honest>) {
    loop {
        let preview = host.admin.weights_preview().await.unwrap();
        for (slug, _, _) in HONEST {
            let mut answers = preview.answers.iter();
            let gave = answers.any(|answer| answer.slug.as_str() == slug && answer.reason.is_none());
            let count = if gave { &counts.weights } else { &counts.no_weights };
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Looks until it is enough or nothing more can be expected.
async fn settled(host: &Served, enough: impl Fn(&Footprint) -> bool, at_most: Duration) -> Footprint {
    let started = Instant::now();
    loop {
        let now = host.footprint();
        if enough(&now) || started.elapsed() > at_most {
            return now;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

fn held_too_much(before: &Footprint, after: &Footprint) -> Vec<String> {
    let columns = before.columns().into_iter().zip(after.columns());
    let too_much = columns.filter_map(|((column, before), (_, after))| {
        let tolerance = TOLERANCES.iter().find(|tolerance| tolerance.column == column)?;
        let allowed = before + before * tolerance.percent / 100 + tolerance.more;
        (after > allowed).then(|| format!("{column}: {before} before, {after} after, {allowed} allowed"))
    });
    too_much.collect()
}

impl Honest {
    fn to_json(&self) -> Value {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        json!({
            "answered": of(&self.answered), "refused": of(&self.refused), "slowest_ms": of(&self.slowest_ms),
            "weights": of(&self.weights), "no_weights": of(&self.no_weights),
        })
    }

    fn failures(&self) -> Option<String> {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let good = of(&self.answered) > 0 && of(&self.refused) == 0 && of(&self.no_weights) == 0;
        (!good).then(|| format!("honest challenges were not served: {}", self.to_json()))
    }
}
