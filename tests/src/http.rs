//! HTTP by hand, for what a well-behaved client cannot send.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// The longest a client waits for a next byte. No answer of a host takes as long; but a request that the library hands to
/// a connection in the moment in which that ends gets none at all (hyperium/hyper#4122).
const SILENCE: Duration = Duration::from_secs(120);

/// A well-behaved client.
pub fn client() -> reqwest::Client {
    // Installed already by whoever used TLS first in this process.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().read_timeout(SILENCE).build().unwrap()
}

/// An answer, taken apart no further than needed.
#[derive(Clone, Debug)]
pub struct RawAnswer {
    /// The status code.
    pub status: u16,
    /// Header lines in order, names in lower case; a character for each byte.
    pub headers: Vec<(String, String)>,
    /// Everything after the head, as it came.
    pub body: Vec<u8>,
}

/// Sends bytes as they are to `http://HOST:PORT` and reads until the host closes the connection: a request asks
/// for that, or the host finds a reason.
pub async fn raw(base: &str, request: impl AsRef<[u8]>) -> RawAnswer {
    let address = base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A host that refuses need not read everything first; then the connection ends with a reset.
    drop(stream.write_all(request.as_ref()).await);
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    assert!(!answer.is_empty(), "an answer");
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .expect("a head");
    let head: String = answer[..end].iter().copied().map(char::from).collect();
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .unwrap()
        .parse()
        .unwrap();
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    RawAnswer {
        status,
        headers,
        body: answer[end + 4..].to_vec(),
    }
}

impl RawAnswer {
    /// Every value of a header.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }
}
