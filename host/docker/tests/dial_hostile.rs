//! Engines that mean harm, and what they can do with a connection that they are to carry.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::SocketAddr,
    os::unix::net::{UnixListener, UnixStream},
};

use platform_docker::{Engine, EngineError};
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;

use crate::fixture::endpoint;

/// An engine that makes a program honestly, under this id, and says this when it is to start; so many bytes of its end as often again.
fn lying(dir: &TempDir, id: &str, answer: &[u8], end: usize, repeated: usize) -> Engine {
    let socket = dir.path().join("docker.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let (id, answer) = (format!("{{\"Id\":\"{id}\"}}"), answer.to_vec());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream: UnixStream = stream.unwrap();
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or_default() > 0 {
                head.extend(byte);
            }
            let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
            let length = head
                .split("content-length: ")
                .nth(1)
                .and_then(|rest| rest.lines().next());
            let length = length.map_or(0, |length| length.parse().unwrap());
            // Whoever hangs up before it has read all resets the connection.
            drop(stream.read_exact(&mut vec![0; length]));
            let json = match head.split(' ').nth(1).unwrap_or_default() {
                path if path.ends_with("/version") => r#"{"ApiVersion":"1.41","Os":"linux","Arch":"amd64"}"#,
                path if path.ends_with("/containers/relay/exec") => &id,
                _ => {
                    drop(stream.write_all(&answer));
                    for _ in 0..repeated {
                        drop(stream.write_all(&answer[answer.len() - end..]));
                    }
                    if answer.is_empty() {
                        // It has more time than anybody.
                        std::mem::forget(stream);
                    }
                    continue;
                }
            };
            let length = json.len();
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{json}");
            drop(stream.write_all(answer.as_bytes()));
        }
    });
    Engine::new(endpoint(&format!("unix://{}", socket.display()), None)).unwrap()
}

const SWITCHED: &[u8] = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";

#[tokio::test]
async fn an_engine_that_means_harm_gets_neither_memory_nor_time_of_a_connection() {
    let to: SocketAddr = "192.0.2.1:80".parse().unwrap();
    for (id, answer, expected) in [
        ("ab/../x", SWITCHED, "cannot be used"),
        (
            "abc",
            b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "cannot be used",
        ),
        (
            "abc",
            b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n",
            "answered 500",
        ),
        ("abc", b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "cannot be used"),
    ] {
        let dir = TempDir::new().unwrap();
        let error = lying(&dir, id, answer, 0, 0).dial("relay", to).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error:?}");
    }
    let number = b"\x02\0\0\0\0\0\0\x027\n";
    let flood = [&b"\x02\0\0\0\0\0\xff\xff"[..], &[b'x'; 0xffff]].concat();
    let frame = [&b"\x01\0\0\0\xff\xff\xff\xff"[..], &[b'x'; 1 << 16]].concat();
    for (body, repeated, expected) in [
        (&b"plain text"[..], 0, ErrorKind::InvalidData),
        (b"\x01\0\0\0\0\0\0\x09abc", 0, ErrorKind::UnexpectedEof),
        (&frame, 500, ErrorKind::UnexpectedEof),
        (b"\x01\0\0", 0, ErrorKind::UnexpectedEof),
        (&flood, 500, ErrorKind::ConnectionRefused),
    ] {
        let dir = TempDir::new().unwrap();
        let answer = [SWITCHED, &number[..], body].concat();
        let engine = lying(&dir, "abc", &answer, body.len(), repeated);
        let mut dialed = engine.dial("relay", to).await.unwrap();
        let mut buffer = [0; 1 << 16];
        let error = loop {
            match dialed.read(&mut buffer).await {
                Ok(read) => assert!((1..=32 << 10).contains(&read), "{read}"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), expected, "{error}");
        assert!(error.to_string().chars().count() <= 501);
    }
    // It says nothing.
    let dir = TempDir::new().unwrap();
    let engine = lying(&dir, "abc", b"", 0, 0);
    engine.ping().await.unwrap();
    tokio::time::pause();
    let error = engine.dial("relay", to).await.unwrap_err();
    assert!(matches!(error, EngineError::Timeout(_)), "{error:?}");
}
