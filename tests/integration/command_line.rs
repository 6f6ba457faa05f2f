//! The program as people and scripts meet it: exit codes, hints, JSON.

use std::os::unix::fs::PermissionsExt as _;

use platform_tests::{Program, TestHost, guest};
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
        &["challenge", "logs", "--help"],
        &["challenge", "stats", "--help"],
        &["challenge", "update", "--help"],
        &["state", "purge", "--help"],
        &["weights", "--help"],
        &["secret", "--help"],
        &["secret", "set", "--help"],
        &["publish", "--help"],
        &["pull", "--help"],
        &["inspect", "--help"],
        &["store", "--help"],
        &["store", "gc", "--help"],
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
        (&["pull", "nowhere"], 2, "not a reference"),
        (
            &["pull", &format!("oci:{missing}"), "-o", "oci:"],
            2,
            "names no path",
        ),
        (&["pull", &format!("oci:{missing}:1")], 1, "does not exist"),
        (
            &["inspect", &format!("oci-archive:{missing}:1")],
            1,
            "does not exist",
        ),
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

#[tokio::test]
async fn how_long_instances_live_is_asked_for_decided_shown_and_changed() {
    let host = TestHost::start().await;
    let file = host.scratch().join("asking.wasm");
    std::fs::write(&file, asking_for("warm(4)")).unwrap();
    let (file, component) = (file.display().to_string(), format!("file:{}", file.display()));
    let token = host.state().join("admin.token").display().to_string();
    let run = async |args: &[&str]| {
        let all = [
            &["--admin-url", &host.admin_url, "--admin-token-file", &token][..],
            args,
        ]
        .concat();
        let output = Program::run(&all, "").await;
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    let inspected: Value = serde_json::from_str(&run(&["--json", "inspect", &file]).await).unwrap();
    assert_eq!(inspected["manifest"]["instances"], "warm(4, 1000, 60s)");
    assert!(run(&["inspect", &file]).await.contains("warm(4, 1000, 60s)"));

    let created = run(&["challenge", "create", "asked", &component]).await;
    assert!(created.contains("instances  warm(4, 1000, 60s)"), "{created}");
    let decided = [
        "challenge",
        "create",
        "decided",
        &component,
        "--instances",
        "per-call",
    ];
    let decided = run(&decided).await;
    assert!(decided.contains("instances  per-call"), "{decided}");
    run(&["challenge", "patch", "decided", "--instances", "warm(2, 50, 5s)"]).await;
    let shown = run(&["challenge", "show", "decided"]).await;
    assert!(
        shown.contains("instances  warm(2, 50, 5s)") && shown.contains("on failure zero"),
        "{shown}"
    );
    let weighed = format!("file:{}", guest("echo").display());
    run(&["challenge", "create", "weighed", &weighed]).await;
    let rule = [
        "challenge",
        "patch",
        "weighed",
        "--on-failure",
        "primary,last-good:3",
    ];
    let shown = run(&rule).await;
    assert!(shown.contains("on failure primary,last-good:3"), "{shown}");

    for (field, refused, code, says) in [
        ("--instances", "warm(0)", 2, "warm(4, 1000, 60s)"),
        ("--instances", "warm(17)", 1, "field: instances"),
        ("--on-failure", "last-good:101", 2, "with N from 1 to 100"),
    ] {
        let all = ["challenge", "patch", "decided", field, refused];
        let all = [
            &["--admin-url", &host.admin_url, "--admin-token-file", &token][..],
            &all,
        ]
        .concat();
        let output = Program::run(&all, "").await;
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{refused}: {said}");
        assert!(said.contains(says), "{refused}: {said}");
    }
}

/// A component that serves no route of its own; only what its manifest asks for is looked at.
fn asking_for(instances: &str) -> Vec<u8> {
    let manifest = json!({ "name": "asking", "version": "1", "data": "none", "instances": instances });
    let manifest = manifest.to_string().replace('"', "\\\"");
    let component = format!(
        "(component (instance $empty) (export \"platform:challenge/routes@0.1.0\" (instance $empty)) \
         (@custom \"platform:manifest\" \"{manifest}\"))"
    );
    wat::parse_str(component).unwrap()
}

#[tokio::test]
async fn what_a_live_host_refuses_is_told_with_what_to_do() {
    let host = TestHost::start().await;
    host.run_guest("echo", "echo", "0", &[]).await;
    let dir = tempfile::tempdir().unwrap();
    let token = host.state().join("admin.token").display().to_string();
    let wrong = dir.path().join("wrong.token").display().to_string();
    std::fs::write(&wrong, "0123456789abcdef0123456789").unwrap();
    std::fs::set_permissions(&wrong, std::fs::Permissions::from_mode(0o600)).unwrap();
    let echo = format!("file:{}", guest("echo").display());
    let (here, nowhere) = (host.admin_url.as_str(), "http://127.0.0.1:1");
    let cases: [(&str, &str, &[&str], &[&str]); 11] = [
        (
            here,
            &wrong,
            &["status"],
            &["Unauthorized", "hint: ", "--admin-token-file"],
        ),
        (
            nowhere,
            &token,
            &["status"],
            &["cannot be reached", "hint: ", "--admin-url"],
        ),
        (
            here,
            "/nowhere",
            &["status"],
            &["no admin token", "--admin-token-file"],
        ),
        (
            here,
            &token,
            &["challenge", "show", "nobody"],
            &["'nobody' not found", "hint: list"],
        ),
        (
            here,
            &token,
            &["challenge", "activate", "nobody"],
            &["'nobody' not found", "hint: "],
        ),
        (
            here,
            &token,
            &["challenge", "delete", "echo"],
            &["is active", "hint: deactivate"],
        ),
        (
            here,
            &token,
            &["challenge", "create", "echo", &echo],
            &["already exists", "hint: "],
        ),
        (
            here,
            &token,
            &["challenge", "create", "new", "file:/"],
            &["cannot be read", "field: component", "hint: "],
        ),
        (
            here,
            &token,
            &["challenge", "patch", "echo", "--name", ""],
            &["must not be empty", "field: name"],
        ),
        (
            here,
            &token,
            &["weights", "preview"],
            &["no chain endpoint", "hint: set chain.endpoint"],
        ),
        (
            here,
            &token,
            &["weights", "history", "--limit", "0"],
            &["field: limit"],
        ),
    ];
    for (url, token, args, expected) in cases {
        for json in [&[][..], &["--json"]] {
            let all = [&["--admin-url", url, "--admin-token-file", token][..], json, args].concat();
            let output = Program::run(&all, "").await;
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
            assert!(output.stdout.is_empty(), "{args:?}: {}", text(&output.stdout));
            for part in expected {
                assert!(said.contains(part), "{args:?}: {part} is not in {said}");
            }
            for internal in ["Error {", "Some(", "panicked", "Refused {"] {
                assert!(!said.contains(internal), "{args:?}: {said}");
            }
        }
    }
}
