//! Challenges that answer wrongly, or not at all. Each gets an error of its kind, its connection is closed, and its place is
//! free again.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use platform_upstream::{Limits, Upstream};
use tokio::{net::TcpStream, sync::mpsc};

use crate::fixture::{LONG, SHORT, challenge, closed, get, outcome, read_head, request, soon, write};

fn short() -> Limits {
    Limits {
        head: SHORT,
        idle: SHORT,
        exchanges: 1,
        ..Limits::default()
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\n";

/// Whether the challenge hangs up after what it said.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    Stays,
    HangsUp,
}

fn table() -> Vec<(&'static str, Vec<u8>, Then, &'static str)> {
    use Then::{HangsUp, Stays};
    let ok = |rest: &str| format!("{OK}{rest}").into_bytes();
    let large = format!("x: {}\r\n\r\n", "a".repeat(1 << 20));
    let many = "x: y\r\n".repeat(10_000) + "\r\n";
    let hundred_one = "x: y\r\n".repeat(101) + "\r\n";
    let interim = |status: &str| format!("HTTP/1.1 {status}\r\n\r\n").repeat(1000).into_bytes();
    vec![
        ("nothing", vec![], Stays, "no head"),
        ("a hang-up", vec![], HangsUp, "broken"),
        ("half a status line", b"HTTP/1.1 20".to_vec(), Stays, "no head"),
        ("half a head", ok("x: y\r\n"), Stays, "no head"),
        ("half a head and a hang-up", ok("x: y\r\n"), HangsUp, "broken"),
        ("a header of a mebibyte", ok(&large), Stays, "too large"),
        ("a header without end", ok(&large[..1 << 19]), Stays, "too large"),
        ("10,000 headers", ok(&many), Stays, "too large"),
        ("101 headers", ok(&hundred_one), Stays, "too large"),
        ("NUL in a value", ok("x: a\0b\r\n\r\n"), Stays, "broken"),
        ("CR in a value", ok("x: a\rb\r\n\r\n"), Stays, "broken"),
        ("a folded value", ok("x: a\r\n b\r\n\r\n"), Stays, "broken"),
        ("a line without a colon", ok("x: a\nb\r\n\r\n"), Stays, "broken"),
        ("a space in a name", ok("x y: a\r\n\r\n"), Stays, "broken"),
        (
            "a space after a name",
            ok("content-length : 5\r\n\r\n"),
            Stays,
            "broken",
        ),
        ("an empty name", ok(": a\r\n\r\n"), Stays, "broken"),
        ("status 99", b"HTTP/1.1 099 X\r\n\r\n".to_vec(), Stays, "broken"),
        (
            "status 600",
            b"HTTP/1.1 600 X\r\ncontent-length: 0\r\n\r\n".to_vec(),
            Stays,
            "broken",
        ),
        ("status abc", b"HTTP/1.1 abc X\r\n\r\n".to_vec(), Stays, "broken"),
        (
            "status 2000",
            b"HTTP/1.1 2000 X\r\n\r\n".to_vec(),
            Stays,
            "broken",
        ),
        ("status -20", b"HTTP/1.1 -20 X\r\n\r\n".to_vec(), Stays, "broken"),
        (
            "another protocol",
            b"SSH-2.0-OpenSSH_9.9\r\n".to_vec(),
            Stays,
            "broken",
        ),
        ("HTTP/0.9", b"<html></html>".to_vec(), HangsUp, "broken"),
        (
            "HTTP/2",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
            Stays,
            "broken",
        ),
        ("HTTP/3.0", b"HTTP/3.0 200 OK\r\n\r\n".to_vec(), Stays, "broken"),
        (
            "a length and chunks",
            ok("content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
            Stays,
            "broken",
        ),
        (
            "chunks before gzip",
            ok("transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
            Stays,
            "broken",
        ),
        (
            "gzip before chunks",
            ok("transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
            Stays,
            "broken",
        ),
        (
            "chunks twice",
            ok("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
            Stays,
            "broken",
        ),
        (
            "two lengths",
            ok("content-length: 1\r\ncontent-length: 2\r\n\r\nab"),
            Stays,
            "broken",
        ),
        (
            "two lengths in one",
            ok("content-length: 1, 2\r\n\r\nab"),
            Stays,
            "broken",
        ),
        (
            "a negative length",
            ok("content-length: -1\r\n\r\n"),
            Stays,
            "broken",
        ),
        (
            "a signed length",
            ok("content-length: +1\r\n\r\na"),
            Stays,
            "broken",
        ),
        ("no number", ok("content-length: x\r\n\r\n"), Stays, "broken"),
        (
            "a length of 2^64",
            ok("content-length: 18446744073709551616\r\n\r\n"),
            Stays,
            "broken",
        ),
        (
            "a short body",
            ok("content-length: 9\r\n\r\nab"),
            HangsUp,
            "200, then broken",
        ),
        (
            "a body that stops",
            ok("content-length: 9\r\n\r\nab"),
            Stays,
            "200, then idle",
        ),
        (
            "a chunk of no size",
            ok("transfer-encoding: chunked\r\n\r\nzz\r\n"),
            Stays,
            "200, then broken",
        ),
        (
            "a chunk of 2^64",
            ok("transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n"),
            Stays,
            "200, then broken",
        ),
        (
            "a chunk that is longer",
            ok("transfer-encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n"),
            Stays,
            "200, then broken",
        ),
        (
            "no last chunk",
            ok("transfer-encoding: chunked\r\n\r\n1\r\na\r\n"),
            HangsUp,
            "200, then broken",
        ),
        (
            "trailers without end",
            ok(&format!(
                "transfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n{}",
                "x: y\r\n".repeat(10_000)
            )),
            Stays,
            "200, then broken",
        ),
        (
            "an extension without end",
            ok(&format!(
                "transfer-encoding: chunked\r\n\r\n1;{}",
                "a".repeat(1 << 20)
            )),
            Stays,
            "200, then broken",
        ),
        (
            "101 unasked",
            b"HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n".to_vec(),
            Stays,
            "broken",
        ),
        (
            "100 and no more",
            b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(),
            Stays,
            "no head",
        ),
        ("a flood of 100", interim("100 Continue"), Stays, "broken"),
        (
            "a flood of 103",
            interim("103 Early Hints\r\nlink: </a>"),
            Stays,
            "broken",
        ),
    ]
}

#[tokio::test]
async fn a_bad_answer_is_an_error_and_costs_a_connection_and_no_place() {
    for (what, answer, then, expected) in table() {
        let (gone, mut is_gone) = mpsc::unbounded_channel();
        let challenge = challenge(move |mut stream: TcpStream| {
            let (answer, gone) = (answer.clone(), gone.clone());
            async move {
                read_head(&mut stream).await;
                write(&mut stream, &answer).await;
                if then == Then::Stays {
                    closed(&mut stream).await;
                }
                gone.send(()).unwrap();
            }
        })
        .await;
        let upstream = challenge.upstream_with(short());
        for _ in 0..2 {
            // There is one place.
            let answer = soon(upstream.send(get())).await;
            assert_eq!(soon(outcome(answer)).await, expected, "{what}");
            soon(is_gone.recv()).await.expect(what);
        }
        assert_eq!(challenge.connections(), 2, "{what}");
    }
}

#[tokio::test]
async fn a_bad_length_is_one_after_head_too() {
    for length in [
        "x",
        "-1",
        "1\r\ncontent-length: 2",
        "1\r\ntransfer-encoding: chunked",
    ] {
        let challenge = challenge(move |mut stream: TcpStream| async move {
            read_head(&mut stream).await;
            write(&mut stream, format!("{OK}content-length: {length}\r\n\r\n")).await;
            closed(&mut stream).await;
        })
        .await;
        let asked = request("HEAD", "/").with_body(Full::<Bytes>::default());
        let answer = soon(challenge.upstream().send(asked)).await;
        assert_eq!(outcome(answer).await, "broken", "{length}");
    }
}

#[tokio::test]
async fn what_comes_drop_by_drop_comes_too_late() {
    for (start, drop, limits, expected) in [
        (format!("{OK}x: "), "a", short(), "no head"),
        (OK.to_owned(), "x: y\r\n", short(), "no head"),
        (
            String::new(),
            "HTTP/1.1 102 Processing\r\n\r\n",
            Limits {
                head: LONG,
                ..short()
            },
            "broken",
        ),
        (
            format!("{OK}\r\n"),
            "a",
            Limits {
                whole: 2 * SHORT,
                ..short()
            },
            "200, then too long",
        ),
    ] {
        let challenge = challenge(move |mut stream: TcpStream| {
            let start = start.clone();
            async move {
                read_head(&mut stream).await;
                write(&mut stream, &start).await;
                while write(&mut stream, drop).await {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        })
        .await;
        let answer = soon(challenge.upstream_with(limits).send(get())).await;
        assert_eq!(soon(outcome(answer)).await, expected, "{drop}");
    }
}

#[tokio::test]
async fn a_head_within_its_limits_is_read_and_one_byte_more_is_not() {
    for (extra, headers, expected) in [(0, 2, "200 "), (1, 2, "too large"), (0, 1, "too large")] {
        let challenge = challenge(move |mut stream: TcpStream| async move {
            read_head(&mut stream).await;
            let value = "a".repeat(1000 - "x: \r\ncontent-length: 0\r\n".len() + extra);
            write(
                &mut stream,
                format!("{OK}x: {value}\r\ncontent-length: 0\r\n\r\n"),
            )
            .await;
            closed(&mut stream).await;
        })
        .await;
        let upstream = challenge.upstream_with(Limits {
            head_bytes: 1000,
            headers,
            ..Limits::default()
        });
        assert_eq!(outcome(soon(upstream.send(get())).await).await, expected);
    }
}

#[tokio::test]
async fn who_does_not_listen_or_has_no_name_is_unreachable() {
    for at in ["http://challenge.invalid:8000", "http://127.0.0.1:1"] {
        let upstream = Upstream::new(at.parse().unwrap(), Limits::default());
        assert_eq!(
            outcome(soon(upstream.send(get())).await).await,
            "unreachable",
            "{at}"
        );
    }
}
