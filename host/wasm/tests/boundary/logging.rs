//! What a challenge says, and who reads it: bounded, counted, and in nobody's way.

use std::{sync::Arc, time::Duration};

use platform_domain::{ByteSize, LogLevel, LogSource, Slug};
use platform_wasm::{ChallengeLog, FollowFrom, Follower, LogLine, LogPage, Program, Start};

use crate::{
    config::{clerk, load},
    host::{Host, ask, epoch, get},
};

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn slug() -> Slug {
    "fixture".parse().unwrap()
}

fn log(host: &Host) -> Arc<ChallengeLog> {
    host.engine.logs().of(&slug())
}

fn all(host: &Host) -> Vec<Arc<LogLine>> {
    log(host).newest(LogLevel::Trace, usize::MAX).lines
}

fn follow(host: &Host, from: FollowFrom) -> Option<Follower> {
    host.engine.logs().follow(&slug(), LogLevel::Trace, from)
}

async fn next(follower: &mut Follower) -> Option<LogPage> {
    tokio::time::timeout(PATIENCE, follower.next()).await.unwrap()
}

async fn post(program: &Program, id: &str, path: &str, body: &str) {
    let mut request = get(path);
    request.id = id.into();
    request.body = body.to_owned().into();
    program.handle_route(request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_tells_how_much_it_matters_where_it_came_from_and_which_request_it_was() {
    let host = Host::new();
    let program = load(&host, &[]).await;
    post(&program, "r7", "/log/warn/queue", "it is long").await;
    post(&program, "r8", "/stdout", "plain").await;
    post(&program, "r9", "/stderr", "ERROR of the sdk\nhalf").await;
    post(&program, "r10", "/log/critical", "").await;
    program.get_weights(epoch(12)).await.unwrap();
    use LogLevel::{Critical, Error, Info, Warn};
    use LogSource::{Logging, Stderr, Stdout};
    let found: Vec<_> = all(&host)
        .iter()
        .map(|line| {
            let texts = [&*line.request_id, &*line.context, &*line.text].map(ToOwned::to_owned);
            (line.seq, line.level, line.source, texts)
        })
        .collect();
    let expected = [
        (1, Warn, Logging, ["r7", "queue", "it is long"]),
        (2, Info, Stdout, ["r8", "", "plain"]),
        (3, Error, Stderr, ["r9", "", "of the sdk"]),
        (4, Info, Stderr, ["r9", "", "half"]),
        (5, Critical, Logging, ["r10", "", ""]),
        (
            6,
            Info,
            Logging,
            ["epoch-12", "weights", "nobody has earned anything"],
        ),
    ];
    let expected = expected.map(|(seq, level, source, texts)| (seq, level, source, texts.map(str::to_owned)));
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_read_by_how_much_they_matter() {
    let host = Host::new();
    let program = load(&host, &[]).await;
    ask(&program, "/levels").await.unwrap();
    for (at, level) in LogLevel::ALL.into_iter().enumerate() {
        let page = log(&host).newest(level, 100);
        let levels: Vec<_> = page.lines.iter().map(|line| line.level).collect();
        assert_eq!(levels, LogLevel::ALL[at..], "{level}");
        let [text, context] = [&page.lines[0].text, &page.lines[0].context];
        assert_eq!((&**text, &**context), (level.as_str(), "levels"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_cut_and_every_line_of_it_is_counted() {
    let host = Host::with(|limits| {
        (limits.log_burst, limits.log_rate) = (ByteSize(8 << 10), ByteSize(16 << 20));
        (limits.log_lines, limits.log_kept) = (10_000, ByteSize(16 << 20));
    });
    let program = load(&host, &[]).await;
    ask(&program, "/lines/1000").await.unwrap();
    let mut written = 1_000;
    let lines = tokio::time::timeout(PATIENCE, async {
        loop {
            post(&program, "r2", "/log/info/end", "over").await;
            written += 1;
            let lines = all(&host);
            if lines.last().is_some_and(|line| &*line.context == "end") {
                return lines;
            }
        }
    });
    let lines = lines.await.unwrap();
    let of_guest = |line: &&Arc<LogLine>| line.source == LogSource::Logging;
    let kept = lines.iter().filter(of_guest).count() as u64;
    let dropped: u64 = lines.iter().map(|line| line.dropped).sum();
    assert_eq!(kept + dropped, written);
    assert!(kept > 5 && dropped > 100, "{kept} kept, {dropped} dropped");
    // The host says so once for each time, before it is known how many there are.
    let said = lines.iter().filter(|line| line.source == LogSource::Host);
    let said: Vec<_> = said.map(|line| (line.level, line.dropped)).collect();
    let times = lines.iter().filter(|line| line.dropped > 0).count();
    assert_eq!(said, vec![(LogLevel::Warn, 0); times]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_without_end_is_stopped_with_its_call() {
    let host = Host::new();
    let (component, mut spec) = clerk(&[]);
    spec.route_deadline = Duration::from_millis(300);
    let program = host.engine.load(component, spec).await.unwrap();
    assert!(ask(&program, "/flood").await.is_err());
    let error = ask(&load(&host, &[]).await, "/huge").await.unwrap_err();
    assert!(error.explanation().contains("given to the host"), "{error:?}");
    let lines = all(&host);
    assert!(
        lines.len() <= 1_000
            && lines
                .iter()
                .all(|line| line.text.is_empty() || line.source == LogSource::Host)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_long_message_the_first_bytes_are_looked_at() {
    let host = Host::with(|limits| limits.log_line = ByteSize(100));
    let program = load(&host, &[]).await;
    let began = std::time::Instant::now();
    ask(&program, "/long").await.unwrap();
    assert!(began.elapsed() < PATIENCE / 4, "{:?}", began.elapsed());
    post(
        &program,
        "r2",
        &format!("/log/info/{}", "é".repeat(300)),
        &"é".repeat(300),
    )
    .await;
    post(&program, "r3", "/stdout", &"é".repeat(300)).await;
    let lines: Vec<_> = all(&host)
        .iter()
        .map(|line| (line.context.len(), line.text.len()))
        .collect();
    // Of empty ones nothing is left, and no character is cut in two, or it is shown as such.
    assert_eq!(lines, [(0, 0), (0, 0), (0, 0), (0, 0), (128, 100), (0, 100)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_in_a_line_reaches_a_terminal_but_text() {
    let host = Host::new();
    let program = load(&host, &[]).await;
    ask(&program, "/control").await.unwrap();
    let lines = all(&host);
    let [line] = lines.as_slice() else {
        panic!("{lines:?}")
    };
    let expected = "[31mred forgedline";
    assert_eq!((&*line.text, &*line.context), (expected, expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_gets_what_is_there_and_then_each_line_as_it_is_written() {
    let host = Host::new();
    let program = load(&host, &[]).await;
    for text in ["one", "two", "three"] {
        post(&program, "r1", "/log/info/x", text).await;
    }
    let texts = |page: Option<LogPage>| -> Vec<_> {
        let lines = page.unwrap().lines;
        lines.iter().map(|line| line.text.to_string()).collect()
    };
    let mut follower = follow(&host, FollowFrom::Newest(2)).unwrap();
    assert_eq!(texts(next(&mut follower).await), ["two", "three"]);
    let mut later = follow(&host, FollowFrom::Newest(0)).unwrap();
    // Both wait now, and neither has to ask again.
    let (first, second, ()) = tokio::join!(
        next(&mut follower),
        next(&mut later),
        post(&program, "r1", "/log/info/x", "four")
    );
    assert_eq!(
        (texts(first), texts(second)),
        (vec!["four".to_owned()], vec!["four".to_owned()])
    );
    let mut from = follow(&host, FollowFrom::After(1)).unwrap();
    assert_eq!(texts(next(&mut from).await), ["two", "three", "four"]);
    // What matters too little wakes nobody for good.
    let mut errors = host
        .engine
        .logs()
        .follow(&slug(), LogLevel::Error, FollowFrom::Newest(9))
        .unwrap();
    let (errors, ()) = tokio::join!(next(&mut errors), async {
        post(&program, "r1", "/log/info/x", "five").await;
        post(&program, "r1", "/log/error/x", "six").await;
    });
    assert_eq!(texts(errors), ["six"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_misses_lines_and_costs_nothing() {
    let host = Host::with(|limits| {
        (limits.log_burst, limits.log_rate) = (ByteSize(64 << 20), ByteSize(16 << 20));
        limits.log_lines = 50;
    });
    let program = load(&host, &[]).await;
    let mut slow: Vec<_> = (0..32)
        .map(|_| follow(&host, FollowFrom::Newest(0)).unwrap())
        .collect();
    assert!(
        follow(&host, FollowFrom::Newest(0)).is_none(),
        "there is no place for more"
    );
    post(&program, "r1", "/log/info/x", "first").await;
    let first = next(&mut slow[0]).await.unwrap();
    assert_eq!(first.lines.len(), 1);
    ask(&program, "/lines/2000").await.unwrap();
    // Only what the log keeps is in memory, however many do not read.
    assert!(all(&host).iter().all(|line| Arc::strong_count(line) <= 2));
    let page = next(&mut slow[0]).await.unwrap();
    assert_eq!(
        (page.missed, page.lines.len(), page.lines[0].seq),
        (1_950, 50, 1_952)
    );
    drop(page);
    for follower in &mut slow[1..] {
        assert_eq!(next(follower).await.unwrap().missed, 1_951);
    }
    slow.pop();
    assert!(follow(&host, FollowFrom::Newest(0)).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_the_challenges_and_not_its_programs() {
    let host = Host::new();
    let old = load(&host, &[]).await;
    post(&old, "r1", "/log/info/x", "of the old one").await;
    let (component, spec) = clerk(&[("SIZE", "7")]);
    let rehearsed = platform_wasm::ProgramSpec {
        start: Start::Rehearsal,
        ..spec.clone()
    };
    let rehearsed = host.engine.load(component.clone(), rehearsed).await.unwrap();
    post(&rehearsed, "r2", "/log/info/x", "of nobody").await;
    let new = host.engine.load(component, spec).await.unwrap();
    post(&new, "r3", "/log/info/x", "of the new one").await;
    let seen: Vec<_> = all(&host)
        .iter()
        .map(|line| (line.seq, line.text.to_string()))
        .collect();
    assert_eq!(
        seen,
        [(1, "of the old one".to_owned()), (2, "of the new one".to_owned())]
    );

    let mut follower = follow(&host, FollowFrom::Newest(1)).unwrap();
    host.engine.logs().forget(&slug());
    assert_eq!(next(&mut follower).await.unwrap().lines.len(), 1);
    assert_eq!(next(&mut follower).await, None, "the challenge is gone");
    // A call of it that is still running is heard by nobody.
    post(&new, "r4", "/log/info/x", "too late").await;
    assert_eq!(all(&host), []);
}
