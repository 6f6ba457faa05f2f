//! Whether a container that was started is the challenge that it should be, and is well: the contract of the original platform.

use std::time::Duration;

use bytes::Bytes;
use platform_docker::{Engine, Follow, LogLine, State};
use platform_domain::{Capability, with_causes};
use platform_upstream::Upstream;
use serde::Deserialize;
use tokio::time::{Instant, sleep_until, timeout};

use crate::{
    FleetError, Wish,
    limits::{LAST_WORDS, LAST_WORDS_CHARS, READY_BYTES, READY_PAUSE, READY_QUESTION},
};

/// The version of the contract between host and container.
const API_VERSION: &str = "1.0";

#[derive(Deserialize)]
struct Health {
    status: String,
    slug: Option<String>,
}

#[derive(Deserialize)]
struct Version {
    api_version: String,
    challenge_version: Option<String>,
    #[serde(default)]
    capabilities: Vec<String>,
}

/// Why it is not ready.
enum Unready {
    /// It may be in a moment.
    Yet(String),
    /// It is something else.
    Never(String),
}

/// Waits until a container says that it is well and is what it should be. Fails at once when it ends or is something else, and
/// after a time when it never gets well.
pub(crate) async fn wait(
    engine: &Engine,
    container: &str,
    upstream: &Upstream,
    wish: &Wish,
    within: Duration,
) -> Result<(), FleetError> {
    let by = Instant::now() + within;
    loop {
        let pause = Instant::now() + READY_PAUSE;
        let why = match ask(upstream, wish).await {
            Ok(()) => return Ok(()),
            Err(Unready::Never(why)) => return Err(FleetError::OtherChallenge(why)),
            Err(Unready::Yet(why)) => why,
        };
        if let State::Exited { code, oom } = engine.inspect(container).await?.state {
            let said = last_words(engine, container).await;
            return Err(FleetError::Ended { code, oom, said });
        }
        if pause >= by {
            let said = last_words(engine, container).await;
            return Err(FleetError::NeverReady { within, why, said });
        }
        sleep_until(pause).await;
    }
}

async fn ask(upstream: &Upstream, wish: &Wish) -> Result<(), Unready> {
    let health: Health = get(upstream, "/health").await?;
    if health.status != "ok" {
        return Err(Unready::Yet(format!(
            "its /health says {}",
            short(&health.status)
        )));
    }
    if let Some(slug) = health.slug.filter(|slug| slug != wish.slug.as_str()) {
        return Err(Unready::Never(format!("its /health says it is {}", short(&slug))));
    }
    let version: Version = get(upstream, "/version").await?;
    if version.api_version != API_VERSION {
        let other = short(&version.api_version);
        return Err(Unready::Never(format!(
            "its /version has api_version {other}, and this host speaks {API_VERSION}"
        )));
    }
    let other = version
        .challenge_version
        .filter(|said| !wish.version.is_empty() && *said != wish.version);
    if let Some(other) = other {
        return Err(Unready::Never(format!(
            "its /version has challenge_version {}, and {} is registered",
            short(&other),
            wish.version
        )));
    }
    let missing = |wanted: &&Capability| !version.capabilities.iter().any(|it| it == wanted.as_str());
    match wish.capabilities.iter().find(missing) {
        Some(missing) => Err(Unready::Never(format!(
            "its /version does not have the capability {missing}"
        ))),
        None => Ok(()),
    }
}

async fn get<T: for<'de> Deserialize<'de>>(upstream: &Upstream, path: &str) -> Result<T, Unready> {
    let accept = vec![("accept".to_owned(), Bytes::from_static(b"application/json"))];
    let by = Instant::now() + READY_QUESTION;
    let answer = upstream.get_json(path, accept, READY_BYTES, by).await;
    let answer = answer.map_err(|error| Unready::Yet(format!("its {path}: {}", with_causes(&error))))?;
    serde_json::from_slice(&answer).map_err(|_| Unready::Yet(format!("its {path} is not what it should be")))
}

/// What a container wrote last, on one line and of a bounded length: it may be anything.
pub(crate) async fn last_words(engine: &Engine, container: &str) -> String {
    let read = async {
        let mut lines = engine.logs(container, LAST_WORDS, Follow::No).await?;
        let mut said = Vec::new();
        // An engine that has more to say than it was asked is not listened to.
        for _ in 0..LAST_WORDS {
            let Some(LogLine { text, .. }) = lines.next().await? else {
                break;
            };
            said.push(text.trim().escape_debug().to_string());
        }
        Ok::<_, FleetError>(said.join(" | "))
    };
    match timeout(READY_QUESTION, read).await {
        Ok(Ok(said)) => wrote(&said),
        _ => String::new(),
    }
}

fn wrote(said: &str) -> String {
    match said.is_empty() {
        true => String::new(),
        false => format!(
            "; it wrote: {}",
            said.chars().take(LAST_WORDS_CHARS).collect::<String>()
        ),
    }
}

fn short(text: &str) -> String {
    format!("{:?}", text.chars().take(64).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_container_wrote_last_is_cut() {
        assert_eq!(wrote(""), "");
        assert_eq!(wrote("no model"), "; it wrote: no model");
        for length in [LAST_WORDS_CHARS, LAST_WORDS_CHARS + 1] {
            let expected = format!("; it wrote: {}", "ä".repeat(LAST_WORDS_CHARS));
            assert_eq!(wrote(&"ä".repeat(length)), expected);
        }
    }
}
