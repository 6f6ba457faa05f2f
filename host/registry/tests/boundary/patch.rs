//! Changing: nothing, one field, what may not be, and at the same time as others.

use std::{collections::BTreeSet, sync::Arc};

use platform_domain::{Capability, Status};
use platform_registry::{ChallengePatch, NewChallenge, Observed, RegistryError};
use platform_runtime::{Route, Target};

use crate::host::{Host, misfit, new, slug, whole};

fn program(route: &Route) -> *const () {
    match &route.target {
        Target::Wasm(guarded) => Arc::as_ptr(guarded.program()).cast(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_empty_patch_changes_nothing_and_a_field_changes_alone() {
    let host = Host::start().await;
    let echo = slug("echo");
    let new = NewChallenge {
        description: Some("old".into()),
        ..host.echo("echo")
    };
    let (before, _) = host.registry.challenge_create(new).await.unwrap();
    let same = host
        .registry
        .challenge_patch(&echo, ChallengePatch::default())
        .await
        .unwrap();
    assert_eq!(format!("{same:?}"), format!("{before:?}"));
    let clear = ChallengePatch {
        description: Some(None),
        ..ChallengePatch::default()
    };
    let mut after = host.registry.challenge_patch(&echo, clear).await.unwrap();
    assert_eq!(after.description, None);
    assert!(after.updated_at >= before.updated_at);
    assert_eq!(after.token_hash.as_bytes(), before.token_hash.as_bytes());
    (after.description, after.updated_at) = (before.description.clone(), before.updated_at);
    assert_eq!(format!("{after:?}"), format!("{before:?}"));
}

#[tokio::test]
async fn only_a_change_of_the_program_restarts_it() {
    let host = Host::start().await;
    let echo = slug("echo");
    let active = NewChallenge {
        status: Status::Active,
        ..host.echo("echo")
    };
    host.registry.challenge_create(active).await.unwrap();
    let route = || host.routes.current().get(&echo).cloned().unwrap();
    let first = route();

    let money = ChallengePatch {
        emission_percent: Some("7".parse().unwrap()),
        on_failure: Some("primary,last-good:2".parse().unwrap()),
        name: Some("Echo".into()),
        ..ChallengePatch::default()
    };
    let after = host.registry.challenge_patch(&echo, money).await.unwrap();
    assert_eq!(after.on_failure.to_string(), "primary,last-good:2");
    assert_eq!(route().emission_percent.to_string(), "7");
    assert_eq!(program(&route()), program(&first), "the same program goes on");

    let weights_only = ChallengePatch {
        capabilities: Some(BTreeSet::from([Capability::GetWeights])),
        ..ChallengePatch::default()
    };
    host.registry.challenge_patch(&echo, weights_only).await.unwrap();
    assert!(!route().offers(Capability::ProxyRoutes));
    assert_eq!(program(&route()), program(&first));

    let env = ChallengePatch {
        env: Some([("A".into(), "1".into())].into()),
        ..ChallengePatch::default()
    };
    host.registry.challenge_patch(&echo, env).await.unwrap();
    assert_ne!(
        program(&route()),
        program(&first),
        "a new environment is a new program"
    );
    let second = route();
    let kept = ChallengePatch {
        instances: Some("warm(1)".parse().unwrap()),
        capabilities: Some(BTreeSet::from(Capability::USUAL)),
        ..ChallengePatch::default()
    };
    let after = host.registry.challenge_patch(&echo, kept).await.unwrap();
    assert_eq!(after.instances.to_string(), "warm(1, 1000, 60s)");
    assert_ne!(
        program(&route()),
        program(&second),
        "a program keeps instances or does not"
    );
    assert!(matches!(host.registry.observed(&echo), Observed::Running { .. }));
}

#[tokio::test]
async fn a_patch_that_is_not_acceptable_changes_nothing() {
    let host = Host::start().await;
    host.registry.challenge_create(host.echo("echo")).await.unwrap();
    let (before, _) = host
        .registry
        .challenge_create(new("odd", host.component("odd.wasm", &misfit())))
        .await
        .unwrap();
    let odd = slug("odd");
    let patch = ChallengePatch::default;
    let table = [
        (
            ChallengePatch {
                name: Some(String::new()),
                ..patch()
            },
            "name",
        ),
        (
            ChallengePatch {
                emission_percent: Some("1".parse().unwrap()),
                ..patch()
            },
            "emission_percent",
        ),
        (
            ChallengePatch {
                capabilities: Some(BTreeSet::from(Capability::USUAL)),
                ..patch()
            },
            "required_capabilities",
        ),
        (
            ChallengePatch {
                secrets: Some(BTreeSet::from(["k".into()])),
                ..patch()
            },
            "secrets",
        ),
        (
            ChallengePatch {
                env: Some([("\0".into(), "1".into())].into()),
                ..patch()
            },
            "env.\\0",
        ),
        (
            // It keeps files.
            ChallengePatch {
                instances: Some("warm(2)".parse().unwrap()),
                ..patch()
            },
            "instances",
        ),
    ];
    for (patch, expected) in table {
        // A good change in the same patch is not applied either.
        let patch = ChallengePatch {
            version: Some("2".into()),
            ..patch
        };
        let error = host.registry.challenge_patch(&odd, patch).await.unwrap_err();
        assert!(
            matches!(&error, RegistryError::Field(it) if it.field == expected),
            "{error:?}"
        );
    }
    let transition = ChallengePatch {
        status: Some(Status::Inactive),
        ..patch()
    };
    let error = host.registry.challenge_patch(&odd, transition).await.unwrap_err();
    assert!(matches!(error, RegistryError::Transition(_)), "{error:?}");
    let activate = ChallengePatch {
        status: Some(Status::Active),
        ..patch()
    };
    let error = host.registry.challenge_patch(&odd, activate).await.unwrap_err();
    assert!(matches!(error, RegistryError::Load(_)), "{error:?}");
    let after = host.registry.challenge_get(&odd).await.unwrap();
    assert_eq!(format!("{after:?}"), format!("{before:?}"));
}

#[tokio::test]
async fn changes_at_the_same_time_all_count() {
    let host = Host::start().await;
    let echo = slug("echo");
    let asks = whole(r#"{"name":"a","version":"1","data":"none"}"#);
    host.registry
        .challenge_create(new("echo", host.component("a.wasm", &asks)))
        .await
        .unwrap();
    let patch = ChallengePatch::default;
    let (one, two, three, four) = tokio::join!(
        host.registry.challenge_patch(
            &echo,
            ChallengePatch {
                name: Some("n".into()),
                ..patch()
            }
        ),
        host.registry.challenge_patch(
            &echo,
            ChallengePatch {
                version: Some("v".into()),
                ..patch()
            }
        ),
        host.registry.challenge_patch(
            &echo,
            ChallengePatch {
                env: Some([("A".into(), "1".into())].into()),
                ..patch()
            }
        ),
        host.registry.challenge_activate(&echo),
    );
    for result in [one, two, three, four] {
        result.unwrap();
    }
    let after = host.registry.challenge_get(&echo).await.unwrap();
    assert_eq!(
        (after.name.as_str(), after.version.as_str(), after.env.len()),
        ("n", "v", 1)
    );
    assert_eq!(after.status, Status::Active);
    assert!(matches!(host.registry.observed(&echo), Observed::Running { .. }));
}
