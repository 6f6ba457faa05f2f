//! An engine over TCP: certificates on both sides, or nothing.

use std::{fs, io::Write as _, net::IpAddr, process::Stdio};

use platform_docker::{ClientTls, Endpoint, Engine, EngineError};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType};
use tempfile::TempDir;

use crate::engine::{Filter, TestEngine};

struct Authority(Issuer<'static, KeyPair>, String);

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self(Issuer::new(params, key), pem)
    }

    /// Certificate and key.
    fn issue(&self, usage: ExtendedKeyUsagePurpose, address: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.extended_key_usages = vec![usage];
        params.subject_alt_names = vec![SanType::IpAddress(address.parse::<IpAddr>().unwrap())];
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

#[tokio::test]
async fn an_engine_over_tcp_is_spoken_to_only_with_the_right_certificates_on_both_sides() {
    let (ours, other) = (Authority::new(), Authority::new());
    let dir = TempDir::new().unwrap();
    let (server, server_key) = ours.issue(ExtendedKeyUsagePurpose::ServerAuth, "127.0.0.1");
    let at = |name: &str, pem: &str| {
        let path = dir.path().join(name);
        fs::write(&path, pem).unwrap();
        path.display().to_string()
    };
    let engine = TestEngine::start_with(
        Filter::None,
        &[
            "--host",
            "tcp://127.0.0.1:0",
            "--tlsverify",
            "--tlscacert",
            &at("ca.pem", &ours.1),
            "--tlscert",
            &at("cert.pem", &server),
            "--tlskey",
            &at("key.pem", &server_key),
        ],
    );
    let address = format!("tcp://{}", engine.tcp.as_deref().unwrap());
    let speaks = async |believed: &Authority, issuer: &Authority, address: &str| {
        let (certificate, key) = issuer.issue(ExtendedKeyUsagePurpose::ClientAuth, "127.0.0.1");
        let tls = ClientTls::from_pem(believed.1.as_bytes(), certificate.as_bytes(), key.as_bytes()).unwrap();
        let endpoint = Endpoint::parse(address, Some(tls)).unwrap();
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
    assert!(Endpoint::parse(&address, None).is_err());
    let mut plain = std::process::Command::new("openssl")
        .args([
            "s_client",
            "-quiet",
            "-ign_eof",
            "-connect",
            engine.tcp.as_deref().unwrap(),
        ])
        .args(["-CAfile", &at("ca.pem", &ours.1)])
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
    let (certificate, key) = ours.issue(ExtendedKeyUsagePurpose::ClientAuth, "127.0.0.1");
    let tls = ClientTls::from_pem(ours.1.as_bytes(), certificate.as_bytes(), key.as_bytes()).unwrap();
    let followed = Engine::new(Endpoint::parse(&address, Some(tls)).unwrap()).unwrap();
    followed.ping().await.unwrap();
    tokio::task::spawn_blocking(move || drop(engine)).await.unwrap();
    let error = followed.ping().await.unwrap_err();
    assert!(
        matches!(&error, EngineError::Absent { hint, .. } if hint == "nobody listens there"),
        "{error:?}"
    );
}
