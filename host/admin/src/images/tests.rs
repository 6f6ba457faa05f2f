//! What is refused before anything is fetched.

use serde_json::json;

use crate::challenges::tests::{Host, refusal};

#[tokio::test]
async fn what_is_known_at_once_is_refused_with_its_own_status() {
    let host = Host::start().await;
    let image = "registry.example/team/tours:1";
    for (body, expected) in [
        (json!({ "image": image }), (409, "no_place", "")),
        (
            json!({ "image": image, "resources": { "gpu_count": "1" } }),
            (409, "no_place", ""),
        ),
        (
            json!({ "image": image, "challenge": "none" }),
            (404, "not_found", ""),
        ),
        (json!({}), (422, "invalid_field", "image")),
        (json!({ "image": "file:/x" }), (422, "invalid_field", "image")),
        (
            json!({ "image": image, "force": true }),
            (422, "invalid_field", "force"),
        ),
    ] {
        let answer = host
            .call("POST", "/v1/admin/images/pull", Some(body.clone()))
            .await;
        assert_eq!(refusal(&answer), expected, "{body}");
    }
}
