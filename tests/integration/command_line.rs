//! The program as people and scripts meet it: exit codes, hints, JSON.

use platform_tests::Program;
use serde_json::{Value, json};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn every_command_teaches_itself() {
    for args in [
        &["--help"][..],
        &["serve", "--help"],
        &["challenge", "--help"],
        &["challenge", "create", "--help"],
        &["weights", "--help"],
        &["publish", "--help"],
        &["request", "--help"],
        &["devnet", "--help"],
    ] {
        let output = Program::run(args, "").await;
        assert!(output.status.success(), "{args:?}");
        assert!(text(&output.stdout).contains("Usage:"), "{args:?}");
    }
}

#[tokio::test]
async fn wrong_usage_wrong_configuration_and_failure_have_their_own_exit_codes() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("platform.toml");
    std::fs::write(&config, "[public]\nlisten_on = \"127.0.0.1:0\"\n").unwrap();
    let config = config.to_str().unwrap();
    let missing = dir.path().join("none").display().to_string();
    for (args, code, word) in [
        (&["fly"][..], 2, "fly"),
        (&["challenge", "show", "NOT-A-SLUG"], 2, "slug"),
        (&["serve", "--config", config], 64, "listen_on"),
        (
            &["check", "--chain-endpoint", "http://x", "--netuid", "1"],
            64,
            "chain.endpoint",
        ),
        (
            &["--admin-token-file", &missing, "challenge", "list"],
            1,
            "admin token",
        ),
        (&["inspect", &missing], 1, "cannot read"),
    ] {
        let output = Program::run(args, "").await;
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(word), "{args:?}: {said}");
    }
}

#[tokio::test]
async fn a_vector_is_computed_offline_as_an_epoch_would() {
    let alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    let bob = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";
    let input = json!({
        "challenges": [
            { "slug": "tsp", "emission_percent": "70", "ok": true, "weights": { alice: 1, bob: 3 } },
            { "slug": "down", "emission_percent": "30", "ok": false, "weights": {} },
        ],
        "uids": { alice: 0, bob: 5 },
    });
    let output = Program::run(
        &["weights", "compute", "--policy", "normalized"],
        &input.to_string(),
    )
    .await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["uids"], json!([0, 5]));
    assert_eq!(answer["u16"], json!([21845, 65535]));
    assert_eq!(
        answer["weights"],
        json!(["0.250000000000000000", "0.750000000000000000"])
    );
    assert_eq!(answer["report"]["challenges"][0]["status"], "failed");
}

#[tokio::test]
async fn what_compute_cannot_read_is_refused_with_the_place() {
    for (input, word) in [
        ("", "standard input"),
        ("{\"challenges\":[],\"uid\":{}}", "uid"),
        ("{\"challenges\":[{\"slug\":\"a\"}],\"uids\":{}}", "slug"),
    ] {
        let output = Program::run(&["weights", "compute"], input).await;
        assert_eq!(output.status.code(), Some(1), "{input}");
        assert!(
            text(&output.stderr).contains(word),
            "{input}: {}",
            text(&output.stderr)
        );
    }
}

#[tokio::test]
async fn a_hotkey_file_is_made_once_and_read_back() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("hotkey.json").display().to_string();
    let made = Program::run(&["--json", "hotkey", "new", &file], "").await;
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    let shown = Program::run(&["hotkey", "show", &file], "").await;
    assert_eq!(text(&shown.stdout).trim(), made["hotkey"].as_str().unwrap());
    assert_eq!(
        Program::run(&["hotkey", "new", &file], "").await.status.code(),
        Some(1)
    );
}
