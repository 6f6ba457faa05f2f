//! What goes wrong in the host itself.

use std::path::Path;

use super::*;

#[tokio::test]
async fn what_the_host_knows_of_its_own_failure_is_not_sent() {
    let host = Host::start().await;
    assert_eq!(
        host.create(json!({ "slug": "echo", "component": host.whole() }))
            .await
            .status,
        StatusCode::CREATED
    );
    // A disk that lost a bit: the operator can do something about that.
    let blobs = host.dir.path().join("content/blobs/sha256");
    let blob = fs::read_dir(&blobs).unwrap().next().unwrap().unwrap().path();
    let intact = fs::read(&blob).unwrap();
    fs::write(&blob, &intact[1..]).unwrap();
    let damaged = host
        .call("POST", "/v1/admin/challenges/echo/activate", None)
        .await;
    assert_eq!(refusal(&damaged), (409, "component_damaged", ""));
    fs::write(&blob, &intact).unwrap();
    // Another file where a directory should be: the data directory cannot be made.
    let blocked = host.dir.path().join("state");
    fs::write(&blocked, "").unwrap();
    let answer = host
        .call("POST", "/v1/admin/challenges/echo/activate", None)
        .await;
    assert_eq!(refusal(&answer), (500, "internal", ""));
    let text = answer.body.to_string();
    assert!(!text.contains(dir_name(host.dir.path())), "{text}");
    assert_eq!(
        host.call("GET", "/v1/admin/challenges/echo", None).await.body["status"],
        "draft"
    );
}

fn dir_name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}
