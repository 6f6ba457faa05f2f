//! TLS, and certificates that change.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use pem_rfc7468::{LineEnding, encode_string};
use platform_listener::{Options, Tls};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion,
    crypto::ring,
    pki_types::{CertificateDer, ServerName},
    version::{TLS12, TLS13},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::sync::CancellationToken;

use crate::server::{LONG, REQUEST, Server, answer, get, http2_client, rest, server, short, spawn};

/// Bytes that a client's system takes by itself.
const RECEIVED: u32 = 16 * 1024;

/// An authority, and a directory for what it issues.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    directory: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self {
            certificate: params.self_signed(&key).unwrap().der().clone(),
            issuer: Issuer::new(params, key),
            directory: TempDir::new().unwrap(),
        }
    }

    /// Where certificate and key are.
    fn paths(&self) -> (PathBuf, PathBuf) {
        let path = |name| self.directory.path().join(name);
        (path("chain.pem"), path("key.pem"))
    }

    /// Writes a new pair.
    fn issue(&self) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let pem = |label, bytes| encode_string(label, LineEnding::LF, bytes).unwrap();
        let (certificate_path, key_path) = self.paths();
        fs::write(certificate_path, pem("CERTIFICATE", certificate.der())).unwrap();
        fs::write(key_path, pem("PRIVATE KEY", &key.serialize_der())).unwrap();
        certificate.der().clone()
    }

    fn open(&self) -> Tls {
        let (certificate, key) = self.paths();
        Tls::open(certificate, key).unwrap()
    }

    async fn connect(
        &self,
        server: &Server,
        protocols: &[&str],
        version: &'static SupportedProtocolVersion,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|it| it.as_bytes().to_vec()).collect();
        let name = ServerName::try_from("localhost").unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(RECEIVED).unwrap();
        let stream = socket.connect(server.address).await.unwrap();
        timeout(LONG, connector.connect(name, stream)).await.unwrap()
    }

    /// A connection that speaks HTTP/1.1, and what it was shown.
    async fn shown(&self, server: &Server) -> (TlsStream<TcpStream>, CertificateDer<'static>) {
        let stream = self.connect(server, &["http/1.1"], &TLS13).await.unwrap();
        let certificate = stream.get_ref().1.peer_certificates().unwrap()[0]
            .clone()
            .into_owned();
        (stream, certificate)
    }
}

async fn secure(authority: &Authority, options: Options) -> (Server, Tls) {
    let tls = authority.open();
    let options = Options {
        tls: Some(tls.clone()),
        ..options
    };
    (server(options).await, tls)
}

async fn asks(stream: &mut TlsStream<TcpStream>, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    answer(stream).await
}

#[tokio::test]
async fn the_handshake_says_which_version_of_http_is_spoken() {
    let authority = Authority::new();
    authority.issue();
    let (server, _) = secure(&authority, Options::default()).await;
    for version in [&TLS12, &TLS13] {
        for protocols in [&["http/1.1"][..], &[]] {
            let mut stream = authority.connect(&server, protocols, version).await.unwrap();
            let answer = asks(&mut stream, "/who").await;
            assert!(
                answer.contains("HTTP/1.1 Peer") && answer.contains("secure: true"),
                "{answer}"
            );
        }
        for protocols in [&["h2"][..], &["http/1.1", "h2"]] {
            let stream = authority.connect(&server, protocols, version).await.unwrap();
            let (mut client, _) = http2_client(stream).await;
            let answer = get(&mut client, "/who").await.unwrap().1;
            assert!(
                answer.contains("HTTP/2.0 Peer") && answer.contains("secure: true"),
                "{answer}"
            );
        }
        assert!(authority.connect(&server, &["gopher"], version).await.is_err());
    }
}

#[tokio::test]
async fn a_new_pair_is_shown_to_new_connections_and_old_ones_go_on() {
    let authority = Authority::new();
    let first = authority.issue();
    let (server, tls) = secure(&authority, Options::default()).await;
    let (mut old, certificate) = authority.shown(&server).await;
    assert_eq!(certificate, first);
    assert!(asks(&mut old, "/quick").await.contains("200 OK"));
    assert!(!tls.reload().unwrap(), "nothing changed");

    let second = authority.issue();
    assert!(tls.reload().unwrap());
    let (mut new, certificate) = authority.shown(&server).await;
    assert_eq!(certificate, second);
    for stream in [&mut old, &mut new] {
        assert!(asks(stream, "/quick").await.contains("200 OK"));
    }
    assert!(!tls.reload().unwrap());

    let (certificate_path, key_path) = authority.paths();
    let key = fs::read(&key_path).unwrap();
    authority.issue();
    fs::write(&key_path, &key).unwrap();
    let error = tls.reload().unwrap_err().to_string();
    assert!(error.contains("is not that of the certificate"), "{error}");
    fs::remove_file(&certificate_path).unwrap();
    let error = tls.reload().unwrap_err().to_string();
    assert!(error.contains("chain.pem"), "{error}");
    assert_eq!(
        authority.shown(&server).await.1,
        second,
        "what is wrong changes nothing"
    );
    assert!(!format!("{tls:?}").contains("PRIVATE"));
}

#[tokio::test]
async fn files_that_change_are_taken_without_a_word_of_anybody() {
    let authority = Authority::new();
    authority.issue();
    let (server, tls) = secure(&authority, Options::default()).await;
    let second = authority.issue();
    let stop = CancellationToken::new();
    let fresh = spawn(tls.keep_fresh(stop.clone()));
    let taken = async { while authority.shown(&server).await.1 != second {} };
    timeout(LONG, taken).await.unwrap();
    stop.cancel();
    timeout(LONG, fresh).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_handshake_that_does_not_end_or_is_none_ends_the_connection() {
    let authority = Authority::new();
    authority.issue();
    let (server, _) = secure(&authority, short()).await;
    // The beginning of a record that announces 512 bytes.
    for sent in [&b""[..], b"\x16\x03\x01\x02\x00\x01", b"\x16\x03\x01"] {
        let mut stream = server.send(sent).await;
        assert!(rest(&mut stream).await.is_empty());
    }
    let mut plain = server.send(REQUEST).await;
    let said = rest(&mut plain).await;
    assert!(!said.starts_with(b"HTTP"), "{said:?}");
    let mut silent = authority.connect(&server, &[], &TLS13).await.unwrap();
    assert!(rest(&mut silent).await.is_empty(), "nothing was asked");
    let (mut stream, _) = authority.shown(&server).await;
    assert!(asks(&mut stream, "/quick").await.contains("200 OK"));
}

#[tokio::test]
async fn a_stop_ends_connections_as_tls_wants_it() {
    let authority = Authority::new();
    authority.issue();
    let (server, _) = secure(
        &authority,
        Options {
            head: Duration::from_secs(60),
            ..Options::default()
        },
    )
    .await;
    let (mut stream, _) = authority.shown(&server).await;
    assert!(asks(&mut stream, "/quick").await.contains("200 OK"));
    let stream2 = authority.connect(&server, &["h2"], &TLS13).await.unwrap();
    let (mut client, end) = http2_client(stream2).await;
    get(&mut client, "/quick").await.unwrap();
    server.stop.cancel();
    // An error if it were cut off.
    timeout(LONG, stream.read_to_end(&mut Vec::new()))
        .await
        .unwrap()
        .unwrap();
    drop(stream);
    timeout(LONG, end).await.unwrap().unwrap().unwrap();
    server.ended().await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_its_answer_is_dropped() {
    let authority = Authority::new();
    authority.issue();
    let options = Options {
        connections: 1,
        ..short()
    };
    let (server, _) = secure(&authority, options).await;
    let (mut deaf, _) = authority.shown(&server).await;
    deaf.write_all(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    // There is one place, so this is answered when the other has lost it.
    let (mut stream, _) = authority.shown(&server).await;
    assert!(asks(&mut stream, "/quick").await.contains("200 OK"));
}
