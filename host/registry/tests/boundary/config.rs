//! What an operator sets, against what a component declares: at registration, at a change and at a start.

use std::collections::BTreeMap;

use platform_domain::Status;
use platform_registry::{ChallengePatch, NewChallenge, Observed, RegistryError};
use platform_store::challenges;

use crate::host::{Host, new, slug, whole};

const CONFIG: &str =
    r#"[{"name":"SEED","type":"integer","required":true},{"name":"RATE","type":"number","default":0.5}]"#;

fn declaring(config: &str) -> Vec<u8> {
    whole(&format!(
        r#"{{"name":"a","version":"1","data":"none","config":{config}}}"#
    ))
}

fn set(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

fn env(pairs: &[(&str, &str)]) -> ChallengePatch {
    ChallengePatch {
        env: Some(set(pairs)),
        ..ChallengePatch::default()
    }
}

/// Field and reason.
fn refusal<T: std::fmt::Debug>(result: Result<T, RegistryError>) -> (String, String) {
    match result {
        Err(RegistryError::Field(error)) => (error.field, error.reason),
        other => panic!("{other:?}"),
    }
}

/// What does not fit to [`CONFIG`], with the field and a part of the reason.
const WRONG: [(&[(&str, &str)], &str, &str); 4] = [
    (&[], "env.SEED", "cannot do without"),
    (&[("SEED", "hunter2")], "env.SEED", "whole number"),
    (&[("SEED", "7"), ("RATE", "fast")], "env.RATE", "a number"),
    (
        &[("SEED", "7"), ("SEDE", "8")],
        "env.SEDE",
        "it declares SEED, RATE",
    ),
];

#[tokio::test]
async fn a_registration_that_sets_something_else_is_refused_by_the_variable() {
    let host = Host::start().await;
    let source = host.component("c.wasm", &declaring(CONFIG));
    for status in [Status::Draft, Status::Active] {
        for (pairs, field, reason) in WRONG {
            let wrong = NewChallenge {
                env: set(pairs),
                status,
                ..new("ab", source.clone())
            };
            let (found, said) = refusal(host.registry.challenge_create(wrong).await);
            assert_eq!(found, field, "{pairs:?}: {said}");
            assert!(
                said.contains(reason) && !said.contains("hunter2"),
                "{pairs:?}: {said}"
            );
        }
    }
    let bad = r#"[{"name":"SEED","type":"integer","default":"7"}]"#;
    let bad = new("ab", host.component("bad.wasm", &declaring(bad)));
    let (field, reason) = refusal(host.registry.challenge_create(bad).await);
    assert!(
        field == "env.SEED" && reason.contains("its default in the manifest"),
        "{reason}"
    );
    assert_eq!(host.registry.challenge_list().await.unwrap().len(), 0);

    let right = NewChallenge {
        env: set(&[("SEED", "7")]),
        status: Status::Active,
        ..new("ab", source)
    };
    let (created, _) = host.registry.challenge_create(right).await.unwrap();
    assert_eq!(created.env, set(&[("SEED", "7")]), "a default is the manifest's");
    assert!(matches!(
        host.registry.observed(&slug("ab")),
        Observed::Running { .. }
    ));
}

#[tokio::test]
async fn a_change_to_something_else_is_refused_whether_the_challenge_runs_or_not() {
    let host = Host::start().await;
    let ab = slug("ab");
    let right = NewChallenge {
        env: set(&[("SEED", "7")]),
        ..new("ab", host.component("c.wasm", &declaring(CONFIG)))
    };
    host.registry.challenge_create(right).await.unwrap();
    for _ in 0..2 {
        for (pairs, field, reason) in WRONG {
            let (found, said) = refusal(host.registry.challenge_patch(&ab, env(pairs)).await);
            assert!(
                found == field && said.contains(reason),
                "{pairs:?}: {found}: {said}"
            );
        }
        assert_eq!(
            host.registry.challenge_get(&ab).await.unwrap().env,
            set(&[("SEED", "7")])
        );
        let all = env(&[("SEED", "-8"), ("RATE", "2e3")]);
        host.registry.challenge_patch(&ab, all).await.unwrap();
        host.registry
            .challenge_patch(&ab, env(&[("SEED", "7")]))
            .await
            .unwrap();
        host.registry.challenge_activate(&ab).await.unwrap();
    }
}

#[tokio::test]
async fn what_was_set_before_anybody_declared_it_is_told_at_the_start() {
    let host = Host::start().await;
    let ab = slug("ab");
    let right = NewChallenge {
        env: set(&[("SEED", "7")]),
        ..new("ab", host.component("c.wasm", &declaring(CONFIG)))
    };
    host.registry.challenge_create(right).await.unwrap();
    // As a host of before could have written it.
    let mut record = host.registry.challenge_get(&ab).await.unwrap();
    (record.env, record.status) = (set(&[("SEED", "hunter2")]), Status::Active);
    let write = move |connection: &_| challenges::update(connection, &record);
    host.store.write("test", write).await.unwrap();
    let host = host.restart().await;
    let Observed::Failed { reason, .. } = host.registry.observed(&ab) else {
        panic!("{:?}", host.registry.observed(&ab))
    };
    assert!(
        reason.contains("env.SEED") && reason.contains("whole number"),
        "{reason}"
    );
    assert!(!reason.contains("hunter2"), "{reason}");
    // And repaired as ever.
    host.registry
        .challenge_patch(&ab, env(&[("SEED", "7")]))
        .await
        .unwrap();
    assert!(matches!(host.registry.observed(&ab), Observed::Running { .. }));
}

#[tokio::test]
async fn who_declares_nothing_takes_anything() {
    let host = Host::start().await;
    let anything = NewChallenge {
        env: set(&[("WHAT", "ever")]),
        status: Status::Active,
        ..host.echo("echo")
    };
    host.registry.challenge_create(anything).await.unwrap();
    host.registry
        .challenge_patch(&slug("echo"), env(&[("ELSE", "")]))
        .await
        .unwrap();
}
