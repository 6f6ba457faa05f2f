//! Every attack of the table, all guests at once. Whatever a guest does, its caller gets the one answer that
//! tells nothing of the inside, its operator learns what happened, nothing is left behind, and nobody else
//! notices.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use platform_domain::CalledFunction;
use platform_tests::{
    Footprint, Served,
    attacks::{self, ATTACKS, Attack, NoWeights, WEIGHTS},
    new_challenge,
};
use serde_json::Value;
use tokio::task::JoinSet;

/// A call has half as long again as by default, so that a busy machine answers honest ones in an unoptimised build;
/// answers for weights end sooner, and the breaker leaves attacks to the limits.
const CONFIG: &str = "[epoch]\ncollect_seconds = 30\n[breaker]\nfailures = 1000\n\
                      [limits]\nroute_ms = 15000\nroute_cpu_ms = 600000\nweights_ms = 10000\n";
/// The longest that anything may take to be gone: idle threads of the runtime live for ten seconds.
const SETTLE: Duration = Duration::from_secs(40);
/// The neighbour that minds its own business, and what it answers for weights.
const HONEST: &str = "honest";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attack_costs_its_own_call_and_nothing_else() {
    let host = Arc::new(Served::start(&format!("{CONFIG}{}", attacks::LIMITS)).await);
    host.run_all(attacks::challenges().into_iter().chain([honest()]))
        .await;
    // What is made once and kept is there before the first look.
    weights(&host).await;
    let (before, open_before) = (host.footprint(), host.open_files());
    let files_before = files_of_the_host(&host.state());

    let mut bystanders = JoinSet::new();
    bystanders.spawn(neighbour(host.clone()));
    bystanders.spawn(epochs(host.clone()));
    let slugs: BTreeSet<_> = ATTACKS.iter().map(|attack| attack.slug).collect();
    let mut attacked: JoinSet<_> = slugs
        .into_iter()
        .map(|slug| attack_all(host.clone(), slug))
        .collect();
    let mut wrong = Vec::new();
    while let Some(found) = attacked.join_next().await {
        wrong.extend(found.unwrap());
        // A bystander never ends by itself but in a panic.
        if let Some(ended) = bystanders.try_join_next() {
            ended.unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    bystanders.shutdown().await;

    let is_back = |now: &Footprint, open: &[String]| {
        // A thread of the runtime may serve another task just now.
        open.len() <= open_before.len()
            && now.children <= before.children
            && now.threads <= before.threads + 2
    };
    let settling = Instant::now();
    while !is_back(&host.footprint(), &host.open_files()) && settling.elapsed() < SETTLE {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (after, open_after) = (host.footprint(), host.open_files());
    assert!(
        is_back(&after, &open_after),
        "before {before:?} {open_before:#?}, after {after:?} {open_after:#?}",
    );
    assert_eq!(files_of_the_host(&host.state()), files_before);
    assert!(!Path::new("/planted").exists());
    assert_that_the_log_is_clean(&host);
    incidents(&host).await;
    weights(&host).await;
}

fn honest() -> platform_admin_types::CreateChallenge {
    let miner = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
    new_challenge(
        HONEST,
        "echo",
        "1",
        &[("WEIGHTS", &format!("{{\"{miner}\":1.0}}"))],
    )
}

/// Attacks one challenge in every way of the table and says what was wrong.
async fn attack_all(host: Arc<Served>, slug: &'static str) -> Vec<String> {
    let mut wrong = Vec::new();
    for attack in ATTACKS.iter().filter(|attack| attack.slug == slug) {
        wrong.extend(attack_once(&host, attack).await);
    }
    wrong
}

async fn attack_once(host: &Served, attack: &Attack) -> Option<String> {
    let Attack {
        slug,
        request,
        what: _,
        outcome,
        event,
    } = attack;
    let (method, path) = request.split_once(' ').unwrap();
    let answer = host.send(method, &format!("{slug}{path}")).await;
    let id = answer.all("x-request-id")[0].to_owned();
    let about = |line: &Value| line["request.id"] == *id && line["level"] == "WARN";
    let told = host
        .log()
        .into_iter()
        .find(about)
        .map(|line| line["error"].to_string());
    if !outcome.fits(&answer) {
        let body = String::from_utf8_lossy(&answer.body)
            .chars()
            .take(500)
            .collect::<String>();
        return Some(format!(
            "{slug} {request}: {} {:?} {body}; the operator reads {told:?}",
            answer.status, answer.headers
        ));
    }
    match (event.is_empty(), told) {
        (true, None) => None,
        (false, Some(text)) if text.contains(event) => None,
        (_, text) => Some(format!(
            "{slug} {request}: the operator reads {text:?}, not {event:?}"
        )),
    }
}

/// An honest challenge that is never refused and never slow beyond reason.
async fn neighbour(host: Arc<Served>) {
    loop {
        let asked = Instant::now();
        let answer = host.send("GET", &format!("{HONEST}/x")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    }
}

async fn epochs(host: Arc<Served>) {
    loop {
        weights(&host).await;
    }
}

/// Everyone is asked for weights, and each answer is the one of the table.
async fn weights(host: &Served) {
    let preview = host.admin.weights_preview().await.unwrap();
    let mut wrong = Vec::new();
    let honest = attacks::BadWeights {
        slug: HONEST,
        guest: "echo",
        mode: "",
        what: "",
        outcome: Ok(1),
    };
    for bad in WEIGHTS.iter().chain([&honest]) {
        let answer = preview
            .answers
            .iter()
            .find(|answer| answer.slug.as_str() == bad.slug);
        let answer = answer.unwrap();
        let is_expected = match (bad.outcome, &answer.reason) {
            (Ok(entries), None) | (Err(NoWeights::Uncounted(entries)), Some(_)) => {
                answer.entries == Some(entries)
            }
            (Err(_), Some(_)) => answer.entries.is_none(),
            _ => false,
        };
        if !is_expected {
            wrong.push(format!("{:?}, not {:?}", answer, bad.outcome));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The record of each challenge names what it did, and nothing that it did not do.
async fn incidents(host: &Served) {
    let slugs: BTreeSet<_> = ATTACKS.iter().map(|attack| attack.slug).collect();
    let slugs: BTreeSet<_> = slugs
        .into_iter()
        .chain(WEIGHTS.iter().map(|bad| bad.slug))
        .collect();
    for slug in slugs.into_iter().chain([HONEST]) {
        let of_slug = ATTACKS.iter().filter(|attack| attack.slug == slug);
        let routes = of_slug.filter_map(|attack| Some((CalledFunction::Route, attack.outcome.incident()?)));
        let weights = WEIGHTS
            .iter()
            .filter(|bad| bad.slug == slug)
            .filter_map(|bad| match bad.outcome {
                Err(NoWeights::Broke(kind)) => Some((CalledFunction::Weights, kind)),
                Ok(_) | Err(NoWeights::Said | NoWeights::Uncounted(_)) => None,
            });
        let expected: BTreeSet<_> = routes.chain(weights).collect();
        let list = host
            .admin
            .challenge_incidents(&slug.parse().unwrap())
            .await
            .unwrap();
        let found: BTreeSet<_> = list.incidents.iter().map(|it| (it.function, it.kind)).collect();
        assert_eq!(found, expected, "{slug}: {:#?}", list.incidents);
    }
}

/// Every path below the state directory, but for what challenges keep in their data directories, and for what SQLite has beside a
/// challenge's database while that is open, which it is as long as it is used.
fn files_of_the_host(state: &Path) -> BTreeSet<String> {
    let (mut found, mut pending) = (BTreeSet::new(), vec![state.to_owned()]);
    while let Some(dir) = pending.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.display().to_string();
            if !name.ends_with("/database.sqlite3-shm") && !name.ends_with("/database.sqlite3-wal") {
                found.insert(name);
            }
            pending.extend((path.is_dir() && !path.ends_with("data")).then_some(path));
        }
    }
    found
}

/// Lines of guests are few enough to be read, and none of them speaks to a terminal.
fn assert_that_the_log_is_clean(host: &Served) {
    let size = std::fs::metadata(host.log_file()).unwrap().len();
    assert!(
        size < 32 << 20,
        "{size} bytes of log for more than 60 MB that guests wrote"
    );
    for line in host.log() {
        let texts = line
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(_, value)| value.as_str());
        for text in texts {
            let control = |c: char| c.is_control() && c != '\n' && c != '\t';
            assert!(!text.contains(control), "{text:?}");
        }
    }
}
