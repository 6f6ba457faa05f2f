//! A gateway with four challenges: `tsp` declares its routes, `open` declares none, `silent` serves no
//! miners, `young` is being started. The subnet knows two keys. A fifth one, `box`, is a container that a test runs.

use std::{
    collections::BTreeSet,
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    ops::Deref,
    path::PathBuf,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{Router, body::Body};
use http::Request;
use http_body_util::BodyExt as _;
use platform_domain::{
    BlockHash, BlockNumber, Capability, Digest, Metagraph, Netuid, Neuron, PlainToken, RouteRule, Serving,
    Uid, UnixSeconds,
};
use platform_gateway::{Callers, Gateway, Limits, Parts, TrustedProxies};
use platform_keys::{Keypair, Nonce, SIGNED_REQUEST_PREFIX, Scheme, SignedRequest};
use platform_nonces::Nonces;
use platform_runtime::{
    About, Container, MetagraphReader, Route, RouteReader, RouteTable, Target, WeightsReader,
    metagraph_channel, route_channel, weights_channel,
};
use tokio::net::TcpListener;

pub(crate) const NETUID: Netuid = Netuid(2);

/// A trusted proxy that speaks for itself, so that nothing counts its requests.
pub(crate) const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

/// A gateway and what it keeps.
pub(crate) struct App {
    gateway: Gateway,
    state: tempfile::TempDir,
}

impl App {
    /// Where large bodies are.
    pub(crate) fn spool(&self) -> PathBuf {
        self.state.path().join("spool")
    }
}

impl Deref for App {
    type Target = Gateway;

    fn deref(&self) -> &Gateway {
        &self.gateway
    }
}

/// What a client sees.
#[derive(Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) message: String,
}

/// What a gateway is made of; the default is that of [`app`].
pub(crate) struct Scene {
    pub(crate) limits: Limits,
    pub(crate) callers: Callers,
    pub(crate) weights: WeightsReader,
    /// Where the container `box` listens, which there is then.
    pub(crate) container: Option<SocketAddr>,
    /// How `open` and `box` are served.
    pub(crate) serving: Serving,
    /// Whether the subnet has been read.
    pub(crate) subnet: bool,
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            callers: callers(),
            weights: weights_channel().1,
            container: None,
            serving: Serving::default(),
            subnet: true,
        }
    }
}

pub(crate) fn app() -> Arc<App> {
    Scene::default().app()
}

pub(crate) fn app_with(limits: Limits) -> Arc<App> {
    Scene {
        limits,
        ..Scene::default()
    }
    .app()
}

pub(crate) fn app_with_weights(limits: Limits, weights: WeightsReader) -> Arc<App> {
    Scene {
        limits,
        weights,
        ..Scene::default()
    }
    .app()
}

impl Scene {
    pub(crate) fn app(self) -> Arc<App> {
        let (routes, reader) = route_channel();
        routes.publish(self.table());
        let (subnet, metagraph) = metagraph_channel();
        let at = (BlockNumber(1), BlockHash([0; 32]));
        let neurons = [owner().hotkey(), miner().hotkey()].map(|hotkey| Neuron {
            hotkey,
            stake: 0,
            validator_permit: false,
        });
        if self.subnet {
            subnet.publish(Arc::new(Metagraph::new(NETUID, at, None, neurons.into())));
        }
        gateway(reader, metagraph, self)
    }

    fn table(&self) -> RouteTable {
        let rule = |method: &str, pattern: &str, signed, max_body| RouteRule {
            method: method.into(),
            pattern: pattern.into(),
            signed,
            max_body,
        };
        let rules = vec![
            rule("GET", "/tours/{id}", false, None),
            rule("DELETE", "/tours/{id}", true, None),
            rule("POST", "/submissions", true, None),
            rule("PUT", "/notes", false, Some(10)),
        ];
        let proxied = BTreeSet::from([Capability::ProxyRoutes, Capability::GetWeights]);
        let weighed = BTreeSet::from([Capability::GetWeights]);
        let route = |slug: &str, rules, capabilities| Route {
            slug: slug.parse().unwrap(),
            target: Target::Down("the registry is not reachable".into()),
            rules,
            serving: Serving::default(),
            about: About::default(),
            capabilities,
            emission_percent: "10".parse().unwrap(),
            component: None,
        };
        let container = |at: SocketAddr| {
            let address = format!("http://{at}").parse().unwrap();
            let token = PlainToken::from_text("token-of-box");
            Target::Container(Container::new("box".parse().unwrap(), address, token, None))
        };
        let boxed = self.container.map(|at| Route {
            target: container(at),
            serving: self.serving.clone(),
            ..route("box", vec![], proxied.clone())
        });
        let others = [
            route("tsp", rules, proxied.clone()),
            Route {
                serving: self.serving.clone(),
                ..route("open", vec![], proxied.clone())
            },
            route("silent", vec![], weighed),
            Route {
                target: Target::Starting,
                ..route("young", vec![], proxied.clone())
            },
        ];
        others.into_iter().chain(boxed).map(Arc::new).collect()
    }
}

fn gateway(routes: RouteReader, metagraph: MetagraphReader, scene: Scene) -> Arc<App> {
    let state = tempfile::tempdir().unwrap();
    let nonces = Nonces::open(&state.path().join("nonces.sqlite3"), Default::default()).unwrap();
    let spool = state.path().join("spool");
    fs::create_dir(&spool).unwrap();
    let gateway = Gateway::new(Parts {
        routes,
        metagraph,
        weights: scene.weights,
        nonces,
        netuid: NETUID,
        callers: scene.callers,
        limits: scene.limits,
        trusted: TrustedProxies::new(["10.0.0.0/8".parse().unwrap()]),
        spool,
    });
    Arc::new(App { gateway, state })
}

/// A container on a port of its own, for as long as the test runs.
pub(crate) async fn container(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// As the host's are by default without a chain.
pub(crate) fn callers() -> Callers {
    Callers {
        first_prefix: Some(SIGNED_REQUEST_PREFIX.to_owned()),
        require_registered: false,
        blocked_uids: [Uid(0)].into(),
    }
}

/// A host that has not read its registry yet.
pub(crate) fn young_app() -> Arc<App> {
    let ((_, reader), (_, metagraph)) = (route_channel(), metagraph_channel());
    gateway(reader, metagraph, Scene::default())
}

/// UID 0.
pub(crate) fn owner() -> Keypair {
    Keypair::from_seed([9; 32])
}

pub(crate) fn miner() -> Keypair {
    Keypair::from_seed([1; 32])
}

pub(crate) fn now() -> UnixSeconds {
    UnixSeconds(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs())
}

/// A request signed as a miner signs it.
pub(crate) fn signed(
    key: &Keypair,
    nonce: &Nonce,
    method: &str,
    uri: &str,
    body: impl Into<bytes::Bytes>,
) -> Request<Body> {
    signed_by((key, Scheme::FIRST), nonce, method, uri, body)
}

pub(crate) fn signed_by(
    (key, scheme): (&Keypair, Scheme<'_>),
    nonce: &Nonce,
    method: &str,
    uri: &str,
    body: impl Into<bytes::Bytes>,
) -> Request<Body> {
    let body = body.into();
    let mut segments = uri.split(['/', '?']).skip_while(|it| *it != "challenges");
    let slug = segments.nth(1).unwrap().parse().unwrap();
    let request = SignedRequest {
        scheme,
        netuid: NETUID,
        slug: &slug,
        method,
        target: uri,
        hotkey: key.hotkey(),
        nonce,
        timestamp: now(),
        body: Digest::of(&body),
    };
    let builder = Request::builder().method(method).uri(uri);
    let builder = request
        .headers(key)
        .into_iter()
        .fold(builder, |builder, (name, value)| builder.header(name, value));
    builder.body(Body::from(body)).unwrap()
}

pub(crate) fn nonce() -> Nonce {
    Nonce::generate().unwrap()
}

pub(crate) async fn send(app: &Gateway, request: Request<Body>) -> Seen {
    let (parts, body) = app.respond(PROXY, request).await.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let message = json["error"]["message"].as_str().unwrap_or_default().to_owned();
    assert_eq!(json["error"]["code"].is_string(), !message.is_empty());
    Seen {
        status: parts.status.as_u16(),
        headers: parts.headers,
        message,
    }
}

pub(crate) async fn send_plain(app: &Gateway, method: &str, uri: &str) -> Seen {
    send(
        app,
        Request::builder()
            .method(method)
            .uri(uri)
            .body(Body::empty())
            .unwrap(),
    )
    .await
}
