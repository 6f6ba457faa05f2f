//! Signatures across a restart, and whose count in a subnet.

use platform_keys::{Keypair, Scheme};
use platform_tests::{HostBuilder, TestHost};
use serde_json::json;

use super::{
    line::{Line, Message},
    signing::Signing,
    stage::{Stage, TARGETS, image, run_container},
    upstream::Upstream,
};
use crate::epochs::{NETUID, devnet, devnet_with};

async fn send(host: &TestHost, bytes: &[u8]) -> Message {
    let mut line = Line::connect(&host.public).await;
    line.write(bytes).await;
    line.answer("POST").await.unwrap()
}

#[tokio::test]
async fn what_was_used_before_a_restart_is_refused_after_it() {
    let (mut stage, key) = (Stage::start().await, Keypair::generate().unwrap());
    let mut used = Vec::new();
    let mut unused = Vec::new();
    for slug in TARGETS {
        for scheme in [Scheme::FIRST, Scheme::Second] {
            let request = || {
                Signing {
                    scheme,
                    ..Signing::new(&key, slug, "/x", b"{}")
                }
                .bytes()
            };
            used.push(request());
            unused.push(request());
        }
    }
    for request in &used {
        assert_eq!(send(&stage.host, request).await.status(), 200);
        assert_eq!(send(&stage.host, request).await.status(), 409);
    }
    for restart in 0..2 {
        stage.host.restart().await;
        for slug in TARGETS {
            stage.host.running(slug).await;
        }
        for request in &used {
            let answer = send(&stage.host, request).await;
            assert_eq!(
                (answer.status(), answer.reason().as_str()),
                (409, "nonce already used"),
                "{restart}"
            );
        }
    }
    // The restart makes nothing stale.
    for request in &unused {
        assert_eq!(send(&stage.host, request).await.status(), 200);
        assert_eq!(send(&stage.host, request).await.status(), 409);
    }
    // Of its own caller alone, and of its own challenge.
    let first = Signing::new(&key, "echo", "/x", b"");
    assert_eq!(send(&stage.host, &first.bytes()).await.status(), 200);
    for (key, slug) in [(&Keypair::generate().unwrap(), "echo"), (&key, "box")] {
        let nonce = first.nonce.clone();
        let other = Signing {
            nonce,
            ..Signing::new(key, slug, "/x", b"")
        };
        assert_eq!(send(&stage.host, &other.bytes()).await.status(), 200, "{slug}");
    }
}

/// Both challenges on this host.
async fn both(host: &TestHost) -> Upstream {
    let container = Upstream::start().await;
    host.run_guest("echo", "echo", "0", &[]).await;
    run_container(host, &image("box", container.at, json!({}))).await;
    container
}

#[tokio::test]
async fn in_a_subnet_only_its_miners_count_and_its_owner_does_not() {
    let (validator, miner) = (Keypair::generate().unwrap(), Keypair::generate().unwrap());
    let stranger = Keypair::generate().unwrap();
    let devnet = devnet(&validator, &[miner.hotkey()]).await;
    let host = HostBuilder::default()
        .on(&devnet, NETUID, &validator)
        .start()
        .await;
    let container = both(&host).await;
    // The host has read the subnet then.
    host.admin.weights_preview().await.unwrap();
    container.take();
    for slug in TARGETS {
        for scheme in [Scheme::FIRST, Scheme::Second] {
            let by = |key| {
                Signing {
                    scheme,
                    ..Signing::new(key, slug, "/x", b"")
                }
                .bytes()
            };
            for (key, reason, code) in [
                (&stranger, "unknown hotkey", "unknown_hotkey"),
                (&validator, "blocked uid", "blocked_uid"),
            ] {
                let request = by(key);
                // Nothing is used up by who does not count.
                for _ in 0..2 {
                    let answer = send(&host, &request).await;
                    assert_eq!(
                        (answer.status(), answer.reason().as_str()),
                        (401, reason),
                        "{slug}"
                    );
                    assert_eq!(
                        (&answer.json()["error"]["code"], &answer.json()["detail"]),
                        (&json!(code), &json!(reason))
                    );
                }
            }
            assert!(container.take().is_empty());
            let answer = send(&host, &by(&miner)).await;
            assert_eq!(answer.status(), 200, "{}", answer.reason());
            match slug {
                "echo" => assert_eq!(
                    answer.json()["caller"],
                    json!({"hotkey": miner.hotkey(), "uid": 1})
                ),
                _ => assert_eq!(container.take()[0].all("x-platform-verified-uid"), ["1"]),
            }
        }
        // Unsigned requests are everybody's.
        let unsigned = format!("GET /challenges/{slug}/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        assert_eq!(send(&host, unsigned.as_bytes()).await.status(), 200);
        container.take();
    }
}

#[tokio::test]
async fn the_operator_says_who_counts() {
    let (validator, miner) = (Keypair::generate().unwrap(), Keypair::generate().unwrap());
    let devnet = devnet_with(&validator, &[miner.hotkey()], |_| ()).await;
    let mut builder = HostBuilder::default().on(&devnet, NETUID, &validator);
    builder.config.callers.require_registered = Some(false);
    builder.config.callers.blocked_uids = [platform_domain::Uid(1)].into();
    builder.config.callers.version_1_prefix = "agreed-upon".to_owned();
    let mut host = builder.start().await;
    let _container = both(&host).await;
    host.admin.weights_preview().await.unwrap();
    let status = async |host: &TestHost, scheme, key: &Keypair| {
        let mut statuses = Vec::new();
        for slug in TARGETS {
            let signing = Signing {
                scheme,
                ..Signing::new(key, slug, "/x", b"")
            };
            let answer = send(host, &signing.bytes()).await;
            statuses.push((answer.status(), answer.reason()));
        }
        assert_eq!(statuses[0], statuses[1]);
        statuses.remove(0)
    };
    let fine = (200, String::new());
    let refused = |reason: &str| (401, reason.to_owned());
    let agreed = Scheme::First {
        prefix: "agreed-upon",
    };
    let stranger = Keypair::generate().unwrap();
    assert_eq!(status(&host, Scheme::Second, &stranger).await, fine);
    assert_eq!(status(&host, Scheme::Second, &validator).await, fine);
    assert_eq!(
        status(&host, Scheme::Second, &miner).await,
        refused("blocked uid")
    );
    assert_eq!(status(&host, agreed, &validator).await, fine);
    assert_eq!(
        status(&host, Scheme::FIRST, &validator).await,
        refused("invalid signature")
    );
    host.stop().await;
    host.configure(|config| config.callers.version_1 = false);
    host.start_again().await;
    for slug in TARGETS {
        host.running(slug).await;
    }
    assert_eq!(
        status(&host, agreed, &validator).await,
        refused("signature version 2 is required")
    );
    assert_eq!(status(&host, Scheme::Second, &validator).await, fine);
}

#[tokio::test]
async fn before_the_subnet_is_known_nobody_counts_where_it_matters() {
    let stage = Stage::with(|builder| builder.config.callers.require_registered = Some(true)).await;
    let key = Keypair::generate().unwrap();
    for slug in TARGETS {
        let (answer, seen) = stage
            .single(slug, Signing::new(&key, slug, "/x", b"").bytes())
            .await;
        assert_eq!(
            (answer.status(), answer.reason().as_str(), seen),
            (401, "metagraph unavailable", None)
        );
    }
}
