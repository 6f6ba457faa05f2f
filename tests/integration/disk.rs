//! What a challenge keeps and may keep, as the operator grants and sees it.

use platform_admin_types::{BreakerState, ChallengeView, ClientError, DataUsageView, PatchChallenge};
use platform_domain::{CalledFunction, IncidentKind, Resources};
use platform_tests::{HostBuilder, Program, TestHost, client, new_challenge};
use serde_json::{Value, json};

const MIB: u64 = 1 << 20;

async fn start() -> TestHost {
    let mut builder = HostBuilder::default();
    builder.config.limits.data_files = 100;
    // One refusal too many would be enough.
    builder.config.breaker.failures = 1;
    builder.config.breaker.watch_ms = 0;
    builder.start().await
}

fn disk(size: &str) -> Resources {
    serde_json::from_value(json!({ "disk": size })).unwrap()
}

async fn post(host: &TestHost, path: &str) -> (u16, Value) {
    let answer = client().post(host.url("disk", path)).send().await.unwrap();
    let status = answer.status().as_u16();
    (status, answer.json().await.unwrap_or_default())
}

async fn show(host: &TestHost) -> ChallengeView {
    host.admin.challenge_get(&"disk".parse().unwrap()).await.unwrap()
}

async fn usage(host: &TestHost) -> DataUsageView {
    show(host).await.data_usage.unwrap()
}

async fn patch(host: &TestHost, size: &str) -> Result<ChallengeView, ClientError> {
    let patch = PatchChallenge {
        resources: Some(disk(size)),
        ..PatchChallenge::default()
    };
    host.admin.challenge_patch(&"disk".parse().unwrap(), &patch).await
}

#[tokio::test]
async fn an_operator_sees_how_full_a_disk_is_and_gives_more() {
    let host = start().await;
    // Its manifest asks for 16 MiB.
    host.run_guest("disk", "disk", "0", &[]).await;
    assert_eq!(usage(&host).await.max_bytes, 16 * MIB);
    assert_eq!(patch(&host, "1MiB").await.unwrap().resources, disk("1MiB"));
    host.running("disk").await;
    let empty = DataUsageView {
        bytes: 0,
        max_bytes: MIB,
        files: 0,
        max_files: 100,
    };
    assert_eq!(usage(&host).await, empty);

    let (status, filled) = post(&host, "/fill/sizes").await;
    assert_eq!(status, 200, "the guest came to terms with it: {filled}");
    let (status, _) = post(&host, "/database/fill").await;
    assert_eq!(status, 200);
    let full = usage(&host).await;
    assert!(full.bytes > MIB / 2 && full.files == 2, "{full:?}");
    let slug = "disk".parse().unwrap();
    let list = host.admin.challenge_incidents(&slug).await.unwrap();
    let [incident] = &list.incidents[..] else {
        panic!("{:?}", list.incidents)
    };
    assert_eq!(
        (incident.kind, incident.function, incident.count),
        (IncidentKind::DiskFull, CalledFunction::Route, 2)
    );
    assert_eq!(
        incident.text,
        "the data directory is full: 1048576 bytes are allowed"
    );
    assert_eq!(show(&host).await.breaker.state, BreakerState::Closed);

    let token = host.state().join("admin.token");
    let shown = Program::run(
        &[
            "--admin-url",
            &host.admin_url,
            "--admin-token-file",
            token.to_str().unwrap(),
            "challenge",
            "show",
            "disk",
        ],
        "",
    )
    .await;
    let text = String::from_utf8_lossy(&shown.stdout);
    assert!(text.contains("MiB of 1MiB, 2 of 100 files"), "{shown:?}");

    patch(&host, "4MiB").await.unwrap();
    host.running("disk").await;
    let more = usage(&host).await;
    assert_eq!((more.max_bytes, more.bytes, more.files), (4 * MIB, full.bytes, 2));
    assert_eq!(post(&host, "/fill/sizes").await.1["done"], 3);

    host.admin.challenge_deactivate(&slug).await.unwrap();
    assert_eq!(show(&host).await.data_usage, None, "it does not run");
}

#[tokio::test]
async fn more_than_the_host_grants_is_refused_by_name() {
    let host = start().await;
    let mut new = new_challenge("disk", "disk", "0", &[]);
    new.resources = disk("17GiB");
    let Err(ClientError::Refused { message, field, .. }) = host.admin.challenge_create(&new).await else {
        panic!("it is created");
    };
    assert_eq!(field.as_deref(), Some("resources.disk"));
    assert!(
        message.contains("disk space on this host lies between 64KiB and 16GiB"),
        "{message}"
    );
    host.run_guest("disk", "disk", "0", &[]).await;
    assert!(patch(&host, "1KiB").await.is_err());
    assert_eq!(usage(&host).await.max_bytes, 16 * MIB);
}
