//! Which request gets which answer before any challenge is asked.

use crate::fixture::{app, miner, nonce, send, send_plain, signed, young_app};

#[tokio::test]
async fn what_is_being_started_is_asked_again_later() {
    for (app, uris) in [
        (young_app(), ["/challenges/tsp/tours/1", "/challenges/nim"]),
        (app(), ["/challenges/young", "/challenges/young/tours/1"]),
    ] {
        for uri in uris {
            let seen = send_plain(&app, "GET", uri).await;
            let retry = seen.headers["retry-after"].to_str().unwrap();
            assert_eq!((seen.status, retry), (503, "2"), "{uri}");
        }
    }
    let refused = send_plain(&young_app(), "GET", "/challenges/tsp/internal/v1/get_weights").await;
    assert_eq!(refused.status, 403);
}

#[tokio::test]
async fn a_challenge_that_is_being_started_uses_up_no_nonce() {
    let (app, nonce) = (app(), nonce());
    for _ in 0..2 {
        let request = signed(&miner(), &nonce, "POST", "/challenges/young/x", "");
        assert_eq!(send(&app, request).await.status, 503);
    }
}

#[tokio::test]
async fn the_checks_come_in_their_order() {
    let app = app();
    for (method, uri, status, message) in [
        // Private before unknown before undeclared.
        (
            "GET",
            "/challenges/nim/internal/v1/get_weights",
            403,
            "Proxy path is not allowed",
        ),
        (
            "GET",
            "/challenges/tsp/internal/v1/get_weights",
            403,
            "Proxy path is not allowed",
        ),
        ("GET", "/challenges/open/health", 403, "Proxy path is not allowed"),
        (
            "GET",
            "/challenges/open/%2569nternal",
            403,
            "Proxy path is not allowed",
        ),
        ("GET", "/challenges/nim/x", 404, "Challenge not found"),
        ("GET", "/challenges/NO", 404, "Challenge not found"),
        ("GET", "/challenges/silent/x", 404, "Challenge not found"),
        ("POST", "/challenges/silent", 404, "Challenge not found"),
        ("GET", "/challenges/tsp/x", 404, "Route not found"),
        ("GET", "/challenges/tsp", 404, "Route not found"),
        ("GET", "/challenges/tsp/tours/1/2", 404, "Route not found"),
        ("PATCH", "/challenges/tsp/tours/1", 405, "Method not allowed"),
        ("TRACE", "/challenges/open/x", 405, "Method not allowed"),
        ("BREW", "/challenges/open/x", 405, "Method not allowed"),
        ("POST", "/challenges/tsp/submissions", 401, "missing x-hotkey"),
        ("DELETE", "/challenges/tsp/tours/1", 401, "missing x-hotkey"),
        // Where the clients of the platform before this one hand in.
        ("POST", "/v1/challenges/tsp/submissions", 401, "missing x-hotkey"),
        ("POST", "/v1/challenges/open/submissions", 401, "missing x-hotkey"),
        (
            "GET",
            "/v1/challenges/open/submissions",
            405,
            "Method not allowed",
        ),
        (
            "POST",
            "/v1/challenges/open/submissions/7",
            405,
            "Method not allowed",
        ),
        ("GET", "/v1/challenges/tsp/submissions/7", 404, "Route not found"),
        (
            "GET",
            "/v1/challenges/nim/submissions/7",
            404,
            "Challenge not found",
        ),
        (
            "GET",
            "/v1/challenges/silent/submissions/7",
            404,
            "Challenge not found",
        ),
        ("GET", "/v1/challenges/open/submissions/..", 404, "Not found"),
        // These have passed.
        (
            "GET",
            "/v1/challenges/open/submissions/7",
            502,
            "Challenge unavailable",
        ),
        ("GET", "/challenges/tsp/tours/1", 502, "Challenge unavailable"),
        ("GET", "/challenges/tsp/tours/1?x=1", 502, "Challenge unavailable"),
        ("GET", "/challenges/tsp/tours/a%2Fb", 502, "Challenge unavailable"),
        ("GET", "/challenges/open", 502, "Challenge unavailable"),
        ("PATCH", "/challenges/open/", 502, "Challenge unavailable"),
        ("OPTIONS", "/challenges/open/a//b", 502, "Challenge unavailable"),
        // Not a challenge's.
        ("GET", "/", 404, "Not found"),
        ("GET", "/challenges", 200, ""),
        ("GET", "/v1/registry", 200, ""),
        ("POST", "/challenges", 405, "Method not allowed"),
        ("GET", "/v1/registry/", 404, "Not found"),
        ("GET", "/v1/admin/challenges", 404, "Not found"),
        ("POST", "/health", 405, "Method not allowed"),
    ] {
        let seen = send_plain(&app, method, uri).await;
        assert_eq!(
            (seen.status, seen.message.as_str()),
            (status, message),
            "{method} {uri}"
        );
    }
}

#[tokio::test]
async fn a_method_that_is_not_allowed_comes_with_those_that_are() {
    let app = app();
    for (method, uri, allow) in [
        ("PATCH", "/challenges/tsp/tours/1", "GET, DELETE, HEAD"),
        ("GET", "/challenges/tsp/submissions", "POST"),
        (
            "TRACE",
            "/challenges/open/x",
            "GET, POST, PUT, PATCH, DELETE, OPTIONS, HEAD",
        ),
        ("PUT", "/health", "GET, HEAD"),
    ] {
        assert_eq!(
            send_plain(&app, method, uri).await.headers["allow"],
            allow,
            "{method} {uri}"
        );
    }
}

#[tokio::test]
async fn the_host_says_that_it_serves() {
    let seen = send_plain(&app(), "GET", "/health").await;
    assert_eq!(
        (seen.status, seen.headers["cache-control"].to_str().unwrap()),
        (200, "no-store")
    );
}

#[tokio::test]
async fn an_answer_has_a_new_id_and_json() {
    let app = app();
    let first = send_plain(&app, "GET", "/challenges/open/x").await.headers;
    let second = send_plain(&app, "GET", "/challenges/nim/x").await.headers;
    assert_eq!(first["content-type"], "application/json");
    assert_ne!(first["x-request-id"], second["x-request-id"]);
    assert_eq!(first["x-request-id"].len(), 32);
}
