//! Looks at a component without compiling it: is it one, what does it import, what can it do, what does it
//! say of itself. For registration, where a clear refusal matters more than anything.

use std::collections::BTreeSet;

use platform_domain::{Capability, Digest, Grant, MANIFEST_MAX_BYTES, Manifest};
use wasmparser::{BinaryReaderError, Parser, Payload, Validator, WasmFeatures};

use crate::{
    ComponentError, capability,
    job::{Found, Refusal},
    limits::{MAX_COMPONENT_BYTES, MAX_OUTER_NAME_BYTES, MAX_OUTER_NAMES},
    link,
    needs::{Needs, NeedsCounter},
};

/// What a component shows from outside.
#[derive(Clone, Debug, PartialEq)]
pub struct ComponentInfo {
    /// Of the component's bytes.
    pub digest: Digest,
    /// Bytes.
    pub size: usize,
    /// What it can do, by its exports; never empty.
    pub capabilities: BTreeSet<Capability>,
    /// What it says of itself, if it carries a manifest.
    pub manifest: Option<Manifest>,
    /// What it asks for beyond WASI.
    pub asks: BTreeSet<Grant>,
    /// Interfaces it needs, with versions, in order of appearance.
    pub imports: Vec<String>,
    /// Interfaces it offers, with versions, in order of appearance.
    pub exports: Vec<String>,
    /// What an instance of it occupies.
    pub needs: Needs,
}

impl ComponentInfo {
    /// The worlds that it is made for, by its exports: one of ours, that of HTTP, or one of each.
    pub fn worlds(&self) -> Vec<String> {
        let offers = |name: &str| self.exports.iter().any(|export| export.starts_with(name));
        let ours = match (
            offers("platform:challenge/routes@"),
            offers("platform:challenge/weights@"),
        ) {
            (true, true) => Some("challenge"),
            (true, false) => Some("routes-only"),
            (false, true) => Some("weights-only"),
            (false, false) => None,
        };
        let ours = ours.map(|world| format!("{CONTRACT}{world}@{SPOKEN}"));
        let http = offers(HANDLER).then(|| "wasi:http/proxy@0.2".to_owned());
        ours.into_iter().chain(http).collect()
    }
}

/// The version of `platform:challenge` this host speaks.
const SPOKEN: &str = "0.1.0";
const CONTRACT: &str = "platform:challenge/";
/// The other way to answer requests, without its version.
const HANDLER: &str = "wasi:http/incoming-handler@";
const MANIFEST_SECTION: &str = "platform:manifest";

/// What the engine runs; anything else would only fail later with a worse message.
const FEATURES: WasmFeatures = WasmFeatures::WASM2
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::COMPONENT_MODEL);

impl ComponentInfo {
    /// Whether it answers requests as HTTP, and not through the contract's own interface.
    pub fn answers_http(&self) -> bool {
        answers_http(&self.exports)
    }
}

/// Checks a component and reads what it shows, in this process: for one's own components. A hostile one may take
/// gigabytes and minutes, so the host has it done by [`crate::Engine::inspect`].
pub fn inspect(component: &[u8]) -> Result<ComponentInfo, ComponentError> {
    check_kind(component)?;
    let digest = Digest::of(component);
    let found = look(component).map_err(|refusal| ComponentError::refused(refusal, digest))?;
    judge(digest, component.len(), found)
}

/// Whether a component could be used that imports and exports these, as far as that can be told before it is there. What
/// lists no exports may still answer requests.
pub fn foresee(imports: &[String], exports: &[String]) -> Result<(), ComponentError> {
    let asks = capability::all_asked(imports);
    let http = exports.is_empty() || asks.contains(&Grant::OutgoingHttp) || answers_http(exports);
    imports.iter().try_for_each(|name| check_import(name, http))
}

/// What a component says of itself, if it is valid. All that takes time and memory, and nothing that the host has
/// an opinion about.
pub(crate) fn look(component: &[u8]) -> Result<Found, Refusal> {
    Validator::new_with_features(FEATURES)
        .validate_all(component)
        .map_err(malformed)?;
    read(component)
}

/// What the host thinks of it.
pub(crate) fn judge(digest: Digest, size: usize, found: Found) -> Result<ComponentInfo, ComponentError> {
    let Found {
        imports,
        exports,
        manifest,
        needs,
    } = found;
    let asks = capability::all_asked(&imports);
    let http = asks.contains(&Grant::OutgoingHttp) || answers_http(&exports);
    for name in &imports {
        check_import(name, http)?;
    }
    let manifest = manifest.map(|json| Manifest::parse(json.as_bytes()));
    Ok(ComponentInfo {
        digest,
        size,
        capabilities: capabilities(&exports)?,
        manifest: manifest.transpose()?,
        asks,
        imports,
        exports,
        needs,
    })
}

fn malformed(error: BinaryReaderError) -> Refusal {
    Refusal::Malformed(error.to_string())
}

/// Whether it can be a component at all, by its size and its first bytes.
pub(crate) fn check_kind(bytes: &[u8]) -> Result<(), ComponentError> {
    let refused = |found, hint| Err(ComponentError::NotAComponent { found, hint });
    let hint = "build it for the target wasm32-wasip2";
    let (size, max) = (bytes.len(), MAX_COMPONENT_BYTES);
    if size > max {
        return Err(ComponentError::TooLarge { size, max });
    }
    if bytes.is_empty() {
        return refused("an empty file", hint);
    }
    if Parser::is_component(bytes) {
        return Ok(());
    }
    if Parser::is_core_wasm(bytes) {
        return refused(
            "a core module",
            "build it for wasm32-wasip2, or wrap it with `wasm-tools component new`",
        );
    }
    if wasmtime::Engine::detect_precompiled(bytes).is_some() {
        return refused(
            "compiled native code",
            "the host compiles by itself, give it the .wasm",
        );
    }
    match bytes {
        [b'(', ..] => refused("text", "translate it with `wasm-tools parse`"),
        [0x1f, 0x8b, ..] | [b'P', b'K', ..] => refused("an archive", "give the .wasm that is inside"),
        _ => refused("something else", hint),
    }
}

fn read(component: &[u8]) -> Result<Found, Refusal> {
    let (mut imports, mut exports, mut names) = (Vec::new(), Vec::new(), Names::default());
    let mut manifest: Option<&[u8]> = None;
    let mut depth = 0usize;
    let mut needs = NeedsCounter::default();
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload.map_err(malformed)?;
        needs.count(&payload).map_err(malformed)?;
        match payload {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    imports.push(names.add(import.map_err(malformed)?.name.name)?);
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    exports.push(names.add(export.map_err(malformed)?.name.name)?);
                }
            }
            Payload::CustomSection(section) if section.name() == MANIFEST_SECTION => match manifest {
                Some(seen) if seen != section.data() => return Err(Refusal::TwoManifests),
                _ => manifest = Some(section.data()),
            },
            _ => {}
        }
    }
    Ok(Found {
        imports,
        exports,
        manifest: manifest.map(as_text).transpose()?,
        needs: needs.total(),
    })
}

/// Counts imports and exports together.
#[derive(Default)]
struct Names {
    count: usize,
    bytes: usize,
}

impl Names {
    /// The name, if it is not too much.
    fn add(&mut self, name: &str) -> Result<String, Refusal> {
        self.count += 1;
        self.bytes += name.len();
        if self.count > MAX_OUTER_NAMES || self.bytes > MAX_OUTER_NAME_BYTES {
            return Err(Refusal::TooManyNames);
        }
        Ok(name.to_owned())
    }
}

fn as_text(manifest: &[u8]) -> Result<String, Refusal> {
    if manifest.len() > MANIFEST_MAX_BYTES {
        return Err(Refusal::LargeManifest(manifest.len()));
    }
    String::from_utf8(manifest.to_vec())
        .map_err(|_| Refusal::Malformed("its manifest is not UTF-8".to_owned()))
}

/// Whether it answers requests as HTTP, and not through the contract's own interface.
fn answers_http(exports: &[String]) -> bool {
    let mut versions = exports.iter().filter_map(|name| name.strip_prefix(HANDLER));
    versions.any(is_release)
}

fn capabilities(exports: &[String]) -> Result<BTreeSet<Capability>, ComponentError> {
    let mut found = BTreeSet::new();
    for name in exports {
        let Some(interface) = name.strip_prefix(CONTRACT) else {
            continue;
        };
        check_version(name, interface)?;
        match interface.split('@').next() {
            Some("weights") => found.insert(Capability::GetWeights),
            Some("routes") => found.insert(Capability::ProxyRoutes),
            _ => continue,
        };
    }
    if answers_http(exports) && !found.insert(Capability::ProxyRoutes) {
        return Err(ComponentError::TwoRouteExports);
    }
    if found.is_empty() {
        return Err(ComponentError::NoExports);
    }
    Ok(found)
}

fn check_version(name: &str, interface: &str) -> Result<(), ComponentError> {
    match interface.split_once('@') {
        Some((_, SPOKEN)) => Ok(()),
        _ => Err(ComponentError::OtherVersion {
            name: shown(name),
            spoken: SPOKEN,
        }),
    }
}

fn check_import(name: &str, http: bool) -> Result<(), ComponentError> {
    let (interface, version) = name.split_once('@').unwrap_or((name, ""));
    if let Some(contract) = name.strip_prefix(CONTRACT) {
        check_version(name, contract)?;
        if interface == "platform:challenge/types" {
            return Ok(());
        }
    }
    // Drafts change from one to the next, so of those there is exactly one.
    if capability::asked(interface).is_some_and(|grant| capability::linked_as(grant) == name) {
        return Ok(());
    }
    // The linker takes any release of 0.2 for any other; what a later release adds is seen when it links.
    let outgoing = Grant::OutgoingHttp.interface();
    let http = http && interface == "wasi:http/types";
    if is_release(version) && (link::is_offered(interface) || interface == outgoing || http) {
        return Ok(());
    }
    Err(ComponentError::UnknownImport {
        name: shown(name),
        hint: hint(interface, version),
    })
}

/// Any release of WASI 0.2.
fn is_release(version: &str) -> bool {
    let patch = version.strip_prefix("0.2.");
    patch.is_some_and(|patch| patch.parse::<u32>().is_ok())
}

fn hint(interface: &str, version: &str) -> &'static str {
    let package = interface.split('/').next().unwrap_or(interface);
    match package {
        _ if link::is_offered(interface) && version.starts_with("0.3") => {
            "it offers WASI 0.2: build for wasm32-wasip2"
        }
        _ if link::is_offered(interface) => "it offers WASI 0.2.x",
        _ if interface == Grant::OutgoingHttp.interface() => "it offers WASI 0.2.x",
        "wasi:http" => {
            "it has no use without wasi:http/incoming-handler@0.2 or wasi:http/outgoing-handler@0.2"
        }
        "wasi:config" => "it offers wasi:config/store@0.2.0-rc.1",
        "wasi:logging" => "it offers wasi:logging/logging@0.1.0-draft",
        "wasi_snapshot_preview1" => "build it for wasm32-wasip2",
        "wasi:keyvalue" => "use platform:challenge/kv instead",
        "wasi:sql" => "use platform:challenge/sqlite instead",
        "wasi:blobstore" => "keep files in /data instead",
        _ if package.starts_with("wasi:") => {
            "it offers wasi:cli, clocks, random, filesystem and io, version 0.2"
        }
        _ => "build without it",
    }
}

/// Names come from the component: bounded and without control characters before anyone sees them.
fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(120).collect()
}
