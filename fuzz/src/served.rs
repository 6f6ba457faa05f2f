//! The public side over a real guest, in this process: everything between the HTTP parser and the component.

use std::{
    collections::BTreeSet,
    env,
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU32,
    path::PathBuf,
    process::{ExitCode, exit},
    sync::Arc,
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt as _;
use platform_domain::{ByteSize, Capability, Digest, Instances, Netuid, RouteRule, Serving, Slug};
use platform_gateway::{Callers, Gateway, Limits, Parts, Rate, TrustedProxies};
use platform_keys::SIGNED_REQUEST_PREFIX;
use platform_nonces::Nonces;
use platform_runtime::{
    About, BreakerPolicy, Guarded, Health, MetagraphPublisher, Route, RoutePublisher, RouteTable, Target,
    metagraph_channel, route_channel, weights_channel,
};
use platform_wasm::{CompilerProgram, Engine, EngineConfig, Program, ProgramSpec};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// The subnet that is served.
pub(crate) const NETUID: Netuid = Netuid(1);
/// A proxy, whose requests nobody counts.
pub(crate) const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

/// A host that serves one guest under several slugs.
pub(crate) struct Served {
    runtime: Runtime,
    gateway: Gateway,
    /// Kept, or the tables would have no writer.
    _publishers: (RoutePublisher, MetagraphPublisher),
    _state: TempDir,
}

/// An answer as the server would send it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

/// What this program is called with when it is to compile the guest, and nothing else.
const COMPILE_WORKER: &str = "compile-worker";

/// Before anything else: does the work of a compiling process, if this one was started as that.
pub fn compile_if_asked() {
    if env::args().nth(1).is_some_and(|first| first == COMPILE_WORKER) {
        let failed = platform_wasm::compile_worker() != ExitCode::SUCCESS;
        exit(failed.into());
    }
}

impl Served {
    /// Serves the guest under these slugs, each with its declared routes.
    pub(crate) fn start(guest: &str, slugs: &[(&str, Vec<RouteRule>)]) -> Self {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let program = Arc::new(runtime.block_on(load(guest)));
        let ((routes, route_reader), (subnet, metagraph)) = (route_channel(), metagraph_channel());
        let table = slugs.iter().map(|(slug, rules)| route(slug, rules, &program));
        routes.publish(table.collect::<RouteTable>());
        let state = tempfile::tempdir().expect("a directory");
        // Nobody who signs is kept waiting: there is one client, and it is in a hurry.
        let often = const { NonZeroU32::new(1_000_000_000).expect("not zero") };
        let nonces = platform_nonces::Limits {
            of_one_hotkey: u32::MAX,
            of_strangers: u32::MAX,
            ..platform_nonces::Limits::default()
        };
        let gateway = Gateway::new(Parts {
            routes: route_reader,
            metagraph,
            weights: weights_channel().1,
            nonces: Nonces::open(&state.path().join("nonces.sqlite3"), nonces).expect("a database"),
            netuid: NETUID,
            callers: Callers {
                first_prefix: Some(SIGNED_REQUEST_PREFIX.to_owned()),
                require_registered: false,
                blocked_uids: BTreeSet::new(),
            },
            limits: Limits {
                hotkey_rate: Rate {
                    per_second: often,
                    burst: often,
                },
                ..Limits::default()
            },
            trusted: TrustedProxies::new(["10.0.0.0/8".parse().expect("a network")]),
            spool: state.path().to_owned(),
        });
        Self {
            runtime,
            gateway,
            _publishers: (routes, subnet),
            _state: state,
        }
    }

    pub(crate) fn send(&self, request: Request<Body>) -> Answer {
        self.runtime.block_on(async {
            let (parts, body) = self.gateway.respond(PROXY, request).await.into_parts();
            Answer {
                status: parts.status.as_u16(),
                headers: parts.headers,
                body: body.collect().await.expect("a body in memory").to_bytes(),
            }
        })
    }
}

impl Answer {
    /// The code of the host's own refusal. Panics when the answer is not wholly the host's words.
    pub(crate) fn refusal(&self) -> String {
        let body: serde_json::Value = serde_json::from_slice(&self.body).expect("the host refuses with JSON");
        let (code, message) = (&body["error"]["code"], &body["error"]["message"]);
        let expected =
            serde_json::json!({ "error": { "code": code, "message": message }, "detail": message });
        assert!(
            code.is_string() && message.is_string() && body == expected,
            "{body}"
        );
        code.as_str().unwrap_or_default().to_owned()
    }
}

async fn load(guest: &str) -> Program {
    let guests =
        PathBuf::from(env::var_os("PLATFORM_GUESTS").expect("cargo xtask fuzz says where the guests are"));
    let component =
        std::fs::read(guests.join(format!("{guest}.wasm"))).expect("cargo xtask guests builds them");
    let compiler = CompilerProgram {
        program: "/proc/self/exe".into(),
        arguments: vec![COMPILE_WORKER.to_owned()],
    };
    let code = guests.join(format!("../fuzz/code/{guest}"));
    let mut config = EngineConfig::new(code, compiler);
    // One call at a time, so little is reserved.
    config.limits.concurrent_routes = 2;
    config.limits.large_calls = 1;
    let engine = Engine::new(config).expect("an engine");
    let spec = ProgramSpec {
        slug: slug(guest),
        digest: Digest::of(&component),
        data_dir: None,
        env: Default::default(),
        instances: Instances::PerCall,
        memory: ByteSize(64 << 20),
        disk: ByteSize(1 << 20),
        grants: Default::default(),
        outbound: Default::default(),
        secrets: Vec::new(),
        state: None,
        metagraph: tokio::sync::watch::channel(None).1,
        start: platform_wasm::Start::Live,
        route_deadline: Duration::from_secs(10),
        weights_deadline: Duration::from_secs(10),
    };
    engine
        .load(component.into(), spec)
        .await
        .expect("a guest that runs")
}

fn route(name: &str, rules: &[RouteRule], program: &Arc<Program>) -> Route {
    // However often the guest fails, it is asked again.
    let policy = BreakerPolicy {
        failures: u32::MAX,
        ..BreakerPolicy::default()
    };
    let health = Health::new(slug(name), policy, Arc::default());
    Route {
        slug: slug(name),
        target: Target::Wasm(Guarded::new(program.clone(), Arc::new(health))),
        rules: rules.to_vec(),
        serving: Serving::default(),
        about: About::default(),
        capabilities: BTreeSet::from([Capability::ProxyRoutes]),
        emission_percent: "0".parse().expect("a percentage"),
        component: None,
    }
}

fn slug(name: &str) -> Slug {
    name.parse().expect("a slug")
}
