//! Other images by hand, and back.

use platform_admin_types::{CollectRequest, PatchChallenge};
use platform_domain::{Digest, Slug};
use serde_json::{Value, json};

use super::{digest, publish, read};
use crate::{
    containers::{
        said::platform,
        scene::{IMAGE, OTHER_IMAGE, challenge, host, running, seen},
    },
    docker_registry::Registry,
};

#[tokio::test]
async fn an_image_is_updated_and_taken_back_with_the_commands_of_components() {
    let (host, registry) = (host().await, Registry::start());
    let slug: Slug = "by-hand".parse().unwrap();
    let name = |tag: &str| format!("{}/team/by-hand:{tag}", registry.address);
    let (first, second) = (publish(IMAGE, &name("1")), publish(OTHER_IMAGE, &name("2")));
    let new = challenge("by-hand", json!({"image": name("1"), "data": "none"}));
    host.admin.challenge_create(&new).await.unwrap();
    assert_eq!(digest(&host.admin.challenge_get(&slug).await.unwrap()), first);

    // With the version that it has then, and back to the one that it had.
    let update = [
        "challenge",
        "update",
        "by-hand",
        &name("2"),
        "--challenge-version",
        "2.0.0",
        "--by",
        "bob",
    ];
    let (content, shown, told) = platform(&host, &update).await;
    assert!(
        content && shown.contains("by-hand  by-hand 2.0.0") && told.contains("fetching "),
        "{shown}{told}"
    );
    assert_eq!(digest(&host.admin.challenge_get(&slug).await.unwrap()), second);
    let (content, shown, _) = platform(&host, &["challenge", "history", "by-hand"]).await;
    let rows: Vec<_> = shown.lines().collect();
    assert!(
        content && rows.len() == 3 && rows[1].contains("bob") && rows[1].contains(&second.to_string()),
        "{shown}"
    );
    let to = first.to_string();
    let (content, shown, _) = platform(
        &host,
        &["--json", "challenge", "rollback", "by-hand", "--to", &to],
    )
    .await;
    let back = read(&shown);
    assert!(
        content && digest(&back) == first && back.version == "1.0.0",
        "{shown}"
    );
    running(&host, "by-hand").await;
    let never = Digest::of(b"never").to_string();
    let (content, _, told) = platform(&host, &["challenge", "rollback", "by-hand", "--to", &never]).await;
    assert!(!content && told.contains("no such version"), "{told}");
    let follow: PatchChallenge = serde_json::from_value(json!({"follow": true})).unwrap();
    let fixed = [
        "challenge",
        "update",
        "by-hand",
        &format!("{}/team/by-hand@{first}", registry.address),
    ];
    host.admin.challenge_patch(&slug, &follow).await.unwrap();
    let (content, _, told) = platform(&host, &fixed).await;
    assert!(!content && told.contains("a digest does not move"), "{told}");

    // Whoever follows a tag does not know which version comes; whoever does not has said which it is.
    let patch = |fields: Value| serde_json::from_value::<PatchChallenge>(fields).unwrap();
    host.admin
        .challenge_patch(&slug, &patch(json!({"version": "9.9.9"})))
        .await
        .unwrap();
    running(&host, "by-hand").await;
    host.admin
        .challenge_patch(&slug, &patch(json!({"follow": false})))
        .await
        .unwrap();
    seen(&host, "by-hand", |view| {
        format!("{:?}", view.observed).contains("and 9.9.9 is registered")
    })
    .await;

    // What the engine has for this host is known, with whom it is for, and nothing of it is to go.
    let (content, shown, _) = platform(&host, &["store", "list"]).await;
    assert!(
        content && shown.contains(&first.to_string()) && shown.contains(&second.to_string()),
        "{shown}"
    );
    let kept = host.admin.store_list().await.unwrap().images;
    assert!(
        kept.len() == 2 && kept.iter().all(|image| image.challenges.contains(&slug)),
        "{kept:?}"
    );
    let collect = CollectRequest { dry_run: false };
    let collected = host.admin.store_collect(&collect).await.unwrap();
    assert!(
        collected.images.is_empty() && collected.unreached.is_empty(),
        "{collected:?}"
    );
    host.admin.challenge_deactivate(&slug).await.unwrap();
}
