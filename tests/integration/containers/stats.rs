//! What a challenge in a container uses, and one that is a component.

use platform_domain::Slug;
use serde_json::{Value, json};

use super::{
    said::{platform, refused},
    scene::{challenge, host, running},
};

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
        .challenge_update(&"disk".parse().unwrap(), &serde_json::from_value(update).unwrap())
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
