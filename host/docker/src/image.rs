//! Images: what an engine has, what it fetches, what it forgets.

use bollard::{
    auth::DockerCredentials,
    models::{CreateImageInfo, ImageInspect},
    query_parameters::RemoveImageOptions,
};
use http::Method;
use platform_domain::{ByteSize, ImageRef, SecretValue};
use tokio::time::{Instant, timeout_at};

use crate::{
    Engine, EngineError, Platform,
    limits::{CHANGE, LIST, PULL, PULL_IDLE, QUESTION, TEXT_CHARS},
    lines::Lines,
    refusal::{Subject, said},
    text::shown,
};

/// An image that an engine has, and what it says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// What containers are made of: `sha256:…`. Nothing moves it.
    pub id: String,
    /// `HOST/NAME@sha256:…`, as far as a registry gave it.
    pub repo_digests: Vec<String>,
    /// Who it runs as; empty: root.
    pub user: String,
    /// `8000/tcp`.
    pub exposed_ports: Vec<String>,
    /// Where it wants volumes. They are made without names and go with their container.
    pub volumes: Vec<String>,
    /// What machines it is for.
    pub platform: Platform,
    /// What it takes of the engine's disk.
    pub size: ByteSize,
}

/// Who fetches an image. Silent in `Debug`.
#[derive(Clone, Debug)]
pub enum PullAs {
    /// By name and password, or a token in its place.
    User {
        /// The name.
        name: String,
        /// The password.
        password: SecretValue,
    },
    /// By a token that was given for a login.
    IdentityToken(SecretValue),
}

/// How a pull does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullProgress {
    /// Which layer, if it is about one.
    pub layer: String,
    /// What the engine says of it: `Downloading`, `Extracting`.
    pub status: String,
    /// Bytes so far.
    pub done: Option<u64>,
    /// Bytes in all.
    pub total: Option<u64>,
}

impl Engine {
    /// What the engine has under this reference. Asks no registry: an image that is there can be used while its registry is down.
    pub async fn image(&self, reference: &ImageRef) -> Result<Image, EngineError> {
        self.image_by(&reference.to_string()).await
    }

    /// The same for whatever text names an image on the engine, an id for instance.
    pub async fn image_by(&self, reference: &str) -> Result<Image, EngineError> {
        // It is in a path: nothing that would end it.
        let plain = |c: u8| c.is_ascii_alphanumeric() || b"./_:@-".contains(&c);
        if reference.is_empty() || reference.contains("..") || !reference.bytes().all(plain) {
            return Err(EngineError::ImageMissing(shown(reference, TEXT_CHARS)));
        }
        let docker = self.docker().await?;
        let asked = docker.inspect_image(reference);
        let found = self.within(QUESTION, Subject::Image(reference), asked).await?;
        let image = image(found)?;
        let engine = self.platform().await?;
        match image.platform == engine {
            true => Ok(image),
            false => Err(EngineError::WrongArchitecture {
                image: image.platform.to_string(),
                engine: engine.to_string(),
            }),
        }
    }

    /// Has the engine fetch an image, by tag or digest, and gives what it has then. `progress` is called for every line the engine
    /// says, ten or so a second.
    pub async fn pull(
        &self,
        reference: &ImageRef,
        credentials: Option<&PullAs>,
        mut progress: impl FnMut(PullProgress),
    ) -> Result<Image, EngineError> {
        let text = reference.to_string();
        let subject = Subject::Image(&text);
        let (name, tag) = split(&text);
        // A reference has nothing that would have to be escaped.
        let path = format!("/images/create?fromImage={name}&tag={tag}");
        let end = Instant::now() + PULL;
        let idle = || end.min(Instant::now() + PULL_IDLE);
        // The registry is asked before the engine begins to answer.
        let opened = self.open_as(PULL_IDLE, Method::POST, &path, credentials, subject);
        let mut lines = Lines::new(opened.await?);
        loop {
            let next = timeout_at(idle(), lines.next::<CreateImageInfo>(self)).await;
            let Some(line) = next.map_err(|_| EngineError::Timeout(PULL_IDLE))?? else {
                break;
            };
            if let Some(error) = line.error_detail {
                return Err(said(0, &error.message.unwrap_or_default(), subject));
            }
            let bytes = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok());
            let detail = line.progress_detail.unwrap_or_default();
            progress(PullProgress {
                layer: shown(&line.id.unwrap_or_default(), TEXT_CHARS),
                status: shown(&line.status.unwrap_or_default(), TEXT_CHARS),
                done: bytes(detail.current),
                total: bytes(detail.total),
            });
        }
        self.image(reference).await
    }

    /// Has the engine forget an image. Not while a container is made of it.
    pub async fn remove_image(&self, reference: &ImageRef) -> Result<(), EngineError> {
        let text = reference.to_string();
        let docker = self.docker().await?;
        let removed = docker.remove_image(&text, None::<RemoveImageOptions>, None);
        self.within(CHANGE, Subject::Image(&text), removed)
            .await
            .map(drop)
    }
}

/// Name and tag or digest. A digest wins over a tag, because the engine takes one of them.
fn split(reference: &str) -> (&str, &str) {
    if let Some((name, digest)) = reference.split_once('@') {
        return (without_tag(name), digest);
    }
    let name = without_tag(reference);
    let tag = reference
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix(':'));
    (name, tag.unwrap_or("latest"))
}

fn without_tag(name: &str) -> &str {
    match name.rsplit_once(':') {
        // `127.0.0.1:5000/x` has a port.
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    }
}

fn image(found: ImageInspect) -> Result<Image, EngineError> {
    let short = |text: Option<String>| shown(&text.unwrap_or_default(), TEXT_CHARS);
    let list = |texts: Option<Vec<String>>| {
        let texts = texts.unwrap_or_default().into_iter().take(LIST);
        texts.map(|text| shown(&text, 2 * TEXT_CHARS)).collect()
    };
    let id = found
        .id
        .filter(|id| id.parse::<platform_domain::Digest>().is_ok());
    let config = found.config.unwrap_or_default();
    Ok(Image {
        id: id.ok_or_else(|| EngineError::protocol("an image without an id"))?,
        repo_digests: list(found.repo_digests),
        user: config.user.unwrap_or_default(),
        exposed_ports: list(config.exposed_ports),
        volumes: list(config.volumes),
        platform: Platform {
            os: short(found.os),
            architecture: short(found.architecture),
        },
        size: ByteSize(
            found
                .size
                .and_then(|size| size.try_into().ok())
                .unwrap_or_default(),
        ),
    })
}

impl PullAs {
    pub(crate) fn to_docker(&self) -> DockerCredentials {
        let text = |secret: &SecretValue| Some(String::from_utf8_lossy(secret.reveal()).into_owned());
        match self {
            Self::User { name, password } => DockerCredentials {
                username: Some(name.clone()),
                password: text(password),
                ..DockerCredentials::default()
            },
            Self::IdentityToken(token) => DockerCredentials {
                identitytoken: text(token),
                ..DockerCredentials::default()
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_a_name_and_a_tag_or_a_digest() {
        for (reference, name, tag) in [
            ("r.io/a", "r.io/a", "latest"),
            ("r.io/a:1", "r.io/a", "1"),
            ("127.0.0.1:5000/a/b", "127.0.0.1:5000/a/b", "latest"),
            ("127.0.0.1:5000/a:1@sha256:ab", "127.0.0.1:5000/a", "sha256:ab"),
        ] {
            assert_eq!(split(reference), (name, tag), "{reference}");
        }
    }
}
