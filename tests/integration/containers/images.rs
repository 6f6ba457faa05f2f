//! Images of challenges, with a real registry: fetched while somebody looks on, replaced, followed, taken back, and removed.

use platform_admin_types::{ChallengeView, CollectRequest, PatchChallenge, PullImage, VersionView};
use platform_domain::{Change, Digest, ImageRef, Slug};
use platform_tests::{Program, TestHost};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    gate::Gate,
    scene::{IMAGE, LONG, OTHER_IMAGE, challenge, container, engine, get, host, platform, running, seen},
};
use crate::docker_registry::Registry;

/// Pushes an image under this name with Docker's own command line, and has the engine forget the name. Gives its digest.
fn publish(image: &str, name: &str) -> Digest {
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

fn digest(view: &ChallengeView) -> Digest {
    view.image.as_ref().unwrap().digest().unwrap()
}

async fn history(host: &TestHost, slug: &Slug) -> Vec<VersionView> {
    host.admin.challenge_versions(slug).await.unwrap().versions
}

fn read(shown: &str) -> ChallengeView {
    let shown: Value = serde_json::from_str(shown).unwrap();
    let view = shown.get("challenge").unwrap_or(&shown);
    serde_json::from_value(view.clone()).unwrap()
}

#[tokio::test]
async fn an_image_is_updated_followed_and_taken_back_with_the_commands_of_components() {
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

    // By hand, with the version that it has then, and back to the one that it had.
    let update = [
        "challenge",
        "update",
        "images",
        &name("stable"),
        "--challenge-version",
        "2.0.0",
        "--by",
        "bob",
    ];
    let (content, shown, told) = platform(&host, &update).await;
    assert!(
        content && shown.contains("images  images 2.0.0") && told.contains("fetching "),
        "{shown}{told}"
    );
    assert_eq!(digest(&host.admin.challenge_get(&slug).await.unwrap()), second);
    let (content, shown, _) = platform(&host, &["challenge", "history", "images"]).await;
    let rows: Vec<_> = shown.lines().collect();
    assert!(
        content && rows.len() == 5 && rows[1].contains("bob") && rows[1].contains(&second.to_string()),
        "{shown}"
    );
    let to = first.to_string();
    let (content, shown, _) =
        platform(&host, &["--json", "challenge", "rollback", "images", "--to", &to]).await;
    let back = read(&shown);
    assert!(
        content && digest(&back) == first && back.version == "1.0.0",
        "{shown}"
    );
    running(&host, "images").await;
    let never = Digest::of(b"never").to_string();
    let (content, _, told) = platform(&host, &["challenge", "rollback", "images", "--to", &never]).await;
    assert!(!content && told.contains("no such version"), "{told}");
    let fixed = [
        "challenge",
        "update",
        "images",
        &format!("{}/team/images@{first}", registry.address),
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
    running(&host, "images").await;
    host.admin
        .challenge_patch(&slug, &patch(json!({"follow": false})))
        .await
        .unwrap();
    seen(&host, "images", |view| {
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
