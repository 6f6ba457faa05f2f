//! A challenge's configuration, as its guest reads it.

use std::time::Duration;

use bytes::Bytes;
use platform_domain::Grant;
use platform_wasm::{CallError, ComponentError, Program, ProgramSpec};

use crate::host::{Host, ask, built, spec};

const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn clerk(env: &[(&str, &str)]) -> (Bytes, ProgramSpec) {
    let component = built("clerk");
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let spec = ProgramSpec {
        grants: Grant::usual(),
        env: env.iter().map(owned).collect(),
        route_deadline: PATIENCE,
        ..spec(&component)
    };
    (component, spec)
}

pub(crate) async fn load(host: &Host, env: &[(&str, &str)]) -> Program {
    let (component, spec) = clerk(env);
    host.engine.load(component, spec).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_reads_what_is_set_and_nothing_else() {
    let host = Host::new();
    let env = [
        ("SIZE", "7"),
        ("A.b-c", ""),
        ("EMOJI", "\u{1f680}"),
        ("Z", "last\nline"),
    ];
    let program = load(&host, &env).await;
    for (name, value) in env {
        assert_eq!(ask(&program, &format!("/config/{name}")).await.unwrap(), value);
    }
    for nothing in ["SIZ", "SIZES", "size", "PATH", "%00"] {
        assert_eq!(
            ask(&program, &format!("/config/{nothing}")).await.unwrap(),
            "none",
            "{nothing}"
        );
    }
    let all = ask(&program, "/config").await.unwrap();
    assert_eq!(all, "A.b-c=\nEMOJI=\u{1f680}\nSIZE=7\nZ=last\nline");
    assert_eq!(ask(&program, "/environment").await.unwrap(), all);
    let program = load(&host, &[]).await;
    assert_eq!(ask(&program, "/config").await.unwrap(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_it_for_ever_is_stopped() {
    let host = Host::new();
    let value = "x".repeat(60 << 10);
    let (component, mut spec) = clerk(&[("LARGE", &value)]);
    spec.route_deadline = Duration::from_millis(300);
    let program = host.engine.load(component, spec).await.unwrap();
    let error = ask(&program, "/ask").await.unwrap_err();
    assert!(matches!(error, CallError::Deadline(_)), "{error:?}");
    assert_eq!(ask(&program, "/config/LARGE").await.unwrap(), value);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_granted_is_refused_by_its_name() {
    let host = Host::new();
    for (granted, missing, import) in [
        (Grant::Logging, Grant::Config, "wasi:config/store"),
        (Grant::Config, Grant::Logging, "wasi:logging/logging"),
    ] {
        let (component, mut spec) = clerk(&[]);
        spec.grants = [granted].into();
        let error = host.engine.load(component, spec).await.err().unwrap();
        assert!(
            matches!(error, ComponentError::NotGranted(name) if name == missing),
            "{error:?}"
        );
        assert!(error.to_string().contains(import), "{error}");
    }
}
