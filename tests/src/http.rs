//! HTTP by hand, for what a well-behaved client cannot send.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// A well-behaved client.
pub fn client() -> reqwest::Client {
    // Installed already by whoever used TLS first in this process.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::new()
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
    raw_or_nothing(base, request).await.expect("an answer")
}

/// The same, where the host may close the connection without a byte.
pub async fn raw_or_nothing(base: &str, request: impl AsRef<[u8]>) -> Option<RawAnswer> {
    let address = base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    // A host that refuses need not read everything first; then the connection ends with a reset.
    drop(stream.write_all(request.as_ref()).await);
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    if answer.is_empty() {
        return None;
    }
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
    Some(RawAnswer {
        status,
        headers,
        body: answer[end + 4..].to_vec(),
    })
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
