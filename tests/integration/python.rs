//! A challenge in Python from its registration to the chain, as any other. What it does when it fails is in the
//! matrix of attacks.

use platform_devnet::Devnet;
use platform_domain::{MechanismId, Uid};
use platform_keys::Keypair;
use platform_tests::{Program, TestHost, raw};
use serde_json::{Value, json};

use crate::epochs::{NETUID, devnet, host, miners, scores, submit};

#[tokio::test]
async fn a_challenge_in_python_is_published_asked_and_paid_as_any_other() {
    let (validator, miners) = (Keypair::generate().unwrap(), miners(2));
    let devnet = devnet(&validator, &miners).await;
    let host = host(&devnet, &validator).await;
    register(&host, &scores(&[(&miners[0], 1.0), (&miners[1], 3.0)])).await;
    is_asked(&host).await;
    is_paid(&host, &devnet).await;
}

/// As `docs/challenge-authors.md` says it.
async fn register(host: &TestHost, weights: &str) {
    let component = platform_tests::guest("python").display().to_string();
    let about: Value = ask(&["inspect", &component]).await;
    assert_eq!(about["slots"], "large");
    assert_eq!(about["manifest"]["name"], "python");
    let reference = format!("oci:{}:python", host.scratch().join("layout").display());
    ask(&["publish", &component, &reference]).await;
    let token = host.state().join("admin.token").display().to_string();
    let variable = format!("WEIGHTS={weights}");
    let create = [
        "--admin-url",
        &host.admin_url,
        "--admin-token-file",
        &token,
        "challenge",
        "create",
        "snake",
        &reference,
        "--emission",
        "10",
        "--activate",
        "--env",
        &variable,
    ];
    ask(&create).await;
    host.running("snake").await;
}

async fn is_asked(host: &TestHost) {
    let request = "PUT /challenges/snake/a%2Fb//c?x=%20&y HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Twice: 1\r\n\
                   Authorization: Bearer s\r\nX-Twice: \u{e9}\r\nContent-Length: 4\r\n\r\n\0\r\n\x7f";
    let answer = raw(&host.public, request).await;
    assert_eq!(
        (answer.status, answer.all("content-type")),
        (200, vec!["application/json"])
    );
    let mut seen = answer.json();
    let headers = seen["headers"].take();
    let expected = json!({
        "method": "PUT", "path": "/a%2Fb//c", "query": "x=%20&y", "headers": null, "body_base64": "AA0Kfw==",
        "caller": null,
    });
    assert_eq!(seen, expected);
    let id = answer.all("x-request-id")[0].to_owned();
    let expected = json!([
        ["x-twice", "1"],
        ["x-twice", "\u{c3}\u{a9}"],
        ["content-length", "4"],
        ["x-forwarded-host", "x"],
        ["x-forwarded-for", "127.0.0.1"],
        ["x-forwarded-proto", "http"],
        ["x-platform-proxy", "true"],
        ["x-platform-challenge-slug", "snake"],
        ["x-request-id", id],
    ]);
    assert_eq!(headers, expected);
}

async fn is_paid(host: &TestHost, devnet: &Devnet) {
    let epoch = submit(host).await;
    assert_eq!((epoch.state.as_str(), &epoch.reason), ("finalised", &None));
    let held = devnet.weights(NETUID, MechanismId(0), Uid(0));
    assert_eq!(held, [(Uid(1), 21845), (Uid(2), 65535)]);
    assert_eq!(epoch.on_chain, Some(held));
}

/// What the program answers.
async fn ask(args: &[&str]) -> Value {
    let output = Program::run(&[&["--json"], args].concat(), "").await;
    assert!(
        output.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}
