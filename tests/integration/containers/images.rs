//! Images of challenges, with a real registry: fetched while somebody looks on, replaced, followed, taken back, and removed.

mod by_hand;
mod followed;

use platform_admin_types::{ChallengeView, PullImage, VersionView};
use platform_domain::{Digest, ImageRef, Slug};
use platform_tests::{Program, TestHost};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    registry_gate::Gate,
    scene::{IMAGE, LONG, challenge, engine, host, running},
};
use crate::docker_registry::Registry;

/// Pushes an image under this name with Docker's own command line, and has the engine forget the name. Gives its digest.
pub(crate) fn publish(image: &str, name: &str) -> Digest {
    engine().docker(&["tag", image, name]);
    engine().docker(&["push", "--quiet", name]);
    let digests = engine().docker(&["inspect", "--format", "{{join .RepoDigests \" \"}}", name]);
    engine().docker(&["rmi", name]);
    let (repository, _) = name.rsplit_once(':').unwrap();
    let mut of_repository = digests
        .split(' ')
        .filter_map(|digest| digest.strip_prefix(repository));
    of_repository
        .next()
        .unwrap()
        .trim_start_matches('@')
        .parse()
        .unwrap()
}

pub(super) fn digest(view: &ChallengeView) -> Digest {
    view.image.as_ref().unwrap().digest().unwrap()
}

pub(super) async fn history(host: &TestHost, slug: &Slug) -> Vec<VersionView> {
    host.admin.challenge_versions(slug).await.unwrap().versions
}

pub(super) fn read(shown: &str) -> ChallengeView {
    let shown: Value = serde_json::from_str(shown).unwrap();
    let view = shown.get("challenge").unwrap_or(&shown);
    serde_json::from_value(view.clone()).unwrap()
}

#[tokio::test]
async fn a_pull_is_told_while_it_goes_on_and_whoever_is_interrupted_has_registered_nothing() {
    let (host, registry) = (host().await, Registry::start());
    publish(IMAGE, &format!("{}/team/slow:1", registry.address));
    let gate = Gate::before(registry.address.clone()).await;
    let image: ImageRef = format!("{}/team/slow:1", gate.address).parse().unwrap();
    let token = host.state().join("admin.token").display().to_string();
    let create = [
        "--admin-url",
        &host.admin_url,
        "--admin-token-file",
        &token,
        "challenge",
        "create",
        "slow",
        "--image",
        &image.to_string(),
        "--challenge-version",
        "1.0.0",
        "--activate",
    ];
    let interrupted = Program::saying(&create);
    timeout(LONG, gate.somebody()).await.unwrap();
    interrupted.kill().await;
    assert!(host.admin.challenge_list().await.unwrap().challenges.is_empty());

    let pull = PullImage {
        image: image.clone(),
        resources: None,
        challenge: None,
    };
    let mut told = 0;
    let pulled = host.admin.image_pull(&pull, |_| {
        told += 1;
        gate.open();
    });
    let pulled = timeout(LONG, pulled).await.unwrap().unwrap();
    assert!(
        told > 0 && pulled.digest().is_some() && pulled.tag() == Some("1"),
        "{pulled}"
    );
    assert!(host.admin.challenge_list().await.unwrap().challenges.is_empty());
    // What was fetched is there: nobody is asked again.
    drop((gate, registry));
    let new = challenge("slow", json!({"image": pulled.to_string()}));
    host.admin.challenge_create(&new).await.unwrap();
    running(&host, "slow").await;
    let missing = PullImage {
        image: "127.0.0.1:1/nobody/has-this:1".parse().unwrap(),
        resources: None,
        challenge: Some("slow".parse().unwrap()),
    };
    let refused = host.admin.image_pull(&missing, |_| ()).await.unwrap_err();
    assert!(refused.to_string().contains("connection refused"), "{refused}");
    host.admin
        .challenge_deactivate(&"slow".parse().unwrap())
        .await
        .unwrap();
}
