//! A gateway with four challenges: `tsp` declares its routes, `open` declares none, `silent` serves no
//! miners, `young` is being started. The subnet knows one key.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
    ops::Deref,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt as _;
use platform_domain::{
    BlockHash, BlockNumber, Capability, Digest, Hotkey, Metagraph, Netuid, Neuron, RouteRule, Serving, Uid,
    UnixSeconds,
};
use platform_gateway::{Callers, Gateway, Limits, Parts, TrustedProxies};
use platform_keys::{Keypair, Nonce, SIGNED_REQUEST_PREFIX, Scheme, SignedRequest};
use platform_nonces::Nonces;
use platform_runtime::{
    About, MetagraphReader, Route, RouteReader, Target, WeightsReader, metagraph_channel, route_channel,
    weights_channel,
};

pub(crate) const NETUID: Netuid = Netuid(2);

/// A trusted proxy that speaks for itself, so that nothing counts its requests.
pub(crate) const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

/// A gateway and what it keeps.
pub(crate) struct App {
    gateway: Gateway,
    _state: tempfile::TempDir,
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

pub(crate) fn app() -> Arc<App> {
    app_with(Limits::default())
}

pub(crate) fn app_with(limits: Limits) -> Arc<App> {
    app_with_weights(limits, weights_channel().1)
}

pub(crate) fn app_with_weights(limits: Limits, weights: WeightsReader) -> Arc<App> {
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
    let table = [
        route("tsp", rules, proxied.clone()),
        route("open", vec![], proxied.clone()),
        route("silent", vec![], weighed),
        Route {
            target: Target::Starting,
            ..route("young", vec![], proxied.clone())
        },
    ];
    let (routes, reader) = route_channel();
    routes.publish(table.into_iter().collect::<platform_runtime::RouteTable>());
    let (subnet, metagraph) = metagraph_channel();
    let at = (BlockNumber(1), BlockHash([0; 32]));
    let neurons = [Hotkey::from_bytes([9; 32]), miner().hotkey()].map(|hotkey| Neuron {
        hotkey,
        stake: 0,
        validator_permit: false,
    });
    subnet.publish(Arc::new(Metagraph::new(NETUID, at, None, neurons.into())));
    gateway(reader, metagraph, weights, limits)
}

fn gateway(
    routes: RouteReader,
    metagraph: MetagraphReader,
    weights: WeightsReader,
    limits: Limits,
) -> Arc<App> {
    let state = tempfile::tempdir().unwrap();
    let nonces = Nonces::open(&state.path().join("nonces.sqlite3"), Default::default()).unwrap();
    let gateway = Gateway::new(Parts {
        routes,
        metagraph,
        weights,
        nonces,
        netuid: NETUID,
        callers: callers(),
        limits,
        trusted: TrustedProxies::new(["10.0.0.0/8".parse().unwrap()]),
        spool: state.path().to_owned(),
    });
    Arc::new(App {
        gateway,
        _state: state,
    })
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
    let weights = weights_channel().1;
    gateway(reader, metagraph, weights, Limits::default())
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
    body: &'static [u8],
) -> Request<Body> {
    let path = uri.split('?').next().unwrap();
    let slug = path.split('/').nth(2).unwrap().parse().unwrap();
    let (hotkey, timestamp) = (key.hotkey(), now());
    let request = SignedRequest {
        scheme: Scheme::FIRST,
        netuid: NETUID,
        slug: &slug,
        method,
        target: uri,
        hotkey,
        nonce,
        timestamp,
        body: Digest::of(body),
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
