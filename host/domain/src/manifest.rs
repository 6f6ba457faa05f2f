//! The static manifest of a component: JSON in the custom section `platform:manifest`, written by the
//! guest SDK's macro and read without running the component.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    ByteSize, ConfigError, ConfigVariable, DataMode, Instances, OutboundRule, ProxyPath, SecretName, config,
};

/// A manifest is a page of text; more than this is an attack.
pub const MANIFEST_MAX_BYTES: usize = 64 * 1024;
/// A challenge has a handful of routes; matching is linear.
const MAX_ROUTES: usize = 256;
/// A challenge speaks to a handful of hosts; every request is compared with each.
const MAX_OUTBOUND: usize = 64;
/// As many as a challenge can be given.
const MAX_SECRETS: usize = 32;

/// What a component says of itself. A field this host does not know is refused: it might ask for something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The challenge's name for people.
    pub name: String,
    /// The challenge's own version.
    pub version: String,
    /// One sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The public routes. When there are any, no others are open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<RouteRule>,
    /// Whether it keeps files in `/data`.
    #[serde(default)]
    pub data: DataMode,
    /// How long an instance of it may live: its author knows whether one call may see what another left in memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instances: Option<Instances>,
    /// The schema of its database, as a list of SQL scripts that only grows: the host applies each of them once and in
    /// order, before a version that brings it answers anybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub migrations: Vec<String>,
    /// Whom it wants to send requests to; the operator allows them or does not.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub outbound: BTreeSet<OutboundRule>,
    /// The configuration that it understands. When there is any, nothing else can be set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub config: Vec<ConfigVariable>,
    /// The secrets that it wants to read; the operator sets them or does not.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub secrets: BTreeSet<SecretName>,
    /// What it asks for; the host's own ceilings stay.
    #[serde(default)]
    pub limits: ManifestLimits,
}

/// A declared public route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteRule {
    /// The HTTP method in upper case.
    pub method: String,
    /// `/submissions/{id}`: literal segments and `{name}` for one segment.
    pub pattern: String,
    /// Whether only a caller with a verified signature may use it.
    #[serde(default)]
    pub signed: bool,
    /// The largest body in bytes, below the host's own limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_body: Option<u64>,
}

/// Limits a component asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ManifestLimits {
    /// Memory of one call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<ByteSize>,
    /// What it keeps in `/data`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<ByteSize>,
    /// What it keeps in its database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<ByteSize>,
    /// What it keeps as blobs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blobs: Option<ByteSize>,
    /// Milliseconds one `handle-route` may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route_ms: Option<u64>,
    /// Milliseconds one `get-weights` may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights_ms: Option<u64>,
}

/// Why a manifest is refused.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Larger than [`MANIFEST_MAX_BYTES`].
    #[error("the manifest has {0} bytes, {MANIFEST_MAX_BYTES} are allowed")]
    TooLarge(usize),
    /// Not the JSON of a manifest.
    #[error("the manifest is not valid")]
    Json(#[from] serde_json::Error),
    /// A route that cannot be matched.
    #[error("the manifest's route {method} {pattern} is not valid: {reason}")]
    Route {
        /// As declared.
        method: String,
        /// As declared.
        pattern: String,
        /// Why.
        reason: &'static str,
    },
    /// More than `MAX_ROUTES`.
    #[error("the manifest declares {0} routes, {MAX_ROUTES} are allowed")]
    TooManyRoutes(usize),
    /// More than `MAX_OUTBOUND`.
    #[error("the manifest asks for {0} outbound hosts, {MAX_OUTBOUND} are allowed")]
    TooManyHosts(usize),
    /// More than `MAX_SECRETS`.
    #[error("the manifest asks for {0} secrets, {MAX_SECRETS} are allowed")]
    TooManySecrets(usize),
    /// A variable of the configuration that cannot be set.
    #[error("the manifest's variable {}: {}", .0.name, .0.reason)]
    Config(ConfigError),
}

/// What the declared routes say of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteMatch<'a> {
    /// No routes are declared: every path that is not private is open.
    Undeclared,
    /// This rule applies.
    Rule(&'a RouteRule),
    /// The path is declared, with other methods.
    OtherMethod,
    /// The path is not declared.
    NotDeclared,
}

const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"];

impl Manifest {
    /// Reads and checks the custom section's bytes.
    pub fn parse(json: &[u8]) -> Result<Self, ManifestError> {
        if json.len() > MANIFEST_MAX_BYTES {
            return Err(ManifestError::TooLarge(json.len()));
        }
        let manifest: Self = serde_json::from_slice(json)?;
        if manifest.routes.len() > MAX_ROUTES {
            return Err(ManifestError::TooManyRoutes(manifest.routes.len()));
        }
        if manifest.outbound.len() > MAX_OUTBOUND {
            return Err(ManifestError::TooManyHosts(manifest.outbound.len()));
        }
        if manifest.secrets.len() > MAX_SECRETS {
            return Err(ManifestError::TooManySecrets(manifest.secrets.len()));
        }
        for rule in &manifest.routes {
            rule.check().map_err(|reason| {
                let (method, pattern) = (rule.method.clone(), rule.pattern.clone());
                ManifestError::Route {
                    method,
                    pattern,
                    reason,
                }
            })?;
        }
        config::check(&manifest.config).map_err(ManifestError::Config)?;
        Ok(manifest)
    }
}

impl RouteRule {
    fn check(&self) -> Result<(), &'static str> {
        if !METHODS.contains(&self.method.as_str()) {
            return Err("the method is not one of GET POST PUT PATCH DELETE OPTIONS HEAD");
        }
        if !self.pattern.starts_with('/') {
            return Err("the pattern does not begin with /");
        }
        self.pattern
            .parse::<ProxyPath>()
            .map(|_| ())
            .map_err(|_| "the path is private")
    }

    /// Finds the rule for a request. A literal segment is compared after one percent-decoding; `HEAD` is
    /// served by a `GET` rule.
    pub fn find<'a>(rules: &'a [Self], method: &str, path: &ProxyPath) -> RouteMatch<'a> {
        if rules.is_empty() {
            return RouteMatch::Undeclared;
        }
        let segments = path.segments();
        let mut found = RouteMatch::NotDeclared;
        for rule in rules.iter().filter(|rule| rule.matches(&segments)) {
            if rule.method == method || (method == "HEAD" && rule.method == "GET") {
                return RouteMatch::Rule(rule);
            }
            found = RouteMatch::OtherMethod;
        }
        found
    }

    fn matches(&self, segments: &[String]) -> bool {
        let mut pattern = self.pattern.strip_prefix('/').unwrap_or(&self.pattern).split('/');
        let each = segments.iter().all(|segment| match pattern.next() {
            Some(name) if name.starts_with('{') && name.ends_with('}') => !segment.is_empty(),
            Some(literal) => literal == segment,
            None => false,
        });
        each && pattern.next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(method: &str, pattern: &str) -> RouteRule {
        RouteRule {
            method: method.into(),
            pattern: pattern.into(),
            signed: false,
            max_body: None,
        }
    }

    #[test]
    fn a_request_finds_the_rule_that_declares_it() {
        let rules = [
            rule("GET", "/"),
            rule("GET", "/tours/{id}"),
            rule("POST", "/tours"),
            rule("GET", "/tours/best"),
        ];
        let find = |method: &str, path: &str| match RouteRule::find(&rules, method, &path.parse().unwrap()) {
            RouteMatch::Rule(rule) => rule.pattern.clone(),
            other => format!("{other:?}"),
        };
        assert_eq!(find("GET", "/"), "/");
        assert_eq!(find("GET", "/tours/7"), "/tours/{id}");
        assert_eq!(find("HEAD", "/tours/7"), "/tours/{id}");
        assert_eq!(find("GET", "/tours/a%2Fb"), "/tours/{id}");
        assert_eq!(find("POST", "/tour%73"), "/tours");
        assert_eq!(find("DELETE", "/tours"), "OtherMethod");
        assert_eq!(find("GET", "/tours/"), "NotDeclared");
        assert_eq!(find("GET", "/tours/7/x"), "NotDeclared");
        assert_eq!(
            RouteRule::find(&[], "GET", &"/x".parse().unwrap()),
            RouteMatch::Undeclared
        );
    }

    #[test]
    fn a_manifest_that_asks_for_the_unknown_is_refused() {
        let good =
            br#"{"name":"echo","version":"1.0.0","data":"none","routes":[{"method":"GET","pattern":"/"}]}"#;
        let manifest = Manifest::parse(good).unwrap();
        assert_eq!((manifest.data, manifest.instances), (DataMode::None, None));
        let kept = Manifest::parse(br#"{"name":"echo","version":"1.0.0","instances":"warm(2)"}"#).unwrap();
        assert_eq!(kept.instances, Some("warm(2, 1000, 60s)".parse().unwrap()));
        for bad in [
            &br#"{"name":"echo"}"#[..],
            br#"{"name":"echo","version":"1","root":true}"#,
            br#"{"name":"echo","version":"1","routes":[{"method":"get","pattern":"/"}]}"#,
            br#"{"name":"echo","version":"1","routes":[{"method":"GET","pattern":"/internal/x"}]}"#,
            br#"{"name":"echo","version":"1","routes":[{"method":"GET","pattern":"x"}]}"#,
            br#"{"name":"echo","version":"1","instances":"warm(0)"}"#,
            br#"{"name":"echo","version":"1","instances":4}"#,
            br#"{"name":"echo","version":"1","outbound":["example.com"]}"#,
            br#"{"name":"echo","version":"1","outbound":["https://example.com/path"]}"#,
            br#"{"name":"echo","version":"1","config":[{"name":"A B","type":"string"}]}"#,
            br#"{"name":"echo","version":"1","config":[{"name":"A","type":"secret"}]}"#,
            b"\xff",
        ] {
            assert!(Manifest::parse(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
        assert!(matches!(
            Manifest::parse(&vec![b' '; MANIFEST_MAX_BYTES + 1]),
            Err(ManifestError::TooLarge(_))
        ));
    }

    #[test]
    fn a_manifest_asks_for_hosts_and_not_for_hundreds() {
        let asking = |count: usize| {
            let hosts: Vec<_> = (0..count).map(|n| format!("https://h{n}.example.com")).collect();
            let json = serde_json::json!({ "name": "x", "version": "1", "outbound": hosts });
            Manifest::parse(json.to_string().as_bytes())
        };
        assert_eq!(asking(MAX_OUTBOUND).unwrap().outbound.len(), MAX_OUTBOUND);
        let error = asking(MAX_OUTBOUND + 1).unwrap_err();
        assert!(matches!(error, ManifestError::TooManyHosts(65)), "{error:?}");
    }

    #[test]
    fn a_manifest_asks_for_secrets_by_name_and_not_for_dozens() {
        let asking = |count: usize| {
            let names: Vec<_> = (0..count).map(|n| format!("KEY_{n}")).collect();
            let json = serde_json::json!({ "name": "x", "version": "1", "secrets": names });
            Manifest::parse(json.to_string().as_bytes())
        };
        assert_eq!(asking(MAX_SECRETS).unwrap().secrets.len(), MAX_SECRETS);
        let error = asking(MAX_SECRETS + 1).unwrap_err();
        assert!(matches!(error, ManifestError::TooManySecrets(33)), "{error:?}");
        let odd = br#"{"name":"x","version":"1","secrets":["a b"]}"#;
        assert!(matches!(Manifest::parse(odd), Err(ManifestError::Json(_))));
    }

    #[test]
    fn a_refusal_says_the_reason_once() {
        let error = Manifest::parse(br#"{"name":"x","version":"1","gpu":1}"#).unwrap_err();
        let text = crate::with_causes(&error);
        assert_eq!(text.matches("`gpu`").count(), 1, "{text}");
    }
}
