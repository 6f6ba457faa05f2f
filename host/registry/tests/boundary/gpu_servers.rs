//! GPU servers: what may be said of them, what stays while somebody holds their GPUs, and certificates that nobody sees again.
//! Engines that answer are met in `tests/integration/gpu_servers.rs`.

use std::{fs, time::SystemTime};

use platform_domain::{GpuServerId, Labels, LeaseMode, LeaseState, Placement};
use platform_fleet::{Engines, Fleet, READY_TIME, TlsFiles};
use platform_registry::{GpuServerError, GpuServerPatch, GpuServers, KeptCertificates, NewGpuServer};
use platform_store::gpu_leases;

use crate::host::Host;

const SOCKET: &str = "unix:///nonexistent/docker.sock";
const TCP: &str = "tcp://gpu-1.example:2376";

fn servers(host: &Host) -> GpuServers {
    let key_file = host.dir.path().join("secrets.key");
    let engines = Engines::new(host.store.clone(), key_file, None).unwrap();
    let owner = "of-a-test".parse().unwrap();
    let fleet = Fleet::new(host.store.clone(), engines, owner, READY_TIME, None);
    GpuServers::new(&host.registry, fleet)
}

fn id(text: &str) -> GpuServerId {
    text.parse().unwrap()
}

fn server(name: &str, endpoint: &str) -> NewGpuServer {
    NewGpuServer {
        id: id(name),
        endpoint: endpoint.parse().unwrap(),
        labels: Labels::default(),
        gpus: "a100:4".parse().unwrap(),
        lease: LeaseMode::Exclusive,
        enabled: true,
        description: None,
        tls: None,
    }
}

fn tls() -> TlsFiles {
    let made = rcgen::generate_simple_self_signed(["host".to_owned()]).unwrap();
    TlsFiles {
        authority: made.cert.pem(),
        certificate: made.cert.pem(),
        key: made.signing_key.serialize_pem(),
    }
}

fn secured(name: &str) -> NewGpuServer {
    let tls = Some(tls());
    NewGpuServer {
        tls,
        ..server(name, TCP)
    }
}

/// Gives GPUs to a challenge, as a start of its container would.
async fn hold(host: &Host, lease: &str, holder: &str, server: &str, devices: &[u16]) {
    let slug = crate::host::slug(holder);
    if host.registry.challenge_get(&slug).await.is_err() {
        host.registry.challenge_create(host.echo(holder)).await.unwrap();
    }
    let placement = Placement {
        server: id(server),
        devices: devices.iter().copied().collect(),
    };
    let (lease, now) = (lease.parse().unwrap(), SystemTime::now().into());
    let given = host.store.write("hold", move |connection| {
        gpu_leases::acquire(connection, &lease, &slug, &placement, now)
    });
    given.await.unwrap();
}

fn field(error: GpuServerError) -> String {
    match error {
        GpuServerError::Field(error) => error.field,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_server_is_registered_changed_and_removed() {
    let host = Host::start().await;
    let servers = servers(&host);
    let seen = servers.create(server("gpu-1", SOCKET)).await.unwrap();
    assert_eq!(
        (seen.free.len(), seen.certificates, seen.lost_at),
        (4, None, None)
    );
    let again = servers.create(server("gpu-1", SOCKET)).await.unwrap_err();
    assert!(matches!(again, GpuServerError::Exists(_)), "{again:?}");
    let over_ssh = servers.create(server("gpu-2", "ssh://docker@far.example")).await;
    assert_eq!(
        over_ssh.unwrap().server.endpoint.to_string(),
        "ssh://docker@far.example"
    );

    let patch = GpuServerPatch {
        gpus: Some("a100:4,h100:1".parse().unwrap()),
        lease: Some("shared(2)".parse().unwrap()),
        labels: Some("zone=eu".parse().unwrap()),
        description: Some(Some("In the cellar".to_owned())),
        ..GpuServerPatch::default()
    };
    let seen = servers.patch(&id("gpu-1"), patch.clone()).await.unwrap();
    assert_eq!(seen.free.values().copied().sum::<u16>(), 10);
    assert_eq!(seen.server.description.as_deref(), Some("In the cellar"));
    assert_eq!(
        servers.patch(&id("gpu-1"), patch).await.unwrap().server,
        seen.server
    );
    assert!(!servers.disable(&id("gpu-1")).await.unwrap().server.enabled);
    assert!(servers.enable(&id("gpu-1")).await.unwrap().server.enabled);

    let names = servers.list().await.unwrap();
    assert_eq!(names.len(), 2);
    servers.delete(&id("gpu-1")).await.unwrap();
    let nobody = id("gpu-1");
    for gone in [
        servers.get(&nobody).await.map(drop),
        servers.patch(&nobody, GpuServerPatch::default()).await.map(drop),
        servers.enable(&nobody).await.map(drop),
        servers.disable(&nobody).await.map(drop),
        servers.health(&nobody).await.map(drop),
        servers.delete(&nobody).await,
    ] {
        assert!(matches!(gone, Err(GpuServerError::NotFound(_))), "{gone:?}");
    }
}

#[tokio::test]
async fn a_field_of_a_server_that_is_not_acceptable_is_named() {
    let host = Host::start().await;
    let servers = servers(&host);
    let spoiled = |change: fn(&mut NewGpuServer)| {
        let mut new = secured("gpu-1");
        change(&mut new);
        new
    };
    let change = |change: fn(&mut TlsFiles)| {
        let mut new = secured("gpu-1");
        change(new.tls.as_mut().unwrap());
        new
    };
    for (new, expected) in [
        (spoiled(|new| new.tls = None), "tls"),
        (spoiled(|new| new.endpoint = SOCKET.parse().unwrap()), "tls"),
        (
            spoiled(|new| new.description = Some("x".repeat(2001))),
            "description",
        ),
        (
            spoiled(|new| new.description = Some("\u{7}".to_owned())),
            "description",
        ),
        (
            change(|tls| tls.authority = "hunter2".to_owned()),
            "tls.authority",
        ),
        (change(|tls| tls.certificate.clear()), "tls.certificate"),
        (change(|tls| tls.key = tls.certificate.clone()), "tls.key"),
        (
            change(|tls| tls.key = format!("{}{}", tls.key, " ".repeat(32 << 10))),
            "tls.key",
        ),
        (change(|tls| tls.key = self::tls().key), "tls"),
    ] {
        let error = servers.create(new).await.unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
        assert_eq!(field(error), expected);
    }
    assert!(
        !host.dir.path().join("secrets.key").exists(),
        "nothing was sealed"
    );
    servers.create(secured("gpu-1")).await.unwrap();
    let patch = GpuServerPatch {
        tls: Some(TlsFiles {
            key: "x".to_owned(),
            ..tls()
        }),
        ..GpuServerPatch::default()
    };
    assert_eq!(
        field(servers.patch(&id("gpu-1"), patch).await.unwrap_err()),
        "tls.key"
    );
}

#[tokio::test]
async fn there_are_only_so_many_servers() {
    let host = Host::start().await;
    let servers = servers(&host);
    for n in 0..64 {
        servers.create(server(&format!("gpu-{n}"), SOCKET)).await.unwrap();
    }
    let more = servers.create(server("more", SOCKET)).await.unwrap_err();
    assert!(matches!(more, GpuServerError::TooMany), "{more:?}");
    servers.delete(&id("gpu-7")).await.unwrap();
    servers.create(server("more", SOCKET)).await.unwrap();
}

#[tokio::test]
async fn what_is_held_stays_and_its_holders_are_named() {
    let host = Host::start().await;
    let servers = servers(&host);
    let shared = NewGpuServer {
        lease: "shared(2)".parse().unwrap(),
        ..server("gpu-1", SOCKET)
    };
    servers.create(shared).await.unwrap();
    hold(&host, "one", "ab", "gpu-1", &[1, 2]).await;
    hold(&host, "two", "cd", "gpu-1", &[2]).await;
    let patch = GpuServerPatch::default;
    let endpoint = GpuServerPatch {
        endpoint: Some("ssh://docker@far.example".parse().unwrap()),
        ..patch()
    };
    let gpus = |text: &str| GpuServerPatch {
        gpus: Some(text.parse().unwrap()),
        ..patch()
    };
    let lease = |text: &str| GpuServerPatch {
        lease: Some(text.parse().unwrap()),
        ..patch()
    };
    for (patch, held, named) in [
        (endpoint.clone(), Some("endpoint"), "ab, cd"),
        (gpus("a100:2"), Some("gpus"), "ab, cd"),
        (gpus("a100:1,h100:1,a100:2"), Some("gpus"), "by ab"),
        // Both hold number 2, so one of them has its second place.
        (lease("exclusive"), None, "by cd"),
    ] {
        let error = servers.patch(&id("gpu-1"), patch).await.unwrap_err();
        assert!(error.to_string().ends_with(named), "{error}");
        assert!(
            matches!(&error, GpuServerError::InUse { field, .. } if *field == held),
            "{error:?}"
        );
    }
    let in_use = servers.delete(&id("gpu-1")).await.unwrap_err();
    assert!(in_use.to_string().contains("ab, cd"), "{in_use}");
    for allowed in [
        gpus("h100:1,a100:3"),
        gpus("h100:1,a100:2"),
        gpus("h100:1,a100:8"),
        lease("shared(3)"),
    ] {
        servers.patch(&id("gpu-1"), allowed).await.unwrap();
    }
    servers.disable(&id("gpu-1")).await.unwrap();

    // A server that is lost may be found at another place, or go for good.
    let health = servers.health(&id("gpu-1")).await.unwrap();
    assert!(health.engine.is_err() && health.seen.lost_at.is_some());
    assert!(
        health
            .seen
            .leases
            .iter()
            .all(|lease| lease.state == LeaseState::Expired)
    );
    servers.patch(&id("gpu-1"), endpoint).await.unwrap();
    let gone = servers.patch(&id("gpu-1"), gpus("h100:1")).await.unwrap_err();
    assert!(matches!(gone, GpuServerError::InUse { .. }), "{gone:?}");
    servers.delete(&id("gpu-1")).await.unwrap();
}

#[tokio::test]
async fn certificates_are_sealed_kept_and_replaced_and_go_with_the_endpoint() {
    let host = Host::start().await;
    let servers = servers(&host);
    let new = secured("gpu-1");
    let key = new.tls.as_ref().unwrap().key.clone();
    servers.create(new).await.unwrap();
    let kept = servers.get(&id("gpu-1")).await.unwrap().certificates;
    let Some(KeptCertificates::Readable { ends_at: Some(first) }) = kept else {
        panic!("{kept:?}")
    };
    assert!(first.0 > 1_767_225_600);
    let secret = key.lines().nth(1).unwrap().as_bytes();
    for entry in fs::read_dir(host.dir.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            let found = bytes.windows(secret.len()).any(|window| window == secret);
            assert!(!found, "the key is in {}", path.display());
        }
    }

    // Another socket needs none, and the way back needs them again.
    let to = |endpoint: &str, tls| GpuServerPatch {
        endpoint: Some(endpoint.parse().unwrap()),
        tls,
        ..GpuServerPatch::default()
    };
    let seen = servers.patch(&id("gpu-1"), to(SOCKET, None)).await.unwrap();
    assert_eq!(seen.certificates, None);
    assert_eq!(
        field(servers.patch(&id("gpu-1"), to(TCP, None)).await.unwrap_err()),
        "tls"
    );
    assert_eq!(
        field(
            servers
                .patch(&id("gpu-1"), to(SOCKET, Some(tls())))
                .await
                .unwrap_err()
        ),
        "tls"
    );
    let seen = servers.patch(&id("gpu-1"), to(TCP, Some(tls()))).await.unwrap();
    assert!(seen.certificates.is_some());
}

#[tokio::test]
async fn a_key_that_is_lost_is_told_and_no_other_is_made_while_certificates_are_sealed_with_it() {
    let host = Host::start().await;
    let servers = servers(&host);
    servers.create(secured("gpu-1")).await.unwrap();
    let key_file = host.dir.path().join("secrets.key");
    let key = fs::read(&key_file).unwrap();
    fs::remove_file(&key_file).unwrap();
    let listed = servers.list().await.unwrap();
    assert_eq!(listed[0].certificates, Some(KeptCertificates::Unreadable));
    let refused = servers.create(secured("gpu-2")).await.unwrap_err();
    assert!(matches!(refused, GpuServerError::Secret(_)), "{refused:?}");
    assert!(!key_file.exists());
    // Nothing is known of a server whose certificates the host cannot open.
    let health = servers.health(&id("gpu-1")).await.unwrap();
    assert!(health.engine.is_err() && health.seen.lost_at.is_none());
    // What has no certificates goes on.
    servers.create(server("gpu-3", SOCKET)).await.unwrap();
    // Its own certificates are set again, for nothing else was sealed with the key that is lost.
    let patch = GpuServerPatch {
        tls: Some(tls()),
        ..GpuServerPatch::default()
    };
    let seen = servers.patch(&id("gpu-1"), patch).await.unwrap();
    assert!(matches!(
        seen.certificates,
        Some(KeptCertificates::Readable { .. })
    ));
    assert_ne!(fs::read(&key_file).unwrap(), key);
    servers.create(secured("gpu-2")).await.unwrap();
}
