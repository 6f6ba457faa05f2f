//! What the SDK for Rust makes of the host's interfaces: a guest that uses all of them, in the real host.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use platform_domain::{
    EpochContext, EpochId, Grant, Hotkey, LogLevel, LogSource, Manifest, Metagraph, Neuron, UnixSeconds,
    configured,
};
use platform_keys::Keypair;
use platform_wasm::{Program, ProgramSpec, inspect};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{
    host::{Host, built, get, spec, subnet},
    world::World,
};

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

async fn load(host: &Host, env: &[(&str, &str)], metagraph: Option<Arc<Metagraph>>) -> Program {
    let component = built("surveyor");
    let set = env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let manifest = manifest();
    let mut grants: BTreeSet<Grant> = Grant::usual();
    grants.insert(Grant::OutgoingHttp);
    let spec = ProgramSpec {
        env: configured(&manifest.config, &set.collect()).unwrap(),
        grants,
        outbound: manifest
            .outbound
            .into_iter()
            .filter(|rule| !rule.to_string().contains("asked"))
            .collect(),
        metagraph: watch::channel(metagraph).1,
        route_deadline: PATIENCE,
        ..spec(&component)
    };
    host.engine.load(component, spec).await.unwrap()
}

fn manifest() -> Manifest {
    inspect(&built("surveyor")).unwrap().manifest.unwrap()
}

fn neuron(byte: u8) -> Neuron {
    Neuron {
        hotkey: Hotkey::from_bytes([byte; 32]),
        stake: u64::from(byte) << 40,
        validator_permit: byte == 1,
    }
}

async fn call(program: &Program, method: &str, path: &str, body: &str) -> String {
    let mut request = get(path);
    (request.method, request.body) = (method.into(), body.to_owned().into());
    match program.handle_route(request).await {
        Ok(answer) => String::from_utf8(answer.body.to_vec()).unwrap(),
        Err(error) => error.explanation(),
    }
}

async fn ask(program: &Program, path: &str) -> Value {
    let answer = call(program, "GET", path, "").await;
    serde_json::from_str(&answer).unwrap_or(Value::String(answer))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_attribute_declares_is_in_the_manifest_and_what_is_set_or_not_is_read() {
    let declared = json!([
        { "name": "SITE", "type": "string", "default": "quarry", "description": "What is surveyed." },
        { "name": "depth.max", "type": "integer", "default": -7 },
        { "name": "SCALE", "type": "json", "default": { "unit": "m" } },
        { "name": "OPEN", "type": "boolean" },
    ]);
    assert_eq!(serde_json::to_value(manifest().config).unwrap(), declared);
    let host = Host::new();
    let program = load(&host, &[], None).await;
    let defaults = json!({ "site": "quarry", "depth": -7, "unit": "m", "open": false });
    assert_eq!(ask(&program, "/config").await, defaults);
    let set = [
        ("SITE", "7"),
        ("depth.max", "12"),
        ("SCALE", "{}"),
        ("OPEN", "true"),
    ];
    let program = load(&host, &set, None).await;
    let expected = json!({ "site": "7", "depth": 12, "unit": null, "open": true });
    assert_eq!(ask(&program, "/config").await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_subnet_is_read_and_until_then_miners_are_told_to_come_back() {
    let host = Host::new();
    let early = load(&host, &[], None).await;
    for path in ["/subnet", "/neuron/5Nobody"] {
        let told = call(&early, "GET", path, "").await;
        assert!(told.contains("not read yet"), "{told}");
    }
    let at = subnet(7, vec![neuron(1), neuron(0), neuron(3)]);
    let program = load(&host, &[], Some(at.clone())).await;
    let [first, third] = [1, 3].map(|byte| neuron(byte).hotkey.to_string());
    let (stake, more) = (1_u64 << 40, 3_u64 << 40);
    let expected = json!({
        "netuid": 1, "block": 7, "hash": vec![7; 32], "owner": first,
        "neurons": [[0, first, stake, true], [2, third, more, false]],
    });
    assert_eq!(ask(&program, "/subnet").await, expected);
    let found = ask(&program, &format!("/neuron/{third}")).await;
    assert_eq!(found, json!({ "uid": 2, "stake": more }));
    let nobody = ask(&program, "/neuron/5Nobody").await;
    assert_eq!(nobody, json!({ "uid": null, "stake": null }));
    let context = EpochContext {
        epoch: EpochId(1),
        metagraph: at,
        unix_seconds: UnixSeconds(0),
    };
    let weights = program.get_weights(context).await.unwrap();
    let weights: Vec<_> = weights.into_iter().map(|it| (it.hotkey, it.score)).collect();
    assert_eq!(weights, [(first, stake as f64), (third, more as f64)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_addresses_and_hashes_are_the_hosts() {
    let (host, pair) = (Host::new(), Keypair::from_seed([7; 32]));
    let program = load(&host, &[], None).await;
    let (hotkey, signature) = (pair.hotkey().to_string(), hex::encode(pair.sign(b"abc")));
    for (message, holds) in [("abc", true), ("abd", false)] {
        let answer = call(
            &program,
            "POST",
            &format!("/signed/{hotkey}/{signature}"),
            message,
        )
        .await;
        let expected = json!({
            "signed": holds, "sr25519": holds, "ed25519": false, "address": hotkey, "elsewhere": null,
        });
        assert_eq!(serde_json::from_str::<Value>(&answer).unwrap(), expected);
    }
    let refused = call(&program, "POST", &format!("/signed/{hotkey}x/{signature}"), "abc").await;
    assert!(refused.contains("no address"), "{refused}");
    let hashes = call(&program, "POST", "/hashes", "abc").await;
    let starts: Vec<_> = hashes.lines().map(|hash| (hash.len(), &hash[..8])).collect();
    assert_eq!(
        starts,
        [
            (32, "cf4ab791"),
            (64, "bddd813c"),
            (128, "ba80a53f"),
            (64, "ba7816bf")
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_have_their_level_and_some_of_them_what_they_are_about() {
    use LogLevel::{Critical, Debug, Error, Info, Trace, Warn};
    use LogSource::{Logging, Stderr};
    let host = Host::new();
    let program = load(&host, &[], None).await;
    call(&program, "POST", "/log", "").await;
    let log = host.engine.logs().of(&"fixture".parse().unwrap());
    let lines = log.newest(Trace, usize::MAX).lines;
    let found: Vec<_> = lines
        .iter()
        .map(|line| (line.level, line.source, &*line.context, &*line.text))
        .collect();
    let expected = [
        (Trace, Logging, "", "stone 7"),
        (Debug, Stderr, "", "a\\nb"),
        (Info, Logging, "digging", "stone 7"),
        (Warn, Stderr, "", "stone 8"),
        (Error, Logging, "digging", "a b"),
        (Critical, Logging, "pit 7", "it is full"),
        (Debug, Logging, "values", "7"),
    ];
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_answered_or_fail_by_what_happened() {
    let world = World::new().await;
    let host = Host::in_world(world.network(), |limits| {
        limits.http_connect_ms = 1_000;
        limits.http_exchange_ms = 1_500;
        limits.http_response.0 = 64 << 10;
        limits.http_request.0 = 64 << 10;
    });
    let program = load(&host, &[], None).await;
    let large = "x".repeat(65 << 10);
    for (order, expected) in [
        (
            json!({ "method": "get", "url": "http://api.example.com/hello?a=b" }),
            "GET /hello?a=b",
        ),
        (
            json!({ "method": "GET", "url": "https://api.example.com" }),
            "GET / HTTP/1.1",
        ),
        (
            json!({ "method": "GET", "url": "http://api.example.com/x", "header": "X-Own" }),
            "x-own: value",
        ),
        (
            json!({ "method": "POST", "url": "http://api.example.com/x", "body": [1] }),
            "content-length: 3",
        ),
        (
            json!({ "method": "POST", "url": "http://api.example.com/x", "body": [1] }),
            "application/json",
        ),
        (
            json!({ "method": "GET", "url": "http://api.example.com/later", "read": "steps" }),
            "200 Some(\"7\") at last",
        ),
        (
            json!({ "method": "GET", "url": "http://api.example.com/elsewhere" }),
            "302",
        ),
        (
            json!({ "method": "GET", "url": "http://api.example.com/later", "read": "json" }),
            "Content(",
        ),
        (
            json!({ "method": "GET", "url": "http://api.example.com/later", "most": 6 }),
            "TooLarge(\"the body has more than 6",
        ),
        (
            json!({ "method": "GET", "url": "http://other.example.org/" }),
            "Refused(\"HTTP-request-denied\")",
        ),
        (
            json!({ "method": "GET", "url": "http://asked.example.com/" }),
            "Refused(\"HTTP-request-denied\")",
        ),
        (
            json!({ "method": "GET", "url": "https://intern.example.com/" }),
            "Refused(\"destination-IP-prohibited\")",
        ),
        (
            json!({ "method": "GET", "url": "https://unknown.example.com/" }),
            "NotConnected(\"DNS-error\")",
        ),
        (
            json!({ "method": "GET", "url": "https://wrong.example.com/" }),
            "NotConnected(\"TLS-certificate-error\")",
        ),
        (
            json!({ "method": "GET", "url": "http://api.example.com/never" }),
            "TimedOut(\"HTTP-response-timeout\")",
        ),
        (
            json!({ "method": "GET", "url": "http://api.example.com/never", "timeout": 100 }),
            "TimedOut(\"connection-read-timeout\")",
        ),
        (
            json!({ "method": "GET", "url": "http://api.example.com/pause", "timeout": 100 }),
            "TimedOut(\"connection-read-timeout\")",
        ),
        (
            json!({ "method": "GET", "url": "http://api.example.com/pause", "timeout": 100, "read": "steps" }),
            "TimedOut(\"connection-read-timeout\")",
        ),
        (
            json!({ "method": "GET", "url": "http://api.example.com/endless" }),
            "TooLarge(\"HTTP-response-body-size\")",
        ),
        (
            json!({ "method": "GET", "url": "http://api.example.com/endless-headers" }),
            "TooLarge(\"HTTP-response-header-section-size\")",
        ),
        (
            json!({ "method": "POST", "url": "http://api.example.com/upload", "body": large }),
            "TooLarge(\"HTTP-request-body-size\")",
        ),
        (
            json!({ "method": "GET", "url": "http://api.example.com/early" }),
            "Broken(\"connection-terminated\")",
        ),
        (
            json!({ "method": "GET", "url": "http://api.example.com/half" }),
            "Broken(\"HTTP-response-incomplete\")",
        ),
        (
            json!({ "method": "GET", "url": "http://api.example.com/garbage" }),
            "Broken(\"HTTP-protocol-error\")",
        ),
        (json!({ "method": "GET", "url": "api.example.com" }), "Invalid("),
        (
            json!({ "method": "GET", "url": "http://user@api.example.com/" }),
            "Invalid(",
        ),
        (
            json!({ "method": "CONNECT", "url": "http://api.example.com/" }),
            "Invalid(\"HTTP-request-method-invalid\")",
        ),
        (
            json!({ "method": "GET", "url": "http://api.example.com/", "header": "host" }),
            "Invalid(\"the header host: forbidden\")",
        ),
        (
            json!({ "method": "GET", "url": "http://api.example.com/", "header": "a b" }),
            "Invalid(\"the header a b: invalid-syntax\")",
        ),
    ] {
        let answer = call(&program, "POST", "/send", &order.to_string()).await;
        assert!(
            answer.contains(expected),
            "{:.200}: {answer:.400}",
            order.to_string()
        );
    }
    world.quiet().await;
}

/// The interfaces beyond WASI that each of these imports: only what it uses.
#[test]
fn a_component_imports_what_it_uses_and_nothing_else() {
    for (name, expected) in [
        ("echo", &[][..]),
        ("prisoners", &["platform:challenge/sqlite"]),
        (
            "surveyor",
            &[
                "platform:challenge/crypto",
                "platform:challenge/metagraph",
                "wasi:http/outgoing-handler",
                "wasi:http/types",
                "wasi:logging/logging",
            ],
        ),
    ] {
        let imports = inspect(&built(name)).unwrap().imports;
        let names = imports
            .iter()
            .filter_map(|import| Some(import.split_once('@')?.0));
        let mut names: Vec<_> = names
            .filter(|name| !name.starts_with("wasi:") || name.contains("http") || name.contains("logging"))
            .filter(|name| *name != "platform:challenge/types")
            .collect();
        names.sort_unstable();
        assert_eq!(names, expected, "{name}");
    }
}
