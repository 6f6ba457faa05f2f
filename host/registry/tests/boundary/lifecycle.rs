//! The verbs: which are allowed when, what they do to what runs.

use std::os::unix::fs::PermissionsExt;

use platform_domain::{Capability, Status};
use platform_registry::{LoadError, NewChallenge, Observed, RegistryError};
use platform_runtime::Target;

use crate::host::{Host, misfit, new, slug};

#[tokio::test]
async fn a_challenge_lives_from_draft_to_deleted() {
    let host = Host::start().await;
    let echo = slug("echo");
    let registry = &host.registry;
    let new = NewChallenge {
        emission_percent: "12.5".parse().unwrap(),
        ..host.echo("echo")
    };
    registry.challenge_create(new).await.unwrap();
    assert!(!host.state("echo").exists(), "a draft has no state");

    // Each verb has taken effect when it returns.
    assert_eq!(
        registry.challenge_activate(&echo).await.unwrap().status,
        Status::Active
    );
    let Observed::Running { since } = registry.observed(&echo) else {
        panic!("it must run")
    };
    let route = host.routes.current().get(&echo).cloned().unwrap();
    assert!(matches!(route.target, Target::Wasm(_)) && route.offers(Capability::GetWeights));
    assert_eq!(route.emission_percent.to_string(), "12.5");
    let data = host.state("echo").join("data");
    assert_eq!(data.metadata().unwrap().permissions().mode() & 0o777, 0o700);

    let repeated = registry.challenge_activate(&echo).await.unwrap();
    assert_eq!(repeated.status, Status::Active);
    assert_eq!(registry.observed(&echo), Observed::Running { since });
    let error = registry.challenge_delete(&echo).await.unwrap_err();
    assert!(matches!(error, RegistryError::Active(_)), "{error:?}");

    assert_eq!(
        registry.challenge_disable(&echo).await.unwrap().status,
        Status::Disabled
    );
    assert_eq!(registry.observed(&echo), Observed::Stopped);
    assert!(host.routes.current().is_empty());
    let error = registry.challenge_activate(&echo).await.unwrap_err();
    assert!(matches!(error, RegistryError::Transition(_)), "{error:?}");

    assert_eq!(
        registry.challenge_deactivate(&echo).await.unwrap().status,
        Status::Inactive
    );
    registry.challenge_activate(&echo).await.unwrap();
    registry.challenge_deactivate(&echo).await.unwrap();
    registry.challenge_delete(&echo).await.unwrap();
    for gone in [
        registry.challenge_get(&echo).await.map(drop),
        registry.challenge_activate(&echo).await.map(drop),
        registry.challenge_delete(&echo).await,
    ] {
        assert!(matches!(gone, Err(RegistryError::NotFound(_))), "{gone:?}");
    }
    assert!(data.exists(), "its state outlives the record");
}

#[tokio::test]
async fn a_component_that_cannot_run_is_refused_and_stays_a_draft() {
    let host = Host::start().await;
    let odd = slug("odd");
    host.registry
        .challenge_create(new("odd", host.component("odd.wasm", &misfit())))
        .await
        .unwrap();
    let error = host.registry.challenge_activate(&odd).await.unwrap_err();
    assert!(
        matches!(error, RegistryError::Load(LoadError::Component(_))),
        "{error:?}"
    );
    assert_eq!(
        host.registry.challenge_get(&odd).await.unwrap().status,
        Status::Draft
    );
    assert_eq!(host.registry.observed(&odd), Observed::Stopped);
    assert!(host.routes.current().is_empty());
}

#[tokio::test]
async fn an_operation_on_nothing_is_not_found() {
    let host = Host::start().await;
    let nothing = slug("nothing");
    let patch = host.registry.challenge_patch(&nothing, Default::default()).await;
    assert!(matches!(patch, Err(RegistryError::NotFound(_))), "{patch:?}");
    let disabled = host.registry.challenge_disable(&nothing).await;
    assert!(
        matches!(disabled, Err(RegistryError::NotFound(_))),
        "{disabled:?}"
    );
}
