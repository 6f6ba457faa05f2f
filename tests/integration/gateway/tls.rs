//! The public port over TLS: both versions of HTTP, and what a challenge hears of it.

use std::{fs, sync::Arc};

use h2::client::handshake;
use http::Request;
use platform_host::settings::TlsFiles;
use platform_keys::Keypair;
use platform_tests::HostBuilder;
use rcgen::generate_simple_self_signed;
use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer};
use tokio::{net::TcpStream, task::JoinSet};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    line::{Line, Message},
    signing::Signing,
    stage::{Stage, TARGETS},
};

/// Writes a new certificate for `localhost` with its key, and says who trusts it.
fn certificate(files: &TlsFiles) -> CertificateDer<'static> {
    let made = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(
        &files.key_file,
        pem("PRIVATE KEY", &made.signing_key.serialize_der()),
    )
    .unwrap();
    fs::write(&files.certificate_file, pem("CERTIFICATE", made.cert.der())).unwrap();
    made.cert.der().clone()
}

fn pem(what: &str, der: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN {what}-----\n{}\n-----END {what}-----\n",
        lines.join("\n")
    )
}

/// A connection that speaks one of these, and which.
async fn connect(
    stage: &Stage,
    trusted: &CertificateDer<'static>,
    offered: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    drop(rustls::crypto::ring::default_provider().install_default());
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let mut config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = offered.iter().map(|name| name.to_vec()).collect();
    let stream = TcpStream::connect(stage.host.public.split_once("://").unwrap().1)
        .await
        .unwrap();
    TlsConnector::from(Arc::new(config))
        .connect("localhost".try_into().unwrap(), stream)
        .await
}

async fn secure() -> (Stage, CertificateDer<'static>, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let files = TlsFiles {
        certificate_file: dir.path().join("chain.pem"),
        key_file: dir.path().join("key.pem"),
    };
    let trusted = certificate(&files);
    let set = |builder: &mut HostBuilder| builder.config.public.tls = Some(files);
    (Stage::with(set).await, trusted, dir)
}

/// What both kinds of challenge say of where a request came from.
fn proto(stage: &Stage, slug: &str, body: &[u8]) -> (Vec<String>, Vec<String>) {
    let found = |name: &str| match slug {
        "box" => stage.container.last().all(name),
        _ => {
            let seen: serde_json::Value = serde_json::from_slice(body).unwrap();
            let pairs = seen["headers"].as_array().unwrap().clone();
            let named = pairs.into_iter().filter(|pair| pair[0] == name);
            named.map(|pair| pair[1].as_str().unwrap().to_owned()).collect()
        }
    };
    (found("x-forwarded-proto"), found("x-forwarded-host"))
}

#[tokio::test]
async fn a_challenge_hears_that_its_client_came_over_tls_by_either_version() {
    let (stage, trusted, _dir) = secure().await;
    let key = Keypair::generate().unwrap();
    for slug in TARGETS {
        // HTTP/1.1, offered or with nothing offered.
        for offered in [&[&b"http/1.1"[..]][..], &[]] {
            let stream = connect(&stage, &trusted, offered).await.unwrap();
            assert_eq!(stream.get_ref().1.alpn_protocol(), offered.first().copied());
            let mut line = Line::new(stream);
            let request = Signing {
                more: "X-Forwarded-Port: 1\r\n",
                ..Signing::new(&key, slug, "/x?q", b"body")
            };
            line.write(request.bytes()).await;
            let answer: Message = line.answer("POST").await.unwrap();
            assert_eq!(answer.status(), 200);
            let expected = (vec!["https".to_owned()], vec!["x".to_owned()]);
            assert_eq!(proto(&stage, slug, &answer.body), expected, "{slug}");
        }
        // HTTP/2, which is the better one when both are offered; several requests on one connection.
        let stream = connect(&stage, &trusted, &[b"http/1.1", b"h2"]).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (mut client, connection) = handshake(stream).await.unwrap();
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        for (path, status) in [
            ("/x?q", 200),
            ("/internal", 403),
            ("/%69nternal", 403),
            ("/x", 200),
        ] {
            let request = Request::get(format!("https://localhost/challenges/{slug}{path}"))
                .header("x-platform-verified-hotkey", "me")
                .header("x-request-id", "mine")
                .body(())
                .unwrap();
            client = client.ready().await.unwrap();
            let (answer, _) = client.send_request(request, true).unwrap();
            let answer = answer.await.unwrap();
            assert_eq!(answer.status(), status, "{slug} {path}");
            assert_eq!(answer.headers().get_all("x-request-id").iter().count(), 1);
            let mut arriving = answer.into_body();
            let mut body = Vec::new();
            while let Some(piece) = arriving.data().await {
                let piece = piece.unwrap();
                arriving.flow_control().release_capacity(piece.len()).unwrap();
                body.extend(piece);
            }
            if status == 200 {
                let expected = (vec!["https".to_owned()], vec!["localhost".to_owned()]);
                assert_eq!(proto(&stage, slug, &body), expected, "{slug}");
                if slug == "box" {
                    let seen = stage.container.last();
                    assert_eq!(seen.asked().1, path);
                    assert!(seen.all("x-platform-verified-hotkey").is_empty());
                    assert_eq!(seen.all("host"), [stage.container.at.to_string()]);
                }
            }
        }
    }
}

#[tokio::test]
async fn nothing_is_said_in_clear_and_nobody_is_believed_to_be_another_host() {
    let (stage, trusted, dir) = secure().await;
    let mut line = Line::connect(&stage.host.public).await;
    line.write("GET /challenges/box/x HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    let said = line.rest().await;
    assert!(!said.starts_with(b"HTTP/"), "{said:?}");
    assert!(stage.container.take().is_empty());
    // A client that trusts another certificate hangs up.
    let other = generate_simple_self_signed(["localhost".to_owned()])
        .unwrap()
        .cert
        .der()
        .clone();
    assert!(connect(&stage, &other, &[]).await.is_err());
    assert!(
        connect(&stage, &trusted, &[b"spdy/1"]).await.is_err(),
        "nothing in common"
    );
    // Nothing of the key is anywhere to be had.
    let key = fs::read_to_string(dir.path().join("key.pem")).unwrap();
    let line_of_key = key.lines().nth(1).unwrap();
    let mut secure = Line::new(connect(&stage, &trusted, &[]).await.unwrap());
    secure
        .write("GET /challenges HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await;
    let list = secure.answer("GET").await.unwrap();
    assert!(list.status() == 200 && !String::from_utf8_lossy(&list.body).contains(line_of_key));
}
