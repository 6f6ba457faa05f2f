//! The weights that the host tells, over a socket: what is there and what is not, and what a cache is told.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use axum::{Router, extract::Request};
use platform_domain::UnixSeconds;
use platform_gateway::Limits;
use platform_runtime::{ToldWeights, WeightsBoard, WeightsPublisher, weights_channel};
use tokio::{
    net::TcpListener,
    task::{JoinSet, spawn_blocking},
};

use crate::fixture::{PROXY, app_with_weights, now, young_app};

const ALL: &str = "/v1/weights/latest";
const TSP: &str = "/v1/challenges/tsp/weights/latest";

/// A gateway on a free port, for as long as it lives, and who writes its board.
struct Listening {
    address: SocketAddr,
    publisher: WeightsPublisher,
    _server: JoinSet<()>,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Listening {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (publisher, reader) = weights_channel();
        let app = app_with_weights(Limits::default(), reader);
        let router = Router::new().fallback(async move |request: Request| app.respond(PROXY, request).await);
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            address,
            publisher,
            _server: server,
        }
    }

    /// Tells these for so many seconds from now.
    fn tell(&self, of_all: &'static str, of_tsp: &'static str, seconds: u64) {
        let told = |text| ToldWeights::new(text, UnixSeconds(now().0 + seconds));
        let of_tsp = ("tsp".parse().unwrap(), told(of_tsp));
        self.publisher
            .publish(WeightsBoard::new(Some(told(of_all)), [of_tsp]));
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let headers: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let request = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
        let address = self.address;
        let answer = spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        });
        let answer = answer.await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        Answer {
            status: head.get(9..12).unwrap().parse().unwrap(),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

#[tokio::test]
async fn what_is_published_is_told_byte_for_byte_and_a_cache_may_keep_it_for_a_block() {
    let host = Listening::start().await;
    host.tell(r#"{"of":"all"}"#, r#"{"of":"tsp"}"#, 4000);
    for (path, body) in [(ALL, r#"{"of":"all"}"#), (TSP, r#"{"of":"tsp"}"#)] {
        let answer = host.ask("GET", path, &[]).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, body), "{path}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("public, max-age=12"));
        let etag = answer.header("etag").unwrap();
        assert!(etag.starts_with("\"sha256:") && etag.ends_with('"'), "{etag}");

        let head = host.ask("HEAD", path, &[]).await;
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        assert_eq!(
            head.header("content-length"),
            Some(body.len().to_string().as_str())
        );
        assert_eq!(head.header("etag"), Some(etag));

        let queried = host.ask("GET", &format!("{path}?x=1"), &[]).await;
        assert_eq!(queried.body, body, "a query asks for nothing else");
    }
}

#[tokio::test]
async fn who_has_it_already_gets_no_body_until_there_is_another() {
    let host = Listening::start().await;
    host.tell("1", "2", 4000);
    let etag = host.ask("GET", ALL, &[]).await.header("etag").unwrap().to_owned();
    let (weak, listed) = (format!("W/{etag}"), format!("\"x\", {etag}"));
    for method in ["GET", "HEAD"] {
        for tags in [&etag, &weak, &listed, "*"] {
            let same = host.ask(method, ALL, &[("if-none-match", tags)]).await;
            assert_eq!((same.status, same.body.as_str()), (304, ""), "{method} {tags}");
            assert_eq!(same.header("etag"), Some(etag.as_str()));
            assert_eq!(same.header("cache-control"), Some("public, max-age=12"));
        }
    }
    let other = host.ask("GET", TSP, &[("if-none-match", &etag)]).await;
    assert_eq!(
        (other.status, other.body.as_str()),
        (200, "2"),
        "another document"
    );
    host.tell("3", "2", 4000);
    let newer = host.ask("GET", ALL, &[("if-none-match", &etag)]).await;
    assert_eq!((newer.status, newer.body.as_str()), (200, "3"));
}

#[tokio::test]
async fn no_cache_keeps_it_beyond_its_time_and_what_has_expired_is_not_told() {
    let host = Listening::start().await;
    host.tell("1", "2", 5);
    let answer = host.ask("GET", ALL, &[]).await;
    let kept = answer.header("cache-control").unwrap();
    let seconds: u64 = kept.strip_prefix("public, max-age=").unwrap().parse().unwrap();
    assert!((1..=5).contains(&seconds), "{kept}");
    let etag = answer.header("etag").unwrap().to_owned();
    host.tell("1", "2", 0);
    for path in [ALL, TSP] {
        let gone = host.ask("GET", path, &[("if-none-match", &etag)]).await;
        assert_eq!(gone.status, 404, "{path}: {gone:?}");
    }
}

#[tokio::test]
async fn what_there_is_nothing_of_looks_alike_and_is_kept_by_no_cache() {
    let host = Listening::start().await;
    let before = host.ask("GET", ALL, &[]).await;
    host.tell("1", "2", 4000);
    let mut answers = vec![before];
    for slug in ["open", "silent", "young", "nim", "NO", "%74sp", "", ".."] {
        let path = format!("/v1/challenges/{slug}/weights/latest");
        answers.push(host.ask("GET", &path, &[]).await);
    }
    for answer in &answers {
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (
                404,
                r#"{"detail":"No weights at this time","error":{"code":"weights_not_found","message":"No weights at this time"}}"#
            ),
        );
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("etag"), None);
    }
}

#[tokio::test]
async fn other_methods_are_refused_with_those_that_are_not() {
    let host = Listening::start().await;
    host.tell("1", "2", 4000);
    for path in [ALL, TSP, "/v1/challenges/nim/weights/latest"] {
        for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
            let refused = host.ask(method, path, &[]).await;
            assert_eq!(
                (refused.status, refused.header("allow")),
                (405, Some("GET, HEAD")),
                "{method} {path}"
            );
            assert!(refused.body.contains("method_not_allowed"), "{refused:?}");
        }
    }
}

#[tokio::test]
async fn no_challenge_answers_for_the_host_and_the_host_for_no_challenge() {
    let host = Listening::start().await;
    host.tell("1", "2", 4000);
    // Down, or open to any path: what is told does not depend on it, and its own paths are its own.
    for (path, status) in [
        ("/challenges/tsp/v1/weights/latest", 404),
        ("/challenges/open/v1/weights/latest", 502),
        ("/challenges/open/weights/latest", 502),
        ("/challenges/v1/weights/latest", 404),
        ("/v1/weights/latest/", 404),
        ("/v1/weights%2flatest", 404),
        ("/%76%31/weights/latest", 404),
        ("//v1/weights/latest", 404),
        ("/v1/challenges/open/../tsp/weights/latest", 404),
        ("/v1/challenges/tsp/weights/latest/x", 404),
    ] {
        let answer = host.ask("GET", path, &[]).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        assert!(answer.body.contains("\"error\""), "{path}: {answer:?}");
    }
    assert_eq!(
        host.ask("GET", "http://elsewhere/v1/weights/latest", &[])
            .await
            .body,
        "1"
    );
}

#[tokio::test]
async fn a_host_that_does_not_know_its_challenges_yet_says_that_it_has_no_weights() {
    let seen = crate::fixture::send_plain(&young_app(), "GET", ALL).await;
    assert_eq!(
        (seen.status, seen.message.as_str()),
        (404, "No weights at this time")
    );
}
