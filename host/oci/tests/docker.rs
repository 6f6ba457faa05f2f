//! What `docker login` left: passwords, tokens, helpers, and files that are broken.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::Duration,
};

use platform_oci::{OciError, Origin, Patience, Registries};

use crate::{
    given::*,
    guarded::{Guarded, Wants},
    hostile::{honest, ok},
    server::{Answer, Server},
};

/// `ann:opensesame` in base 64.
const AUTH: &str = "YW5uOm9wZW5zZXNhbWU=";

fn registries(config: &Path) -> Registries {
    let search = config.parent().unwrap().as_os_str().to_owned();
    Registries::default()
        .with_docker(config.to_owned(), search)
        .with_patience(Patience {
            tries: 1,
            helper: Duration::from_millis(500),
            ..Patience::default()
        })
}

fn helper(dir: &Path, name: &str, script: &str) {
    let path = dir.join(format!("docker-credential-{name}"));
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn dockers_configuration_is_asked_and_a_broken_one_is_named_and_not_shown() {
    let registry = Guarded::start(Wants {
        password: true,
        tls: false,
    });
    let to = reference(format!("{}/echo:1", registry.address));
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config.json");
    let says = r#"read server; test "$1" = get && test "$server" = HERE &&
        echo '{"ServerURL":"x","Username":"ann","Secret":"opensesame"}'"#;
    helper(dir.path(), "good", &says.replace("HERE", &registry.address));
    helper(
        dir.path(),
        "wrong",
        r#"echo '{"Username":"ann","Secret":"hunter2"}'"#,
    );
    helper(
        dir.path(),
        "none",
        "echo credentials not found in native keychain; exit 1",
    );
    helper(dir.path(), "locked", "echo hunter2; exit 1");
    helper(dir.path(), "babbling", "echo hunter2");
    helper(dir.path(), "endless", "while :; do echo hunter2; done");
    helper(dir.path(), "sleeping", "exec sleep 60");
    let address = &registry.address;
    // The file, and where the credentials came from; `Ok` for who is let in.
    for (file, expected) in [
        (
            format!(r#"{{"auths":{{"{address}":{{"auth":"{AUTH}"}}}}}}"#),
            Ok(()),
        ),
        (
            format!(r#"{{"auths":{{"https://{address}/v2/":{{"auth":"{AUTH}"}}}}}}"#),
            Ok(()),
        ),
        (
            format!(r#"{{"credHelpers":{{"{address}":"good"}},"credsStore":"wrong"}}"#),
            Ok(()),
        ),
        (
            format!(r#"{{"auths":{{"{address}":{{}}}},"credsStore":"good"}}"#),
            Ok(()),
        ),
        (
            format!(r#"{{"auths":{{"{address}":{{"auth":"{AUTH}"}}}},"credsStore":"none"}}"#),
            Ok(()),
        ),
        (
            r#"{"credsStore":"wrong"}"#.to_owned(),
            Err("docker-credential-wrong"),
        ),
        (r#"{"credsStore":"locked"}"#.to_owned(), Err("locked failed")),
        (r#"{"credsStore":"babbling"}"#.to_owned(), Err("something else")),
        (
            r#"{"credsStore":"endless"}"#.to_owned(),
            Err("docker-credential-endless"),
        ),
        (r#"{"credsStore":"sleeping"}"#.to_owned(), Err("does not answer")),
        (r#"{"credsStore":"absent"}"#.to_owned(), Err("is not there")),
        (
            r#"{"credsStore":"../docker-credential-good"}"#.to_owned(),
            Err("is not there"),
        ),
        (r#"{"credsStore":"none"}"#.to_owned(), Err("")),
        (
            format!(r#"{{"auths":{{"other.example":{{"auth":"{AUTH}"}}}}}}"#),
            Err(""),
        ),
        (
            format!(r#"{{"auths":{{"{address}":{{"auth":"hunter2"}}}}}}"#),
            Err("config.json"),
        ),
        (r#"{"auths":"hunter2"}"#.to_owned(), Err("not valid at line 1")),
        ("hunter2".to_owned(), Err("not valid at line 1")),
        ("{}".to_owned(), Err("")),
    ] {
        fs::write(&config, &file).unwrap();
        let published = registries(&config).publish(COMPONENT, &about(), &to, None).await;
        match (published, expected) {
            (Ok(_), Ok(())) => {}
            (Err(error @ OciError::Denied { .. }), Err(told)) => {
                let text = format!("{} {error:?}", chain(&error));
                assert!(text.contains(told) && !text.contains("hunter2"), "{file}: {text}");
                let OciError::Denied { origin, .. } = error else {
                    unreachable!()
                };
                assert_eq!(origin == Origin::Nowhere, told.is_empty(), "{file}: {text}");
            }
            (published, _) => panic!("{file}: {published:?}"),
        }
    }
    let denied = registries(&dir.path().join("absent"))
        .publish(COMPONENT, &about(), &to, None)
        .await;
    assert!(matches!(
        denied,
        Err(OciError::Denied {
            origin: Origin::Nowhere,
            ..
        })
    ));
}

#[tokio::test]
async fn a_broken_file_keeps_nobody_from_what_is_public() {
    // It wants a token, and gives one to anybody.
    let tokens = Server::start(|_, head| {
        assert!(!head.to_lowercase().contains("authorization"), "{head}");
        ok(r#"{"token":"the-token"}"#)
    });
    let realm = tokens.address;
    let server = Server::start(move |path, head| {
        if head.contains("Bearer the-token") {
            return honest(path);
        }
        let header = format!("www-authenticate: Bearer realm=\"http://{realm}/token\"\r\n");
        Answer::Plain("401 Unauthorized", header, vec![])
    });
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config.json");
    fs::write(&config, "{").unwrap();
    let (_dir, store) = store_with(registries(&config));
    assert_eq!(store.fetch(&server.reference()).await.unwrap().bytes, COMPONENT);
}

#[tokio::test]
async fn an_identity_token_is_exchanged_for_one_of_the_registry() {
    let tokens = Server::start(|path, request| {
        let asks = request.starts_with("POST ")
            && path == "/token"
            && request.contains("grant_type=refresh_token")
            && request.contains("refresh_token=an+identity%26")
            && request.contains("service=reg")
            && request.contains("scope=repository%3Aecho%3Apull");
        assert!(
            asks && !request.to_lowercase().contains("authorization"),
            "{request}"
        );
        ok(r#"{"access_token":"the-token"}"#)
    });
    let realm = tokens.address;
    let server = Server::start(move |path, head| {
        assert!(!head.contains("identity"), "{head}");
        if head.contains("Bearer the-token") {
            return honest(path);
        }
        let header = format!("www-authenticate: Bearer realm=\"http://{realm}/token\",service=\"reg\"\r\n");
        Answer::Plain("401 Unauthorized", header, vec![])
    });
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config.json");
    helper(
        dir.path(),
        "token",
        r#"echo '{"Username":"<token>","Secret":"an identity&"}'"#,
    );
    for file in [
        r#"{"credsStore":"token"}"#.to_owned(),
        format!(
            r#"{{"auths":{{"{}":{{"identitytoken":"an identity&"}}}}}}"#,
            server.address
        ),
    ] {
        fs::write(&config, file).unwrap();
        let (_dir, store) = store_with(registries(&config));
        assert_eq!(store.fetch(&server.reference()).await.unwrap().bytes, COMPONENT);
    }
    assert_eq!(tokens.requests().len(), 2);
}
