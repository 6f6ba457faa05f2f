//! An HTTP client that costs almost nothing: one connection, requests without a body, answers with a length. A
//! real client's own work would be part of every latency measured here.

use anyhow::{Context as _, Result, bail};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// A connection that is made when it is needed and made anew when the server has closed it.
pub(crate) struct Connection {
    address: String,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

impl Connection {
    /// To `http://HOST:PORT`.
    pub(crate) fn to(base: &str) -> Result<Self> {
        let address = base.strip_prefix("http://").context("no http address")?;
        Ok(Self {
            address: address.to_owned(),
            stream: None,
            buffer: vec![0; 64 << 10],
        })
    }

    /// The status of the answer; the answer is read to its end.
    pub(crate) async fn send(&mut self, method: &str, path: &str) -> Result<u16> {
        let head =
            format!("{method} {path} HTTP/1.1\r\nhost: x\r\nx-name: miner\r\ncontent-length: 0\r\n\r\n");
        self.send_bytes(head.as_bytes()).await
    }

    /// Whether there is a connection that the next request would use.
    pub(crate) const fn is_open(&self) -> bool {
        self.stream.is_some()
    }

    /// The same with a request that is written out already.
    pub(crate) async fn send_bytes(&mut self, request: &[u8]) -> Result<u16> {
        let stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(&self.address).await?;
                stream.set_nodelay(true)?;
                stream
            }
        };
        // Kept only when everything went well.
        let stream = self.stream.insert(stream);
        let answer = async {
            stream.write_all(request).await?;
            read(stream, &mut self.buffer).await
        };
        let answer = answer.await;
        if !matches!(answer, Ok((_, true))) {
            self.stream = None;
        }
        answer.map(|(status, _)| status)
    }
}

/// Reads one answer; says its status and whether the connection may be used again.
async fn read(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<(u16, bool)> {
    let mut filled = 0;
    loop {
        let free = buffer.get_mut(filled..).filter(|free| !free.is_empty());
        let count = stream.read(free.context("a head that does not end")?).await?;
        if count == 0 {
            bail!("the connection ended");
        }
        filled += count;
        let read = buffer.get(..filled).unwrap_or_default();
        let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let head = std::str::from_utf8(read.get(..end).unwrap_or_default())?;
        let status = head.split(' ').nth(1).context("no status")?.parse()?;
        let length: usize = header(head, "content-length").map_or(Ok(0), str::parse)?;
        let mut missing = (end + 4 + length).saturating_sub(filled);
        let keep = header(head, "connection").is_none_or(|value| value != "close");
        while missing > 0 {
            let most = missing.min(buffer.len());
            let count = stream.read(buffer.get_mut(..most).unwrap_or_default()).await?;
            if count == 0 {
                bail!("the connection ended within a body");
            }
            missing -= count;
        }
        return Ok((status, keep));
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = head.split("\r\n").filter_map(|line| line.split_once(": "));
    lines
        .find(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}
