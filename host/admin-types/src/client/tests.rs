//! The client against servers on loopback.

use axum::{Json, Router, http::HeaderMap, routing::get};

use super::*;
use crate::ErrorDetail;

async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let task = async move { axum::serve(listener, router).await.unwrap() };
    #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
    tokio::spawn(task);
    address
}

fn client(address: &str) -> Client {
    Client::new(address, PlainToken::from_text("secret")).unwrap()
}

#[tokio::test]
async fn the_token_is_sent_and_a_refusal_keeps_all_its_parts() {
    let refuse = |headers: HeaderMap| async move {
        assert_eq!(headers.get("authorization").unwrap(), "Bearer secret");
        let error = ErrorDetail {
            code: "not_found".into(),
            message: "Challenge 'x1' not found".into(),
            field: None,
            hint: Some("list them".into()),
        };
        (StatusCode::NOT_FOUND, Json(ErrorBody { error }))
    };
    let address = serve(Router::new().route("/v1/admin/challenges/x1", get(refuse))).await;
    let error = client(&address)
        .challenge_get(&"x1".parse().unwrap())
        .await
        .unwrap_err();
    let text = error.to_string();
    let ClientError::Refused {
        status, code, hint, ..
    } = error
    else {
        panic!("{error:?}")
    };
    assert_eq!(
        (status, code.as_str(), hint.as_deref()),
        (StatusCode::NOT_FOUND, "not_found", Some("list them"))
    );
    assert_eq!(text, "Challenge 'x1' not found");
}

#[tokio::test]
async fn an_answer_of_something_else_is_called_foreign() {
    let router = Router::new().route("/v1/admin/status", get(|| async { "<html>" }));
    let address = serve(router).await;
    for (path, expected) in [
        ("/v1/admin/status", StatusCode::OK),
        ("/v1/x", StatusCode::NOT_FOUND),
    ] {
        let error = client(&address).get::<HostStatus>(path).await.unwrap_err();
        assert!(
            matches!(error, ClientError::Foreign { status } if status == expected),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_host_that_is_not_there_is_unreachable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = client(&address).status().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error:?}");
}

#[test]
fn an_address_is_plain_http_without_a_path() {
    let new = |address| Client::new(address, PlainToken::from_text("secret"));
    for good in ["http://127.0.0.1:8080", "http://localhost/", "http://[::1]:1"] {
        assert!(new(good).is_ok(), "{good}");
    }
    for bad in [
        "https://h",
        "h:1",
        "http://",
        "/x",
        "http://h/x",
        "http://h?x",
        "",
    ] {
        assert!(matches!(new(bad), Err(ClientError::Address)), "{bad}");
    }
}
