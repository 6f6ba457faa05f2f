//! From an engine's own words to a variant of [`EngineError`]. Engines have a status and an English sentence; what a caller can
//! decide on is often in the sentence only.

use std::io;

use bollard::errors::Error;

use crate::{
    EngineError,
    error::{AnswerTooLarge, BoxError, Unreachable},
    limits::MESSAGE_CHARS,
    text::shown,
};

/// For both moments at which it can fail.
pub(crate) const TLS_FAILED: &str = "TLS failed; do the certificates on both sides belong together?";

/// What was asked for, as far as errors differ by it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject<'a> {
    /// The engine itself.
    Engine,
    /// An image by its reference.
    Image(&'a str),
    /// A container by name or id.
    Container(&'a str),
    /// A network by name.
    Network(&'a str),
    /// A volume by name.
    Volume(&'a str),
    /// A service or a secret of Swarm by name.
    Swarm(&'a str),
}

/// What the library says of `subject`, on the engine at `endpoint`.
pub(crate) fn refusal(endpoint: &str, subject: Subject<'_>, error: Error) -> EngineError {
    match error {
        Error::DockerResponseServerError { status_code, message } => said(status_code, &message, subject),
        Error::DockerStreamError { error } => said(0, &error, subject),
        // Both say their inner error's words and causes in its place.
        Error::IOError { err } => failed(endpoint, err.into()),
        Error::HyperResponseError { err } => failed(endpoint, err.into()),
        error => failed(endpoint, error.into()),
    }
}

/// A failure below HTTP: no connection, a broken one, or an answer that is none.
pub(crate) fn failed(endpoint: &str, error: BoxError) -> EngineError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error.as_ref());
    while let Some(error) = cause {
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(|error| error.get_ref());
        if inner.is_some_and(|inner| inner.is::<AnswerTooLarge>()) {
            break;
        }
        if let Some(Unreachable { hint, .. }) = inner.and_then(|inner| inner.downcast_ref()) {
            let hint = hint.clone();
            return absent(endpoint, hint, deepest(inner_source(error)));
        }
        // What the other side thinks of our certificate comes when the connection is there already.
        if inner.is_some_and(|inner| inner.is::<rustls::Error>()) {
            return absent(endpoint, TLS_FAILED.to_owned(), error.to_string().into());
        }
        if let Some(error) = error.downcast_ref::<hyper::Error>()
            && (error.is_closed() || error.is_incomplete_message() || error.is_canceled())
        {
            let hint = "it hung up; is it being stopped?".to_owned();
            return absent(endpoint, hint, error.to_string().into());
        }
        if let Some(error) = error.downcast_ref::<io::Error>()
            && hung_up(error.kind())
        {
            let hint = "the connection broke".to_owned();
            return absent(endpoint, hint, error.to_string().into());
        }
        cause = error.source();
    }
    EngineError::Protocol(error)
}

const fn hung_up(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::UnexpectedEof
    )
}

fn absent(endpoint: &str, hint: String, source: BoxError) -> EngineError {
    let endpoint = endpoint.to_owned();
    EngineError::Absent {
        endpoint,
        hint,
        source,
    }
}

/// The causes of an [`Unreachable`] inside an error of the system.
fn inner_source<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    error.source().unwrap_or(error)
}

fn deepest(error: &(dyn std::error::Error + 'static)) -> BoxError {
    platform_domain::with_causes(error).into()
}

/// An engine's own sentence.
pub(crate) fn said(status: u16, message: &str, subject: Subject<'_>) -> EngineError {
    let text = message.to_ascii_lowercase();
    let has = |part: &str| text.contains(part);
    let short = || shown(message, MESSAGE_CHARS);
    if has("no space left on device") {
        return EngineError::DiskFull;
    }
    if has("could not select device driver") && has("gpu") {
        return EngineError::NoGpu(
            "its machine has no NVIDIA container toolkit that the engine knows of".to_owned(),
        );
    }
    if has("nvidia-container-cli") || has("unresolvable cdi devices") || has("unknown device") {
        return EngineError::NoGpu(short());
    }
    if let Subject::Image(reference) = subject {
        return image(status, &text, short(), reference);
    }
    match (status, subject) {
        (404, _) if has("no such image") => EngineError::ImageMissing(short()),
        (409, Subject::Container(name)) if has("is already in use by container") => {
            EngineError::NameTaken(name.to_owned())
        }
        (409, Subject::Swarm(name)) if has("name conflicts") || has("already exists") => {
            EngineError::NameTaken(name.to_owned())
        }
        (409, Subject::Network(name)) if has("already exists") => EngineError::NameTaken(name.to_owned()),
        (409, Subject::Volume(name)) if has("in use") => EngineError::InUse(format!("the volume {name}")),
        (_, Subject::Network(name)) if has("active endpoints") || has("is in use by") => {
            EngineError::InUse(format!("the network {name}"))
        }
        (404, Subject::Container(name)) => EngineError::NotFound(format!("container {name}")),
        (404, Subject::Network(name)) => EngineError::NotFound(format!("network {name}")),
        (404, Subject::Volume(name)) => EngineError::NotFound(format!("volume {name}")),
        (404, Subject::Swarm(name)) => EngineError::NotFound(format!("{name} in its swarm")),
        _ => EngineError::Engine {
            status,
            message: short(),
        },
    }
}

fn image(status: u16, text: &str, message: String, reference: &str) -> EngineError {
    let has = |part: &str| text.contains(part);
    if has("no matching manifest") || has("does not match the specified platform") {
        return EngineError::WrongArchitecture {
            image: message,
            engine: "not among them".to_owned(),
        };
    }
    if has("denied")
        || has("unauthorized")
        || has("no basic auth credentials")
        || has("authentication required")
    {
        return EngineError::ImageRefused(message);
    }
    if has("manifest unknown") || has("no such image") || has("not found") || has("name unknown") {
        return EngineError::ImageMissing(reference.to_owned());
    }
    match (status, has("being used") || has("is using")) {
        (409, true) => EngineError::InUse(format!("the image {reference}")),
        _ => EngineError::Engine { status, message },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_engine_says_becomes_what_a_caller_can_decide_on() {
        let container = Subject::Container("challenge-x");
        let image = Subject::Image("r.io/a:1");
        let table = [
            (500, container, "mkdir /x: no space left on device", "DiskFull"),
            (
                500,
                container,
                r#"could not select device driver "" with capabilities: [[gpu]]"#,
                "NoGpu",
            ),
            (
                500,
                container,
                "nvidia-container-cli: device error: 7: unknown device",
                "NoGpu",
            ),
            (
                409,
                container,
                r#"Conflict. The container name "/x" is already in use by container "ab""#,
                "NameTaken",
            ),
            (404, container, "No such container: x", "NotFound"),
            (404, container, "No such image: r.io/a:1", "ImageMissing"),
            (
                404,
                image,
                "manifest for r.io/a:1 not found: manifest unknown: manifest unknown",
                "ImageMissing",
            ),
            (
                404,
                image,
                "pull access denied for a, repository does not exist or may require 'docker login'",
                "ImageRefused",
            ),
            (
                500,
                image,
                "Get https://r.io/v2/: no basic auth credentials",
                "ImageRefused",
            ),
            (
                0,
                image,
                "no matching manifest for linux/amd64 in the manifest list entries",
                "WrongArchitecture",
            ),
            (
                409,
                image,
                "conflict: unable to delete ab (cannot be forced) - image is being used by running container c",
                "InUse",
            ),
            (
                409,
                Subject::Volume("v"),
                "remove v: volume is in use - [ab]",
                "InUse",
            ),
            (
                403,
                Subject::Network("n"),
                "error while removing network: network n id ab has active endpoints",
                "InUse",
            ),
            (
                400,
                Subject::Network("n"),
                "rpc error: code = FailedPrecondition desc = network n is in use by task u9",
                "InUse",
            ),
            (500, Subject::Engine, "something else", "Engine"),
        ];
        for (status, subject, message, expected) in table {
            let error = format!("{:?}", said(status, message, subject));
            assert!(error.starts_with(expected), "{message}: {error}");
        }
    }

    #[test]
    fn what_an_engine_says_is_shortened_and_made_harmless() {
        let error = said(500, &format!("\u{1b}[2J{}", "x".repeat(10_000)), Subject::Engine);
        let EngineError::Engine { message, .. } = error else {
            panic!("{error:?}")
        };
        assert!(message.len() < 2_100 && !message.contains('\u{1b}'));
    }
}
