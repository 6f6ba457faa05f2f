//! What a challenge answers, byte for byte at the client.

use platform_tests::{RawAnswer, TestHost, raw};

/// `hello`, packed by gzip.
const GZIP: [u8; 25] = [
    0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0x02, 0xff, 0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0, 0x86, 0xa6, 0x10,
    0x36, 0x05, 0, 0, 0,
];

async fn host(guest: &str) -> TestHost {
    let host = TestHost::start().await;
    host.run_guest(guest, guest, "0", &[]).await;
    host
}

async fn ask(host: &TestHost, method: &str, target: &str) -> RawAnswer {
    let head = format!("{method} /challenges/{target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    raw(&host.public, head).await
}

#[tokio::test]
async fn headers_stay_repeated_and_in_order_with_every_byte() {
    let host = host("flood").await;
    let answer = ask(&host, "GET", "flood/cookies").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.all("set-cookie"), ["a=1; Path=/", "b=2, 3"]);
    assert_eq!(
        answer.all("x-between"),
        ["\u{e9}\u{ff}"],
        "two bytes that are not UTF-8"
    );
}

#[tokio::test]
async fn an_encoded_body_arrives_as_it_is_with_its_true_length() {
    let host = host("flood").await;
    let answer = ask(&host, "GET", "flood/gzip").await;
    assert_eq!(answer.body, GZIP);
    assert_eq!(
        (answer.all("content-encoding"), answer.all("content-length")),
        (vec!["gzip"], vec!["25"])
    );
}

#[tokio::test]
async fn headers_of_one_hop_end_at_the_host() {
    let host = host("flood").await;
    let nominated = ask(&host, "GET", "flood/header-nominated").await;
    assert_eq!(nominated.all("x-foo"), Vec::<&str>::new());
    assert_eq!(nominated.all("x-foobar"), ["for all"]);
    assert_eq!(nominated.all("connection"), ["close"], "the host's own");

    let answer = ask(&host, "GET", "flood/header-hop").await;
    for name in ["transfer-encoding", "keep-alive", "trailer", "upgrade"] {
        assert_eq!(answer.all(name), Vec::<&str>::new(), "{name}");
    }
    assert_eq!(answer.all("content-length"), ["5"], "the guest says 1 and 2");
    assert_eq!(answer.body, b"flood");
}

#[tokio::test]
async fn head_is_served_by_a_get_route_with_its_length_and_no_body() {
    let host = host("flood").await;
    host.run_guest("trap", "trap", "0", &[]).await;
    for target in [
        "flood/body?1000",
        "flood/gzip",
        "flood/body?0",
        "trap/fine",
        "trap/undeclared",
        "nobody/x",
    ] {
        let (get, head) = (ask(&host, "GET", target).await, ask(&host, "HEAD", target).await);
        assert_eq!((head.status, &head.body[..]), (get.status, &b""[..]), "{target}");
        assert_eq!(head.all("content-length"), get.all("content-length"), "{target}");
        assert_eq!(
            get.all("content-length"),
            [get.body.len().to_string()],
            "{target}"
        );
    }
}

#[tokio::test]
async fn a_status_without_a_body_sends_none_whatever_the_guest_says() {
    let host = host("flood").await;
    for (status, length) in [(204, None), (205, Some("0")), (304, None)] {
        for method in ["GET", "HEAD"] {
            let answer = ask(&host, method, &format!("flood/status/{status}")).await;
            assert_eq!((answer.status, &answer.body[..]), (status, &b""[..]), "{method}");
            let expected: Vec<_> = length.into_iter().filter(|_| method == "GET").collect();
            let told = answer.all("content-length");
            assert!(
                told == expected || method == "HEAD" && status == 205,
                "{method} {status}: {told:?}"
            );
        }
        // What follows on the same connection is the next answer.
        let first = format!("GET /challenges/flood/status/{status} HTTP/1.1\r\nHost: x\r\n\r\n");
        let last = "GET /challenges/flood/gzip HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        let both = raw(&host.public, first + last).await;
        assert_eq!(both.status, status);
        assert!(both.body.starts_with(b"HTTP/1.1 200 OK\r\n"), "{:?}", both.body);
    }
}
