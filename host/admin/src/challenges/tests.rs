//! The routes in process, over a real registry.

use std::{fs, time::Duration};

use axum::{
    Router,
    body::{self, Body},
    http::{HeaderMap, Request, StatusCode, header},
};
use platform_domain::{MechanismId, Netuid, PlainToken, TrustPolicy, UnixSeconds};
use platform_epoch::{EpochConfig, Epochs, Parts as EpochParts, Schedule};
use platform_fleet::{Engines, Fleet, READY_TIME};
use platform_jobs::{ImageRules, Jobs, JobsConfig};
use platform_oci::{ContentStore, Registries};
use platform_registry::{GpuServers, Parts, build};
use platform_runtime::{BreakerPolicy, metagraph_channel, route_channel, weights_channel};
use platform_store::Store;
use platform_wasm::{CompilerProgram, Engine, EngineConfig};
use platform_weights::{Fallback, Policy};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::{AdminState, router};

#[path = "../../../../tests/src/beside.rs"]
mod beside;
mod failures;

/// The operator's.
pub(crate) const TOKEN: &str = "the-operators-own-token";

/// The private side with everything below it. Ends when dropped.
pub(crate) struct Host {
    pub(crate) router: Router,
    dir: TempDir,
    _tasks: JoinSet<()>,
}

pub(crate) struct Answer {
    status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.status.as_u16()
    }
}

pub(crate) fn compiler() -> CompilerProgram {
    CompilerProgram {
        program: beside::platform(),
        arguments: vec!["compile-worker".to_owned()],
    }
}

impl Host {
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (routes, route_reader) = route_channel();
        let (metagraph, metagraph_reader) = metagraph_channel();
        let store = Store::open(&dir.path().join("registry.sqlite3")).unwrap();
        let engines = Engines::new(store.clone(), dir.path().join("secrets.key"), None).unwrap();
        let owner = "of-a-test".parse().unwrap();
        let fleet = Fleet::new(store.clone(), engines.clone(), owner, READY_TIME, None);
        let parts = Parts {
            fleet: fleet.clone(),
            registries: Registries::default(),
            executor: Default::default(),
            keep_images: 3,
            store: store.clone(),
            content: ContentStore::open(&dir.path().join("content")).unwrap(),
            trust: TrustPolicy::Any,
            engine: Engine::new(EngineConfig::new(dir.path().join("cache"), compiler())).unwrap(),
            state_dir: dir.path().join("state"),
            key_file: dir.path().join("secrets.key"),
            metagraph: metagraph_reader,
            routes,
            breaker: BreakerPolicy::default(),
        };
        let (registry, reconciler) = build(parts);
        let mut tasks = JoinSet::new();
        tasks.spawn(reconciler.run(CancellationToken::new()));
        registry.started().await;
        let config = JobsConfig::new("test".parse().unwrap(), ImageRules::default());
        let jobs = Jobs::new(store.clone(), engines, Default::default(), config);
        let admin_token = PlainToken::from_text(TOKEN).hash();
        let state = AdminState {
            gpu_servers: GpuServers::new(&registry, fleet),
            registry,
            epochs: Epochs::new(
                no_chain(),
                EpochParts {
                    store,
                    routes: route_reader,
                    metagraph,
                    board: weights_channel().0,
                    submitter: None,
                },
            ),
            jobs,
            admin_token,
            started_at: UnixSeconds(7),
            version: "1.2.3",
            stop: CancellationToken::new(),
        };
        Self {
            router: router(state),
            dir,
            _tasks: tasks,
        }
    }

    /// A component file's reference.
    fn component(&self, name: &str, text: &str) -> String {
        let path = self.dir.path().join(name);
        fs::write(&path, wat::parse_str(text).unwrap()).unwrap();
        format!("file:{}", path.display())
    }

    fn whole(&self) -> String {
        self.component("whole.wasm", include_str!("../../../registry/fixtures/whole.wat"))
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
            .header(header::CONTENT_TYPE, "application/json");
        let body = body.map_or(Body::empty(), |body| body.to_string().into());
        let response = self
            .router
            .clone()
            .oneshot(request.body(body).unwrap())
            .await
            .unwrap();
        let (head, body) = response.into_parts();
        let body = body::to_bytes(body, 1 << 20).await.unwrap();
        let body = if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&body).unwrap()
        };
        Answer {
            status: head.status,
            headers: head.headers,
            body,
        }
    }

    /// Registers a challenge that does not run.
    pub(crate) async fn register(&self, slug: &str) {
        let created = self
            .create(json!({ "slug": slug, "component": self.whole() }))
            .await;
        assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
    }

    async fn create(&self, body: Value) -> Answer {
        self.call("POST", "/v1/admin/challenges", Some(body)).await
    }
}

fn no_chain() -> EpochConfig {
    EpochConfig {
        chain: None,
        netuid: Netuid(1),
        mechanism: MechanismId(0),
        schedule: Schedule::Manual,
        policy: Policy::Normalized,
        fallback: Fallback::Skip,
        sink_alarm_percent: 0,
        tell_sealed: false,
        primary: None,
        collect_deadline: Duration::from_secs(1),
        poll: Duration::from_secs(1),
    }
}

/// Status, code and field of a refusal.
pub(crate) fn refusal(answer: &Answer) -> (u16, &str, &str) {
    let error = &answer.body["error"];
    let text = |key: &str| error[key].as_str().unwrap_or_default();
    assert!(!text("message").is_empty(), "{}", answer.body);
    (answer.status.as_u16(), text("code"), text("field"))
}

#[tokio::test]
async fn a_challenge_is_created_shown_changed_activated_and_removed() {
    let host = Host::start().await;
    let env = json!({ "LEVEL": "debug" });
    let create = json!({
        "slug": "echo", "component": host.whole(), "emission_percent": 12.5, "env": env,
        "resources": { "memory": "16MiB" }, "metadata": { "team": ["a"] },
    });
    let created = host.create(create).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
    assert_eq!(created.headers[header::LOCATION], "/v1/admin/challenges/echo");
    assert_eq!(created.headers[header::CACHE_CONTROL], "no-store");
    let token = created.body["challenge_token"].as_str().unwrap().to_owned();
    let view = &created.body["challenge"];
    assert!(
        token.starts_with("plt_") && token.ends_with(view["token_hint"].as_str().unwrap().trim_matches('…'))
    );
    for (field, expected) in [
        ("slug", json!("echo")),
        ("name", json!("echo")),
        ("status", json!("draft")),
        ("observed", json!({ "state": "stopped" })),
        ("emission_percent", json!("12.5")),
        ("required_capabilities", json!(["get_weights", "proxy_routes"])),
        ("public_proxy_base_path", json!("/challenges/echo")),
        ("data", json!("exclusive")),
        ("instances", json!("per-call")),
        ("on_failure", json!("zero")),
        ("resources", json!({ "memory": "16MiB" })),
        ("env", env),
        ("metadata", json!({ "team": ["a"] })),
        ("description", Value::Null),
    ] {
        assert_eq!(view[field], expected, "{field}");
    }
    assert!(
        view["component"]["digest"]
            .as_str()
            .unwrap()
            .starts_with("sha256:")
    );

    let path = "/v1/admin/challenges/echo";
    let patched = host
        .call(
            "PATCH",
            path,
            Some(json!({ "description": "x", "version": "2", "instances": "warm(1, 9)", "on_failure": "primary" })),
        )
        .await;
    assert_eq!(
        (patched.status, &patched.body["version"]),
        (StatusCode::OK, &json!("2"))
    );
    assert_eq!(patched.body["instances"], "warm(1, 9, 60s)");
    assert_eq!(patched.body["on_failure"], "primary");
    let cleared = host
        .call("PATCH", path, Some(json!({ "description": null })))
        .await;
    assert_eq!(
        (cleared.status, &cleared.body["description"]),
        (StatusCode::OK, &Value::Null)
    );
    let unchanged = host.call("PATCH", path, Some(json!({}))).await;
    assert_eq!((unchanged.status, unchanged.body), (StatusCode::OK, cleared.body));

    let active = host.call("POST", &format!("{path}/activate"), None).await;
    assert_eq!(
        (active.status, &active.body["observed"]["state"]),
        (StatusCode::OK, &json!("running"))
    );
    assert_eq!(
        refusal(&host.call("DELETE", path, None).await),
        (409, "still_active", "")
    );
    let status = host.call("GET", "/v1/admin/status", None).await.body;
    assert_eq!(
        (&status["version"], &status["started_at"]),
        (&json!("1.2.3"), &json!(7))
    );
    assert_eq!(status["challenges"]["echo"]["status"], "active");
    assert_eq!(status["reconciler"]["registry_readable"], true);

    let disabled = host.call("POST", &format!("{path}/disable"), None).await.body;
    assert_eq!(
        (&disabled["status"], &disabled["observed"]["state"]),
        (&json!("disabled"), &json!("stopped"))
    );
    assert_eq!(
        refusal(&host.call("POST", &format!("{path}/activate"), None).await),
        (409, "transition_refused", "")
    );
    assert_eq!(
        host.call("POST", &format!("{path}/deactivate"), None).await.body["status"],
        "inactive"
    );

    let listed = host.call("GET", "/v1/admin/challenges", None).await.body;
    assert_eq!(listed["challenges"].as_array().map(Vec::len), Some(1));
    for body in [&listed, &host.call("GET", path, None).await.body] {
        assert!(!body.to_string().contains(&token), "the token is shown once");
        assert!(!body.to_string().contains("hash"));
    }
    let removed = host.call("DELETE", path, None).await;
    assert_eq!(
        (removed.status, removed.body),
        (StatusCode::NO_CONTENT, Value::Null)
    );
    assert_eq!(
        refusal(&host.call("GET", path, None).await),
        (404, "not_found", "")
    );
}

#[tokio::test]
async fn every_refusal_has_its_status_its_code_and_its_field() {
    let host = Host::start().await;
    let whole = host.whole();
    let misfit = host.component(
        "misfit.wasm",
        include_str!("../../../registry/fixtures/misfit.wat"),
    );
    let module = host.component("module.wasm", "(module)");
    let dir = host.dir.path().display();
    std::os::unix::fs::symlink("circle", host.dir.path().join("circle")).unwrap();
    let alien = host.component(
        "alien.wasm",
        r#"(component (import "acme:gpu/compute@1.0.0" (instance)))"#,
    );
    assert_eq!(
        host.create(json!({ "slug": "taken", "component": whole }))
            .await
            .status,
        StatusCode::CREATED
    );
    assert_eq!(
        host.create(json!({ "slug": "misfit", "component": misfit }))
            .await
            .status,
        StatusCode::CREATED
    );
    let image = json!({ "slug": "gpu", "image": "registry.example/gpu:1" });
    assert_eq!(host.create(image).await.status, StatusCode::CREATED);
    for (body, expected) in [
        (
            json!({ "slug": "taken", "component": whole }),
            (409, "already_exists", ""),
        ),
        (json!({ "slug": "ab" }), (422, "invalid_field", "component")),
        (
            json!({ "slug": "ab", "component": whole, "image": "r.example/x" }),
            (422, "invalid_field", "component"),
        ),
        (
            json!({ "slug": "ab", "component": whole, "emission_percent": "101" }),
            (422, "invalid_field", "emission_percent"),
        ),
        (
            json!({ "slug": "ab", "component": misfit, "emission_percent": 1 }),
            (422, "invalid_field", "emission_percent"),
        ),
        (
            json!({ "slug": "ab", "component": whole, "env": { "A=": "" } }),
            (422, "invalid_field", "env.A="),
        ),
        (
            json!({ "slug": "ab", "component": whole, "instances": "warm" }),
            (422, "invalid_field", "instances"),
        ),
        (
            json!({ "slug": "ab", "component": whole, "data": "none", "instances": "warm(17)" }),
            (422, "invalid_field", "instances"),
        ),
        (
            json!({ "slug": "ab", "image": "r.example/x", "instances": "warm(1)" }),
            (422, "invalid_field", "instances"),
        ),
        (
            json!({ "slug": "ab", "component": whole, "on_failure": "last-good:0" }),
            (422, "invalid_field", "on_failure"),
        ),
        (
            json!({ "slug": "ab", "component": whole, "status": "inactive" }),
            (409, "transition_refused", ""),
        ),
        (
            json!({ "slug": "ab", "component": module }),
            (422, "component_refused", "component"),
        ),
        (
            json!({ "slug": "ab", "component": alien }),
            (422, "component_refused", "component"),
        ),
        (
            json!({ "slug": "ab", "component": "file:/nonexistent.wasm" }),
            (422, "component_not_fetched", "component"),
        ),
        (
            json!({ "slug": "ab", "component": format!("file:{dir}") }),
            (422, "component_not_fetched", "component"),
        ),
        (
            json!({ "slug": "ab", "component": format!("file:{dir}/circle") }),
            (422, "component_not_fetched", "component"),
        ),
        (
            json!({ "slug": "ab", "component": format!("file:{dir}/{}", "x".repeat(300)) }),
            (422, "component_not_fetched", "component"),
        ),
        (
            json!({ "slug": "ab", "component": "oci:/nonexistent:1" }),
            (422, "component_not_fetched", "component"),
        ),
        (
            json!({ "slug": "ab", "component": format!("oci:{dir}/whole.wasm:1") }),
            (422, "component_not_fetched", "component"),
        ),
        (
            json!({ "slug": "ab", "component": format!("oci:{dir}/circle:1") }),
            (422, "component_not_fetched", "component"),
        ),
        (
            json!({ "slug": "ab", "component": "127.0.0.1:1/a/b:1" }),
            (502, "registry_unreachable", "component"),
        ),
        (
            json!({ "slug": "ab", "component": misfit, "status": "active" }),
            (422, "cannot_start", ""),
        ),
    ] {
        let answer = host.create(body.clone()).await;
        assert_eq!(refusal(&answer), expected, "{body}: {}", answer.body);
        if answer.body["error"]["code"]
            .as_str()
            .unwrap()
            .starts_with("component")
        {
            assert!(answer.body["error"]["hint"].is_string(), "{}", answer.body);
        }
    }
    for (method, path, body, expected) in [
        ("POST", "misfit/activate", None, (422, "cannot_start", "")),
        ("POST", "gpu/activate", None, (409, "no_address", "")),
        ("GET", "nothing", None, (404, "not_found", "")),
        ("GET", "Not%20A%20Slug", None, (404, "not_found", "")),
        ("GET", "%ff", None, (404, "not_found", "")),
        ("PATCH", "nothing", Some(json!({})), (404, "not_found", "")),
        ("POST", "nothing/activate", None, (404, "not_found", "")),
        ("DELETE", "nothing", None, (404, "not_found", "")),
        (
            "PATCH",
            "taken",
            Some(json!({ "name": null })),
            (422, "invalid_field", "name"),
        ),
        (
            "PATCH",
            "taken",
            Some(json!({ "slug": "other" })),
            (422, "invalid_field", "slug"),
        ),
        (
            "PATCH",
            "taken",
            Some(json!({ "secrets": ["k"] })),
            (422, "invalid_field", "secrets"),
        ),
        (
            "PATCH",
            "taken",
            Some(json!({ "instances": "warm(2)" })),
            (422, "invalid_field", "instances"),
        ),
        ("PATCH", "taken", None, (400, "malformed_json", "")),
    ] {
        let answer = host
            .call(method, &format!("/v1/admin/challenges/{path}"), body)
            .await;
        assert_eq!(refusal(&answer), expected, "{method} {path}: {}", answer.body);
    }
    let shown = host
        .call("GET", "/v1/admin/challenges/Not%20A%20Slug", None)
        .await
        .body;
    assert_eq!(shown["error"]["message"], "Challenge 'Not A Slug' not found");
    assert_eq!(
        host.call("GET", "/v1/admin/challenges", None).await.body["challenges"]
            .as_array()
            .map(Vec::len),
        Some(3)
    );
}
