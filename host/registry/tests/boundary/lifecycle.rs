//! The verbs: which are allowed when, what they do to what runs.

use std::{
    future::{Future as _, poll_fn},
    os::unix::fs::PermissionsExt,
    task::Poll,
    time::Duration,
};

use platform_domain::{Capability, Status, UnixSeconds};
use platform_registry::{ChallengePatch, LoadError, NewChallenge, Observed, RegistryError, Source};
use platform_runtime::Target;
use platform_store::tokens;

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
    let Observed::Running {
        since,
        code,
        container,
    } = registry.observed(&echo)
    else {
        panic!("it must run")
    };
    let route = host.routes.current().get(&echo).cloned().unwrap();
    assert!(matches!(route.target, Target::Wasm(_)) && route.offers(Capability::GetWeights));
    assert_eq!(route.emission_percent.to_string(), "12.5");
    let data = host.state("echo").join("data");
    assert_eq!(data.metadata().unwrap().permissions().mode() & 0o777, 0o700);

    let repeated = registry.challenge_activate(&echo).await.unwrap();
    assert_eq!(repeated.status, Status::Active);
    let still = Observed::Running {
        since,
        code,
        container,
    };
    assert_eq!(registry.observed(&echo), still);
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

#[tokio::test]
async fn a_token_that_was_replaced_counts_for_a_week_at_most() {
    let host = Host::start().await;
    let echo = slug("echo");
    let (_, before) = host.registry.challenge_create(host.echo("echo")).await.unwrap();
    let week = Duration::from_secs(7 * 86_400);
    let error = host
        .registry
        .challenge_rotate_token(&echo, week + Duration::from_secs(1))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, RegistryError::Field(it) if it.field == "overlap_seconds"),
        "{error:?}"
    );
    let unchanged = host.registry.challenge_get(&echo).await.unwrap();
    assert!(unchanged.token_hash.verifies(&before));
    let (changed, after) = host.registry.challenge_rotate_token(&echo, week).await.unwrap();
    assert!(changed.token_hash.verifies(&after) && !changed.token_hash.verifies(&before));
}

#[tokio::test]
async fn the_token_that_was_replaced_is_known_by_its_hash_for_as_long_as_it_counts() {
    let host = Host::start().await;
    let gpu = slug("gpu");
    let new = NewChallenge {
        source: Source::Image("registry.example/gpu:1".parse().unwrap()),
        ..host.echo("gpu")
    };
    let (_, before) = host.registry.challenge_create(new).await.unwrap();
    let previous = async || {
        let key = gpu.clone();
        let read = move |connection: &platform_store::Connection| tokens::get(connection, &key);
        host.store.read("test", read).await.unwrap().unwrap().previous
    };
    assert!(previous().await.is_none());
    let hour = Duration::from_secs(3600);
    host.registry.challenge_rotate_token(&gpu, hour).await.unwrap();
    let kept = previous().await.unwrap();
    let now = UnixSeconds::from(std::time::SystemTime::now());
    assert!(kept.hash.unwrap().verifies(&before));
    assert!((now.0 + 3590..=now.0 + 3600).contains(&kept.until.0));
    host.registry
        .challenge_rotate_token(&gpu, Duration::ZERO)
        .await
        .unwrap();
    assert!(previous().await.is_none());
}

#[tokio::test]
async fn a_challenge_that_hands_in_jobs_does_not_run_where_nobody_takes_them() {
    let host = Host::start().await;
    let with = |status, capabilities: &[Capability]| {
        let mut new = NewChallenge {
            source: Source::Image("registry.example/gpu:1".parse().unwrap()),
            status,
            capabilities: Some(capabilities.iter().copied().collect()),
            ..host.echo("gpu")
        };
        new.serving.address = Some("http://127.0.0.1:9".parse().unwrap());
        new
    };
    let refused = |error: RegistryError| {
        let field = matches!(&error, RegistryError::Field(it) if it.field == "required_capabilities");
        assert!(field && format!("{error:?}").contains("[jobs]"), "{error:?}");
    };
    let create = |new| host.registry.challenge_create(new);
    refused(create(with(Status::Active, &Capability::ALL)).await.unwrap_err());
    // A draft waits for it.
    create(with(Status::Draft, &Capability::ALL)).await.unwrap();
    let gpu = slug("gpu");
    refused(host.registry.challenge_activate(&gpu).await.unwrap_err());
    let only = |capabilities: &[Capability]| ChallengePatch {
        capabilities: Some(capabilities.iter().copied().collect()),
        ..ChallengePatch::default()
    };
    let patch = |patch| host.registry.challenge_patch(&gpu, patch);
    patch(only(&Capability::USUAL)).await.unwrap();
    host.registry.challenge_activate(&gpu).await.unwrap();
    refused(patch(only(&Capability::ALL)).await.unwrap_err());
}

#[tokio::test]
async fn a_change_takes_effect_although_whoever_asked_has_gone_away() {
    let host = Host::start().await;
    let new = NewChallenge {
        status: Status::Active,
        ..host.echo("echo")
    };
    let (echo, mut create) = (slug("echo"), Box::pin(host.registry.challenge_create(new)));
    let written = async || !host.registry.challenge_list().await.unwrap().is_empty();
    'unwritten: loop {
        assert!(
            poll_fn(|cx| Poll::Ready(create.as_mut().poll(cx)))
                .await
                .is_pending()
        );
        // Several looks at the registry between two polls, so that it is gone before it sees its own commit.
        for _ in 0..20 {
            if written().await {
                break 'unwritten;
            }
        }
    }
    drop(create);
    // Well below the reconciler's period, in which it would find out by itself.
    let running = host.wait_for(&echo, |seen| matches!(seen, Observed::Running { .. }));
    tokio::time::timeout(Duration::from_secs(15), running)
        .await
        .unwrap();
}

#[tokio::test]
async fn of_two_creates_at_once_one_wins_and_the_other_is_told() {
    let host = Host::start().await;
    let create = || host.registry.challenge_create(host.echo("echo"));
    let (one, two) = tokio::join!(create(), create());
    let (won, lost) = if one.is_ok() { (one, two) } else { (two, one) };
    assert!(matches!(lost, Err(RegistryError::Exists(_))), "{lost:?}");
    let kept = host.registry.challenge_get(&slug("echo")).await.unwrap();
    assert!(
        kept.token_hash.verifies(&won.unwrap().1),
        "the winner's token counts"
    );
}

#[tokio::test]
async fn changes_at_the_same_time_leave_what_one_after_the_other_would() {
    let host = Host::start().await;
    let (registry, echo) = (&host.registry, slug("echo"));
    registry.challenge_create(host.echo("echo")).await.unwrap();
    for round in 0..10 {
        let patch = ChallengePatch {
            env: Some([("ROUND".to_owned(), round.to_string())].into()),
            ..ChallengePatch::default()
        };
        let (activated, patched, deleted) = tokio::join!(
            registry.challenge_activate(&echo),
            registry.challenge_patch(&echo, patch),
            registry.challenge_delete(&echo),
        );
        if deleted.is_ok() {
            assert!(registry.challenge_get(&echo).await.is_err());
            assert!(matches!(registry.observed(&echo), Observed::Stopped));
            registry.challenge_create(host.echo("echo")).await.unwrap();
            continue;
        }
        assert!(matches!(deleted, Err(RegistryError::Active(_))), "{deleted:?}");
        activated.unwrap();
        patched.unwrap();
        let kept = registry.challenge_get(&echo).await.unwrap();
        assert_eq!(
            (kept.status, kept.env["ROUND"].clone()),
            (Status::Active, round.to_string())
        );
        assert!(matches!(registry.observed(&echo), Observed::Running { .. }));
        registry.challenge_deactivate(&echo).await.unwrap();
    }
}
