//! What the page on GPUs says of servers is done as it says it: certificates, an engine that is started with the page's own
//! settings, and every command, in its order. Afterwards no private key is anywhere but in its file.

use std::{fs, path::Path, process::Command};

use platform_tests::{Program, platform};
use serde_json::Value;

use super::free_port;
use crate::docker_engine::{Filter, TestEngine};

const PAGE: &str = include_str!("../../../docs/operators/gpu.md");

/// Blocks of a language in the part on servers.
fn blocks(language: &str) -> Vec<&'static str> {
    let part = PAGE.split("\n## Servers\n").nth(1).unwrap();
    let part = part.split("\n## ").next().unwrap();
    let fence = format!("```{language}\n");
    let rest = part.split(&fence).skip(1);
    rest.map(|rest| rest.split("```").next().unwrap()).collect()
}

fn run(script: &str, dir: &Path, variables: &[(&str, &str)]) -> String {
    let path = format!("{}:{}", dir.join("bin").display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell
        .args(["-eux", "-c", script])
        .current_dir(dir)
        .env("PATH", path);
    let output = shell.envs(variables.iter().copied()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    // What a command prints and complains of is looked through for keys later.
    format!("{}{said}", String::from_utf8_lossy(&output.stdout))
}

/// The engine's settings, as flags.
fn flags(dir: &Path, port: u16) -> Vec<String> {
    let settings: Value = serde_json::from_str(blocks("json")[0]).unwrap();
    let mut flags = Vec::new();
    for (name, value) in settings.as_object().unwrap() {
        match value {
            Value::String(file) => {
                let file = dir.join(Path::new(file).file_name().unwrap());
                flags.push(format!("--{name}={}", file.display()));
            }
            Value::Bool(value) => flags.push(format!("--{name}={value}")),
            // Of the sockets the engine of the test has its own.
            Value::Array(_) => flags.extend(["--host".to_owned(), format!("tcp://127.0.0.1:{port}")]),
            other => panic!("{name}: {other}"),
        }
    }
    flags
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_on_gpu_servers_is_followed_word_by_word_and_no_key_is_left_lying_about() {
    let desk = tempfile::tempdir().unwrap();
    let dir = desk.path();
    fs::create_dir(dir.join("bin")).unwrap();
    std::os::unix::fs::symlink(platform(), dir.join("bin/platform")).unwrap();
    let port = free_port();
    let here = |text: &str| {
        let text = text.replace("gpu-1.example:2376", &format!("127.0.0.1:{port}"));
        text.replace("192.0.2.7", "127.0.0.1")
    };
    let shell = blocks("sh");
    let (prepare, operate) = shell.split_first().unwrap();
    run(&here(prepare), dir, &[]);
    let flags = flags(dir, port);
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    let _engine = TestEngine::start_with(Filter::None, &flags);

    let state = dir.join("state");
    let config = dir.join("platform.toml");
    let text = format!(
        "state_dir = {state:?}\n[admin]\nlisten = \"127.0.0.1:0\"\n[public]\nlisten = \"127.0.0.1:0\"\n[log]\nfilter = \"trace\"\n"
    );
    fs::write(&config, text).unwrap();
    let (config, log) = (config.display().to_string(), dir.join("log"));
    let host = Program::start_logging_to(&["serve", "--config", &config], &log).await;
    let token = state.join("admin.token").display().to_string();
    let operator = [
        ("PLATFORM_ADMIN_URL", host.answer["admin"].as_str().unwrap()),
        ("PLATFORM_ADMIN_TOKEN_FILE", &token),
    ];
    let said = run(&here(&operate.join("\n")), dir, &operator);
    for part in [
        "linux/amd64",
        "seccomp",
        "certificates set, until",
        "2 of 2 places",
    ] {
        assert!(said.contains(part), "{part} is not in: {said}");
    }

    let failing = "platform --json gpu-server health gone && exit 1; test $? = 1\n\
                   platform gpu-server add half --endpoint tcp://127.0.0.1:1 --gpus a100 --tls-ca ca.pem && exit 1; test $? = 2\n\
                   platform gpu-server add absent --endpoint unix:///nonexistent/docker.sock --gpus a100\n\
                   platform gpu-server health absent && exit 1; test $? = 1";
    let failed = run(failing, dir, &operator);
    for part in [
        "GPU server 'gone' not found",
        "hint: `platform gpu-server list`",
        "no such socket",
        "cannot be used",
    ] {
        assert!(failed.contains(part), "{part} is not in: {failed}");
    }

    host.kill().await;
    let key = fs::read_to_string(dir.join("host-key.pem")).unwrap();
    let secret = key.lines().nth(1).unwrap();
    let mut looked_at = 0;
    for file in [&state, &dir.to_path_buf()]
        .iter()
        .flat_map(|dir| fs::read_dir(dir).unwrap())
    {
        let path = file.unwrap().path();
        if path.is_file() && !path.ends_with("host-key.pem") {
            let bytes = fs::read(&path).unwrap();
            let found = bytes.windows(secret.len()).any(|at| at == secret.as_bytes());
            assert!(!found, "the key is in {}", path.display());
            looked_at += 1;
        }
    }
    assert!(looked_at > 5 && !said.contains(secret) && !failed.contains(secret));
}
