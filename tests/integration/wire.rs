//! Requests that no client library sends: old and odd forms, broken framing, and two requests made to look like
//! one.

use platform_tests::{RawAnswer, TestHost, raw};
use serde_json::{Value, json};

async fn echo() -> TestHost {
    let host = TestHost::start().await;
    host.run_guest("echo", "echo", "0", &[]).await;
    host
}

/// The only answer on the connection.
async fn single(host: &TestHost, request: impl AsRef<[u8]>) -> RawAnswer {
    let answer = raw(&host.public, request).await;
    let length = answer.body.len().to_string();
    assert_eq!(answer.all("content-length"), [length], "{answer:?}");
    answer
}

#[tokio::test]
async fn every_form_of_a_target_leads_to_the_same_place_or_nowhere() {
    let host = echo().await;
    for (line, seen) in [
        ("GET /challenges/echo/a HTTP/1.0", Ok(("/a", Value::Null))),
        (
            "GET http://x/challenges/echo/a?q HTTP/1.1",
            Ok(("/a", json!("q"))),
        ),
        (
            "GET https://u@[::1]:9/challenges/echo/a HTTP/1.1",
            Ok(("/a", Value::Null)),
        ),
        // Nobody sends a fragment; it is no part of the path and reaches nobody.
        (
            "GET /challenges/echo/a?q#/../internal HTTP/1.1",
            Ok(("/a", json!("q"))),
        ),
        ("GET /challenges/echo#/internal HTTP/1.1", Ok(("/", Value::Null))),
        ("GET http://x/challenges/echo/internal HTTP/1.1", Err(403)),
        ("GET http://x HTTP/1.1", Err(404)),
        ("GET challenges/echo/a HTTP/1.1", Err(400)),
        ("OPTIONS * HTTP/1.1", Err(404)),
        ("CONNECT x:80 HTTP/1.1", Err(404)),
        ("GET /challenges/echo/a", Err(400)),
        ("GET /challenges/echo/a HTTP/2.0", Err(400)),
        ("GET  /challenges/echo/a HTTP/1.1", Err(400)),
        ("GET /challenges/echo/a b HTTP/1.1", Err(400)),
        ("GET /challenges/echo/\u{1} HTTP/1.1", Err(400)),
    ] {
        let answer = single(&host, format!("{line}\r\nHost: x\r\nConnection: close\r\n\r\n")).await;
        let found = match answer.status {
            200 => Ok((answer.json()["path"].clone(), answer.json()["query"].clone())),
            status => Err(status),
        };
        assert_eq!(found, seen.map(|(path, query)| (json!(path), query)), "{line}");
    }
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused_at_every_size() {
    let host = echo().await;
    let long = |bytes| "x".repeat(bytes);
    let many = |count| "x: y\r\n".repeat(count);
    for (target, headers, status) in [
        (long(8192 - 17), String::new(), 200),
        (long(8192), String::new(), 414),
        (long(60_000), String::new(), 414),
        // More than a whole head may have: where it ends is not looked for.
        (long(70_000), String::new(), 431),
        (String::new(), format!("x: {}\r\n", long(32_000)), 200),
        (String::new(), format!("x: {}\r\n", long(33_000)), 431),
        (String::new(), format!("x: {}\r\n", long(70_000)), 431),
        (String::new(), many(98), 200),
        (String::new(), many(99), 431),
    ] {
        let head = format!(
            "GET /challenges/echo/{target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n"
        );
        let length = head.len();
        assert_eq!(single(&host, head).await.status, status, "{length} bytes");
    }
}

#[tokio::test]
async fn a_chunked_body_is_put_together_within_the_limit() {
    let host = echo().await;
    let head = "POST /challenges/echo/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
    let whole = single(
        &host,
        format!("{head}2;a=b\r\n\0\u{7f}\r\n1\r\n!\r\n0\r\nX-Late: 1\r\n\r\n"),
    )
    .await;
    let seen = whole.json();
    assert_eq!(seen["body_base64"], "AH8h");
    for name in ["transfer-encoding", "x-late", "content-length"] {
        assert!(
            seen["headers"].as_array().unwrap().iter().all(|it| it[0] != name),
            "{name}"
        );
    }
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(65536));
    let most = format!("{head}{}0\r\n\r\n", chunk.repeat(32));
    assert_eq!(single(&host, most).await.status, 200);
    let more = format!("{head}{}1\r\nx\r\n0\r\n\r\n", chunk.repeat(32));
    let refused = single(&host, more).await;
    assert_eq!(
        (refused.status, &refused.json()["error"]["code"]),
        (413, &json!("body_too_large"))
    );
    for broken in [
        "zz\r\nx",
        "-1\r\nx",
        "1\r\nxx\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\nx",
    ] {
        assert_eq!(
            single(&host, format!("{head}{broken}")).await.status,
            400,
            "{broken}"
        );
    }
}

#[tokio::test]
async fn header_bytes_that_are_not_ascii_reach_the_challenge_unchanged() {
    let host = echo().await;
    let mut request = b"GET /challenges/echo/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n".to_vec();
    request.extend_from_slice(b"X-Latin: caf\xe9 \xff\x80\r\nX-Utf8: caf\xc3\xa9\r\n\r\n");
    let seen = single(&host, request).await.json();
    let headers = seen["headers"].as_array().unwrap();
    // The echo writes a byte that is not UTF-8 as \xNN.
    assert!(
        headers.contains(&json!(["x-latin", r"caf\xe9 \xff\x80"])),
        "{seen}"
    );
    assert!(headers.contains(&json!(["x-utf8", "café"])), "{seen}");
}

#[tokio::test]
async fn a_request_cannot_hide_another() {
    let host = echo().await;
    let hidden = "GET /challenges/echo/hidden HTTP/1.1\r\nHost: x\r\n\r\n";
    for (headers, body, status) in [
        // Both framings: the chunks count, and nothing after them is read.
        (
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            format!("0\r\n\r\n{hidden}"),
            200,
        ),
        (
            "Transfer-Encoding: chunked\r\nContent-Length: 60",
            format!("0\r\n\r\n{hidden}"),
            200,
        ),
        ("Transfer-Encoding: identity", hidden.to_owned(), 400),
        ("Transfer-Encoding: xchunked", hidden.to_owned(), 400),
        ("Transfer-Encoding: chunked, identity", hidden.to_owned(), 400),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
            hidden.to_owned(),
            400,
        ),
        ("Transfer-Encoding: \u{b}chunked", hidden.to_owned(), 400),
        ("Transfer-Encoding : chunked", hidden.to_owned(), 400),
        ("Content-Length: 4\r\nContent-Length: 5", hidden.to_owned(), 400),
        ("Content-Length: 4, 4", hidden.to_owned(), 400),
        ("Content-Length: +4", hidden.to_owned(), 400),
        ("Content-Length: 0x4", hidden.to_owned(), 400),
        ("Content-Length: -1", hidden.to_owned(), 400),
        ("Content-Length: 18446744073709551616", hidden.to_owned(), 400),
        ("X-Folded: a\r\n Content-Length: 4", hidden.to_owned(), 400),
        ("X-Return: a\rContent-Length: 4", hidden.to_owned(), 400),
        ("X-Nul: a\0", hidden.to_owned(), 400),
    ] {
        // Without `Connection: close`: the host itself must end the connection.
        let request = format!("POST /challenges/echo/seen HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n{body}");
        let answer = single(&host, request).await;
        assert_eq!(answer.status, status, "{headers:?}");
        if status == 200 {
            assert_eq!(answer.json()["path"], "/seen", "{headers:?}");
            assert_eq!(answer.json()["body_base64"], "", "{headers:?}");
        }
    }
}
