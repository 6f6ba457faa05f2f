//! More than a challenge can do at once, and changes while it works.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use platform_keys::Keypair;
use platform_tests::{HostBuilder, RawAnswer, TestHost, raw};
use serde_json::json;
use tokio::{io::AsyncWriteExt as _, net::TcpStream, task::JoinSet};

use crate::epochs::{NETUID, devnet};

/// The longest anything here may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// One running call and those that wait.
fn places() -> usize {
    1 + platform_wasm::Limits::default().queued_routes as usize
}

fn request(method: &str, path: &str) -> String {
    format!(
        "{method} /challenges/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    )
}

async fn send(public: &str, method: &str, path: &str) -> RawAnswer {
    raw(public, request(method, path)).await
}

async fn slow(host: &TestHost) {
    host.run_guest("slow", "slow", "10", &[("VERSION", "1")]).await;
}

/// How many calls the guest has finished.
async fn count(host: &TestHost) -> u64 {
    let answer = send(&host.public, "GET", "slow/count").await;
    assert_eq!(answer.status, 200);
    String::from_utf8(answer.body).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_full_queue_refuses_and_drains_and_lets_weights_through() {
    let validator = Keypair::generate().unwrap();
    let devnet = devnet(&validator, &[]).await;
    let host = HostBuilder::default()
        .on(&devnet, NETUID, &validator)
        .start()
        .await;
    slow(&host).await;
    let mut calls = JoinSet::new();
    for _ in 0..places() + 20 {
        let public = host.public.clone();
        calls.spawn(async move { send(&public, "POST", "slow/for/300").await });
    }
    // With everyone's place taken the first refusal comes at once; on a slow machine a call may end before.
    let mut first = calls.join_next().await.unwrap().unwrap();
    let mut answered = 0;
    while first.status == 200 {
        answered += 1;
        first = calls.join_next().await.unwrap().unwrap();
    }
    assert_eq!((first.status, first.all("retry-after")), (503, vec!["1"]));
    assert_eq!(first.json()["error"]["code"], "busy");

    let preview = host.admin.weights_preview().await.unwrap();
    assert!(!calls.is_empty(), "the flood goes on");
    let answer = &preview.answers[0];
    assert!(answer.reason.is_none(), "{answer:?}");

    let statuses: Vec<u16> = calls
        .join_all()
        .await
        .iter()
        .map(|answer| answer.status)
        .collect();
    let drained = statuses.iter().filter(|status| **status == 200).count();
    let refused = statuses.iter().filter(|status| **status == 503).count();
    assert_eq!(drained + refused, statuses.len(), "{statuses:?}");
    answered += drained;
    assert!(
        answered > 0 && refused >= 19,
        "{answered} answered, {refused} refused"
    );
    assert_eq!(
        count(&host).await,
        answered as u64,
        "what was refused did not run"
    );
}

#[tokio::test]
async fn a_call_over_files_goes_on_when_its_client_is_gone() {
    let host = TestHost::start().await;
    slow(&host).await;
    let address = host.public.strip_prefix("http://").unwrap();
    let mut client = TcpStream::connect(address).await.unwrap();
    client
        .write_all(request("POST", "slow/for/500").as_bytes())
        .await
        .unwrap();
    let begun = find(host.state(), "begun").await;
    assert!(!begun.with_file_name("count").exists());
    drop(client);
    assert_eq!(count(&host).await, 1, "half of its work would be worse than all");
}

/// Waits for a file of this name somewhere below a directory.
async fn find(root: PathBuf, name: &str) -> PathBuf {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        let mut pending = vec![root.clone()];
        while let Some(dir) = pending.pop() {
            for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
                if entry.file_name() == name {
                    return entry.path();
                }
                pending.extend(entry.path().is_dir().then(|| entry.path()));
            }
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{name} does not appear");
}

#[tokio::test]
async fn a_new_version_takes_over_while_calls_are_in_flight() {
    let host = TestHost::start().await;
    slow(&host).await;
    host.run_guest("echo", "echo", "0", &[]).await;
    let enough = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for path in ["slow/for/5", "slow/for/0", "slow/for/20", "echo/x", "echo/y"] {
        let (public, enough) = (host.public.clone(), enough.clone());
        clients.spawn(async move {
            let mut calls = 0_u32;
            while !enough.load(Ordering::Relaxed) {
                let answer = send(&public, "POST", path).await;
                assert_eq!(answer.status, 200, "{path} after {calls} calls: {answer:?}");
                calls += 1;
            }
            calls
        });
    }
    for version in ["2", "3", "4"] {
        for slug in ["slow", "echo"] {
            let patch = serde_json::from_value(json!({ "env": { "VERSION": version } })).unwrap();
            host.admin
                .challenge_patch(&slug.parse().unwrap(), &patch)
                .await
                .unwrap();
        }
        let waited = tokio::time::timeout(PATIENCE, async {
            while send(&host.public, "POST", "slow/for/1").await.body != version.as_bytes() {}
        });
        waited.await.expect("the new version answers");
    }
    enough.store(true, Ordering::Relaxed);
    assert!(clients.join_all().await.iter().all(|calls| *calls > 0));
}

#[tokio::test]
async fn a_stop_lets_a_call_finish() {
    let mut host = TestHost::start().await;
    slow(&host).await;
    let public = host.public.clone();
    let mut call = JoinSet::new();
    call.spawn(async move { send(&public, "POST", "slow/for/500").await });
    let idle = TcpStream::connect(host.public.strip_prefix("http://").unwrap())
        .await
        .unwrap();
    find(host.state(), "begun").await;
    let stopped = Instant::now();
    host.stop().await;
    assert!(
        stopped.elapsed() < Duration::from_secs(9),
        "it did not wait for a head from {idle:?}"
    );
    assert_eq!(call.join_all().await[0].status, 200);
}

#[tokio::test]
async fn many_clients_at_once_are_all_answered() {
    let host = TestHost::start().await;
    host.run_guest("echo", "echo", "0", &[]).await;
    let mut clients = JoinSet::new();
    for _ in 0..200 {
        let public = host.public.clone();
        clients.spawn(async move { send(&public, "POST", "echo/x").await.status });
    }
    let statuses = clients.join_all().await;
    let refused = statuses.iter().filter(|status| **status == 503).count();
    assert!(
        statuses.iter().all(|status| matches!(status, 200 | 503)),
        "{statuses:?}"
    );
    // 32 run and 64 wait; the others may be refused.
    assert!(refused <= 200 - 96, "{refused} refused");
}
