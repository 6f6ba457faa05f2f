//! Tags that move while nobody asks.

use std::time::Duration;

use platform_domain::{Artifact, Challenge, ComponentRef, Digest, Status};
use platform_oci::{PublishInfo, Registries};
use platform_registry::{ChallengePatch, NewChallenge, Source};
use tokio_util::sync::CancellationToken;

use crate::host::{Host, new, slug, whole};

const PATIENCE: Duration = Duration::from_secs(60);

/// The same component with other bytes.
fn marked(mark: u8) -> Vec<u8> {
    let mut bytes = whole("");
    bytes.extend([0, 3, 1, b'm', mark]);
    bytes
}

async fn publish(component: &[u8], to: &ComponentRef) -> Digest {
    let about = PublishInfo::default();
    let registries = Registries::default();
    let published = registries.publish(component, &about, to, None).await;
    published.unwrap().component
}

fn component_of(challenge: &Challenge) -> Option<Digest> {
    match &challenge.artifact {
        Artifact::Component(pinned) => Some(pinned.component),
        Artifact::Image(_) => None,
    }
}

#[tokio::test]
async fn all_tags_are_looked_at_now_and_then_and_those_that_are_to_be_are_followed() {
    let host = Host::start().await;
    let layout = host.dir.path().join("layout");
    let tag = |name: &str| -> ComponentRef { format!("oci:{}:{name}", layout.display()).parse().unwrap() };
    let names = ["stays", "moves", "followed", "gone"];
    for name in names {
        publish(&marked(0), &tag(name)).await;
        let challenge = NewChallenge {
            status: Status::Active,
            follow: name == "followed",
            ..new(name, Source::Component(tag(name)))
        };
        host.registry.challenge_create(challenge).await.unwrap();
    }
    let first = Some(Digest::of(&marked(0)));
    for name in ["moves", "followed"] {
        publish(&marked(1), &tag(name)).await;
    }
    let index = std::fs::read_to_string(layout.join("index.json")).unwrap();
    std::fs::write(
        layout.join("index.json"),
        index.replace("\"gone\"", "\"elsewhere\""),
    )
    .unwrap();

    let stop = CancellationToken::new();
    let looking = host
        .registry
        .keep_looking(Duration::from_millis(20), stop.clone());
    let seeing = async {
        loop {
            let mut drifts = Vec::new();
            for name in names {
                let challenge = host.registry.challenge_get(&slug(name)).await.unwrap();
                let drift = host.registry.drift(&challenge);
                drifts.push((
                    drift.map(|it| it.manifest.is_some()),
                    component_of(&challenge) == first,
                ));
            }
            if drifts
                == [
                    (None, true),
                    (Some(true), true),
                    (None, false),
                    (Some(false), true),
                ]
            {
                stop.cancel();
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    let both = async { tokio::join!(looking, seeing) };
    tokio::time::timeout(PATIENCE, both).await.unwrap();

    // Whoever goes back does not want to be taken along again.
    let back = host
        .registry
        .challenge_roll_back(&slug("followed"), None, None)
        .await
        .unwrap();
    assert!(!back.follow && component_of(&back) == first);
    let looked = host.registry.challenge_look(&slug("followed")).await.unwrap();
    assert_eq!(component_of(&looked), first);
    assert!(host.registry.drift(&looked).unwrap().manifest.is_some());
    // What is followed has a tag to follow.
    let file = NewChallenge {
        follow: true,
        ..host.echo("file")
    };
    assert!(host.registry.challenge_create(file).await.is_err());
    let follow = ChallengePatch {
        follow: Some(true),
        ..ChallengePatch::default()
    };
    assert!(
        host.registry
            .challenge_patch(&slug("stays"), follow)
            .await
            .unwrap()
            .follow
    );
}
