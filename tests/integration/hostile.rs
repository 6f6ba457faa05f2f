//! Guests that mean harm: each costs its own call only.

use std::time::{Duration, Instant};

use platform_tests::{RawAnswer, TestHost, new_challenge, raw};

async fn send(host: &TestHost, method: &str, slug: &str, path: &str) -> RawAnswer {
    let head = format!(
        "{method} /challenges/{slug}{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    );
    raw(&host.public, head).await
}

async fn get(host: &TestHost, slug: &str, path: &str) -> RawAnswer {
    send(host, "GET", slug, path).await
}

/// No text of the guest, of the host's internals or of a path may be in a refusal.
fn is_opaque(answer: &RawAnswer) -> bool {
    let text = String::from_utf8_lossy(&answer.body);
    answer.body.len() < 300
        && !["wasm", "panic", "trap", ".rs", "xxxx", "/"]
            .iter()
            .any(|word| text.contains(word))
}

#[tokio::test]
async fn a_guest_that_dies_costs_its_own_call_only() {
    let host = TestHost::start().await;
    host.run_guest("trap", "trap", "0", &[]).await;
    for path in ["/panic", "/abort", "/exit/0", "/exit/1", "/overflow"] {
        let answer = get(&host, "trap", path).await;
        assert_eq!(answer.status, 502, "{path}");
        assert!(
            is_opaque(&answer),
            "{path}: {}",
            String::from_utf8_lossy(&answer.body)
        );
        assert_eq!(get(&host, "trap", "/fine").await.status, 200, "after {path}");
    }
}

#[tokio::test]
async fn a_guest_that_never_comes_back_is_stopped_while_others_go_on() {
    let host = TestHost::start().await;
    host.run_guest("spin", "spin", "0", &[]).await;
    host.run_guest("echo", "echo", "0", &[]).await;
    let started = Instant::now();
    let stuck = async {
        (
            get(&host, "spin", "/spin").await.status,
            get(&host, "spin", "/sleep").await.status,
        )
    };
    let bystander = async {
        let mut answered = 0;
        while started.elapsed() < Duration::from_secs(2) {
            assert_eq!(get(&host, "echo", "/x").await.status, 200);
            answered += 1;
        }
        answered
    };
    let (stuck, answered) = tokio::join!(stuck, bystander);
    assert_eq!(stuck, (504, 504));
    assert!(answered > 20, "{answered} answers beside a busy guest");
    assert_eq!(get(&host, "spin", "/fine").await.status, 200);
}

#[tokio::test]
async fn memory_ends_where_the_record_says() {
    let host = TestHost::start().await;
    let mut new = new_challenge("grow", "grow", "0", &[]);
    new.resources = serde_json::from_value(serde_json::json!({ "memory": "32MiB" })).unwrap();
    host.admin.challenge_create(&new).await.unwrap();
    host.running("grow").await;
    let answer = get(&host, "grow", "/").await;
    assert_eq!(answer.status, 200);
    let given: u64 = String::from_utf8(answer.body).unwrap().parse().unwrap();
    assert!((8..32).contains(&given), "{given} MiB of 32");
}

#[tokio::test]
async fn an_answer_that_is_too_much_or_not_http_is_refused() {
    let host = TestHost::start().await;
    host.run_guest("flood", "flood", "0", &[]).await;
    for path in [
        "/body",
        "/headers",
        "/header-large",
        "/header-name",
        "/header-empty",
        "/header-value",
        "/header-nul",
        "/status/0",
        "/status/99",
        "/status/100",
        "/status/600",
        "/status/65535",
        "/error",
    ] {
        let answer = get(&host, "flood", path).await;
        assert!((500..=502).contains(&answer.status), "{path}: {}", answer.status);
        assert!(answer.all("set-cookie").is_empty(), "{path}");
        assert!(
            is_opaque(&answer),
            "{path}: {}",
            String::from_utf8_lossy(&answer.body)
        );
    }
    // Megabytes of log; what is over the limit is dropped, not waited for.
    for path in ["/stdout?2000000", "/stderr?2000000", "/one-line?16000000"] {
        assert_eq!(get(&host, "flood", path).await.status, 200, "{path}");
    }
    let answer = get(&host, "flood", "/header-hop").await;
    assert!(
        answer.all("transfer-encoding").is_empty() && answer.all("content-length") == ["5"],
        "{answer:?}"
    );
    assert_eq!(get(&host, "flood", "/body?1000").await.body.len(), 1000);
}

#[tokio::test]
async fn a_guest_reaches_no_file_but_its_own() {
    let host = TestHost::start().await;
    host.run_guest("files", "files", "0", &[]).await;
    let report = get(&host, "files", "/escape").await.json();
    let inside = |what: &str| matches!(what, "read inside" | "write inside");
    for (what, result) in report.as_object().unwrap() {
        let reached = result.as_str().unwrap().starts_with("ok");
        assert!(!reached || inside(what), "{what}: {result}");
    }
    assert!(!host.state().join("planted").exists() && !std::path::Path::new("/planted").exists());
}

#[tokio::test]
async fn a_guest_knows_nothing_that_it_was_not_told_and_holds_few_files() {
    let host = TestHost::start().await;
    host.run_guest("files", "files", "0", &[("MINE", "yes")]).await;
    let told = get(&host, "files", "/surroundings").await.json();
    assert_eq!(told["variables"], serde_json::json!({ "MINE": "yes" }));
    assert_eq!(
        (told["arguments"].to_string(), told["stdin"].to_string()),
        ("[]".into(), "\"\"".into())
    );
    // Files kept open beyond the limit end the call.
    let open = send(&host, "POST", "files", "/handles").await;
    assert!(open.status == 502 && is_opaque(&open), "{open:?}");
    assert_eq!(get(&host, "files", "/surroundings").await.status, 200);
}

#[tokio::test]
async fn the_network_is_not_there() {
    let host = TestHost::start().await;
    match host
        .admin
        .challenge_create(&new_challenge("sockets", "sockets", "0", &[]))
        .await
    {
        Err(refused) => assert!(refused.to_string().contains("wasi:sockets"), "{refused}"),
        Ok(_) => {
            host.running("sockets").await;
            let report = get(&host, "sockets", "/").await.json();
            assert!(
                report
                    .as_object()
                    .unwrap()
                    .values()
                    .all(|result| result.as_str() != Some("ok")),
                "{report}"
            );
        }
    }
}

#[tokio::test]
async fn a_guest_killed_inside_a_transaction_loses_nothing_that_was_committed() {
    let host = TestHost::start().await;
    host.run_guest("stale", "stale-lock", "0", &[]).await;
    for journal in ["delete", "wal"] {
        let path = |path: &str| format!("{path}?journal={journal}");
        assert_eq!(send(&host, "POST", "stale", &path("/commit")).await.status, 204);
        let before = get(&host, "stale", &path("/state")).await.json();
        for (ending, status) in [("/trap", 502), ("/spin", 504)] {
            assert_eq!(
                send(&host, "POST", "stale", &path(ending)).await.status,
                status,
                "{journal} {ending}"
            );
            let after = get(&host, "stale", &path("/state")).await;
            assert_eq!(
                after.status,
                200,
                "{journal} {ending}: {}",
                String::from_utf8_lossy(&after.body)
            );
            assert_eq!(after.json(), before, "{journal} {ending}");
            assert_eq!(after.json()["integrity"], "ok");
        }
    }
}
