//! Who signed, as the container hears it, and what miners hand in by the old path.

use platform_domain::PlainToken;
use platform_keys::{Keypair, Scheme};
use platform_tests::HostBuilder;
use serde_json::json;
use tokio::net::TcpListener;

use crate::{
    epochs::NETUID,
    gateway::{
        line::Line,
        signing::Signing,
        stage::{Seen, Stage, TARGETS, image, run_container},
        upstream::Listening,
    },
};

/// What a client says of itself.
const FORGED: &str = "X-Platform-Verified-Hotkey: me\r\nX-Platform-Verified-Uid: 0\r\nx-platform-verified-nonce: 1\r\n\
                      X_Platform_Verified_Hotkey: me\r\nAuthorization: Bearer mine\r\nX-Platform-Challenge-Slug: other\r\n";

/// What a container hears of who signed.
fn verified(seen: &Seen) -> Vec<(&str, &str)> {
    let all = seen
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    all.filter(|(name, _)| name.replace('_', "-").contains("verified"))
        .collect()
}

#[tokio::test]
async fn a_container_hears_who_signed_and_a_component_knows_it_by_both_schemes() {
    let (stage, key) = (Stage::start().await, Keypair::generate().unwrap());
    for scheme in [Scheme::FIRST, Scheme::Second] {
        for slug in TARGETS {
            let signing = Signing {
                scheme,
                more: FORGED,
                ..Signing::new(&key, slug, "/x%2F?a=%20b", b"\0\xff")
            };
            let (answer, seen) = stage.single(slug, signing.bytes()).await;
            assert_eq!(answer.status(), 200, "{}", answer.reason());
            let seen = seen.unwrap();
            assert_eq!(
                (seen.target.as_str(), seen.body.as_slice()),
                ("/x%2F?a=%20b", &b"\0\xff"[..])
            );
            for name in [
                "x-hotkey",
                "x-signature",
                "x-nonce",
                "x-timestamp",
                "x-signature-version",
                "authorization",
            ] {
                assert!(seen.all(name).is_empty(), "{slug}: {name}");
            }
            let (hotkey, nonce) = (key.hotkey().to_string(), signing.nonce.to_string());
            if slug == "box" {
                let expected = [
                    ("x-platform-verified-hotkey", &*hotkey),
                    ("x-platform-verified-nonce", &nonce),
                ];
                assert_eq!(verified(&seen), expected);
            } else {
                assert_eq!(answer.json()["caller"], json!({"hotkey": hotkey, "uid": null}));
                assert!(verified(&seen).is_empty());
            }
            // The query is part of what the second scheme signs, and of what the first does not.
            let other = String::from_utf8_lossy(
                &Signing {
                    scheme,
                    ..Signing::new(&key, slug, "/x?a", b"")
                }
                .bytes(),
            )
            .replace("/x?a", "/x?b");
            let status = if scheme == Scheme::FIRST { 200 } else { 401 };
            assert_eq!(stage.single(slug, other).await.0.status(), status);
        }
    }
    for slug in TARGETS {
        let forged =
            format!("GET /challenges/{slug}/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{FORGED}\r\n");
        let (answer, seen) = stage.single(slug, forged).await;
        assert!(
            answer.status() == 200 && verified(&seen.unwrap()).is_empty(),
            "{slug}"
        );
    }
}

#[tokio::test]
async fn what_miners_hand_in_by_the_old_path_comes_to_the_private_door_with_the_token_of_the_challenge() {
    let (stage, key) = (Stage::start().await, Keypair::generate().unwrap());
    let created = run_container(&stage.host, &image("vault", stage.container.at, json!({}))).await;
    let token: &PlainToken = &created.challenge_token;
    let bearer = format!("Bearer {}", token.reveal());
    for (scheme, query) in [
        (Scheme::FIRST, ""),
        (Scheme::Second, ""),
        (Scheme::Second, "?name=a%20b"),
    ] {
        for slug in ["vault", "echo"] {
            let signing = Signing {
                scheme,
                target: format!("/v1/challenges/{slug}/submissions{query}"),
                more: FORGED,
                ..Signing::new(&key, slug, "", b"a program")
            };
            stage
                .container
                .says(|_| b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nid".to_vec());
            // Whatever is recorded came by the container.
            let (answer, seen) = stage
                .single(if slug == "echo" { "echo" } else { "box" }, signing.bytes())
                .await;
            let seen = seen.unwrap();
            assert_eq!(
                (seen.method.as_str(), seen.body.as_slice()),
                ("POST", &b"a program"[..])
            );
            if slug == "echo" {
                assert_eq!(
                    (answer.status(), seen.target),
                    (200, format!("/submissions{query}"))
                );
                assert_eq!(answer.json()["caller"]["hotkey"], json!(key.hotkey()));
                continue;
            }
            assert_eq!((answer.status(), answer.body.as_slice()), (202, &b"id"[..]));
            assert_eq!(seen.target, format!("/internal/v1/bridge/submissions{query}"));
            assert_eq!(seen.all("authorization"), [&bearer]);
            assert_eq!(seen.all("x-platform-challenge-slug"), ["vault"]);
            let (hotkey, nonce) = (key.hotkey().to_string(), signing.nonce.to_string());
            let expected = [
                ("x-platform-verified-hotkey", &*hotkey),
                ("x-platform-verified-nonce", &nonce),
            ];
            assert_eq!(verified(&seen), expected);
            // It counts once, by whichever path.
            assert_eq!(stage.single("box", signing.bytes()).await.0.status(), 409);
        }
    }
    // What became of it anybody may ask, and signed it is told who asks.
    let asked = "GET /v1/challenges/vault/submissions/7a?full HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
    let (answer, seen) = stage.single("box", format!("{asked}{FORGED}\r\n")).await;
    let seen = seen.unwrap();
    assert_eq!(
        (answer.status(), seen.target.as_str()),
        (202, "/v1/submissions/7a?full")
    );
    assert!(verified(&seen).is_empty() && seen.all("x-platform-challenge-slug") == ["vault"]);
    assert!(!seen.all("authorization").contains(&"Bearer mine"));
    let signing = Signing {
        method: "GET",
        target: "/v1/challenges/vault/submissions/7a".to_owned(),
        ..Signing::new(&key, "vault", "", b"")
    };
    let (_, seen) = stage.single("box", signing.bytes()).await;
    let seen = seen.unwrap();
    assert_eq!(
        (seen.target.as_str(), verified(&seen).len()),
        ("/v1/submissions/7a", 2)
    );
    // By its public routes nobody has the token's door.
    let (answer, seen) = stage
        .single(
            "box",
            Signing::new(&key, "vault", "/internal/v1/bridge/submissions", b"x").bytes(),
        )
        .await;
    assert_eq!((answer.status(), seen), (403, None));
    let (_, seen) = stage
        .single("box", Signing::new(&key, "vault", "/x", b"x").bytes())
        .await;
    assert!(seen.unwrap().all("authorization").is_empty());
}

#[tokio::test]
async fn a_container_that_is_not_there_is_502_and_uses_up_no_nonce() {
    let mut builder = HostBuilder::default();
    builder.config.chain.netuid = NETUID;
    let (host, key) = (builder.start().await, Keypair::generate().unwrap());
    let listening = Listening::bind().await;
    let at = listening.at();
    run_container(&host, &image("box", at, json!({}))).await;
    drop(listening);
    let send = async |bytes: &[u8]| {
        let mut line = Line::connect(&host.public).await;
        line.write(bytes).await;
        line
    };
    let routes = Signing::new(&key, "box", "/x", b"body").bytes();
    let old = Signing {
        target: "/v1/challenges/box/submissions".to_owned(),
        ..Signing::new(&key, "box", "", b"body")
    }
    .bytes();
    for request in [&routes, &old] {
        for _ in 0..3 {
            let answer = send(request).await.answer("POST").await.unwrap();
            assert_eq!(answer.status(), 502);
            assert_eq!(answer.json()["error"]["code"], "challenge_unavailable");
            assert!(
                !answer.text().contains(&at.port().to_string()),
                "nobody is told where it should be"
            );
            assert!(
                !String::from_utf8(answer.body)
                    .unwrap()
                    .contains(&at.port().to_string())
            );
        }
    }
    // It comes back at the same place, and the same requests count.
    let listening = TcpListener::bind(at).await.unwrap();
    for request in [&routes, &old] {
        let mut client = send(request).await;
        let mut upstream = Line::new(listening.accept().await.unwrap().0);
        upstream.request().await.unwrap();
        upstream
            .write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            .await;
        assert_eq!(client.answer("POST").await.unwrap().status(), 200);
        assert_eq!(
            send(request).await.answer("POST").await.unwrap().status(),
            409,
            "once"
        );
    }
    // One that hangs up may have done what it was asked.
    let request = Signing::new(&key, "box", "/x", b"body").bytes();
    let mut client = send(&request).await;
    let mut upstream = Line::new(listening.accept().await.unwrap().0);
    upstream.request().await.unwrap();
    drop(upstream);
    assert_eq!(client.answer("POST").await.unwrap().status(), 502);
    assert_eq!(send(&request).await.answer("POST").await.unwrap().status(), 409);
}
