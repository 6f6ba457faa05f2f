//! What a challenge says reaches its operator: in the host's log, with its slug, and nowhere else.

use std::path::Path;

use platform_tests::{Program, Served, client, guest, new_challenge};

#[tokio::test]
async fn a_panic_tells_the_operator_why_and_the_miner_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("platform.toml");
    let state = dir.path().join("state").display().to_string();
    let listen = "listen = \"127.0.0.1:0\"";
    let text = format!("state_dir = {state:?}\n[admin]\n{listen}\n[public]\n{listen}\n[log]\njson = true\n");
    std::fs::write(&config, text).unwrap();
    let mut host = Program::start_logged(&["serve", "--config", config.to_str().unwrap()]).await;
    let of_host = |field: &str| host.answer[field].as_str().unwrap().to_owned();
    let (admin, public) = (of_host("admin"), of_host("public"));

    let (token, component) = (
        format!("{state}/admin.token"),
        format!("file:{}", guest("trap").display()),
    );
    let args = [
        "--admin-url",
        &admin,
        "--admin-token-file",
        &token,
        "challenge",
        "create",
        "trap",
        &component,
        "--activate",
    ];
    let created = Program::run(&args, "").await;
    assert!(
        created.status.success(),
        "{}",
        String::from_utf8_lossy(&created.stderr)
    );
    host.logs("The challenge is running").await;

    let answer = client()
        .get(format!("{public}/challenges/trap/panic"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 502);
    assert!(!answer.text().await.unwrap().contains("purpose"));
    host.logs("the route panics on purpose").await;
    host.kill().await;
}

#[tokio::test]
async fn a_log_that_cannot_be_written_costs_no_answer() {
    let host = Served::start_logging_to(Path::new("/dev/full"), tempfile::tempdir().unwrap(), "").await;
    host.run_all([new_challenge("trap", "trap", "0", &[])]).await;
    for (path, status) in [("panic", 502), ("fine", 200)] {
        assert_eq!(host.send("GET", &format!("trap/{path}")).await.status, status);
    }
}
