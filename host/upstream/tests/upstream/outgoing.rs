//! What a challenge is sent.

use bytes::Bytes;
use http::{Uri, uri::PathAndQuery};
use http_body_util::Full;
use platform_domain::{Caller, Hotkey, Request, Uid};
use platform_upstream::{NotAllowed, UpstreamError};
use tokio::sync::mpsc;

use crate::fixture::{
    Challenge, EMPTY, Written, challenge, get, post, read_head, read_to, request, soon, write, written,
};

/// A challenge that tells the test what it was sent, up to `end`.
async fn echo(end: &'static str) -> (Challenge, mpsc::UnboundedReceiver<String>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let challenge = challenge(move |mut stream| {
        let sender = sender.clone();
        async move {
            loop {
                let sent = match end {
                    "\r\n\r\n" => read_head(&mut stream).await,
                    end => read_to(&mut stream, end).await,
                };
                if sent.is_empty() || sender.send(sent).is_err() || !write(&mut stream, EMPTY).await {
                    break;
                }
            }
        }
    });
    (challenge.await, receiver)
}

fn target(text: &str) -> Request<Full<Bytes>> {
    let (path, query) = match text.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (text, None),
    };
    Request {
        query,
        ..request("GET", path)
    }
    .with_body(Full::default())
}

#[tokio::test]
async fn path_and_query_go_out_as_they_came_in() {
    let (challenge, mut sent) = echo("\r\n\r\n").await;
    let upstream = challenge.upstream();
    let fixed = [
        "/",
        "//evil.example/x",
        "/a//b/../c/./d;e=f,g",
        "/%2e%2E/%00%zz",
        "/x?",
        "/x??a=b?c",
        "/€/ü?ä=ö",
        "/http://other/",
        "/@:80",
        "/*",
    ];
    let each = (0..=0x7f_u8).flat_map(|byte| {
        let byte = char::from(byte);
        [format!("/a{byte}b"), format!("/?a{byte}b")]
    });
    let mut passed = 0;
    for text in fixed.into_iter().map(str::to_owned).chain(each) {
        // As the server reads a request line, and what the public side makes of it.
        let uri = Uri::from_maybe_shared(Bytes::from(text.clone())).ok();
        let read = uri
            .as_ref()
            .and_then(Uri::path_and_query)
            .map(PathAndQuery::as_str);
        let answer = soon(upstream.send(target(&text))).await;
        if read == Some(text.as_str()) {
            answer.unwrap();
            let sent = sent.recv().await.unwrap();
            assert_eq!(sent.lines().next().unwrap(), format!("GET {text} HTTP/1.1"));
            passed += 1;
        } else {
            let error = answer.unwrap_err();
            assert!(
                matches!(error, UpstreamError::NotAllowed(NotAllowed::Target)),
                "{text:?}: {error}"
            );
        }
    }
    assert!(passed > 180, "{passed}");
}

#[tokio::test]
async fn headers_go_out_in_their_order_and_the_hosts_own_are_the_hosts() {
    let (challenge, mut sent) = echo("\r\n\r\n").await;
    let asked = [
        ("x-b", "1"),
        ("host", "elsewhere"),
        ("x-a", "\u{e9}"),
        ("x-b", "2"),
        ("content-length", "7"),
        ("transfer-encoding", "chunked"),
        ("connection", "close"),
        ("te", "trailers"),
        ("trailer", "x-t"),
        ("keep-alive", "1"),
        ("upgrade", "websocket"),
        ("expect", "100-continue"),
        ("proxy-connection", "close"),
        ("x-platform-verified-hotkey", "forged"),
        ("x-platform-verified-uid", "0"),
        ("x-platform-verified-nonce", "forged"),
        ("x-platform-verified-anything", "forged"),
        ("x_platform_verified_hotkey", "forged"),
        ("x-platform_verified-uid", "forged"),
        ("x-platform-proxy", "true"),
        ("x-empty", ""),
    ];
    let headers = |()| -> Vec<(String, Bytes)> {
        asked
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Bytes::from_static(value.as_bytes())))
            .collect()
    };
    let hotkey = Hotkey::from_bytes([7; 32]);
    for uid in [None, Some(Uid(12))] {
        let caller = Caller {
            hotkey,
            uid,
            nonce: "n-1".into(),
        };
        let asked = Request {
            headers: headers(()),
            caller: Some(caller),
            ..request("GET", "/")
        };
        soon(
            challenge
                .upstream()
                .send(asked.with_body(Full::<Bytes>::default())),
        )
        .await
        .unwrap();
        let authority = challenge.at.strip_prefix("http://").unwrap();
        let uid = uid.map(|Uid(uid)| format!("x-platform-verified-uid: {uid}\r\n"));
        let expected = format!(
            "GET / HTTP/1.1\r\nhost: {authority}\r\nx-b: 1\r\nx-b: 2\r\nx-a: \u{e9}\r\nx-platform-proxy: true\r\n\
             x-empty: \r\nx-platform-verified-hotkey: {hotkey}\r\n{}x-platform-verified-nonce: n-1\r\n\r\n",
            uid.unwrap_or_default(),
        );
        assert_eq!(sent.recv().await.unwrap(), expected);
    }
    soon(challenge.upstream().send(get())).await.unwrap();
    assert!(!sent.recv().await.unwrap().contains("verified"));
}

#[tokio::test]
async fn what_http_cannot_say_is_refused_and_nothing_is_sent() {
    let (challenge, mut sent) = echo("\r\n\r\n").await;
    let upstream = challenge.upstream();
    let with = |name: &str, value: &'static [u8]| Request {
        headers: vec![(name.to_owned(), Bytes::from_static(value))],
        ..request("GET", "/")
    };
    let signed = |nonce: &str| Request {
        caller: Some(Caller {
            hotkey: Hotkey::from_bytes([7; 32]),
            uid: None,
            nonce: nonce.to_owned(),
        }),
        ..request("GET", "/")
    };
    let many = Request {
        headers: vec![("x".to_owned(), Bytes::new()); 100_000],
        ..request("GET", "/")
    };
    let long = format!("/{}", "a".repeat(70_000));
    for (request, expected) in [
        (request("CONNECT", "/"), NotAllowed::Method),
        (request("", "/"), NotAllowed::Method),
        (request("GET / HTTP/1.1\r\nx:", "/"), NotAllowed::Method),
        (request("GET", ""), NotAllowed::Target),
        (request("GET", "*"), NotAllowed::Target),
        (request("GET", "a"), NotAllowed::Target),
        (request("GET", "?"), NotAllowed::Target),
        (request("GET", "/a?b"), NotAllowed::Target),
        (request("GET", "http://other/"), NotAllowed::Target),
        (
            request("GET", "/ HTTP/1.1\r\nx: y\r\n\r\nGET /"),
            NotAllowed::Target,
        ),
        (request("GET", &long), NotAllowed::Target),
        (with("", b""), NotAllowed::Header),
        (with("x y", b""), NotAllowed::Header),
        (with("x:", b""), NotAllowed::Header),
        (with("x\r\ny", b""), NotAllowed::Header),
        (with("x", b"a\r\ny: z"), NotAllowed::Header),
        (with("x", b"a\0"), NotAllowed::Header),
        (many, NotAllowed::Header),
        (signed("a\r\nx: y"), NotAllowed::Header),
    ] {
        let answer = soon(upstream.send(request.with_body(Full::<Bytes>::default()))).await;
        match answer.unwrap_err() {
            UpstreamError::NotAllowed(reason) => assert_eq!(reason, expected),
            error => panic!("{error}"),
        }
    }
    assert_eq!(challenge.connections(), 0);
    assert!(sent.try_recv().is_err());
}

#[tokio::test]
async fn a_bodys_length_is_said_once_and_there_is_none_where_there_is_no_body() {
    let (challenge, mut sent) = echo("\r\n\r\n").await;
    let upstream = challenge.upstream();
    for (method, length) in [
        ("GET", None),
        ("HEAD", None),
        ("DELETE", None),
        ("OPTIONS", None),
        ("POST", Some("content-length: 0")),
        ("PUT", Some("content-length: 0")),
        ("PATCH", Some("content-length: 0")),
    ] {
        let request = request(method, "/").with_body(Full::<Bytes>::default());
        soon(upstream.send(request)).await.unwrap();
        let sent = sent.recv().await.unwrap();
        let lengths: Vec<&str> = sent.lines().filter(|line| line.contains("-length")).collect();
        assert_eq!(lengths.first().copied(), length, "{sent}");
        assert!(!sent.contains("transfer-encoding"), "{sent}");
    }
}

#[tokio::test]
async fn a_body_goes_out_with_its_length_or_in_chunks_whatever_the_method() {
    let (known, mut sent) = echo("hello").await;
    for method in ["GET", "POST", "DELETE"] {
        let mut request = post("hello");
        request.method = method.to_owned();
        request.headers = vec![("content-length".to_owned(), "3".into())];
        soon(known.upstream().send(request)).await.unwrap();
        let sent = sent.recv().await.unwrap();
        assert!(sent.ends_with("content-length: 5\r\n\r\nhello"), "{sent}");
    }
    let (unknown, mut sent) = echo("0\r\n\r\n").await;
    for method in ["GET", "POST", "DELETE"] {
        let (body, reader): (_, Written) = written();
        body.send(Ok("hello".into())).await.unwrap();
        drop(body);
        let request = request(method, "/").with_body(reader);
        soon(unknown.upstream().send(request)).await.unwrap();
        let sent = sent.recv().await.unwrap();
        let expected = "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        assert!(sent.ends_with(expected) && !sent.contains("-length"), "{sent}");
    }
}
