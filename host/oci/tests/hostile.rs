//! Registries that lie: about sizes, about digests, about where things are.

use platform_domain::Digest;
use platform_oci::{OciError, Part, limits};
use serde_json::json;

use crate::{
    given::*,
    server::{Answer, Server},
};

pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Answer {
    Answer::Plain("200 OK", String::new(), body.into())
}

pub(crate) fn not_found() -> Answer {
    Answer::Plain("404 Not Found", String::new(), Vec::new())
}

/// An honest registry of one artifact.
pub(crate) fn honest(path: &str) -> Answer {
    let (manifest, config) = artifact_of(COMPONENT);
    match path.rsplit_once('/') {
        Some((_, "1")) => ok(manifest.to_string()),
        Some((_, name)) if name == Digest::of(&config).to_string() => ok(config),
        Some((_, name)) if name == Digest::of(COMPONENT).to_string() => ok(COMPONENT),
        _ => not_found(),
    }
}

pub(crate) fn is_component(path: &str) -> bool {
    path.ends_with(&Digest::of(COMPONENT).hex())
}

async fn fetch(server: &Server) -> Result<platform_oci::Fetched, OciError> {
    store().1.fetch(&server.reference()).await
}

#[tokio::test]
async fn an_honest_server_is_believed() {
    let server = Server::start(|path, _| honest(path));
    let (_dir, store) = store();
    assert_eq!(store.fetch(&server.reference()).await.unwrap().bytes, COMPONENT);
    assert_eq!(store.fetch(&server.reference()).await.unwrap().bytes, COMPONENT);
    let components = server.requests().iter().filter(|path| is_component(path)).count();
    assert_eq!(components, 1, "what the store has is not transferred again");
}

#[tokio::test]
async fn a_component_of_another_size_or_content_is_refused() {
    type Case = (fn() -> Answer, fn(&OciError) -> bool);
    let cases: [Case; 5] = [
        (
            || Answer::Endless("200 OK", String::new()),
            |e| {
                matches!(
                    e,
                    OciError::Size {
                        part: Part::Component,
                        expected: 8,
                        ..
                    }
                )
            },
        ),
        (
            || ok(vec![0; 9]),
            |e| {
                matches!(
                    e,
                    OciError::Size {
                        expected: 8,
                        actual: 9,
                        ..
                    }
                )
            },
        ),
        (
            || ok(vec![0; 7]),
            |e| {
                matches!(
                    e,
                    OciError::Size {
                        expected: 8,
                        actual: 7,
                        ..
                    }
                )
            },
        ),
        (
            || ok(vec![0; 8]),
            |e| {
                matches!(
                    e,
                    OciError::Mismatch {
                        part: Part::Component,
                        ..
                    }
                )
            },
        ),
        (
            || Answer::Short(8, vec![0; 4]),
            |e| matches!(e, OciError::Unreachable { .. }),
        ),
    ];
    for (answer, expected) in cases {
        let server = Server::start(move |path, _| {
            if is_component(path) {
                answer()
            } else {
                honest(path)
            }
        });
        let (dir, store) = store();
        let error = store.fetch(&server.reference()).await.unwrap_err();
        assert!(expected(&error), "{}", chain(&error));
        let blobs = dir.path().join("store/blobs/sha256");
        assert_eq!(
            std::fs::read_dir(blobs).unwrap().count(),
            0,
            "nothing unverified is kept"
        );
    }
}

#[tokio::test]
async fn a_manifest_without_end_is_refused() {
    let length = || format!("content-length: {}\r\n", 1u64 << 40);
    let answers: [fn(&str) -> Answer; 2] = [
        |_| Answer::Endless("200 OK", String::new()),
        |length| Answer::Plain("200 OK", length.to_owned(), Vec::new()),
    ];
    for answer in answers {
        let server = Server::start(move |_, _| answer(&length()));
        let error = fetch(&server).await.unwrap_err();
        assert!(
            matches!(
                error,
                OciError::TooLarge {
                    part: Part::Manifest,
                    ..
                }
            ),
            "{}",
            chain(&error)
        );
    }
}

#[tokio::test]
async fn sizes_beyond_the_limits_are_refused_before_anything_is_requested() {
    let server = Server::start(|path, _| {
        if !path.ends_with("/1") {
            return Answer::Endless("200 OK", String::new());
        }
        let (mut manifest, _) = artifact_of(COMPONENT);
        manifest["layers"][0]["size"] = json!(limits::MAX_COMPONENT + 1);
        ok(manifest.to_string())
    });
    let error = fetch(&server).await.unwrap_err();
    assert!(matches!(
        error,
        OciError::TooLarge {
            part: Part::Component,
            ..
        }
    ));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_registry_that_contradicts_itself_on_a_manifest_is_refused() {
    let server = Server::start(|path, _| {
        let (manifest, _) = artifact_of(COMPONENT);
        let header = format!("docker-content-digest: {}\r\n", Digest::of(b"x"));
        if path.ends_with("/1") {
            Answer::Plain("200 OK", header, manifest.to_string().into())
        } else {
            honest(path)
        }
    });
    let error = fetch(&server).await.unwrap_err();
    assert!(matches!(
        error,
        OciError::Mismatch {
            part: Part::Manifest,
            ..
        }
    ));
    let pinned = reference(format!("{}/echo@{}", server.address, Digest::of(b"x")));
    let honest_server = Server::start(|_, _| ok(artifact_of(COMPONENT).0.to_string()));
    let pinned_elsewhere = reference(
        pinned
            .to_string()
            .replace(&server.address.to_string(), &honest_server.address.to_string()),
    );
    let error = store().1.fetch(&pinned_elsewhere).await.unwrap_err();
    assert!(matches!(
        error,
        OciError::Mismatch {
            part: Part::Manifest,
            ..
        }
    ));
}

#[tokio::test]
async fn redirects_are_followed_to_storage_and_not_in_circles() {
    let to = |location: String| {
        Answer::Plain(
            "307 Temporary Redirect",
            format!("location: {location}\r\n"),
            vec![],
        )
    };
    let storage = Server::start(|_, _| ok(COMPONENT));
    let address = storage.address;
    let good = Server::start(move |path, _| {
        if is_component(path) {
            to(format!("http://{address}/blob?sig=secret"))
        } else {
            honest(path)
        }
    });
    assert_eq!(fetch(&good).await.unwrap().bytes, COMPONENT);
    for location in [
        "/v2/echo/manifests/1",
        "http://storage.invalid/x?sig=secret",
        "ftp://127.0.0.1/x",
    ] {
        let server = Server::start(move |_, _| to(location.to_owned()));
        let error = fetch(&server).await.unwrap_err();
        assert!(
            matches!(error, OciError::Redirects { .. }),
            "{location}: {}",
            chain(&error)
        );
        assert!(server.requests().len() <= limits::MAX_REDIRECTS + 1);
    }
}

#[tokio::test]
async fn an_error_never_shows_an_address_with_its_secrets() {
    let server = Server::start(move |_, _| {
        let location = "location: http://user:hunter2@127.0.0.1:1/x?sig=secret\r\n".to_owned();
        Answer::Plain("307 Temporary Redirect", location, vec![])
    });
    let error = fetch(&server).await.unwrap_err();
    let text = format!("{} {error:?}", chain(&error));
    assert!(matches!(error, OciError::Unreachable { .. }), "{text}");
    assert!(!text.contains("secret") && !text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn a_token_is_fetched_without_credentials_and_shown_to_the_registry_alone() {
    let storage = Server::start(|_, head| {
        assert!(!head.to_lowercase().contains("authorization"), "{head}");
        ok(COMPONENT)
    });
    let elsewhere = storage.address;
    let tokens = Server::start(|path, head| {
        assert!(!head.to_lowercase().contains("authorization"), "{head}");
        assert!(
            path.contains("scope=repository%3Aecho%3Apull") && path.contains("service=reg"),
            "{path}"
        );
        ok(r#"{"access_token":"open sesame"}"#)
    });
    let realm = tokens.address;
    let server = Server::start(move |path, head| {
        if !head.contains("Bearer open sesame") {
            let header =
                format!("www-authenticate: Bearer realm=\"http://{realm}/token\",service=\"reg\"\r\n");
            return Answer::Plain("401 Unauthorized", header, vec![]);
        }
        if is_component(path) {
            let location = format!("location: http://{elsewhere}/\r\n");
            return Answer::Plain("307 Temporary Redirect", location, vec![]);
        }
        honest(path)
    });
    let fetched = fetch(&server).await;
    assert_eq!(fetched.unwrap().bytes, COMPONENT);
    assert_eq!((tokens.requests().len(), storage.requests().len()), (1, 1));
}

#[tokio::test]
async fn a_hostile_token_service_is_cut_off() {
    let ask = |realm: String| {
        Server::start(move |path, _| {
            if path.starts_with("/token") {
                return Answer::Endless("200 OK", String::new());
            }
            let header = format!("www-authenticate: Bearer realm=\"{realm}\"\r\n");
            Answer::Plain("401 Unauthorized", header, vec![])
        })
    };
    let endless = ask(String::new());
    let server = ask(format!("http://{}/token", endless.address));
    let error = fetch(&server).await.unwrap_err();
    assert!(
        matches!(
            error,
            OciError::TooLarge {
                part: Part::Token,
                ..
            }
        ),
        "{}",
        chain(&error)
    );
    let error = fetch(&ask("http://10.0.0.1/token".to_owned())).await.unwrap_err();
    assert!(matches!(error, OciError::Redirects { .. }), "{}", chain(&error));
    let error = fetch(&ask("nonsense".to_owned())).await.unwrap_err();
    assert!(matches!(error, OciError::Refused { .. }), "{}", chain(&error));
}

#[tokio::test]
async fn an_error_status_is_told_without_reading_its_body() {
    type Case = (&'static str, fn(&OciError) -> bool);
    let cases: [Case; 4] = [
        ("401 Unauthorized", |e| matches!(e, OciError::Denied { .. })),
        ("403 Forbidden", |e| matches!(e, OciError::Denied { .. })),
        ("404 Not Found", |e| matches!(e, OciError::NotFound { .. })),
        ("503 Service Unavailable", |e| {
            matches!(e, OciError::Unavailable { status: 503, .. })
        }),
    ];
    for (status, expected) in cases {
        let server = Server::start(move |_, _| Answer::Endless(status, String::new()));
        let error = fetch(&server).await.unwrap_err();
        assert!(expected(&error), "{}", chain(&error));
    }
}
