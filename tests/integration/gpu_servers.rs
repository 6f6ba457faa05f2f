//! GPU servers against real engines, behind a socket and over TLS, and what is said of engines that are not there. Nothing here
//! has a GPU: what an engine with one tells is tried in `host/docker`, and what is leased in `host/store`.

pub(crate) mod authority;
mod guide;

use std::{
    fs, iter,
    net::TcpListener,
    path::Path,
    sync::atomic::{AtomicU16, Ordering},
    time::SystemTime,
};

use platform_admin_types::{
    ClientCertificates, ClientError, CreateGpuServer, EngineFacts, EngineView, GpuServerHealthView,
    PatchGpuServer,
};
use platform_domain::{GpuServerId, LeaseState, Placement};
use platform_store::{Store, gpu_leases};
use platform_tests::{TestHost, new_challenge};
use serde_json::json;

use self::authority::Authority;
use crate::docker_engine::{Filter, TestEngine};

fn id(text: &str) -> GpuServerId {
    text.parse().unwrap()
}

pub(crate) fn server(name: &str, endpoint: &str, tls: Option<ClientCertificates>) -> CreateGpuServer {
    let new = json!({ "id": name, "endpoint": endpoint, "gpus": "a100:2", "tls": tls });
    let without = |mut new: serde_json::Value| {
        new.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        new
    };
    serde_json::from_value(without(new)).unwrap()
}

/// A port that nobody has or gets, for an engine that is stopped and started again: the system hands out those from
/// 32768.
pub(super) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(20_000);
    let mut ports = iter::repeat_with(|| NEXT.fetch_add(1, Ordering::Relaxed));
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.find(is_free).unwrap()
}

/// An engine with the certificates of `authority`, which lets in whom it knows.
fn secured_engine(dir: &Path, authority: &Authority, port: u16) -> TestEngine {
    let options = secured(dir, authority, port);
    let options: Vec<_> = options.iter().map(String::as_str).collect();
    TestEngine::start_with(Filter::None, &options)
}

/// The options of one.
pub(crate) fn secured(dir: &Path, authority: &Authority, port: u16) -> Vec<String> {
    let [certificate, key] = authority.server("127.0.0.1");
    let mut options = vec!["--tlsverify".to_owned()];
    for (name, text) in [
        ("tlscacert", &authority.certificate()),
        ("tlscert", &certificate),
        ("tlskey", &key),
    ] {
        let file = dir.join(name);
        fs::write(&file, text).unwrap();
        options.push(format!("--{name}={}", file.display()));
    }
    options.extend(["--host".to_owned(), format!("tcp://127.0.0.1:{port}")]);
    options
}

fn facts(health: &GpuServerHealthView) -> &EngineFacts {
    match &health.engine {
        EngineView::Answers(facts) => facts,
        absent => panic!("{absent:?}"),
    }
}

fn reason(health: &GpuServerHealthView) -> &str {
    match &health.engine {
        EngineView::Absent { reason, hint } => {
            assert!(!hint.is_empty());
            reason
        }
        answers => panic!("{answers:?}"),
    }
}

/// Gives GPU 0 of a server to a challenge, as a start of its container would.
async fn hold(host: &TestHost, lease: &str, holder: &str, server: &str) {
    let store = Store::open(&host.state().join("host.sqlite3")).unwrap();
    let (lease, holder) = (lease.parse().unwrap(), holder.parse().unwrap());
    let placement = Placement {
        server: id(server),
        devices: [0].into(),
    };
    let given = store.write("hold", move |connection| {
        gpu_leases::acquire(connection, &lease, &holder, &placement, SystemTime::now().into())
    });
    given.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_behind_a_socket_tells_what_it_is_and_that_its_gpus_are_unknown() {
    let engine = TestEngine::start_with(Filter::None, &[]);
    let host = TestHost::start().await;
    let admin = &host.admin;
    admin
        .gpu_server_create(&server("local", &engine.endpoint, None))
        .await
        .unwrap();
    let health = admin.gpu_server_health(&id("local")).await.unwrap();
    let told = facts(&health);
    assert_eq!((told.os.as_str(), told.architecture.as_str()), ("linux", "amd64"));
    assert!(told.seccomp && told.cpus > 0 && told.memory.0 > 1 << 28);
    assert!(told.api.starts_with("1.") && told.swarm == "inactive");
    let warnings = health.warnings.join("\n");
    assert!(warnings.contains("tells nothing of GPUs"), "{warnings}");
    assert_eq!(health.server.places.free, 2);

    // One more than the operator says, as an engine whose operator named them for Swarm.
    let named = TestEngine::start_with(Filter::None, &["--node-generic-resource", "gpu=3"]);
    let patch = PatchGpuServer {
        endpoint: Some(named.endpoint.parse().unwrap()),
        ..PatchGpuServer::default()
    };
    admin.gpu_server_patch(&id("local"), &patch).await.unwrap();
    let health = admin.gpu_server_health(&id("local")).await.unwrap();
    assert_eq!(facts(&health).gpus.counted, 3);
    let warnings = health.warnings.join("\n");
    assert!(
        warnings.contains("tells of 3 GPUs, and 2 are declared"),
        "{warnings}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_over_tls_is_lost_and_found_and_a_restart_of_the_host_keeps_everything() {
    let (authority, dir) = (Authority::new(), tempfile::tempdir().unwrap());
    let port = free_port();
    let engine = secured_engine(dir.path(), &authority, port);
    let mut host = TestHost::start().await;
    let endpoint = format!("tcp://127.0.0.1:{port}");
    let created = host
        .admin
        .gpu_server_create(&server("gpu-1", &endpoint, Some(authority.client())))
        .await
        .unwrap();
    let certificates = created.certificates.unwrap();
    assert!(certificates.readable && certificates.ends_at.is_some());
    let health = host.admin.gpu_server_health(&id("gpu-1")).await.unwrap();
    assert!(facts(&health).version.starts_with(char::is_numeric));

    // An authority that the engine's certificate is not of, and a host that its authority has not signed.
    let stranger = Authority::new();
    let wrong = [
        ClientCertificates {
            authority: stranger.certificate(),
            ..authority.client()
        },
        ClientCertificates {
            authority: authority.certificate(),
            ..stranger.client()
        },
    ];
    for tls in wrong {
        let patch = PatchGpuServer {
            tls: Some(tls),
            ..PatchGpuServer::default()
        };
        host.admin.gpu_server_patch(&id("gpu-1"), &patch).await.unwrap();
        let health = host.admin.gpu_server_health(&id("gpu-1")).await.unwrap();
        assert!(
            reason(&health).contains("cannot be reached"),
            "{}",
            reason(&health)
        );
        assert!(health.server.lost_at.is_some());
    }
    let patch = PatchGpuServer {
        tls: Some(authority.client()),
        ..PatchGpuServer::default()
    };
    host.admin.gpu_server_patch(&id("gpu-1"), &patch).await.unwrap();
    let health = host.admin.gpu_server_health(&id("gpu-1")).await.unwrap();
    assert!(facts(&health).seccomp && health.server.lost_at.is_none());

    // Held, the server and its endpoint stay; lost, what is held has expired.
    let mut challenge = new_challenge("echo", "echo", "0", &[]);
    challenge.status = None;
    host.admin.challenge_create(&challenge).await.unwrap();
    hold(&host, "one", "echo", "gpu-1").await;
    let refused = host.admin.gpu_server_delete(&id("gpu-1")).await.unwrap_err();
    assert!(
        matches!(&refused, ClientError::Refused { status, message, .. }
            if status.as_u16() == 409 && message.contains("echo")),
        "{refused:?}"
    );
    drop(engine);
    let health = host.admin.gpu_server_health(&id("gpu-1")).await.unwrap();
    assert!(
        reason(&health).contains("nobody listens there"),
        "{}",
        reason(&health)
    );
    assert_eq!(health.server.leases[0].state, LeaseState::Expired);

    host.restart().await;
    let kept = host.admin.gpu_server_get(&id("gpu-1")).await.unwrap();
    assert_eq!(
        (kept.endpoint, kept.lost_at, kept.certificates),
        (
            health.server.endpoint,
            health.server.lost_at,
            health.server.certificates
        )
    );
    let engine = secured_engine(dir.path(), &authority, port);
    let health = host.admin.gpu_server_health(&id("gpu-1")).await.unwrap();
    assert!(facts(&health).seccomp && health.server.lost_at.is_none());
    drop(engine);
    host.admin.gpu_server_health(&id("gpu-1")).await.unwrap();
    host.admin.gpu_server_delete(&id("gpu-1")).await.unwrap();
    assert!(host.admin.gpu_server_list().await.unwrap().servers.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_engine_is_told_apart_from_what_is_not_there() {
    let host = TestHost::start().await;
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("docker.sock");
    let endpoint = format!("unix://{}", socket.display());
    host.admin
        .gpu_server_create(&server("gpu-1", &endpoint, None))
        .await
        .unwrap();
    let health = host.admin.gpu_server_health(&id("gpu-1")).await.unwrap();
    assert!(reason(&health).contains("no such socket"), "{}", reason(&health));
    // Something else listens there, and says what no engine says.
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let answering = async {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
            // Whoever answers before it is asked only hangs up.
            let mut asked = [0; 1024];
            drop(tokio::io::AsyncReadExt::read(&mut stream, &mut asked).await);
            drop(tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await);
        }
    };
    let server = id("gpu-1");
    let health = tokio::select! {
        health = host.admin.gpu_server_health(&server) => health.unwrap(),
        () = answering => unreachable!(),
    };
    assert!(reason(&health).contains("cannot be used"), "{}", reason(&health));
}
