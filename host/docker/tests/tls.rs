//! An engine over TCP: certificates on both sides, or nothing.

use std::{io::Write as _, process::Stdio};

use platform_docker::{ClientTls, Endpoint, Engine, EngineError};
use tempfile::TempDir;

use crate::{
    authority::Authority,
    dial,
    engine::{Filter, TestEngine},
    fixture::{RELAY_IMAGE, endpoint},
};

#[tokio::test]
async fn an_engine_over_tcp_is_spoken_to_only_with_the_right_certificates_on_both_sides() {
    let (ours, other) = (Authority::new(), Authority::new());
    let dir = TempDir::new().unwrap();
    let options = ours.options(dir.path());
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let engine = TestEngine::start_with(Filter::None, &options);
    let address = format!("tcp://{}", engine.tcp.as_deref().unwrap());
    let speaks = async |believed: &Authority, issuer: &Authority, address: &str| {
        let (certificate, key) = issuer.client();
        let tls = ClientTls::from_pem(believed.1.as_bytes(), certificate.as_bytes(), key.as_bytes()).unwrap();
        let endpoint = endpoint(address, Some(tls));
        assert!(!endpoint.is_local());
        Engine::new(endpoint).unwrap().describe().await
    };
    let told = speaks(&ours, &ours, &address).await.unwrap();
    assert_eq!(told.platform.os, "linux");
    // It is not the one that we believe; it does not believe us; its certificate is for another name.
    let elsewhere = address.replace("127.0.0.1", "localhost");
    for (believed, issuer, address) in [
        (&other, &ours, &address),
        (&ours, &other, &address),
        (&ours, &ours, &elsewhere),
    ] {
        let error = speaks(believed, issuer, address).await.unwrap_err();
        assert!(matches!(error, EngineError::Absent { .. }), "{error:?}");
    }
    // Without a certificate there is no endpoint to begin with; whoever tries by other means gets nothing.
    assert!(Endpoint::new(&address.parse().unwrap(), None).is_err());
    let mut plain = std::process::Command::new("openssl")
        .args([
            "s_client",
            "-quiet",
            "-ign_eof",
            "-connect",
            engine.tcp.as_deref().unwrap(),
        ])
        .arg("-CAfile")
        .arg(dir.path().join("tlscacert"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(
        plain
            .stdin
            .take()
            .unwrap()
            .write_all(b"GET /version HTTP/1.0\r\n\r\n"),
    );
    let plain = plain.wait_with_output().unwrap();
    assert!(
        String::from_utf8_lossy(&plain.stderr).contains("bad certificate"),
        "{plain:?}"
    );
    assert!(plain.stdout.is_empty(), "{plain:?}");
    // An engine that stops is an error for whoever asks.
    let (certificate, key) = ours.client();
    let tls = ClientTls::from_pem(ours.1.as_bytes(), certificate.as_bytes(), key.as_bytes()).unwrap();
    let followed = Engine::new(endpoint(&address, Some(tls))).unwrap();
    // Connections into its networks are carried, too.
    engine.import_relay(RELAY_IMAGE);
    let relay = dial::relay(&followed, &"dials".parse().unwrap(), None).await;
    dial::does_what_a_connection_does(&followed, &engine, &relay).await;
    followed.ping().await.unwrap();
    tokio::task::spawn_blocking(move || drop(engine)).await.unwrap();
    let error = followed.ping().await.unwrap_err();
    assert!(
        matches!(&error, EngineError::Absent { hint, .. } if hint == "nobody listens there"),
        "{error:?}"
    );
}
