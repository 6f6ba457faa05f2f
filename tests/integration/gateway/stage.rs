//! A host with both kinds of challenges behind it, and what one of them saw of what a client sent.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use platform_admin_types::{ChallengeCreated, CreateChallenge};
use platform_tests::{HostBuilder, TestHost};
use serde_json::{Value, json};

use super::{
    line::{Line, Message},
    upstream::Upstream,
};
use crate::epochs::NETUID;

/// Both, with their slugs.
pub(crate) const TARGETS: [&str; 2] = ["echo", "box"];

/// A host, the component `echo` and the container `box`.
pub(crate) struct Stage {
    pub(crate) host: TestHost,
    pub(crate) container: Upstream,
}

/// What a challenge saw of a request, whichever kind it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// The record of a container that listens here.
pub(crate) fn image(slug: &str, at: impl ToString, serving: Value) -> CreateChallenge {
    let mut serving = serving;
    serving["address"] = json!(format!("http://{}", at.to_string()));
    serde_json::from_value(json!({
        "slug": slug, "image": "registry.example/challenge:1", "status": "active", "serving": serving,
    }))
    .unwrap()
}

/// Registers a container and waits until it is served.
pub(crate) async fn run_container(host: &TestHost, new: &CreateChallenge) -> ChallengeCreated {
    let created = host.admin.challenge_create(new).await.unwrap();
    host.running(new.slug.as_str()).await;
    created
}

impl Stage {
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut HostBuilder)) -> Self {
        let mut builder = HostBuilder::default();
        builder.config.chain.netuid = NETUID;
        change(&mut builder);
        // On the heap, as it is large.
        Box::pin(Self::build(builder)).await
    }

    async fn build(builder: HostBuilder) -> Self {
        let (host, container) = (builder.start().await, Upstream::start().await);
        host.run_guest("echo", "echo", "0", &[]).await;
        run_container(&host, &image("box", container.at, json!({}))).await;
        Self { host, container }
    }

    /// Sends bytes as they are, and hears every answer until the host closes the connection; with what the target saw meanwhile.
    pub(crate) async fn send(&self, slug: &str, bytes: impl AsRef<[u8]>) -> (Vec<Message>, Vec<Seen>) {
        self.container.take();
        let mut line = Line::connect(&self.host.public).await;
        let method = if bytes.as_ref().starts_with(b"HEAD ") {
            "HEAD"
        } else {
            "GET"
        };
        line.write(bytes).await;
        let mut answers = Vec::new();
        while let Some(answer) = line.answer(method).await {
            if answer.status() >= 200 {
                answers.push(answer);
            }
        }
        let seen = match slug {
            "box" => self.container.take().iter().map(Seen::of_container).collect(),
            _ => answers.iter().filter_map(Seen::of_echo).collect(),
        };
        (answers, seen)
    }

    /// The only answer, and what was seen at most once.
    pub(crate) async fn single(&self, slug: &str, bytes: impl AsRef<[u8]>) -> (Message, Option<Seen>) {
        let (mut answers, mut seen) = self.send(slug, bytes).await;
        assert_eq!(answers.len(), 1, "{answers:?}");
        assert!(seen.len() <= 1, "{seen:?}");
        (answers.remove(0), seen.pop())
    }
}

impl Seen {
    fn of_container(request: &Message) -> Self {
        let (method, target) = request.asked();
        Self {
            method,
            target,
            headers: request.headers(),
            body: request.body.clone(),
        }
    }

    /// The echo says it all in its answer.
    fn of_echo(answer: &Message) -> Option<Self> {
        if answer.status() != 200 {
            return None;
        }
        let seen = answer.json();
        let text = |it: &Value| it.as_str().map(str::to_owned);
        let path = text(&seen["path"])?;
        let target = match text(&seen["query"]) {
            Some(query) => format!("{path}?{query}"),
            None => path,
        };
        let headers = seen["headers"].as_array()?.iter();
        Some(Self {
            method: text(&seen["method"])?,
            target,
            headers: headers
                .map(|pair| Some((text(&pair[0])?, text(&pair[1])?)))
                .collect::<Option<_>>()?,
            body: STANDARD.decode(seen["body_base64"].as_str()?).ok()?,
        })
    }

    /// Every value of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(found, _)| found == name);
        named.map(|(_, value)| value.as_str()).collect()
    }
}
