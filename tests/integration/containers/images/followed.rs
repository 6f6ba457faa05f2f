//! Tags of images that move.

use platform_admin_types::{ChallengeView, PatchChallenge};
use platform_domain::{Change, Slug};
use serde_json::json;

use super::{digest, history, publish, read};
use crate::{
    containers::{
        said::platform,
        scene::{IMAGE, OTHER_IMAGE, container, get, host, running, seen},
    },
    docker_registry::Registry,
};

#[tokio::test]
async fn a_tag_of_an_image_is_looked_at_and_followed_and_taken_back_from() {
    let (host, registry) = (host().await, Registry::start());
    let slug: Slug = "images".parse().unwrap();
    let name = |tag: &str| format!("{}/team/images:{tag}", registry.address);
    let first = publish(IMAGE, &name("stable"));
    // Whoever interrupts has changed nothing, so all of it is in one command that says what it does.
    let create = [
        "challenge",
        "create",
        "images",
        "--image",
        &name("stable"),
        "--challenge-version",
        "1.0.0",
        "--data",
        "none",
        "--activate",
    ];
    let (content, shown, told) = platform(&host, &create).await;
    assert!(
        content && shown.contains("token ") && told.contains("fetching "),
        "{shown}{told}"
    );
    let before = running(&host, "images").await.id;
    let view = host.admin.challenge_get(&slug).await.unwrap();
    assert_eq!(
        view.image.unwrap().to_string(),
        format!("{}@{first}", name("stable"))
    );
    let known = history(&host, &slug).await;
    assert_eq!(known.len(), 1);
    assert_eq!(
        (known[0].manifest_digest, known[0].component_digest),
        (Some(first), None)
    );
    assert_eq!(known[0].reference.to_string(), name("stable"));

    // The tag moves: seen, and followed only when that is wanted.
    let looked = host.admin.challenge_look(&slug).await.unwrap();
    assert!(looked.drift.is_none(), "{looked:?}");
    let second = publish(OTHER_IMAGE, &name("stable"));
    let (content, shown, _) = platform(&host, &["challenge", "look", "images"]).await;
    assert!(
        content && shown.contains(&format!("its tag leads to {second} now")),
        "{shown}"
    );
    let looked = host.admin.challenge_get(&slug).await.unwrap();
    assert!(digest(&looked) == first && looked.drift.unwrap().manifest_digest == Some(second));
    let follow: PatchChallenge = serde_json::from_value(json!({"follow": true})).unwrap();
    host.admin.challenge_patch(&slug, &follow).await.unwrap();
    let (content, shown, _) = platform(&host, &["--json", "challenge", "look", "images"]).await;
    let followed = read(&shown);
    assert!(
        content && digest(&followed) == second && followed.drift.is_none(),
        "{shown}"
    );
    let newest = history(&host, &slug).await.remove(0);
    assert_eq!(
        (newest.change, newest.by.as_deref()),
        (Change::Updated, Some("tag"))
    );
    let replaced = |view: &ChallengeView| container(view).is_some_and(|it| it.id != before);
    seen(&host, "images", replaced).await;
    assert_eq!(get(&host, "images", "/gpus").await.0, 200);

    // Back, and the tag takes nobody along again.
    let (content, shown, _) = platform(
        &host,
        &["--json", "challenge", "rollback", "images", "--by", "alice"],
    )
    .await;
    let back = read(&shown);
    assert!(content && digest(&back) == first && !back.follow, "{shown}");
    let newest = history(&host, &slug).await.remove(0);
    assert_eq!(
        (newest.change, newest.by.as_deref()),
        (Change::RolledBack, Some("alice"))
    );
    let looked = host.admin.challenge_look(&slug).await.unwrap();
    assert!(digest(&looked) == first && looked.drift.is_some());
    host.admin.challenge_deactivate(&slug).await.unwrap();
}
