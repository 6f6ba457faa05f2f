//! Who is let in, with what, and who never sees it.

use std::{collections::BTreeMap, fs, path::Path};

use platform_domain::SecretValue;
use platform_oci::{ContentStore, Login, OciError, Origin, Registries, RegistrySettings};

use crate::{
    given::*,
    guarded::{Guarded, Wants},
    hostile::{honest, is_component, not_found, ok},
    server::{Answer, Server},
};

/// `ann` and `opensesame` as Basic has them.
const BASIC: &str = "Basic YW5uOm9wZW5zZXNhbWU=";

pub(crate) fn login(registry: impl ToString, password: &str) -> Registries {
    impatient(Registries::default().with_login(Login {
        registry: registry.to_string(),
        username: "ann".to_owned(),
        password: SecretValue::new(password.as_bytes().to_vec()),
        from: "the test".to_owned(),
    }))
}

/// With what is set for one registry.
pub(crate) fn set(registry: impl ToString, settings: RegistrySettings) -> Registries {
    impatient(Registries::new(BTreeMap::from([(
        registry.to_string(),
        settings,
    )])))
}

fn user(password_file: &Path) -> RegistrySettings {
    RegistrySettings {
        username: Some("ann".to_owned()),
        password_file: Some(password_file.to_owned()),
        ..RegistrySettings::default()
    }
}

/// Whether the error says where the credentials came from, and nothing of what they are.
fn is_denied(error: &OciError, from: &str) -> bool {
    let text = format!("{} {error:?}", chain(error));
    let told = match error {
        OciError::Denied {
            origin: Origin::From(from),
            ..
        } => from.clone(),
        OciError::Denied {
            origin: Origin::Broken(why),
            ..
        } => why.clone(),
        OciError::Denied { .. } => String::new(),
        _ => return false,
    };
    told.contains(from) && !text.contains("opensesame") && !text.contains("hunter2")
}

#[tokio::test]
async fn a_registry_with_passwords_is_pushed_to_and_pulled_from_with_the_right_one() {
    for tls in [false, true] {
        let registry = Guarded::start(Wants { password: true, tls });
        let to = reference(format!("{}/team/echo:1", registry.address));
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        fs::write(&path, "opensesame\n").unwrap();
        let settings = RegistrySettings {
            ca_file: tls.then(|| registry.ca_file.clone()),
            ..user(&path)
        };
        let registries = set(&registry.address, settings.clone());
        let published = registries.publish(COMPONENT, &about(), &to, None).await.unwrap();
        let again = registries.publish(COMPONENT, &about(), &to, None).await.unwrap();
        assert_eq!(again, published);
        let (_dir, store) = store_with(registries);
        let fetched = store.fetch(&to).await.unwrap();
        assert_eq!(fetched.bytes, COMPONENT);
        assert_eq!(fetched.pinned.manifest, Some(published.manifest));

        // Files are read whenever they are needed.
        fs::write(&path, "hunter2").unwrap();
        let wrong = store.fetch(&to).await.unwrap_err();
        assert!(
            is_denied(&wrong, &path.display().to_string()),
            "{}",
            chain(&wrong)
        );
        fs::remove_file(&path).unwrap();
        let missing = store.fetch(&to).await.unwrap_err();
        assert!(is_denied(&missing, "cannot be read"), "{}", chain(&missing));
        if tls {
            let registries = set(
                &registry.address,
                RegistrySettings {
                    ca_file: None,
                    ..settings
                },
            );
            let registries = registries.publish(COMPONENT, &about(), &to, None).await;
            assert!(registries.is_err(), "plain HTTP to TLS");
        }
    }
}

#[tokio::test]
async fn wrong_and_missing_credentials_are_told_apart_by_where_they_came_from() {
    let registry = Guarded::start(Wants {
        password: true,
        tls: false,
    });
    let to = reference(format!("{}/echo:1", registry.address));
    for (registries, from) in [
        (impatient(Registries::default()), ""),
        (login(&registry.address, "hunter2"), "the test"),
        (login("registry.example", "opensesame"), ""),
    ] {
        let error = registries
            .publish(COMPONENT, &about(), &to, None)
            .await
            .unwrap_err();
        assert!(is_denied(&error, from), "{}", chain(&error));
        let error = store_with(registries).1.fetch(&to).await.unwrap_err();
        assert!(is_denied(&error, from), "{}", chain(&error));
    }
    let registries = login(&registry.address, "opensesame");
    registries.publish(COMPONENT, &about(), &to, None).await.unwrap();
}

#[tokio::test]
async fn an_authority_is_trusted_only_where_it_is_named() {
    let registry = Guarded::start(Wants {
        password: false,
        tls: true,
    });
    let to = reference(format!("{}/echo:1", registry.address));
    let dir = tempfile::tempdir().unwrap();
    let (nonsense, other) = (
        dir.path().join("nonsense"),
        Guarded::start(Wants {
            password: false,
            tls: true,
        }),
    );
    fs::write(&nonsense, "nonsense").unwrap();
    let with = |ca_file: Option<&Path>| {
        let ca_file = ca_file.map(Path::to_owned);
        let settings = RegistrySettings {
            ca_file,
            plain_http: Some(false),
            ..RegistrySettings::default()
        };
        set(&registry.address, settings)
    };
    with(Some(&registry.ca_file))
        .publish(COMPONENT, &about(), &to, None)
        .await
        .unwrap();
    type Case<'a> = (Option<&'a Path>, fn(&OciError) -> bool);
    let (other_ca, absent) = (other.ca_file.clone(), dir.path().join("absent"));
    let cases: [Case<'_>; 4] = [
        (None, |e| matches!(e, OciError::Unreachable { .. })),
        (Some(&other_ca), |e| matches!(e, OciError::Unreachable { .. })),
        (Some(&nonsense), |e| matches!(e, OciError::Certificates { .. })),
        (Some(&absent), |e| matches!(e, OciError::Certificates { .. })),
    ];
    for (ca_file, expected) in cases {
        let error = store_with(with(ca_file)).1.fetch(&to).await.unwrap_err();
        assert!(expected(&error), "{ca_file:?}: {}", chain(&error));
    }
}

#[tokio::test]
async fn credentials_are_shown_to_the_registry_that_asks_and_to_nobody_it_sends_us_to() {
    let storage = Server::start(|_, head| {
        assert!(!head.to_lowercase().contains("authorization"), "{head}");
        ok(COMPONENT)
    });
    let elsewhere = storage.address;
    let server = Server::start(move |path, head| {
        if !head.contains(BASIC) {
            return Answer::Plain(
                "401 Unauthorized",
                "www-authenticate: Basic\r\n".to_owned(),
                vec![],
            );
        }
        if is_component(path) {
            let location = format!("location: http://{elsewhere}/\r\n");
            return Answer::Plain("307 Temporary Redirect", location, vec![]);
        }
        honest(path)
    });
    let (_dir, store) = store_with(login(server.address, "opensesame"));
    assert_eq!(store.fetch(&server.reference()).await.unwrap().bytes, COMPONENT);
    assert_eq!(storage.requests().len(), 1);
}

#[tokio::test]
async fn whoever_the_registry_redirects_to_cannot_ask_for_credentials() {
    let tokens = Server::start(|_, _| ok(r#"{"token":"x"}"#));
    let realm = tokens.address;
    let storage = Server::start(move |_, _| {
        let header = format!("www-authenticate: Bearer realm=\"http://{realm}/\"\r\n");
        Answer::Plain("401 Unauthorized", header, vec![])
    });
    let elsewhere = storage.address;
    let server = Server::start(move |_, _| {
        let location = format!("location: http://{elsewhere}/\r\n");
        Answer::Plain("307 Temporary Redirect", location, vec![])
    });
    let error = store_with(login(server.address, "opensesame"))
        .1
        .fetch(&server.reference())
        .await;
    assert!(matches!(error, Err(OciError::Denied { .. })), "{error:?}");
    assert!(tokens.requests().is_empty());
}

/// A registry that wants a token of this service, and gives everything for it.
fn behind_tokens(tokens: &Server) -> Server {
    let realm = tokens.address;
    Server::start(move |path, head| {
        assert!(!head.contains(BASIC), "the registry itself did not ask: {head}");
        if head.contains("Bearer the-token") {
            return honest(path);
        }
        let header = format!("www-authenticate: Bearer realm=\"http://{realm}/token\",service=\"reg\"\r\n");
        Answer::Plain("401 Unauthorized", header, vec![])
    })
}

#[tokio::test]
async fn a_token_service_is_shown_the_password_and_sends_nobody_on_with_it() {
    let tokens = Server::start(|_, head| match head.contains(BASIC) {
        true => ok(r#"{"token":"the-token"}"#),
        false => Answer::Plain("401 Unauthorized", String::new(), vec![]),
    });
    let server = behind_tokens(&tokens);
    let fetch = async |password: &str| {
        let (_dir, store) = store_with(login(server.address, password));
        store.fetch(&server.reference()).await
    };
    assert_eq!(fetch("opensesame").await.unwrap().bytes, COMPONENT);
    assert_eq!(tokens.requests().len(), 1, "one token is for all requests");
    let error = fetch("hunter2").await.unwrap_err();
    assert!(is_denied(&error, "the test"), "{}", chain(&error));

    let elsewhere = Server::start(|_, _| ok(r#"{"token":"the-token"}"#));
    let address = elsewhere.address;
    let tokens = Server::start(move |_, _| {
        let location = format!("location: http://{address}/\r\n");
        Answer::Plain("307 Temporary Redirect", location, vec![])
    });
    let server = behind_tokens(&tokens);
    let (_dir, store) = store_with(login(server.address, "opensesame"));
    assert!(store.fetch(&server.reference()).await.is_err());
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn a_token_of_the_operator_is_sent_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("token");
    let tokens = Server::start(|_, _| not_found());
    let server = behind_tokens(&tokens);
    for (token, fits) in [("the-token", true), ("hunter2", false)] {
        fs::write(&path, token).unwrap();
        let settings = RegistrySettings {
            token_file: Some(path.clone()),
            ..RegistrySettings::default()
        };
        let (_dir, store) = store_with(set(server.address, settings));
        let fetched = store.fetch(&server.reference()).await;
        assert_eq!(fetched.is_ok(), fits);
        if let Err(error) = fetched {
            assert!(is_denied(&error, "token"), "{}", chain(&error));
        }
    }
    assert!(tokens.requests().is_empty());
}

#[tokio::test]
async fn an_upload_that_goes_elsewhere_goes_without_credentials() {
    let storage = Server::start(|path, head| {
        assert!(!head.to_lowercase().contains("authorization"), "{head}");
        assert!(path.contains("digest=sha256%3A"), "{path}");
        Answer::Plain("201 Created", "location: /stored\r\n".to_owned(), vec![])
    });
    let elsewhere = storage.address;
    let server = Server::start(move |path, head| {
        if !head.contains(BASIC) {
            return Answer::Plain(
                "401 Unauthorized",
                "www-authenticate: Basic\r\n".to_owned(),
                vec![],
            );
        }
        match head.split(' ').next().unwrap() {
            "HEAD" => not_found(),
            "POST" => {
                let location = format!("location: http://{elsewhere}/upload?state=x\r\n");
                Answer::Plain("202 Accepted", location, vec![])
            }
            _ => {
                assert!(path.ends_with("/manifests/1"), "{path}");
                Answer::Plain("201 Created", String::new(), vec![])
            }
        }
    });
    let registries = login(server.address, "opensesame");
    registries
        .publish(COMPONENT, &about(), &server.reference(), None)
        .await
        .unwrap();
    assert_eq!(storage.requests().len(), 2, "component and config");
    let denied = publish(COMPONENT, &about(), &server.reference())
        .await
        .unwrap_err();
    assert!(is_denied(&denied, ""), "{}", chain(&denied));
}

#[tokio::test]
async fn a_registry_that_asks_for_a_password_here_and_a_token_there_gets_no_upload() {
    let tokens = Server::start(|_, head| {
        assert!(!head.to_lowercase().contains("authorization"), "{head}");
        not_found()
    });
    let realm = format!(
        "www-authenticate: Bearer realm=\"http://{}/token\"\r\n",
        tokens.address
    );
    let server = Server::start(move |path, head| {
        let asked = |what: &str| Answer::Plain("401 Unauthorized", what.to_owned(), vec![]);
        match path {
            "/v2/" => asked(&realm),
            _ if !head.contains(BASIC) => asked("www-authenticate: Basic\r\n"),
            _ => not_found(),
        }
    });
    let registries = login(server.address, "opensesame");
    let refused = registries
        .publish(COMPONENT, &about(), &server.reference(), None)
        .await;
    let refused = refused.unwrap_err();
    assert!(
        matches!(&refused, OciError::Refused { answer, .. } if answer.contains("a token there")),
        "{refused:?}"
    );
    assert!(tokens.requests().is_empty());
}

#[tokio::test]
async fn what_is_public_is_read_without_a_look_at_credentials() {
    let server = Server::start(|path, head| {
        assert!(!head.to_lowercase().contains("authorization"), "{head}");
        honest(path)
    });
    let dir = tempfile::tempdir().unwrap();
    let store = ContentStore::open(&dir.path().join("store")).unwrap();
    let store = store.with_registries(set(server.address, user(&dir.path().join("absent"))));
    assert_eq!(store.fetch(&server.reference()).await.unwrap().bytes, COMPONENT);
}
