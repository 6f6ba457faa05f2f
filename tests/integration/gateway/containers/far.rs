//! A challenge that the test speaks for: it answers what the host asks of every one, and leaves what miners ask to the test.

use serde_json::json;
use tokio::{
    sync::mpsc::{self, Receiver},
    task::JoinSet,
};

use crate::{
    containers::scene::LONG,
    gateway::{line::Line, upstream::Listening},
};

fn json_answer(body: &serde_json::Value) -> String {
    let body = body.to_string();
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// The challenge: answers what the host asks, and hands each connection that a miner's request comes over to the test.
pub(super) async fn far(weights: serde_json::Value) -> (u16, Receiver<(Line, String)>, JoinSet<()>) {
    let listening = Listening::bind_outside().await;
    let port = listening.at().port();
    let (hand_over, handed) = mpsc::channel(1);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut lines = JoinSet::new();
        loop {
            let mut line = Line::new(listening.next().await);
            let (weights, hand_over) = (weights.clone(), hand_over.clone());
            lines.spawn(async move {
                while line.wait().await {
                    let head = line.head().await.unwrap();
                    let (_, path) = head.asked();
                    let answer = match path.as_str() {
                        "/health" => json!({"status": "ok", "slug": "far"}),
                        "/version" => json!({
                            "api_version": "1.0", "challenge_version": "1.0.0",
                            "capabilities": ["get_weights", "proxy_routes"],
                        }),
                        "/internal/v1/get_weights" => json!({"challenge_slug": "far", "weights": weights}),
                        _ => return drop(hand_over.send((line, path)).await),
                    };
                    line.write(json_answer(&answer)).await;
                }
            });
        }
    });
    (port, handed, tasks)
}

pub(super) async fn next(handed: &mut Receiver<(Line, String)>, expected: &str) -> Line {
    let (line, path) = tokio::time::timeout(LONG, handed.recv())
        .await
        .expect(expected)
        .unwrap();
    assert_eq!(path, expected);
    line
}
