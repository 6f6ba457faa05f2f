//! What containers keep, listed and removed with the commands that there are for components.

use platform_domain::Slug;
use serde_json::json;

use super::{
    said::{platform, refused},
    scene::{challenge, engine, host, on_engine, running},
};

#[tokio::test]
async fn what_a_container_keeps_stays_until_it_is_purged_by_name_and_what_is_out_of_reach_is_said() {
    let host = host().await;
    let slug: Slug = "kept".parse().unwrap();
    let volumes = || {
        let label = "label=platform.challenge.slug=kept";
        let listed = engine().docker(&["volume", "ls", "--quiet", "--filter", label]);
        listed.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let new = challenge("kept", json!({"volumes": {"models": "/models"}}));
    host.admin.challenge_create(&new).await.unwrap();
    running(&host, "kept").await;
    let list = async || {
        let list = host.admin.state_list().await.unwrap();
        list.challenges.into_iter().find(|kept| kept.slug == slug)
    };
    let kept = list().await.unwrap();
    assert!(kept.registered && kept.volumes.len() == 2, "{kept:?}");
    assert!(
        kept.volumes
            .iter()
            .all(|volume| volume.bytes.is_some() && volume.server.is_none())
    );
    assert_eq!(refused(host.admin.state_purge(&slug).await).1, "still_registered");
    host.admin.challenge_deactivate(&slug).await.unwrap();
    assert_eq!(refused(host.admin.state_purge(&slug).await).1, "still_registered");
    host.admin.challenge_delete(&slug).await.unwrap();
    let (content, shown, _) = platform(&host, &["state", "list"]).await;
    assert!(
        content && shown.contains("deleted") && shown.contains("2, "),
        "{shown}"
    );
    let kept = list().await.unwrap();
    assert!(!kept.registered && kept.volumes.len() == 2, "{kept:?}");
    assert!(
        kept.volumes.iter().all(|kept| volumes().contains(&kept.name)),
        "{kept:?}"
    );

    let gone = json!({"id": "gone", "endpoint": format!("{}.gone", engine().endpoint), "gpus": "a100:1"});
    host.admin
        .gpu_server_create(&serde_json::from_value(gone).unwrap())
        .await
        .unwrap();
    let (content, shown, told) = platform(&host, &["state", "purge", "kept"]).await;
    assert!(
        shown.contains("volume platform_kept_models_") && shown.contains("not reached: gone"),
        "{shown}"
    );
    assert!(!content && told.contains("something may be left"), "{told}");
    assert!(volumes().is_empty() && on_engine("kept").is_empty());
    // Nobody knows whether there is more, as long as the server is in the list.
    let purged = host.admin.state_purge(&slug).await.unwrap();
    assert!(
        purged.volumes.is_empty() && purged.unreached.len() == 1,
        "{purged:?}"
    );
    assert_eq!(host.admin.state_list().await.unwrap().unreached.len(), 1);
    host.admin
        .gpu_server_delete(&"gone".parse().unwrap())
        .await
        .unwrap();
    assert_eq!(refused(host.admin.state_purge(&slug).await).0, 404);
}
