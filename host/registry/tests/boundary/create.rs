//! Registering: what is taken from the manifest, what is refused, and that a refusal leaves nothing behind.

use std::collections::{BTreeMap, BTreeSet};

use platform_domain::{Artifact, Capability, DataMode, Digest, Instances, Serving, Status};
use platform_oci::OciError;
use platform_registry::{ChallengePatch, NewChallenge, Observed, RegistryError, Source};
use platform_wasm::ComponentError;

use crate::host::{Host, misfit, new, slug, whole};

const MANIFEST: &str = r#"{"name":"Tours","version":"1.2.0","description":"Shortest wins.","data":"none","instances":"warm(4)"}"#;

/// A registration, and whether it was refused for the right reason.
type Refusal = (NewChallenge, fn(&RegistryError) -> bool);

#[tokio::test]
async fn a_draft_takes_from_the_manifest_what_is_not_stated() {
    let host = Host::start().await;
    let bytes = whole(MANIFEST);
    let (created, token) = host
        .registry
        .challenge_create(new("tsp", host.component("t.wasm", &bytes)))
        .await
        .unwrap();
    assert_eq!(
        (created.name.as_str(), created.version.as_str()),
        ("Tours", "1.2.0")
    );
    assert_eq!(created.description.as_deref(), Some("Shortest wins."));
    assert_eq!((created.data, created.status), (DataMode::None, Status::Draft));
    assert_eq!(created.instances.to_string(), "warm(4, 1000, 60s)");
    assert_eq!(created.capabilities, BTreeSet::from(Capability::USUAL));
    assert!(created.token_hash.verifies(&token));
    let Artifact::Component(pinned) = &created.artifact else {
        panic!("{created:?}")
    };
    assert_eq!(pinned.component, Digest::of(&bytes));
    assert_eq!(host.registry.observed(&slug("tsp")), Observed::Stopped);
    assert!(host.routes.current().is_empty(), "a draft is not public");

    let stated = NewChallenge {
        name: Some("Mine".into()),
        version: Some("9".into()),
        description: Some("Other".into()),
        data: Some(DataMode::Exclusive),
        instances: Some(Instances::PerCall),
        capabilities: Some(BTreeSet::from([Capability::ProxyRoutes])),
        ..new("mine", host.component("t.wasm", &bytes))
    };
    let (created, other) = host.registry.challenge_create(stated).await.unwrap();
    assert_eq!(
        (created.name.as_str(), created.version.as_str(), created.data),
        ("Mine", "9", DataMode::Exclusive)
    );
    assert_eq!(created.instances, Instances::PerCall);
    assert_eq!(created.capabilities, BTreeSet::from([Capability::ProxyRoutes]));
    assert_ne!(token.reveal(), other.reveal());

    let (bare, _) = host.registry.challenge_create(host.echo("bare")).await.unwrap();
    assert_eq!(
        (bare.name.as_str(), bare.version.as_str(), bare.data),
        ("bare", "0.0.0", DataMode::Exclusive)
    );
    assert_eq!(bare.instances, Instances::PerCall);
    let listed = host.registry.challenge_list().await.unwrap();
    assert_eq!(
        listed.iter().map(|it| it.slug.as_str()).collect::<Vec<_>>(),
        ["bare", "mine", "tsp"]
    );
}

#[tokio::test]
async fn a_challenge_registered_as_active_runs_at_once() {
    let host = Host::start().await;
    let active = NewChallenge {
        status: Status::Active,
        ..host.echo("echo")
    };
    host.registry.challenge_create(active).await.unwrap();
    assert!(matches!(
        host.registry.observed(&slug("echo")),
        Observed::Running { .. }
    ));
    assert!(host.routes.current().get(&slug("echo")).is_some());
    let refused = NewChallenge {
        status: Status::Inactive,
        ..host.echo("other")
    };
    let error = host.registry.challenge_create(refused).await.unwrap_err();
    assert!(matches!(error, RegistryError::Transition(_)), "{error:?}");
}

#[tokio::test]
async fn a_refused_registration_leaves_nothing_behind() {
    let host = Host::start().await;
    host.registry.challenge_create(host.echo("taken")).await.unwrap();
    let map = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
    let asks = |limits: &str| whole(&format!(r#"{{"name":"a","version":"1","limits":{limits}}}"#));
    let module = wat::parse_str("(module)").unwrap();
    let nowhere = "file:/nonexistent/x.wasm".parse().unwrap();
    let closed = "127.0.0.1:1/team/echo:1".parse().unwrap();
    let missing: Source = Source::Component(nowhere);
    let unreachable = Source::Component(closed);
    let misfit = host.component("misfit.wasm", &misfit());
    let both = Some(BTreeSet::from(Capability::USUAL));
    let table: Vec<Refusal> = vec![
        (host.echo("taken"), |e| matches!(e, RegistryError::Exists(_))),
        (new("ab", missing), |e| {
            matches!(e, RegistryError::Fetch(OciError::NotFound { .. }))
        }),
        (new("ab", unreachable), |e| {
            matches!(e, RegistryError::Fetch(OciError::Unreachable { .. }))
        }),
        (new("ab", host.component("m.wasm", &module)), |e| {
            matches!(e, RegistryError::Component(ComponentError::NotAComponent { .. }))
        }),
        (
            NewChallenge {
                capabilities: both,
                ..new("ab", misfit.clone())
            },
            |e| field(e) == "required_capabilities",
        ),
        (
            NewChallenge {
                emission_percent: "1".parse().unwrap(),
                ..new("ab", misfit.clone())
            },
            |e| field(e) == "emission_percent",
        ),
        (
            NewChallenge {
                status: Status::Active,
                ..new("ab", misfit)
            },
            |e| matches!(e, RegistryError::Load(_)),
        ),
        (
            NewChallenge {
                env: map("A=B", "x"),
                ..host.echo("ab")
            },
            |e| field(e) == "env.A=B",
        ),
        (
            NewChallenge {
                resources: map("cpu", "1").try_into().unwrap(),
                ..host.echo("ab")
            },
            |e| field(e) == "resources.cpu",
        ),
        (
            NewChallenge {
                volumes: map("v", "/v"),
                ..host.echo("ab")
            },
            |e| field(e) == "volumes",
        ),
        (
            NewChallenge {
                secrets: BTreeSet::from(["k".into()]),
                ..host.echo("ab")
            },
            |e| field(e) == "secrets",
        ),
        (
            new("ab", host.component("a.wasm", &asks(r#"{"memory":"2GiB"}"#))),
            |e| field(e) == "manifest.limits.memory",
        ),
        (
            new("ab", host.component("b.wasm", &asks(r#"{"route_ms":0}"#))),
            |e| field(e) == "manifest.limits.route_ms",
        ),
        (
            NewChallenge {
                instances: Some("warm(17)".parse().unwrap()),
                data: Some(DataMode::None),
                ..host.echo("ab")
            },
            |e| field(e) == "instances",
        ),
        (
            NewChallenge {
                instances: Some("warm(2)".parse().unwrap()),
                ..host.echo("ab")
            },
            |e| field(e) == "instances",
        ),
        (
            NewChallenge {
                data: Some(DataMode::Exclusive),
                ..new("ab", host.component("c.wasm", &whole(MANIFEST)))
            },
            |e| field(e) == "manifest.instances",
        ),
        (
            NewChallenge {
                instances: Some("warm(1)".parse().unwrap()),
                ..new("ab", Source::Image("registry.example/gpu:1".parse().unwrap()))
            },
            |e| field(e) == "instances",
        ),
        (
            NewChallenge {
                status: Status::Active,
                ..new("ab", Source::Image("registry.example/gpu:1".parse().unwrap()))
            },
            |e| matches!(e, RegistryError::NoAddress(_)),
        ),
        (
            NewChallenge {
                serving: at("http://127.0.0.1:8000"),
                ..new("ab", host.component("s.wasm", &whole(MANIFEST)))
            },
            |e| field(e) == "serving.address",
        ),
    ];
    for (new, expected) in table {
        let shown = format!("{new:?}");
        let error = host.registry.challenge_create(new).await.unwrap_err();
        assert!(expected(&error), "{error:?} of {shown}");
    }
    assert_eq!(host.registry.challenge_list().await.unwrap().len(), 1);
    assert!(host.routes.current().is_empty());
}

fn field(error: &RegistryError) -> &str {
    match error {
        RegistryError::Field(error) => &error.field,
        _ => "",
    }
}

#[tokio::test]
async fn of_two_registrations_of_one_slug_at_the_same_time_one_wins() {
    let host = Host::start().await;
    let one = host.registry.challenge_create(host.echo("echo"));
    let other = host.registry.challenge_create(host.echo("echo"));
    let results = tokio::join!(one, other);
    let refused = [results.0, results.1]
        .into_iter()
        .filter_map(Result::err)
        .collect::<Vec<_>>();
    assert!(
        matches!(refused.as_slice(), [RegistryError::Exists(_)]),
        "{refused:?}"
    );
}

#[tokio::test]
async fn an_image_is_a_draft_until_somebody_says_where_it_runs() {
    let host = Host::start().await;
    let image = new("gpu", Source::Image("registry.example/gpu:1".parse().unwrap()));
    let image = NewChallenge {
        emission_percent: "5".parse().unwrap(),
        ..image
    };
    let (created, _) = host.registry.challenge_create(image).await.unwrap();
    assert_eq!(created.capabilities, BTreeSet::from(Capability::USUAL));
    let error = host.registry.challenge_activate(&slug("gpu")).await.unwrap_err();
    assert!(matches!(error, RegistryError::NoAddress(_)), "{error:?}");
    assert_eq!(
        host.registry.challenge_get(&slug("gpu")).await.unwrap().status,
        Status::Draft
    );
    for address in ["http://127.0.0.1:8000", "http://challenge-gpu:8000"] {
        let patch = ChallengePatch {
            serving: Some(at(address)),
            ..ChallengePatch::default()
        };
        host.registry.challenge_patch(&slug("gpu"), patch).await.unwrap();
        host.registry.challenge_activate(&slug("gpu")).await.unwrap();
        let target = host.routes.current().get(&slug("gpu")).unwrap().target.clone();
        assert_eq!(format!("{target:?}"), format!("Container({address})"));
    }
    let nowhere = ChallengePatch {
        serving: Some(Serving::default()),
        ..ChallengePatch::default()
    };
    let error = host
        .registry
        .challenge_patch(&slug("gpu"), nowhere)
        .await
        .unwrap_err();
    assert!(matches!(error, RegistryError::NoAddress(_)), "{error:?}");
}

/// Of a container that listens there.
fn at(address: &str) -> Serving {
    Serving {
        address: Some(address.parse().unwrap()),
        ..Serving::default()
    }
}
