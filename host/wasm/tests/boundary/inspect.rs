//! What registration learns of a component.

use platform_domain::{Capability, DataMode};
use platform_wasm::{ComponentError, MAX_COMPONENT_BYTES, inspect};

use crate::guests;

fn refusal(component: &[u8]) -> String {
    inspect(component).unwrap_err().to_string()
}

#[test]
fn exports_decide_what_a_component_can_do() {
    for (routes, weights, expected) in [
        (true, true, &[Capability::GetWeights, Capability::ProxyRoutes][..]),
        (true, false, &[Capability::ProxyRoutes]),
        (false, true, &[Capability::GetWeights]),
    ] {
        let component = guests::challenge(routes, weights);
        let info = inspect(&component).unwrap();
        assert!(info.capabilities.iter().eq(expected), "{:?}", info.capabilities);
        assert_eq!(info.imports, ["platform:challenge/types@0.1.0"]);
        assert_eq!((info.exports.len(), info.size), (expected.len(), component.len()));
        assert_eq!(info.manifest, None);
    }
}

#[test]
fn what_is_no_component_is_refused_with_a_hint() {
    let module = wat::parse_str("(module)").unwrap();
    for (bytes, found, hint) in [
        (&b""[..], "an empty file", "wasm32-wasip2"),
        (b"garbage", "this is something else", "wasm32-wasip2"),
        (b"\0asm", "this is something else", "wasm32-wasip2"),
        (b"(component)", "text", "wasm-tools parse"),
        (b"\x1f\x8b\x08", "an archive", "inside"),
        (b"PK\x03\x04", "an archive", "inside"),
        (&module, "a core module", "wasm-tools component new"),
    ] {
        let text = refusal(bytes);
        assert!(text.contains(found) && text.contains(hint), "{text}");
    }
    assert!(matches!(
        inspect(&vec![0; MAX_COMPONENT_BYTES + 1]),
        Err(ComponentError::TooLarge { .. })
    ));
}

#[test]
fn a_damaged_component_is_refused_wherever_the_damage_is() {
    let component = guests::whole();
    let whole = inspect(&component).unwrap();
    for end in 0..component.len() {
        // Cut between two sections it may be a component still, with less to offer.
        if let Ok(info) = inspect(&component[..end]) {
            assert!(
                whole.exports.starts_with(&info.exports) && !info.exports.is_empty(),
                "cut at {end}"
            );
        }
    }
    assert!(inspect(&component[..component.len() / 2]).is_err());
    for position in 0..component.len() {
        let mut damaged = component.to_vec();
        damaged[position] ^= 0x55;
        // Some damage is only another text or number; it must not panic.
        let _ = inspect(&damaged);
    }
}

#[test]
fn an_unknown_import_is_named_with_a_hint() {
    for (name, hint) in [
        (
            "wasi:http/types@0.2.6",
            "no use without wasi:http/incoming-handler@0.2 or wasi:http/outgoing-handler@0.2",
        ),
        ("wasi:http/outgoing-handler@0.3.0", "0.2"),
        ("wasi:cli/stdout@0.3.0", "WASI 0.2"),
        ("wasi:cli/stdout@0.1.0", "0.2.x"),
        ("wasi:cli/surprise@0.2.0", "wasi:cli, clocks"),
        ("wasi:keyvalue/store@0.2.0-draft", "platform:challenge/kv"),
        ("wasi:config/store@0.2.0-draft", "wasi:config/store@0.2.0-rc.1"),
        ("wasi:config/store@0.2.0-rc.10", "wasi:config/store@0.2.0-rc.1"),
        ("wasi:config/store@0.2.0", "wasi:config/store@0.2.0-rc.1"),
        ("wasi:config/store", "wasi:config/store@0.2.0-rc.1"),
        ("wasi:config/runtime@0.2.0-draft", "wasi:config/store@0.2.0-rc.1"),
        ("wasi:logging/logging@0.1.0", "wasi:logging/logging@0.1.0-draft"),
        (
            "wasi:logging/logging@0.2.0-draft",
            "wasi:logging/logging@0.1.0-draft",
        ),
        ("platform:challenge/config@0.1.0", "build without it"),
        ("acme:gpu/compute@1.0.0", "build without it"),
        ("platform:challenge/gpu@0.1.0", "build without it"),
        ("plain", "build without it"),
    ] {
        let text = refusal(&guests::importing(&["wasi:cli/stderr@0.2.3", name]));
        assert!(text.contains(name) && text.contains(hint), "{text}");
    }
    let offered = [
        "wasi:cli/stdout@0.2.0",
        "wasi:sockets/tcp@0.2.6",
        "wasi:io/poll@0.2.99",
        "wasi:http/types@0.2.0",
        "wasi:http/outgoing-handler@0.2.6",
        "wasi:config/store@0.2.0-rc.1",
        "wasi:logging/logging@0.1.0-draft",
    ];
    assert!(inspect(&guests::importing(&offered)).is_ok());
}

#[test]
fn requests_may_be_answered_as_http_and_not_in_two_ways() {
    let routes = "platform:challenge/routes@0.1.0";
    for version in ["0.2.0", "0.2.12", "0.2.99"] {
        let handler = format!("wasi:http/incoming-handler@{version}");
        let info = inspect(&guests::exporting(&[&handler])).unwrap();
        assert!(info.answers_http() && info.capabilities.contains(&Capability::ProxyRoutes));
        let error = inspect(&guests::exporting(&[&handler, routes])).unwrap_err();
        assert!(matches!(error, ComponentError::TwoRouteExports), "{error}");
    }
    for other in ["0.3.0", "0.1.0", "0.2.0-rc.1"] {
        let handler = format!("wasi:http/incoming-handler@{other}");
        let text = refusal(&guests::exporting(&[&handler]));
        assert!(text.contains("wasi:http/incoming-handler@0.2"), "{other}: {text}");
        let info = inspect(&guests::exporting(&[&handler, routes])).unwrap();
        assert!(!info.answers_http(), "{other}");
    }
}

#[test]
fn another_version_of_the_contract_is_named() {
    for component in [
        guests::exporting(&["platform:challenge/routes@0.2.0"]),
        guests::exporting(&["platform:challenge/weights@1.0.0-rc.1"]),
        guests::importing(&["platform:challenge/types@0.2.0"]),
    ] {
        let error = inspect(&component).unwrap_err();
        assert!(matches!(error, ComponentError::OtherVersion { .. }), "{error}");
        assert!(
            error
                .to_string()
                .ends_with("this host speaks platform:challenge@0.1.0")
        );
    }
}

#[test]
fn a_component_without_the_contract_is_refused() {
    for names in [
        &[][..],
        &["wasi:cli/run@0.2.0"],
        &["platform:challenge/other@0.1.0"],
    ] {
        let error = inspect(&guests::exporting(names)).unwrap_err();
        assert!(matches!(error, ComponentError::NoExports), "{error}");
    }
}

#[test]
fn the_manifest_is_read_wherever_it_is() {
    let one = r#"{"name":"echo","version":"1.0.0","data":"none"}"#;
    let other = r#"{"name":"echo","version":"2.0.0"}"#;
    for (inner, outer) in [(Some(one), None), (None, Some(one)), (Some(one), Some(one))] {
        let manifest = inspect(&guests::with_manifests(inner, outer))
            .unwrap()
            .manifest
            .unwrap();
        assert_eq!((manifest.name.as_str(), manifest.data), ("echo", DataMode::None));
    }
    let refused = |inner, outer| inspect(&guests::with_manifests(inner, outer)).unwrap_err();
    assert!(matches!(
        refused(Some(one), Some(other)),
        ComponentError::TwoManifests
    ));
    assert!(matches!(
        refused(Some("not json"), None),
        ComponentError::Manifest(_)
    ));
    assert!(matches!(
        refused(None, Some(r#"{"name":"echo"}"#)),
        ComponentError::Manifest(_)
    ));
}
