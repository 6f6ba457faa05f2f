//! A small world on loopback: names with addresses that look like the world's, servers that behave in every way, and a
//! certificate authority. Nothing of it leaves the machine.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use platform_wasm::Network;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
    sync::watch,
};
use tokio_rustls::TlsAcceptor;

/// An address of the world's, which leads to the servers here.
pub(crate) const PUBLIC: &str = "93.184.216.34";

/// What happened, for tests to look at.
#[derive(Default)]
pub(crate) struct Seen {
    /// Names that were looked up.
    pub(crate) looked_up: Vec<String>,
    /// Addresses that were connected to.
    pub(crate) dialed: Vec<SocketAddr>,
}

pub(crate) struct World {
    pub(crate) seen: Arc<Mutex<Seen>>,
    /// Exchanges that a server has begun to answer and not ended.
    pub(crate) open: watch::Receiver<usize>,
    routes: BTreeMap<SocketAddr, SocketAddr>,
    root: Vec<u8>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let (count, open) = watch::channel(0);
        let count = Arc::new(count);
        let plain = listen(None, count.clone()).await;
        let (root, acceptor) = authority();
        let secure = listen(Some(acceptor), count.clone()).await;
        let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let silent = mute.local_addr().unwrap();
        beside(async move {
            let mut held = Vec::new();
            while let Ok((stream, _)) = mute.accept().await {
                held.push(stream);
            }
        });
        // Nobody listens there.
        let closed = "127.0.0.1:1".parse().unwrap();
        let routes = [
            (format!("{PUBLIC}:80"), plain),
            (format!("{PUBLIC}:81"), closed),
            (format!("{PUBLIC}:443"), secure),
            (format!("{PUBLIC}:8080"), plain),
            (format!("{PUBLIC}:8443"), silent),
            ("127.0.0.1:9000".to_owned(), plain),
        ];
        Self {
            seen: Arc::default(),
            open,
            routes: routes.map(|(from, to)| (from.parse().unwrap(), to)).into(),
            root,
        }
    }

    pub(crate) fn network(&self) -> Network {
        let (asked, dialed, routes) = (self.seen.clone(), self.seen.clone(), self.routes.clone());
        Network {
            names: Some(Arc::new(move |name| {
                let mut seen = asked.lock().unwrap();
                let before = seen.looked_up.iter().filter(|before| *before == name).count();
                seen.looked_up.push(name.to_owned());
                addresses(name, before)
            })),
            routes: Some(Arc::new(move |to| {
                dialed.lock().unwrap().dialed.push(to);
                *routes
                    .get(&to)
                    .unwrap_or_else(|| panic!("nothing should connect to {to}"))
            })),
            roots: Some(vec![self.root.clone()]),
        }
    }

    /// Waits until no exchange is open any more.
    pub(crate) async fn quiet(&self) {
        let mut open = self.open.clone();
        let quiet = open.wait_for(|open| *open == 0);
        tokio::time::timeout(Duration::from_secs(20), quiet)
            .await
            .expect("nothing is left open")
            .unwrap();
    }

    /// Waits until so many exchanges are open.
    pub(crate) async fn busy(&self, count: usize) {
        let mut open = self.open.clone();
        let busy = open.wait_for(|open| *open >= count);
        tokio::time::timeout(Duration::from_secs(20), busy)
            .await
            .expect("they come")
            .unwrap();
    }
}

fn addresses(name: &str, before: usize) -> Vec<IpAddr> {
    let addresses: &[&str] = match (name, before) {
        ("intern.example.com", _) => &["10.0.0.1"],
        ("both.example.com", _) => &[PUBLIC, "127.0.0.1"],
        ("turning.example.com", 0) => &[PUBLIC],
        ("turning.example.com", _) | ("localhost", _) => &["127.0.0.1"],
        ("unknown.example.com", _) => &[],
        _ => &[PUBLIC],
    };
    addresses.iter().map(|address| address.parse().unwrap()).collect()
}

/// The certificate to trust, and a server of `api.example.com`.
fn authority() -> (Vec<u8>, TlsAcceptor) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["api.example.com".to_owned()]).unwrap();
    let leaf = params.signed_by(&key, &issuer).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from(leaf.der().to_vec())],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    (root.der().to_vec(), TlsAcceptor::from(Arc::new(config)))
}

async fn listen(tls: Option<TlsAcceptor>, open: Arc<watch::Sender<usize>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    beside(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (tls, open) = (tls.clone(), open.clone());
            beside(async move {
                match tls {
                    None => answer(stream, &open).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            answer(stream, &open).await;
                        }
                    }
                }
            });
        }
    });
    address
}

/// Answers one request as its path says.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, open: &watch::Sender<usize>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap();
    open.send_modify(|open| *open += 1);
    drop(behave(&mut stream, path, &head).await);
    open.send_modify(|open| *open -= 1);
}

async fn behave(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    path: &str,
    head: &str,
) -> std::io::Result<()> {
    match path.split('?').next().unwrap() {
        "/elsewhere" => {
            let head = "HTTP/1.1 302 Found\r\nlocation: http://10.0.0.1/\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(head.as_bytes()).await
        }
        "/endless" => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                .await?;
            loop {
                stream.write_all(b"400\r\n").await?;
                stream.write_all(&[b'x'; 0x400]).await?;
                stream.write_all(b"\r\n").await?;
            }
        }
        "/announced" => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n")
                .await?;
            loop {
                stream.write_all(&[b'x'; 0x400]).await?;
            }
        }
        "/endless-headers" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
            loop {
                stream.write_all(b"x-more: and more\r\n").await?;
            }
        }
        "/one-long-header" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nx-long: ").await?;
            loop {
                stream.write_all(&[b'x'; 0x400]).await?;
            }
        }
        "/early" => Ok(()),
        "/half" => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
                .await
        }
        "/garbage" => stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n\r\n").await,
        "/pause" => {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegin")
                .await?;
            closed(stream).await
        }
        "/never" => closed(stream).await,
        "/later" => {
            tokio::time::sleep(Duration::from_millis(400)).await;
            say(stream, "at last").await
        }
        "/upload" => {
            let mut length = 0;
            let mut buffer = [0; 4096];
            // Chunked: the end is a line of its own.
            loop {
                let read = stream.read(&mut buffer).await?;
                length += read;
                if read == 0 || buffer[..read].ends_with(b"0\r\n\r\n") {
                    break;
                }
            }
            say(stream, if length > 0 { "taken" } else { "nothing came" }).await
        }
        _ => say(stream, head).await,
    }
}

/// Until the other side is gone.
async fn closed(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<()> {
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}

async fn say(stream: &mut (impl AsyncWrite + Unpin), text: &str) -> std::io::Result<()> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", text.len());
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(text.as_bytes()).await?;
    stream.flush().await
}

#[expect(clippy::disallowed_methods, reason = "ends with the runtime of its test")]
fn beside(server: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(server);
}
