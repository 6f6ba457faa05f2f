//! What the guide for miners says is done as it says it: its client in Python with a real wallet, its client in Rust, and the
//! command line, each handing in a tour to a host.

use std::{fs, path::Path, process::Command};

use platform_keys::Keypair;
use platform_tests::{HostBuilder, TestHost, guest, platform};
use serde_json::{Value, json};

const GUIDE: &str = include_str!("../../docs/miners.md");
const NETUID: u16 = 2;

async fn host() -> TestHost {
    let mut builder = HostBuilder::default();
    builder.config.chain.netuid = platform_domain::Netuid(NETUID);
    let host = builder.start().await;
    host.run_guest("tsp", "tsp", "0", &[("SEED", "a secret")]).await;
    host
}

/// The only block of this language, or the first with these words in it.
fn block(language: &str, with: &str) -> String {
    let blocks = GUIDE.split("\n```").skip(1).step_by(2);
    let mut found = blocks.filter_map(|block| {
        let (first, rest) = block.split_once('\n')?;
        (first == language && rest.contains(with)).then(|| format!("{rest}\n"))
    });
    found.next().unwrap()
}

/// The miner's folder, with a hotkey where the wallet keeps it.
fn home(key: &Keypair) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let hotkeys = home.path().join(".bittensor/wallets/miner/hotkeys");
    fs::create_dir_all(&hotkeys).unwrap();
    key.write_new_file(&hotkeys.join("default")).unwrap();
    home
}

/// What a program says, which ends well.
async fn said(mut command: Command) -> String {
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{error}");
    String::from_utf8(output.stdout).unwrap()
}

/// That the challenge knows a tour of this miner.
async fn is_taken(host: &TestHost, key: &Keypair) {
    let board = platform_tests::client()
        .get(host.url("tsp", "/leaderboard"))
        .send()
        .await
        .unwrap();
    let board: Value = board.json().await.unwrap();
    assert!(board.to_string().contains(&key.hotkey().to_string()), "{board}");
}

#[tokio::test]
async fn the_client_in_python_signs_with_the_wallet() {
    let (host, key) = (host().await, Keypair::generate().unwrap());
    let home = home(&key);
    let script = block("python", "bittensor_wallet").replace("http://127.0.0.1:8081", &host.public);
    let file = home.path().join("miner.py");
    fs::write(&file, script).unwrap();
    let mut python = Command::new(guest("echo").with_file_name("wallet/bin/python"));
    python.arg(&file).env("HOME", home.path());
    let said = said(python).await;
    assert!(said.starts_with("(201, {"), "{said}");
    is_taken(&host, &key).await;
}

#[tokio::test]
async fn the_client_in_rust_is_the_one_of_the_guide_and_signs() {
    assert_eq!(
        block("rust,ignore", "fn main"),
        include_str!("../examples/miner.rs")
    );
    let (host, key) = (host().await, Keypair::generate().unwrap());
    let home = home(&key);
    let example = platform().parent().unwrap().join("examples/miner");
    let mut rust = Command::new(example);
    rust.arg(&host.public)
        .arg(hotkey_file(home.path()))
        .arg(NETUID.to_string());
    let said = said(rust).await;
    assert!(said.starts_with("201 {"), "{said}");
    is_taken(&host, &key).await;
}

#[tokio::test]
async fn the_command_line_signs_in_both_versions() {
    let (host, key) = (host().await, Keypair::generate().unwrap());
    let home = home(&key);
    let instance = platform_tests::client()
        .get(host.url("tsp", "/instance"))
        .send()
        .await
        .unwrap();
    let instance: Value = instance.json().await.unwrap();
    let tour: Vec<usize> = (0..instance["cities"].as_array().unwrap().len()).collect();
    let body = home.path().join("tour.json");
    fs::write(
        &body,
        json!({"round": instance["round"], "tour": tour}).to_string(),
    )
    .unwrap();
    for version in ["1", "2"] {
        for path in ["/challenges/tsp/submissions", "/v1/challenges/tsp/submissions"] {
            let mut request = Command::new(platform());
            request.args([
                "request",
                "POST",
                &format!("{}{path}", host.public),
                "--netuid",
                "2",
            ]);
            request
                .args(["--signature-version", version, "--hotkey"])
                .arg(hotkey_file(home.path()));
            said(request_with_body(request, &body)).await;
        }
    }
    is_taken(&host, &key).await;
}

fn request_with_body(mut request: Command, body: &Path) -> Command {
    request.arg("--body").arg(body);
    request
}

fn hotkey_file(home: &Path) -> std::path::PathBuf {
    home.join(".bittensor/wallets/miner/hotkeys/default")
}
