//! A plain request to a container, as the host would send it.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

/// Status and body.
pub(crate) fn ask(at: SocketAddr, request: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&at, Duration::from_secs(5))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(stream, "{request} HTTP/1.1\r\nhost: x\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(1 << 20).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    Ok((status.unwrap_or_default(), body.unwrap_or_default()))
}

/// The first answer, as soon as somebody listens.
pub(crate) fn ask_when_ready(at: SocketAddr, request: &str) -> (u16, String) {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        match ask(at, request) {
            Ok(answer) => return answer,
            Err(error) => assert!(Instant::now() < end, "{at} does not answer: {error}"),
        }
        std::thread::yield_now();
    }
}
