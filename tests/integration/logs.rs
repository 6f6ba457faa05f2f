//! What a challenge said, through the doors of its operator: read, followed, and never in the way.

use std::time::Duration;

use platform_admin_types::{LogLineView, LogQuery, LogRecord, LogStream};
use platform_domain::{ByteSize, LogLevel, LogSource, Slug};
use platform_tests::{HostBuilder, Program, TestHost, client};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpSocket,
};

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn clerk() -> Slug {
    "clerk".parse().unwrap()
}

async fn post(host: &TestHost, path: &str, body: &str) {
    let answer = client()
        .post(host.url("clerk", path))
        .body(body.to_owned())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200, "{path}");
}

async fn texts(host: &TestHost, query: LogQuery) -> Vec<String> {
    let list = host.admin.challenge_logs(&clerk(), query).await.unwrap();
    list.lines.into_iter().map(|line| line.text).collect()
}

async fn next(stream: &mut LogStream) -> Option<LogRecord> {
    tokio::time::timeout(PATIENCE, stream.next())
        .await
        .unwrap()
        .unwrap()
}

async fn line(stream: &mut LogStream) -> LogLineView {
    match next(stream).await {
        Some(LogRecord::Line(line)) => line,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_operator_reads_what_was_said_page_by_page_and_by_level() {
    let mut host = TestHost::start().await;
    host.run_guest("clerk", "clerk", "0", &[]).await;
    post(&host, "/levels", "").await;
    post(&host, "/stderr", "plain").await;
    let all = host
        .admin
        .challenge_logs(&clerk(), LogQuery::default())
        .await
        .unwrap();
    assert_eq!((all.lines.len(), all.missed, all.last), (7, 0, 7));
    let [first, .., last] = all.lines.as_slice() else {
        panic!("{all:?}")
    };
    assert_eq!(
        (first.seq, first.level, first.source),
        (1, LogLevel::Trace, LogSource::Logging)
    );
    assert_eq!((&*first.context, &*first.text), ("levels", "trace"));
    assert_eq!(
        (last.level, last.source, &*last.text),
        (LogLevel::Info, LogSource::Stderr, "plain")
    );
    assert!(last.request_id.len() == 32 && last.time >= first.time, "{last:?}");

    let page = |limit, after, level| LogQuery { limit, after, level };
    let (warn, error) = (Some(LogLevel::Warn), Some(LogLevel::Error));
    assert_eq!(
        texts(&host, page(Some(2), None, None)).await,
        ["critical", "plain"]
    );
    assert_eq!(
        texts(&host, page(Some(2), None, error)).await,
        ["error", "critical"]
    );
    assert_eq!(
        texts(&host, page(Some(2), Some(1), None)).await,
        ["debug", "info"]
    );
    assert_eq!(
        texts(&host, page(None, Some(4), warn)).await,
        ["error", "critical"]
    );
    assert_eq!(texts(&host, page(Some(0), None, None)).await, [""; 0]);
    assert_eq!(texts(&host, page(None, Some(7), None)).await, [""; 0]);

    // Another program of the same challenge goes on where this one ended.
    let patch = serde_json::from_str(r#"{"env":{"DESKS":"4"}}"#).unwrap();
    host.admin.challenge_patch(&clerk(), &patch).await.unwrap();
    post(&host, "/stdout", "of the next one").await;
    assert_eq!(
        texts(&host, page(None, Some(6), None)).await,
        ["plain", "of the next one"]
    );
    host.restart().await;
    host.running("clerk").await;
    assert_eq!(
        texts(&host, LogQuery::default()).await,
        [""; 0],
        "it is in memory"
    );
    post(&host, "/stdout", "again").await;
    // A number from before is no reason to be told nothing.
    assert_eq!(texts(&host, page(None, Some(8), None)).await, ["again"]);
    host.admin.challenge_deactivate(&clerk()).await.unwrap();
    assert_eq!(texts(&host, LogQuery::default()).await, ["again"]);
    host.admin.challenge_delete(&clerk()).await.unwrap();
    assert!(
        host.admin
            .challenge_logs(&clerk(), LogQuery::default())
            .await
            .is_err()
    );
    host.run_guest("clerk", "clerk", "0", &[]).await;
    assert_eq!(texts(&host, LogQuery::default()).await, [""; 0]);
}

#[tokio::test]
async fn who_follows_gets_each_line_and_holds_no_stop_up() {
    let mut host = TestHost::start().await;
    host.run_guest("clerk", "clerk", "0", &[]).await;
    post(&host, "/stdout", "before").await;
    let query = LogQuery::default();
    let mut stream = host.admin.challenge_logs_follow(&clerk(), query).await.unwrap();
    assert_eq!(line(&mut stream).await.text, "before");
    for text in ["one", "two \"quoted\" \\ and \u{1f680}"] {
        post(&host, "/log/info/x", text).await;
        let line = line(&mut stream).await;
        assert_eq!((&*line.text, &*line.context), (text, "x"));
    }
    let quiet = LogQuery {
        level: Some(LogLevel::Error),
        limit: Some(0),
        after: None,
    };
    let mut errors = host.admin.challenge_logs_follow(&clerk(), quiet).await.unwrap();
    post(&host, "/levels", "").await;
    assert_eq!(line(&mut errors).await.level, LogLevel::Error);
    tokio::time::timeout(PATIENCE, host.stop())
        .await
        .expect("it stops");
    assert_eq!(line(&mut errors).await.level, LogLevel::Critical);
    assert_eq!(next(&mut errors).await, None);
}

#[tokio::test]
async fn who_does_not_read_holds_nobody_up_and_is_told_what_is_missing() {
    let mut builder = HostBuilder::default();
    let limits = &mut builder.config.limits;
    (limits.log_burst, limits.log_rate) = (ByteSize(64 << 20), ByteSize(16 << 20));
    limits.log_lines = 20;
    let host = builder.start().await;
    host.run_guest("clerk", "clerk", "0", &[]).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let address = host.admin_url.strip_prefix("http://").unwrap().parse().unwrap();
    let mut deaf = socket.connect(address).await.unwrap();
    let request = format!(
        "GET /v1/admin/challenges/clerk/logs?follow=true&limit=0 HTTP/1.1\r\nhost: x\r\nx-admin-token: {}\r\n\r\n",
        host.token()
    );
    deaf.write_all(request.as_bytes()).await.unwrap();
    let mut lines = BufReader::new(deaf).lines();
    let head = lines.next_line().await.unwrap().unwrap();
    assert!(head.ends_with("200 OK"), "{head}");
    // Some megabytes, and all calls are answered.
    for _ in 0..4 {
        post(&host, "/lines/2000", "").await;
    }
    post(&host, "/log/info/end", "over").await;
    let (mut seen, mut missed, mut last) = (0, 0, 0);
    let read = async {
        loop {
            let text = lines.next_line().await.unwrap().expect("it goes on");
            // Between the records are the head, and the sizes of the chunks.
            let Ok(record @ Value::Object(_)) = serde_json::from_str::<Value>(&text) else {
                continue;
            };
            if let Some(gap) = record["gap"].as_u64() {
                missed += gap;
                continue;
            }
            let seq = record["seq"].as_u64().unwrap();
            assert_eq!(seq, seen + missed + 1, "after {last}: {record}");
            (seen, last) = (seen + 1, seq);
            if record["context"] == "end" {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, read).await.unwrap();
    assert_eq!(seen + missed, 8_001);
    assert!(missed > 0, "everything fitted somewhere");
}

#[tokio::test]
async fn the_command_shows_follows_and_ends_with_the_host() {
    let mut host = TestHost::start().await;
    host.run_guest("clerk", "clerk", "0", &[]).await;
    let token = host.state().join("admin.token").display().to_string();
    let url = host.admin_url.clone();
    let args = |more: &[&'static str]| -> Vec<String> {
        let to = [
            "--admin-url",
            &url,
            "--admin-token-file",
            &token,
            "challenge",
            "logs",
            "clerk",
        ];
        to.iter().chain(more).map(|arg| (*arg).to_owned()).collect()
    };
    let run = async |more: &[&'static str]| {
        let args = args(more);
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        let output = Program::run(&args, "").await;
        assert!(output.status.success(), "{more:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(run(&[]).await.contains("no lines"));
    post(&host, "/levels", "").await;
    let shown = run(&["--level", "error", "--limit", "5"]).await;
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines.len(), 2, "{shown}");
    assert!(
        lines[0].contains("Z error logging ") && lines[0].ends_with("[levels] error"),
        "{shown}"
    );
    let json: Value = serde_json::from_str(&run(&["--json", "--limit", "1"]).await).unwrap();
    assert_eq!(
        (&json["last"], &json["lines"][0]["level"]),
        (&Value::from(6), &Value::from("critical"))
    );

    let text = args(&["--follow", "--limit", "1"]);
    let mut text = Program::saying(&text.iter().map(String::as_str).collect::<Vec<_>>());
    let json = args(&["--follow", "--limit", "1", "--json"]);
    let mut json = Program::saying(&json.iter().map(String::as_str).collect::<Vec<_>>());
    let following = async {
        // Both have begun when they have shown what was there.
        assert!(text.next().await.unwrap().ends_with("[levels] critical"));
        assert!(json.next().await.unwrap().contains(r#""text":"critical""#));
        post(&host, "/stderr", "WARN it is late").await;
        let line = text.next().await.unwrap();
        assert!(
            line.contains("Z warn stderr ") && line.ends_with(" it is late"),
            "{line}"
        );
        let record: LogRecord = serde_json::from_str(&json.next().await.unwrap()).unwrap();
        assert!(matches!(record, LogRecord::Line(line) if line.text == "it is late" && line.seq == 7));
        host.stop().await;
        assert_eq!((text.next().await, json.next().await), (None, None));
        assert!(text.end().await && json.end().await);
    };
    tokio::time::timeout(PATIENCE, following).await.unwrap();
}

#[tokio::test]
async fn a_challenge_reads_what_its_operator_set_and_its_manifest_adds() {
    let host = TestHost::start().await;
    host.run_guest("clerk", "clerk", "0", &[("DESKS", "12")]).await;
    let get = async |path: &str| {
        let answer = client().get(host.url("clerk", path)).send().await.unwrap();
        answer.text().await.unwrap()
    };
    let all = "DESKS=12\nGREETING=good morning\nOPEN=true\nRULES={\"smoking\":false}";
    assert_eq!(get("/config").await, all);
    assert_eq!(get("/environment").await, all);
    assert_eq!(get("/config/DESKS").await, "12");
    assert_eq!(get("/config/RATE").await, "none");
    let patch = |env: &str| serde_json::from_str(&format!(r#"{{"env":{env}}}"#)).unwrap();
    let refused = host
        .admin
        .challenge_patch(&clerk(), &patch(r#"{"OPEN":"yes"}"#))
        .await;
    let refused = format!("{:?}", refused.unwrap_err());
    assert!(
        refused.contains("env.OPEN") && !refused.contains("yes"),
        "{refused}"
    );
    host.admin
        .challenge_patch(&clerk(), &patch(r#"{"RATE":"0.5"}"#))
        .await
        .unwrap();
    assert_eq!(get("/config/RATE").await, "0.5");
    assert_eq!(get("/config/DESKS").await, "3");
}
