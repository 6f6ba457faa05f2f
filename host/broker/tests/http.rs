//! A broker on a port of its own, and requests as bytes.

use std::net::SocketAddr;

use hyper_util::service::TowerToHyperService;
use platform_listener::Options;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::fixture::{Host, IMAGE, own, token};

pub(crate) struct Broker {
    pub(crate) host: Host,
    address: SocketAddr,
    _serving: JoinSet<()>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Value,
}

impl Broker {
    pub(crate) async fn start(host: Host) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = TowerToHyperService::new(platform_broker::router(host.jobs.clone()));
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let stop = CancellationToken::new();
            let served =
                platform_listener::serve(listener, Options::default(), move |_| service.clone(), stop);
            served.await.unwrap();
        });
        Self {
            host,
            address,
            _serving: serving,
        }
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends this head and body, and gives the answer.
    pub(crate) async fn send(&self, head: &str, body: &[u8]) -> Answer {
        let mut stream = self.connect().await;
        let length = body.len();
        let head = format!("{head}\r\nhost: broker\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        // A refusal may come before all of it was taken.
        stream.write_all(body).await.ok();
        answer(stream).await
    }

    /// As the challenge `own`.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_as(&own().to_string(), path, body).await
    }

    pub(crate) async fn post_as(&self, slug: &str, path: &str, body: &Value) -> Answer {
        let token = token(&slug.parse().unwrap());
        let head = head(path, slug, token.reveal());
        self.send(&head, body.to_string().as_bytes()).await
    }
}

pub(crate) fn head(path: &str, slug: &str, token: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nauthorization: Bearer {token}\r\nx-platform-challenge-slug: {slug}\r\ncontent-type: application/json"
    )
}

pub(crate) async fn answer(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.ok();
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer: {text}"));
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_ascii_lowercase(),
        body: serde_json::from_str(body).unwrap_or_default(),
    }
}

/// What a client of the original sends.
pub(crate) fn run(job: &str, words: &[&str]) -> Value {
    json!({
        "job_id": job,
        "task_id": "t/1",
        "image": IMAGE,
        "command": words,
        "workdir": null,
        "env": {},
        "labels": {"own": "label"},
        "limits": {
            "cpus": 1.0, "memory": "64m", "memory_swap": "64m", "pids_limit": 32, "network": "none", "read_only": true,
            "user": null, "tmpfs": ["/tmp:rw,noexec,nosuid,size=512m"], "ulimits": ["nofile=1024:1024"]
        },
        "mounts": [],
        "timeout_seconds": 60
    })
}
