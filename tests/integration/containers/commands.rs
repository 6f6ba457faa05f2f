//! What an operator asks of a challenge in a container with the commands that there are for components.

use platform_admin_types::ClientError;
use platform_domain::Slug;
use serde_json::{Value, json};

use super::scene::{challenge, engine, host, on_engine, platform, running};

fn refused<T: std::fmt::Debug>(answer: Result<T, ClientError>) -> (u16, String, String) {
    match answer.unwrap_err() {
        ClientError::Refused {
            status, code, hint, ..
        } => (status.as_u16(), code, hint.unwrap_or_default()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_a_challenge_uses_is_told_while_it_runs() {
    let host = host().await;
    let slug: Slug = "uses".parse().unwrap();
    let unknown = refused(host.admin.challenge_stats(&slug).await);
    assert_eq!((unknown.0, unknown.1.as_str()), (404, "not_found"));
    let fields = json!({"resources": {"memory": "128MiB", "pids": "64"}});
    host.admin
        .challenge_create(&challenge("uses", fields))
        .await
        .unwrap();
    let id = running(&host, "uses").await.id;
    let stats = host.admin.challenge_stats(&slug).await.unwrap();
    let container = stats.container.clone().unwrap();
    assert_eq!((container.id, container.server), (id, None));
    assert_eq!((container.max_memory_bytes, container.max_pids), (128 << 20, 64));
    assert!(
        container.memory_bytes > 0 && container.memory_bytes < 128 << 20,
        "{stats:?}"
    );
    assert!(container.pids > 0 && container.received_bytes > 0, "{stats:?}");
    assert!(
        container.cpu_milli.is_some() && stats.code.is_none() && stats.data.is_none(),
        "{stats:?}"
    );
    let (content, shown, _) = platform(&host, &["challenge", "stats", "uses"]).await;
    assert!(
        content && shown.contains("memory ") && shown.contains(" of 128MiB"),
        "{shown}"
    );
    let (content, shown, _) = platform(&host, &["--json", "challenge", "stats", "uses"]).await;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert!(content && shown["container"]["max_pids"] == 64, "{shown}");
    host.admin.challenge_deactivate(&slug).await.unwrap();
    let (status, code, hint) = refused(host.admin.challenge_stats(&slug).await);
    assert_eq!((status, code.as_str()), (409, "not_running"));
    assert!(hint.contains("challenge show"), "{hint}");
    let (content, _, told) = platform(&host, &["challenge", "stats", "uses"]).await;
    assert!(
        !content && told.contains("'uses' does not run") && told.contains("hint:"),
        "{told}"
    );

    // The same of a component.
    host.run_guest("disk", "disk", "0", &[]).await;
    let stats = host
        .admin
        .challenge_stats(&"disk".parse().unwrap())
        .await
        .unwrap();
    assert!(
        stats.container.is_none() && stats.code.unwrap().bytes > 0,
        "{stats:?}"
    );
    assert!(stats.data.unwrap().max_bytes > 0, "{stats:?}");
    let update = json!({"component": "file:/nothing.wasm", "version": "2.0.0"});
    let refused_version = host
        .admin
        .challenge_update(
            &"disk".parse().unwrap(),
            &serde_json::from_value(update).unwrap(),
        )
        .await;
    assert!(
        refused_version
            .unwrap_err()
            .to_string()
            .contains("the manifest of a component says its version")
    );
    // And of a container of which nothing is known here.
    let elsewhere = json!({"serving": {"address": "http://127.0.0.1:1"}});
    host.admin
        .challenge_create(&challenge("elsewhere", elsewhere))
        .await
        .unwrap();
    let refused = refused(host.admin.challenge_stats(&"elsewhere".parse().unwrap()).await);
    assert_eq!((refused.0, refused.1.as_str()), (409, "runs_elsewhere"));
}

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
