//! The weights of a container.

use platform_domain::Uid;
use platform_keys::Keypair;
use serde_json::json;

use crate::{
    epochs::{devnet, host, miners},
    gateway::{
        stage::{image, run_container},
        upstream::Upstream,
    },
};

#[tokio::test]
async fn the_weights_of_a_container_count_when_they_are_its_own() {
    let (validator, miners) = (Keypair::generate().unwrap(), miners(2));
    let devnet = devnet(&validator, &miners).await;
    let host = host(&devnet, &validator).await;
    let container = Upstream::start().await;
    let mut new = image("box", container.at, json!({}));
    new.emission_percent = "100".parse().unwrap();
    let token = run_container(&host, &new).await.challenge_token;
    let weights = json!({miners[0].to_string(): 1.0, miners[1].to_string(): 3});
    let long = "x".repeat(2 << 20);
    let answer = |status: &str, body: String| {
        format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let good = json!({"challenge_slug": "box", "weights": weights, "more": "ignored"}).to_string();
    for (answer, reason) in [
        (answer("200 OK", good.clone()), None),
        (
            answer(
                "200 OK",
                json!({"challenge_slug": "box", "epoch": 1, "weights": weights}).to_string(),
            ),
            None,
        ),
        (
            answer(
                "200 OK",
                json!({"challenge_slug": "other", "weights": weights}).to_string(),
            ),
            Some("other"),
        ),
        (
            answer("200 OK", json!({"weights": weights}).to_string()),
            Some("challenge_slug"),
        ),
        (
            answer(
                "200 OK",
                json!({"challenge_slug": "box", "weights": {"nobody": "much"}}).to_string(),
            ),
            Some(""),
        ),
        (
            answer(
                "200 OK",
                json!({"challenge_slug": "box", "weights": long}).to_string(),
            ),
            Some("more than"),
        ),
        (answer("500 No", good.clone()), Some("500")),
        (
            answer("200 OK\r\nContent-Type: text/html", "<html>".to_owned()),
            Some("cannot be read"),
        ),
        (
            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n".to_owned(),
            Some("302"),
        ),
    ] {
        let says = answer.clone();
        container.says(move |_| says.clone().into());
        let preview = host.admin.weights_preview().await.unwrap();
        let told = preview.answers[0].reason.as_deref();
        let shown = &answer[..answer.len().min(200)];
        match reason {
            None => assert_eq!(told, None, "{shown}"),
            Some(reason) => assert!(
                told.is_some_and(|told| told.contains(reason)),
                "{shown}: {told:?}"
            ),
        }
        let asked = container.take();
        assert_eq!(asked.len(), 1, "once: {shown}");
        assert_eq!(
            asked[0].asked(),
            ("GET".to_owned(), "/internal/v1/get_weights".to_owned())
        );
        assert_eq!(
            asked[0].all("authorization"),
            [format!("Bearer {}", token.reveal())]
        );
        assert_eq!(asked[0].all("x-platform-challenge-slug"), ["box"]);
        if reason.is_none() {
            let vector = preview.vector.unwrap();
            assert_eq!(
                (vector.uids, vector.u16),
                (vec![Uid(1), Uid(2)], vec![21845, 65535])
            );
        }
    }
}
