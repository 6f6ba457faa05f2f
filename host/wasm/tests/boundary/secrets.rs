//! Secrets, as a guest may read them and as servers get them.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use platform_domain::{Grant, Injection, Secret, SecretUse, SecretValue};
use platform_wasm::{CallError, ComponentError, Program, ProgramSpec};

use crate::{
    host::{Host, ask, built, spec},
    ledger,
    world::{PUBLIC, World},
};

const PATIENCE: Duration = Duration::from_secs(20);
const ASKING: &str =
    r#"{"name":"keeper","version":"1","data":"none","secrets":["SALT","BYTES","SENT","UNSET"]}"#;

/// The component with a manifest.
fn declaring(component: &[u8], manifest: &str) -> Bytes {
    let section = section(b"platform:manifest", manifest.as_bytes());
    [component, &section].concat().into()
}

/// A custom section: its kind, its length, then its name and what is in it.
fn section(name: &[u8], content: &[u8]) -> Vec<u8> {
    let inside = [&length(name.len())[..], name, content].concat();
    [&[0][..], &length(inside.len()), &inside].concat()
}

/// Seven bits a byte, the lowest first.
fn length(mut rest: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while rest > 0x7f {
        bytes.push(0x80 | u8::try_from(rest & 0x7f).unwrap());
        rest >>= 7;
    }
    bytes.push(u8::try_from(rest).unwrap());
    bytes
}

fn secret(name: &str, value: &[u8], usage: SecretUse) -> Secret {
    Secret {
        name: name.parse().unwrap(),
        usage,
        value: SecretValue::new(value.to_vec()),
    }
}

fn inject(to: &str, header: &str) -> SecretUse {
    SecretUse::Inject(Injection::new(to.parse().unwrap(), header.parse().unwrap()).unwrap())
}

fn keeper(manifest: &str) -> (Bytes, ProgramSpec) {
    let component = declaring(&built("keeper"), manifest);
    let sent = inject("https://api.example.com", "authorization: Bearer {}");
    let spec = ProgramSpec {
        grants: [Grant::Secrets, Grant::OutgoingHttp].into(),
        secrets: vec![
            secret("SALT", b"hunter2", SecretUse::Reveal),
            secret("BYTES", &[0, 255, 128], SecretUse::Reveal),
            secret("SENT", b"hunter3", sent),
            secret("UNASKED", b"hunter4", SecretUse::Reveal),
        ],
        route_deadline: PATIENCE,
        ..spec(&component)
    };
    (component, spec)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_reads_what_it_asks_for_and_what_was_meant_to_be_read() {
    let host = Host::new();
    let (component, spec) = keeper(ASKING);
    let program = host.engine.load(component, spec).await.unwrap();
    assert_eq!(ask(&program, "/told/SALT").await.unwrap(), "hunter2");
    assert_eq!(ask(&program, "/known/BYTES").await.unwrap(), "3 bytes, 383");
    for nothing in [
        // Only for requests.
        "SENT", // Not in the manifest.
        "UNASKED", "UNSET", "salt", "SALT%00", "", "*", "..",
    ] {
        assert_eq!(
            ask(&program, &format!("/told/{nothing}")).await.unwrap(),
            "none",
            "{nothing}"
        );
    }
    // A manifest that asks for nothing is given nothing.
    let (component, spec) = keeper(r#"{"name":"keeper","version":"1","data":"none"}"#);
    let program = host.engine.load(component, spec).await.unwrap();
    assert_eq!(ask(&program, "/told/SALT").await.unwrap(), "none");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_granted_them_is_refused_by_the_name_of_the_import() {
    let host = Host::new();
    let (component, mut spec) = keeper(ASKING);
    assert!(!Grant::usual().contains(&Grant::Secrets));
    spec.grants = Grant::usual();
    spec.grants.insert(Grant::OutgoingHttp);
    let error = host.engine.load(component, spec).await.err().unwrap();
    assert!(
        matches!(error, ComponentError::NotGranted(Grant::Secrets)),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("platform:challenge/secrets"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_a_secret_for_ever_is_stopped() {
    let host = Host::new();
    let (component, mut spec) = keeper(ASKING);
    spec.route_deadline = Duration::from_millis(300);
    let program = host.engine.load(component, spec).await.unwrap();
    let error = ask(&program, "/for-ever/SALT").await.unwrap_err();
    assert!(matches!(error, CallError::Deadline(_)), "{error:?}");
}

async fn courier(host: &Host, secrets: Vec<Secret>) -> Program {
    let component = built("courier");
    let allowed = [
        "http://api.example.com",
        "https://api.example.com",
        "http://127.0.0.1:9000",
        "http://localhost:9000",
    ];
    let spec = ProgramSpec {
        grants: [Grant::OutgoingHttp].into(),
        outbound: allowed.map(|host| host.parse().unwrap()).into(),
        secrets,
        route_deadline: PATIENCE,
        ..spec(&component)
    };
    host.engine.load(component, spec).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_gets_the_header_that_is_for_it_in_place_of_the_guests() {
    let world = World::new().await;
    let host = Host::in_world(world.network(), |_| ());
    let secrets = vec![
        secret(
            "TOKEN",
            b"hunter2",
            inject("https://*.example.com", "authorization: Bearer {}"),
        ),
        secret(
            "LOCAL",
            b"hunter3",
            inject("http://127.0.0.1:9000", "x-api-key: {}"),
        ),
        secret("READ", b"hunter4", SecretUse::Reveal),
    ];
    let program = courier(&host, secrets).await;
    // What each server got, as it echoes its head.
    for (to, sent, own) in [
        ("https api.example.com", "authorization: Bearer hunter2", ""),
        ("https API.Example.com.:443", "authorization: Bearer hunter2", ""),
        (
            "http api.example.com",
            "authorization: Bearer guess",
            "x-api-key: guess",
        ),
        (
            "http 127.0.0.1:9000",
            "x-api-key: hunter3",
            "authorization: Bearer guess",
        ),
    ] {
        let order = format!("GET {to} /\nheader authorization: Bearer guess\nheader x-api-key: guess");
        let answer = ledger::ask(&program, "/send", &order).await.unwrap();
        assert!(answer.contains(sent) && answer.contains(own), "{to}: {answer}");
        assert_eq!(answer.matches("authorization").count(), 1, "{to}: {answer}");
        assert!(!answer.contains("hunter4"), "{answer}");
    }
    // What leads elsewhere is not followed, so nobody else gets it.
    let answer = ledger::ask(&program, "/send", "GET https api.example.com /elsewhere").await;
    assert!(answer.unwrap().starts_with("302 "));
    assert!(
        !world
            .seen
            .lock()
            .unwrap()
            .dialed
            .iter()
            .any(|to| to.ip().to_string() == "10.0.0.1")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_calls_itself_this_machine_and_is_another_gets_nothing() {
    let world = World::new().await;
    let mut network = world.network();
    network.names = Some(Arc::new(|_| vec![PUBLIC.parse().unwrap()]));
    let host = Host::in_world(network, |_| ());
    let local = secret(
        "LOCAL",
        b"hunter2",
        inject("http://localhost:9000", "x-api-key: {}"),
    );
    let program = courier(&host, vec![local]).await;
    let answer = ledger::ask(&program, "/send", "GET http localhost:9000 /").await;
    assert!(answer.unwrap().contains("DestinationIpProhibited"));
    assert_eq!(world.seen.lock().unwrap().dialed, []);
}
