//! Whom a challenge may send requests to, as the operator allows and sees it.

use std::time::Duration;

use platform_admin_types::{ChallengeView, ClientError, PatchChallenge};
use platform_tests::{TestHost, client, new_challenge};

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

async fn send(host: &TestHost, order: &str) -> String {
    let answer = client().post(host.url("courier", "/send")).body(order.to_owned());
    let answer = answer.send().await.unwrap();
    assert!(answer.status().is_success(), "{order}: {}", answer.status());
    answer.text().await.unwrap()
}

async fn patched(host: &TestHost, outbound: &[&str]) -> Result<ChallengeView, ClientError> {
    let hosts = outbound.iter().map(|host| host.parse().unwrap());
    let patch = PatchChallenge {
        outbound: Some(hosts.collect()),
        ..PatchChallenge::default()
    };
    host.admin
        .challenge_patch(&"courier".parse().unwrap(), &patch)
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_are_allowed_by_the_operator_shown_and_taken_away() {
    let host = TestHost::start().await;
    let mut new = new_challenge("courier", "courier", "0", &[]);
    let refused = host.admin.challenge_create(&new).await.unwrap_err().to_string();
    assert!(
        refused.contains("wasi:http/outgoing-handler") && refused.contains("--allow"),
        "{refused}"
    );
    // One that is asked for, one that is not.
    let [asked, unasked] =
        ["http://127.0.0.1:9000", "https://unasked.example.com"].map(|rule| rule.parse().unwrap());
    new.outbound = [asked, unasked].into();
    host.admin.challenge_create(&new).await.unwrap();
    let slug = "courier".parse().unwrap();
    host.running("courier").await;
    let view = host.admin.challenge_get(&slug).await.unwrap();
    assert_eq!(view.outbound, new.outbound);
    assert!(view.grants.iter().any(|grant| grant.as_str() == "outgoing-http"));
    for denied in [
        "http api.example.com",
        "https unasked.example.com",
        "http 127.0.0.1:9001",
    ] {
        let answer = send(&host, &format!("GET {denied} /")).await;
        assert!(answer.contains("HttpRequestDenied"), "{denied}: {answer}");
    }
    // Whoever listens there, or nobody: it is tried.
    let tried = send(&host, "GET http 127.0.0.1:9000 /\nconnect 2000\nfirst-byte 2000").await;
    assert!(
        !tried.contains("Denied") && !tried.contains("Prohibited"),
        "{tried}"
    );
    let usage = host
        .admin
        .challenge_get(&slug)
        .await
        .unwrap()
        .outbound_usage
        .unwrap();
    assert_eq!((usage.refused, usage.answered + usage.failed), (3, 1));
    assert!(usage.asked.len() > 2);
    // Another list is another program, and none is no grant.
    let fewer = patched(&host, &["https://api.example.com"]).await.unwrap();
    assert_eq!(fewer.outbound.len(), 1);
    // What ran before answers until its successor is ready.
    let denied = async {
        while !send(&host, "GET http 127.0.0.1:9000 /")
            .await
            .contains("HttpRequestDenied")
        {}
    };
    tokio::time::timeout(PATIENCE, denied).await.unwrap();
    let none = patched(&host, &[]).await.unwrap_err().to_string();
    assert!(none.contains("which it is not granted"), "{none}");
}
