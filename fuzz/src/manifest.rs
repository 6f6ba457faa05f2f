//! What a component says of itself, as its author wrote it: as plain bytes and inside of a component, where the host
//! reads it. What is accepted is bounded, means the same when it is written again, and can be obeyed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use platform_domain::{
    ConfigVariable, MANIFEST_MAX_BYTES, Manifest, ProxyPath, RouteMatch, RouteRule, configured,
};
use platform_wasm::{ComponentError, inspect};
use wasm_encoder::{
    Component, ComponentExportKind, ComponentExportSection, ComponentInstanceSection, CustomSection,
};

use crate::private::could_be_private;

/// The most routes that one may declare.
const MAX_ROUTES: usize = 256;
/// The most variables.
const MAX_VARIABLES: usize = 256;
/// The most secrets.
const MAX_SECRETS: usize = 32;

/// Reads it in both ways.
pub fn check(json: &[u8]) {
    let alone = Manifest::parse(json);
    let inside = inspect(&with_section(json));
    match (alone, inside) {
        (Ok(manifest), Ok(info)) => {
            assert_eq!(info.manifest.as_ref(), Some(&manifest));
            can_be_obeyed(&manifest);
            let again = serde_json::to_vec(&manifest).expect("it is JSON");
            // Written without escapes and with every default it may be longer than it was.
            if again.len() <= MANIFEST_MAX_BYTES {
                assert_eq!(Manifest::parse(&again).expect("it was one"), manifest);
            }
        }
        (Err(_), Err(ComponentError::Manifest(_))) => {}
        // It is read in another process, which hands it on as text.
        (Err(_), Err(ComponentError::Malformed(_))) => assert!(std::str::from_utf8(json).is_err()),
        (alone, inside) => panic!("{alone:?} alone, {inside:?} inside of a component"),
    }
}

/// Each name once, and as documented; nothing that is required has a default. What comes of the defaults is what a host would
/// take from an operator.
fn can_be_set(declared: &[ConfigVariable]) {
    assert!(declared.len() <= MAX_VARIABLES);
    let mut names = BTreeSet::new();
    for variable in declared {
        let name = variable.name.as_bytes();
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
        assert!(name.iter().all(plain) && name.len() <= 64, "{variable:?}");
        assert!(
            name.first()
                .is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
        );
        assert!(names.insert(name), "{variable:?}");
        assert!(!variable.required || variable.default.is_none(), "{variable:?}");
    }
    match configured(declared, &BTreeMap::new()) {
        Ok(all) => assert_eq!(configured(declared, &all).as_ref(), Ok(&all)),
        Err(error) => assert!(names.contains(error.name.as_bytes()), "{error}"),
    }
}

fn can_be_obeyed(manifest: &Manifest) {
    can_be_set(&manifest.config);
    assert!(manifest.secrets.len() <= MAX_SECRETS);
    for name in &manifest.secrets {
        let name = name.as_str().as_bytes();
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-".contains(byte);
        assert!(name.iter().all(plain) && name.len() <= 64, "{name:?}");
        assert!(name.first().is_some_and(u8::is_ascii_alphabetic), "{name:?}");
    }
    assert!(manifest.routes.len() <= MAX_ROUTES);
    for rule in &manifest.routes {
        assert!(!could_be_private(&rule.pattern), "{rule:?}");
        let path: ProxyPath = example(&rule.pattern)
            .parse()
            .unwrap_or_else(|_| panic!("no request can be for {rule:?}"));
        let found = RouteRule::find(std::slice::from_ref(rule), &rule.method, &path);
        assert_eq!(found, RouteMatch::Rule(rule), "{path}");
    }
}

/// A path that fits a pattern: a text for each parameter, the rest escaped.
fn example(pattern: &str) -> String {
    let segment = |segment: &str| match segment.as_bytes() {
        [b'{', .., b'}'] => "x".to_owned(),
        literal => literal.iter().map(|byte| escaped(*byte)).collect(),
    };
    let segments: Vec<String> = pattern.split('/').map(segment).collect();
    segments.join("/")
}

fn escaped(byte: u8) -> String {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02x}"),
    }
}

/// The smallest component that a host takes, with this section at its end.
fn with_section(json: &[u8]) -> Vec<u8> {
    static COMPONENT: OnceLock<Vec<u8>> = OnceLock::new();
    let mut bytes = COMPONENT.get_or_init(smallest).clone();
    let section = CustomSection {
        name: "platform:manifest".into(),
        data: json.into(),
    };
    let with = {
        let mut component = Component::new();
        component.section(&section);
        component.finish()
    };
    // Without the eight bytes that every component begins with.
    bytes.extend(&with[8..]);
    bytes
}

/// It exports the routes, with nothing in them.
fn smallest() -> Vec<u8> {
    let mut component = Component::new();
    let mut instances = ComponentInstanceSection::new();
    instances.export_items(std::iter::empty::<(&str, ComponentExportKind, u32)>());
    component.section(&instances);
    let mut exports = ComponentExportSection::new();
    exports.export(
        "platform:challenge/routes@0.1.0",
        ComponentExportKind::Instance,
        0,
        None,
    );
    component.section(&exports);
    component.finish()
}
