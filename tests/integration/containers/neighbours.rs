//! Two hosts with an engine in common, which know nothing of each other.

use std::time::Duration;

use platform_domain::Slug;
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::scene::{LONG, challenge, engine, get, gone, host, on_engine, running};

#[tokio::test]
async fn two_hosts_with_the_same_slug_on_one_engine_leave_each_other_alone() {
    let slug: Slug = "twin".parse().unwrap();
    let (mut one, other) = (host().await, host().await);
    for host in [&one, &other] {
        let new = challenge("twin", json!({}));
        host.admin.challenge_create(&new).await.unwrap();
    }
    let (first, second) = (running(&one, "twin").await, running(&other, "twin").await);
    assert!(first.id != second.id && first.address != second.address);
    // Neither by a restart, which looks for what is nobody's, nor by an end.
    one.restart().await;
    assert_eq!(running(&one, "twin").await.id, first.id);
    for host in [&one, &other] {
        assert_eq!(get(host, "twin", "/gpus").await.0, 200);
    }
    assert_eq!(on_engine("twin").len(), 2);
    one.admin.challenge_deactivate(&slug).await.unwrap();
    let alone = timeout(LONG, async {
        while on_engine("twin").len() > 1 {
            sleep(Duration::from_millis(50)).await;
        }
    });
    alone.await.unwrap();
    one.admin.challenge_delete(&slug).await.unwrap();
    one.stop().await;
    assert_eq!(on_engine("twin"), [second.id.as_str()]);
    assert_eq!(get(&other, "twin", "/gpus").await.0, 200);
    assert_eq!(running(&other, "twin").await.id, second.id);
    other.admin.challenge_deactivate(&slug).await.unwrap();
    gone(engine(), "twin").await;
}
