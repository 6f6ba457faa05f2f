//! Secrets: sealed, opened for the program they are for, and a clear reason when they cannot be.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use platform_domain::{Injection, Secret, SecretUse, SecretValue, Slug, Status};
use platform_registry::{
    ChallengePatch, KeptSecret, KeyError, LoadError, NewChallenge, Observed, RegistryError, SecretError,
};
use platform_store::StoreError;

use crate::host::{Host, new, slug, whole};

const ASKING: &str = r#"{"name":"a","version":"1","data":"none","secrets":["SALT","SEED"]}"#;
const VALUE: &[u8] = b"hunter2-hunter2-hunter2";

fn secret(name: &str, value: &[u8]) -> Secret {
    Secret {
        name: name.parse().unwrap(),
        usage: SecretUse::Reveal,
        value: SecretValue::new(value.to_vec()),
    }
}

fn sent(name: &str, to: &str, header: &str, value: &[u8]) -> Secret {
    let injection = Injection::new(to.parse().unwrap(), header.parse().unwrap());
    Secret {
        usage: SecretUse::Inject(injection.unwrap()),
        ..secret(name, value)
    }
}

async fn register(host: &Host, name: &str) -> Slug {
    let source = host.component(&format!("{name}.wasm"), &whole(ASKING));
    let challenge = NewChallenge {
        status: Status::Active,
        ..new(name, source)
    };
    host.registry.challenge_create(challenge).await.unwrap();
    slug(name)
}

fn key_file(host: &Host) -> PathBuf {
    host.dir.path().join("secrets.key")
}

async fn execute(host: &Host, sql: String) -> usize {
    let changed = host.store.write("spoil", move |connection| {
        Ok::<_, StoreError>(connection.execute(&sql, [])?)
    });
    changed.await.unwrap()
}

async fn set_all(host: &Host) -> (Slug, Slug) {
    let (ab, cd) = (register(host, "ab").await, register(host, "cd").await);
    for slug in [&ab, &cd] {
        host.registry
            .secret_set(slug, secret("SALT", VALUE))
            .await
            .unwrap();
    }
    (ab, cd)
}

/// What the operator reads of a challenge that is down.
async fn reason(host: &Host, slug: &Slug) -> String {
    host.wait_for(slug, |seen| matches!(seen, Observed::Failed { .. }))
        .await;
    match host.registry.observed(slug) {
        Observed::Failed { reason, .. } => reason.to_string(),
        other => panic!("{other:?}"),
    }
}

fn field(result: Result<KeptSecret, RegistryError>) -> (String, String) {
    match result {
        Err(RegistryError::Field(error)) => (error.field, error.reason),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_was_set_is_listed_without_its_value_and_what_is_missing_with_it() {
    let host = Host::start().await;
    let ab = register(&host, "ab").await;
    let record = host.registry.challenge_get(&ab).await.unwrap();
    assert_eq!(record.secrets, ["SALT", "SEED"].map(String::from).into());
    let missing = host.registry.secrets_missing(&record).await.unwrap();
    assert_eq!(missing.len(), 2);
    assert!(!key_file(&host).exists(), "nobody needed it yet");
    host.registry
        .secret_set(&ab, secret("SALT", VALUE))
        .await
        .unwrap();
    let token = sent(
        "TOKEN",
        "https://api.example.com",
        "authorization: Bearer {}",
        VALUE,
    );
    host.registry.secret_set(&ab, token).await.unwrap();
    let (kept, missing) = host.registry.secret_list(&ab).await.unwrap();
    let shown: Vec<_> = kept.iter().map(|kept| (kept.name.as_str(), kept.asked)).collect();
    assert_eq!(shown, [("SALT", true), ("TOKEN", false)]);
    assert_eq!(missing, ["SEED".parse().unwrap()].into());
    assert_eq!(
        fs::metadata(key_file(&host)).unwrap().permissions().mode() & 0o777,
        0o600
    );
    host.registry
        .secret_remove(&ab, &"SALT".parse().unwrap())
        .await
        .unwrap();
    let again = host.registry.secret_remove(&ab, &"SALT".parse().unwrap()).await;
    assert!(matches!(again, Err(RegistryError::NoSecret(..))), "{again:?}");
    let nobody = host.registry.secret_set(&slug("xy"), secret("SALT", VALUE)).await;
    assert!(matches!(nobody, Err(RegistryError::NotFound(_))), "{nobody:?}");
}

#[tokio::test]
async fn what_is_too_much_or_cannot_be_sent_is_refused_without_showing_it() {
    let host = Host::start().await;
    let ab = register(&host, "ab").await;
    let set = async |secret| host.registry.secret_set(&ab, secret).await;
    assert!(set(secret("LARGE", &[7; 4096])).await.is_ok());
    let host_rule = "https://api.example.com";
    for (refused, named) in [
        (secret("LARGER", &[7; 4097]), "value"),
        (secret("EMPTY", b""), "value"),
        (sent("LINE", host_rule, "a: {}", b"hunter2\n"), "value"),
        (sent("SPLIT", host_rule, "a: {}", b"hunter2\r\nb: c"), "value"),
    ] {
        let (field, reason) = field(set(refused).await);
        assert!(field == named && !reason.contains("hunter2"), "{field}: {reason}");
    }
    set(sent("ONE", "https://*.example.com", "authorization: {}", b"x"))
        .await
        .unwrap();
    let (named, reason) = field(set(sent("TWO", host_rule, "Authorization: Basic {}", b"y")).await);
    assert!(named == "inject" && reason.contains("ONE"), "{named}: {reason}");
    // In place of itself, and in another header.
    set(sent("ONE", host_rule, "authorization: {}", b"x"))
        .await
        .unwrap();
    set(sent("TWO", host_rule, "x-api-key: {}", b"y")).await.unwrap();
    for n in 0..29 {
        set(secret(&format!("K{n}"), b"x")).await.unwrap();
    }
    let (named, reason) = field(set(secret("K29", b"x")).await);
    assert!(
        named == "name" && reason.contains("at most 32"),
        "{named}: {reason}"
    );
    assert!(set(secret("K0", b"another")).await.is_ok(), "in place of one");
    let patch = ChallengePatch {
        secrets: Some(["SALT".to_owned()].into()),
        ..ChallengePatch::default()
    };
    let refused = host.registry.challenge_patch(&ab, patch).await.unwrap_err();
    assert!(refused.to_string().contains("platform secret set"), "{refused}");
}

#[tokio::test]
async fn they_go_with_their_challenge() {
    let host = Host::start().await;
    let (ab, cd) = set_all(&host).await;
    host.registry.challenge_deactivate(&cd).await.unwrap();
    host.registry.challenge_delete(&cd).await.unwrap();
    let cd = register(&host, "cd").await;
    assert_eq!(host.registry.secret_list(&cd).await.unwrap().0, []);
    assert_eq!(host.registry.secret_list(&ab).await.unwrap().0.len(), 1);
}

#[tokio::test]
async fn a_row_that_is_not_as_it_was_written_takes_down_its_challenge_alone() {
    for spoilt in [
        "UPDATE secrets SET sealed = zeroblob(length(sealed)) WHERE slug = 'ab'",
        "UPDATE secrets SET sealed = x'' WHERE slug = 'ab'",
        "UPDATE secrets SET sealed = substr(sealed, 1, length(sealed) - 1) WHERE slug = 'ab'",
        // From another challenge, to another name, to another use.
        "UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE slug = 'cd') WHERE slug = 'ab'",
        "UPDATE secrets SET name = 'SEED' WHERE slug = 'ab'",
        "UPDATE secrets SET destination = 'https://evil.example', header = 'a: {}' WHERE slug = 'ab'",
        "UPDATE secrets SET destination = 'http://evil.example', header = 'a: {}' WHERE slug = 'ab'",
        "UPDATE secrets SET destination = 'x', header = 'y' WHERE slug = 'ab'",
    ] {
        let host = Host::start().await;
        let (ab, cd) = set_all(&host).await;
        assert_eq!(execute(&host, spoilt.to_owned()).await, 1);
        let host = host.restart().await;
        let reason = reason(&host, &ab).await;
        assert!(
            reason.contains("secrets cannot be opened") && !reason.contains("hunter2"),
            "{spoilt}: {reason}"
        );
        host.wait_for(&cd, |seen| matches!(seen, Observed::Running { .. }))
            .await;
        // What is wrong can be put right.
        for name in ["SALT", "SEED"] {
            let _gone = host.registry.secret_remove(&ab, &name.parse().unwrap()).await;
        }
        host.registry
            .secret_set(&ab, secret("SALT", VALUE))
            .await
            .unwrap();
        host.wait_for(&ab, |seen| matches!(seen, Observed::Running { .. }))
            .await;
    }
}

#[tokio::test]
async fn a_key_file_that_is_gone_or_open_or_another_is_told_until_it_is_put_right() {
    let host = Host::start().await;
    let (ab, _cd) = set_all(&host).await;
    let key = fs::read(key_file(&host)).unwrap();
    let put = |host: &Host, bytes: &[u8], mode: u32| {
        fs::write(key_file(host), bytes).unwrap();
        fs::set_permissions(key_file(host), fs::Permissions::from_mode(mode)).unwrap();
    };
    fs::remove_file(key_file(&host)).unwrap();
    let mut host = host.restart().await;
    assert!(reason(&host, &ab).await.contains("secrets.key is missing"));
    // No new one is made while something is sealed with the old one.
    let refused = host.registry.secret_set(&ab, secret("SEED", VALUE)).await;
    let missing = |error: &RegistryError| {
        matches!(
            error,
            RegistryError::Secret(SecretError::Key(KeyError::Missing(_)))
        )
    };
    assert!(refused.as_ref().is_err_and(missing), "{refused:?}");
    for (bytes, mode, says) in [
        (&key[..], 0o640, "may be read by others"),
        (&key[1..], 0o600, "has not the 32 bytes"),
        (&[7; 32][..], 0o600, "was sealed with the key"),
    ] {
        put(&host, bytes, mode);
        host = host.restart().await;
        let reason = reason(&host, &ab).await;
        assert!(reason.contains(says), "{reason}");
    }
    // It cannot be activated either.
    host.registry.challenge_deactivate(&ab).await.unwrap();
    let refused = host.registry.challenge_activate(&ab).await;
    assert!(
        matches!(
            refused,
            Err(RegistryError::Load(LoadError::Secrets(
                SecretError::OtherKey { .. }
            )))
        ),
        "{refused:?}"
    );
    put(&host, &key, 0o600);
    host.registry.challenge_activate(&ab).await.unwrap();
    host.wait_for(&ab, |seen| matches!(seen, Observed::Running { .. }))
        .await;
}

#[tokio::test]
async fn the_database_has_nothing_of_a_value() {
    let host = Host::start().await;
    let (ab, _cd) = set_all(&host).await;
    let token = sent("TOKEN", "https://api.example.com", "authorization: {}", VALUE);
    host.registry.secret_set(&ab, token).await.unwrap();
    let dir = host.stop().await;
    let mut files = 0;
    for entry in fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            assert!(!bytes.windows(7).any(|part| part == b"hunter2"), "{path:?}");
            files += 1;
        }
    }
    assert!(files > 2, "{files}");
}
