//! Which headers pass between a client and a challenge, both ways, and what comes of a challenge that tries to write the client's
//! answer itself.

use super::{
    line::Message,
    stage::{Seen, Stage, TARGETS},
};

/// What a client sends that stays with the host: of this connection, for the host, or a claim to be somebody.
const DROPPED: &[(&str, &str)] = &[
    ("Connection", "close, X-Named, x-also-named"),
    ("Connection", "keep-alive"),
    ("X-Named", "1"),
    ("X-NAMED", "2"),
    ("x-also-named", "1"),
    ("Keep-Alive", "timeout=5"),
    ("Proxy-Connection", "keep-alive"),
    ("Proxy-Authenticate", "Basic"),
    ("Proxy-Authorization", "Basic x"),
    ("TE", "trailers"),
    ("Trailer", "X-Late"),
    ("Upgrade", "h2c"),
    ("Authorization", "Bearer x"),
    ("AUTHORIZATION", "Basic x"),
    ("X-Admin-Token", "x"),
    ("Forwarded", "for=198.51.100.7;proto=https"),
    ("X-Real-IP", "198.51.100.7"),
    ("X-Forwarded-Port", "1"),
    ("x-forwarded-prefix", "/x"),
    ("X-Platform-Verified-Hotkey", "5G"),
    ("x-PLATFORM-verified-uid", "0"),
    ("X-Platform-Verified-Nonce", "1"),
    ("x-platform-anything", "1"),
    // To servers that hand headers on as variables these are the same names.
    ("X_Platform_Verified_Hotkey", "5G"),
    ("x_platform_verified_uid", "0"),
    ("X-Platform_Verified-Hotkey", "5G"),
    ("x_platform_challenge_slug", "spoof"),
    ("X_Forwarded_For", "198.51.100.7"),
    ("x_forwarded_proto", "https"),
    ("X_Request_Id", "mine"),
    ("X_Hotkey", "5G"),
    ("x_signature", "00"),
    ("x_nonce", "12345678"),
    ("x_timestamp", "1"),
    ("X_Signature_Version", "2"),
    ("x_admin_token", "x"),
    ("X_Real_IP", "198.51.100.7"),
];

/// What passes, in this order where a name is repeated.
const KEPT: &[(&str, &str)] = &[
    ("Accept", "*/*"),
    ("Accept-Encoding", "gzip, br"),
    ("Cookie", "a=b; c=d"),
    ("Content-Type", "application/json; charset=utf-8"),
    ("User-Agent", "a miner (1.0)"),
    ("If-None-Match", "\"a\", W/\"b\""),
    ("Range", "bytes=0-1"),
    ("Origin", "https://a.example"),
    ("Cache-Control", "no-cache"),
    ("Via", "1.1 a"),
    ("X-Twice", "2"),
    ("X-Twice", "1"),
    ("x-twice", "2"),
    ("X-Empty", ""),
    ("X-Inside", "a, b;c=\"d\\\"\" \t e"),
    ("X_Under_Score", "1"),
    ("X-Platforms", "1"),
    ("X-Hotkeys", "1"),
    ("X-Forward", "1"),
    ("Access-Token", "1"),
];

/// What the host says, as far as nobody asked otherwise.
const OWN: &[(&str, &str)] = &[("x-platform-proxy", "true"), ("x-forwarded-proto", "http")];

fn request(method: &str, slug: &str, path: &str, headers: &[(&str, &str)]) -> String {
    let lines: String = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    format!(
        "{method} /challenges/{slug}{path} HTTP/1.1\r\nHost: public.example:81\r\n{lines}Connection: close\r\n\r\n"
    )
}

async fn seen(stage: &Stage, slug: &str, headers: &[(&str, &str)]) -> (Message, Seen) {
    let (answer, seen) = stage.single(slug, request("GET", slug, "/x", headers)).await;
    (answer, seen.expect("it reached the challenge"))
}

/// The answer when the container says this to a request like that.
async fn said(stage: &Stage, method: &str, headers: &[(&str, &str)], answer: impl Into<Vec<u8>>) -> Message {
    let answer = answer.into();
    stage.container.says(move |_| answer.clone());
    stage.single("box", request(method, "box", "/x", headers)).await.0
}

#[tokio::test]
async fn what_is_not_the_clients_to_say_is_dropped_and_the_rest_passes_as_it_came() {
    let stage = Stage::start().await;
    for slug in TARGETS {
        // Not more than a hundred at once.
        let all: Vec<_> = DROPPED.iter().chain(KEPT).copied().collect();
        let (answer, seen) = seen(&stage, slug, &all).await;
        assert_eq!(answer.status(), 200, "{}", answer.reason());
        for (name, value) in DROPPED {
            let found = seen.all(&name.to_lowercase());
            assert!(found.is_empty(), "{slug}: {name}: {value} passed as {found:?}");
        }
        for (name, _) in KEPT {
            let sent = KEPT
                .iter()
                .filter(|(it, _)| it.eq_ignore_ascii_case(name))
                .map(|(_, value)| *value);
            let sent: Vec<_> = sent
                .map(|value| {
                    if slug == "echo" {
                        value.replace('\\', r"\\")
                    } else {
                        value.into()
                    }
                })
                .collect();
            assert_eq!(seen.all(&name.to_lowercase()), sent, "{slug}: {name}");
        }
        for (name, value) in OWN {
            assert_eq!(seen.all(name), [*value], "{slug}: {name}");
        }
        assert_eq!(seen.all("x-platform-challenge-slug"), [slug]);
        // Nothing that nobody sent: `Host` is the container's own.
        let known = |name: &str| {
            let of_ours = KEPT.iter().any(|(it, _)| it.eq_ignore_ascii_case(name));
            let own = ["x-platform-proxy", "x-platform-challenge-slug", "x-request-id"];
            of_ours
                || own.contains(&name)
                || name.starts_with("x-forwarded-")
                || (slug == "box" && name == "host")
        };
        let foreign: Vec<_> = seen.headers.iter().filter(|(name, _)| !known(name)).collect();
        assert!(foreign.is_empty(), "{slug}: {foreign:?}");
        if slug == "box" {
            assert_eq!(seen.all("host"), [stage.container.at.to_string()]);
        }
    }
}

#[tokio::test]
async fn a_header_alone_is_no_claim_and_a_part_of_one_is_refused() {
    let stage = Stage::start().await;
    for slug in TARGETS {
        for name in ["X-Hotkey", "x-signature", "X-NONCE", "X-Timestamp"] {
            let (answer, seen) = stage
                .single(slug, request("GET", slug, "/x", &[(name, "1")]))
                .await;
            assert_eq!((answer.status(), seen), (401, None), "{slug}: {name}");
        }
        let (_, seen) = seen(&stage, slug, &[("X-Signature-Version", "2")]).await;
        assert!(seen.all("x-signature-version").is_empty());
    }
}

#[tokio::test]
async fn where_a_request_came_from_is_what_a_trusted_proxy_says_or_the_peer() {
    let forged = [
        ("X-Forwarded-For", "203.0.113.9, 198.51.100.7"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "front.example"),
        ("Forwarded", "for=203.0.113.9"),
        ("X-Real-IP", "203.0.113.9"),
    ];
    let twice = [
        ("X-Forwarded-For", "203.0.113.9"),
        ("X-Forwarded-For", "198.51.100.7:4711"),
    ];
    let nothing = ("127.0.0.1", "http", "public.example:81");
    let stages = [
        Stage::with(|builder| builder.config.public.trusted_proxies.clear()).await,
        Stage::start().await,
    ];
    for (trusted, headers, expected) in [
        (true, &forged[..], ("198.51.100.7", "https", "front.example")),
        (true, &twice, ("198.51.100.7", "http", "public.example:81")),
        (
            true,
            &[("X-Forwarded-For", "198.51.100.7, 127.0.0.1")],
            ("198.51.100.7", "http", "public.example:81"),
        ),
        (true, &[("X-Forwarded-For", "203.0.113.9, unknown")], nothing),
        (true, &[("X-Forwarded-Proto", "wss")], nothing),
        (true, &[], nothing),
        (false, &forged, nothing),
        (false, &twice, nothing),
        (false, &[], nothing),
    ] {
        let stage = &stages[usize::from(trusted)];
        for slug in TARGETS {
            let (_, seen) = seen(stage, slug, headers).await;
            let (address, proto, host) = expected;
            let found =
                ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"].map(|name| seen.all(name));
            assert_eq!(
                found,
                [[address], [proto], [host]],
                "{slug}: {trusted} {headers:?}"
            );
            for name in ["forwarded", "x-real-ip"] {
                assert!(seen.all(name).is_empty(), "{slug}: {name}");
            }
        }
    }
}

#[tokio::test]
async fn each_request_has_an_id_of_the_hosts_own() {
    let stage = Stage::start().await;
    stage
        .container
        .says(|_| b"HTTP/1.1 200 OK\r\nX-Request-Id: forged\r\nContent-Length: 0\r\n\r\n".to_vec());
    let mut ids = Vec::new();
    for slug in TARGETS {
        for asked in [
            &[][..],
            &[("X-Request-Id", "mine")],
            &[("x-request-id", "a"), ("X-REQUEST-ID", "b")],
        ] {
            let (answer, seen) = seen(&stage, slug, asked).await;
            let id = answer.all("x-request-id");
            assert_eq!((seen.all("x-request-id").len(), id.len()), (1, 1));
            assert_eq!(seen.all("x-request-id"), id, "the operator finds it in both logs");
            ids.extend(id);
        }
    }
    let refused = stage
        .single(
            "box",
            request("GET", "box", "/internal", &[("X-Request-Id", "mine")]),
        )
        .await;
    ids.extend(refused.0.all("x-request-id"));
    assert_eq!(ids.len(), 7);
    ids.sort();
    ids.dedup();
    assert!(ids.len() == 7 && ids.iter().all(|id| id.len() > 8), "{ids:?}");
}

#[tokio::test]
async fn what_a_container_answers_passes_but_for_what_is_of_its_connection() {
    let stage = Stage::start().await;
    let answer = said(
        &stage,
        "GET",
        &[],
        "HTTP/1.1 201 Made Up\r\nConnection: keep-alive, X-Named\r\nX-Named: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: x\r\n\
         Proxy-Authenticate: Basic\r\nTrailer: X-Late\r\nUpgrade: h2c\r\nSet-Cookie: a=b; Path=/\r\nSet-Cookie: c=d, e\r\n\
         Server: its own\r\nETag: \"1\"\r\nLocation: /x\r\nX-Twice: 2\r\nX-Twice: 1\r\nX-Platform-Proxy: its own\r\n\
         Retry-After: 3\r\nWWW-Authenticate: Basic\r\nX-Bytes: caf\u{e9}\r\nContent-Length: 2\r\n\r\nok",
    )
    .await;
    assert_eq!((answer.status(), answer.body.as_slice()), (201, &b"ok"[..]));
    for name in [
        "x-named",
        "keep-alive",
        "proxy-connection",
        "proxy-authenticate",
        "trailer",
        "upgrade",
        "transfer-encoding",
    ] {
        assert!(answer.all(name).is_empty(), "{name}: {}", answer.text());
    }
    for (name, values) in [
        ("set-cookie", &["a=b; Path=/", "c=d, e"][..]),
        ("x-twice", &["2", "1"]),
        ("server", &["its own"]),
        ("etag", &["\"1\""]),
        ("location", &["/x"]),
        ("retry-after", &["3"]),
        ("www-authenticate", &["Basic"]),
        ("content-length", &["2"]),
        ("x-bytes", &["caf\u{c3}\u{a9}"]),
        ("connection", &["close"]),
    ] {
        assert_eq!(answer.all(name), values, "{name}");
    }
    assert_eq!(answer.all("date").len(), 1);
}

#[tokio::test]
async fn a_coded_body_passes_with_its_true_length() {
    let stage = Stage::start().await;
    // Not to be read by anybody between.
    let body: Vec<u8> = [0x1f, 0x8b, 8, 0]
        .into_iter()
        .chain((0..70_000_u32).map(|n| (n * 7 % 251) as u8))
        .collect();
    for framing in [true, false] {
        let coded = if framing {
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            [head.as_bytes(), &body].concat()
        } else {
            let head =
                "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
            let (first, second) = body.split_at(1);
            let size = format!("\r\n{:x}\r\n", second.len());
            [
                head.as_bytes(),
                b"1;x=y\r\n",
                first,
                size.as_bytes(),
                second,
                b"\r\n0\r\nX-Late: 1\r\n\r\n",
            ]
            .concat()
        };
        let answer = said(
            &stage,
            "GET",
            &[("Accept-Encoding", "identity"), ("TE", "trailers")],
            coded,
        )
        .await;
        assert_eq!(
            (answer.status(), answer.all("content-encoding")),
            (200, vec!["gzip".to_owned()])
        );
        assert!(answer.body == body, "{} bytes", answer.body.len());
        let length = if framing {
            vec![body.len().to_string()]
        } else {
            vec![]
        };
        assert_eq!(answer.all("content-length"), length);
        assert!(!answer.text().to_lowercase().contains("x-late"));
    }
}

#[tokio::test]
async fn answers_that_have_no_body_have_none_and_keep_what_they_say_of_it() {
    let stage = Stage::start().await;
    let has = ("If-None-Match", "\"1\"");
    for (method, said_, status, length) in [
        ("HEAD", "200 OK\r\nContent-Length: 12345", 200, Some("12345")),
        ("HEAD", "200 OK\r\nTransfer-Encoding: chunked", 200, None),
        ("HEAD", "404 No\r\nContent-Length: 0", 404, Some("0")),
        ("GET", "204 No Content", 204, None),
        ("DELETE", "204 No Content", 204, None),
        ("GET", "304 Not Modified\r\nETag: \"1\"", 304, None),
        ("HEAD", "304 Not Modified\r\nETag: \"1\"", 304, None),
        (
            "GET",
            "412 Precondition Failed\r\nContent-Length: 0",
            412,
            Some("0"),
        ),
    ] {
        let answer = said(&stage, method, &[has], format!("HTTP/1.1 {said_}\r\n\r\n")).await;
        assert_eq!(
            (answer.status(), answer.body.len()),
            (status, 0),
            "{method} {said_:?}"
        );
        assert_eq!(
            answer.all("content-length").first().map(String::as_str),
            length,
            "{method} {said_:?}"
        );
        assert!(
            answer.all("transfer-encoding").is_empty(),
            "{method} {said_:?}: {}",
            answer.text()
        );
        if said_.contains("ETag") {
            assert_eq!(answer.all("etag"), ["\"1\""]);
        }
    }
    // What asks for them reaches it.
    stage.container.says(|request| {
        let has = request.all("if-none-match") == ["\"1\""];
        let status = if has {
            "304 Not Modified"
        } else {
            "200 OK\r\nContent-Length: 0"
        };
        format!("HTTP/1.1 {status}\r\nETag: \"1\"\r\n\r\n").into()
    });
    for (headers, status) in [(&[has][..], 304), (&[], 200)] {
        let (answer, _) = stage.single("box", request("GET", "box", "/x", headers)).await;
        assert_eq!(
            (answer.status(), answer.all("etag")),
            (status, vec!["\"1\"".to_owned()])
        );
    }
}

#[tokio::test]
async fn a_container_cannot_write_more_than_its_own_answer() {
    let stage = Stage::start().await;
    for broken in [
        "HTTP/1.1 200 OK\r\nX-A: b\r\n Set-Cookie: evil=1\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-A: b\r\n\tSet-Cookie: evil=1\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-A: b\rSet-Cookie: evil=1\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-A: b\0Set-Cookie: evil=1\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX-A\r\nSet-Cookie: evil=1\r\n: x\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nSet-Cookie : evil=1\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nSet-Cookie: evil=1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nSet-Cookie: evil=1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nSet-Cookie: evil=1\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nSet-Cookie: evil=1\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 600 OK\r\nSet-Cookie: evil=1\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 42 OK\r\nSet-Cookie: evil=1\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nSet-Cookie: evil=1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        "HTTP/2 200\r\nSet-Cookie: evil=1\r\n\r\n",
        "evil",
    ] {
        let answer = said(&stage, "GET", &[], broken).await;
        let text = answer.text();
        assert!(
            !text.contains("set-cookie") && !text.contains("Set-Cookie"),
            "{broken:?}: {text}"
        );
        // Whatever is left of it, one head is one head.
        assert!(matches!(answer.status(), 200 | 502), "{broken:?}: {text}");
    }
}

#[tokio::test]
async fn what_a_container_says_unasked_is_told_to_nobody() {
    let stage = Stage::start().await;
    let poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
    for first in [
        format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na{poison}"),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n{poison}"),
        format!("HTTP/1.1 204 No Content\r\n\r\n{poison}"),
        format!("HTTP/1.1 304 Not Modified\r\n\r\n{poison}"),
        format!(
            "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na{poison}"
        ),
    ] {
        let answer = said(&stage, "GET", &[], first.clone()).await;
        let length = usize::from(answer.status() == 200);
        assert!(
            answer.body.len() == length && answer.all("link").is_empty(),
            "{first:?}"
        );
        for _ in 0..3 {
            let next = said(
                &stage,
                "GET",
                &[],
                "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood",
            )
            .await;
            assert_eq!(
                (next.status(), next.body.as_slice()),
                (200, &b"good"[..]),
                "after {first:?}"
            );
        }
    }
}
