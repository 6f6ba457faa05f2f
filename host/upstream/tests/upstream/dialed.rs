//! Challenges that are reached in another way than by TCP: the same client, over whatever bytes pass through.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use platform_upstream::{Dial, Dialing, Limits, Upgrade, Upstream};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf, duplex},
    sync::mpsc::{self, Receiver, Sender},
};

use crate::fixture::{EMPTY, SHORT, get, outcome, post, request, soon, text};

/// Hands the other end of each connection to the test.
#[derive(Debug)]
struct Pipes {
    handed: Sender<DuplexStream>,
    count: Arc<AtomicUsize>,
}

impl Dial for Pipes {
    fn dial(&self) -> Dialing {
        self.count.fetch_add(1, Ordering::SeqCst);
        let handed = self.handed.clone();
        Box::pin(async move {
            // Less than anything that is sent.
            let (here, there) = duplex(64);
            handed.send(there).await.map_err(io::Error::other)?;
            Ok(Box::new(here) as _)
        })
    }
}

fn pipes(limits: Limits) -> (Upstream, Receiver<DuplexStream>, Arc<AtomicUsize>) {
    let (handed, handing) = mpsc::channel(1);
    let count = Arc::<AtomicUsize>::default();
    let dial = Pipes {
        handed,
        count: count.clone(),
    };
    let address = "http://10.0.0.2:8000".parse().unwrap();
    (Upstream::over(Arc::new(dial), address, limits), handing, count)
}

async fn read_head(stream: &mut DuplexStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test]
async fn requests_go_one_after_the_other_over_a_connection_that_was_made_once() {
    let (upstream, mut handing, count) = pipes(Limits::default());
    let serve = async {
        let mut stream = handing.recv().await.unwrap();
        for _ in 0..3 {
            let head = read_head(&mut stream).await;
            assert!(head.contains("host: 10.0.0.2:8000\r\n"), "{head}");
            let mut body = vec![0; 5000];
            stream.read_exact(&mut body).await.unwrap();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
            stream
                .write_all(&[head.as_bytes(), &body].concat())
                .await
                .unwrap();
        }
        stream
    };
    let ask = async {
        for _ in 0..3 {
            let answer = upstream.send(post(Bytes::from(vec![b'x'; 5000]))).await.unwrap();
            assert_eq!(text(answer).await.unwrap(), "x".repeat(5000));
        }
    };
    let (mut stream, ()) = soon(async { tokio::join!(serve, ask) }).await;
    assert_eq!(count.load(Ordering::SeqCst), 1);
    // Where it was closed meanwhile there is another one.
    stream.shutdown().await.unwrap();
    let again = async {
        let mut stream = handing.recv().await.unwrap();
        read_head(&mut stream).await;
        stream.write_all(EMPTY.as_bytes()).await.unwrap();
        stream
    };
    let (answer, _stream) = soon(async { tokio::join!(upstream.send(get()), again) }).await;
    assert_eq!(outcome(answer).await, "200 ");
}

#[tokio::test]
async fn a_web_socket_passes_and_ends_from_either_side() {
    let (upstream, mut handing, _) = pipes(Limits::default());
    let mut asked = request("GET", "/socket");
    asked.headers = vec![
        ("sec-websocket-key".into(), "dGhlIHNhbXBsZSBub25jZQ==".into()),
        ("sec-websocket-version".into(), "13".into()),
    ];
    let serve = async {
        let mut stream = handing.recv().await.unwrap();
        read_head(&mut stream).await;
        let head = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                    sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nwelcome";
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    };
    let (upgraded, mut stream) = soon(async { tokio::join!(upstream.upgrade(asked), serve) }).await;
    let Upgrade::Switched { mut tunnel, .. } = upgraded.unwrap() else {
        panic!("it answered otherwise")
    };
    let mut said = [0; 7];
    soon(tunnel.read_exact(&mut said)).await.unwrap();
    assert_eq!(&said, b"welcome");
    tunnel.write_all(b"bye").await.unwrap();
    tunnel.shutdown().await.unwrap();
    let mut rest = String::new();
    soon(stream.read_to_string(&mut rest)).await.unwrap();
    assert_eq!(rest, "bye");
    // The other side may still speak.
    stream.write_all(b"and you").await.unwrap();
    drop(stream);
    soon(tunnel.read_exact(&mut said)).await.unwrap();
    assert_eq!(&said, b"and you");
}

/// Takes what is written, and says only then that it has reached nobody.
#[derive(Debug)]
struct Refused;

impl AsyncRead for Refused {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let reason = io::Error::new(io::ErrorKind::ConnectionRefused, "nobody listens there");
        Poll::Ready(Err(reason))
    }
}

impl AsyncWrite for Refused {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// How a connection can be none.
#[derive(Clone, Copy, Debug)]
enum None {
    AtOnce,
    OnReading,
    Never,
}

impl Dial for None {
    fn dial(&self) -> Dialing {
        let how = *self;
        Box::pin(async move {
            match how {
                Self::AtOnce => Err(io::Error::other("there is no way")),
                Self::OnReading => Ok(Box::new(Refused) as _),
                Self::Never => std::future::pending().await,
            }
        })
    }
}

#[tokio::test]
async fn a_connection_that_is_none_is_told_apart_from_an_answer_that_breaks_off() {
    let limits = Limits {
        connect: SHORT,
        ..Limits::default()
    };
    for (how, reason) in [
        (None::AtOnce, "there is no way"),
        (None::OnReading, "nobody listens there"),
        (None::Never, "deadline has elapsed"),
    ] {
        let address = "http://10.0.0.2:8000".parse().unwrap();
        let upstream = Upstream::over(Arc::new(how), address, limits);
        let error = soon(upstream.send(get())).await.unwrap_err();
        let told = platform_domain::with_causes(&error);
        assert!(
            told.starts_with("the challenge cannot be reached") && told.contains(reason),
            "{how:?}: {told}"
        );
    }
    // As long as it takes, a request takes.
    let (upstream, handing, _) = pipes(Limits {
        head: Duration::from_millis(50),
        ..Limits::default()
    });
    let error = soon(upstream.send(get())).await;
    assert_eq!(outcome(error).await, "no head");
    drop(handing);
}
