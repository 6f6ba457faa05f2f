//! Which challenges there are: what anybody may know of them. In two forms, ours and the one that validators of the platform
//! before this one read. Nothing of where a challenge is or what it was configured with is in either.

use axum::response::{IntoResponse as _, Response};
use http::{Method, request::Parts};
use platform_domain::{Capability, Digest, RouteRule, Slug};
use platform_runtime::{Route, RouteTable, Target};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{refusal::Refusal, told};

/// A change is seen by whoever asks through a cache within this.
const KEPT: &str = "public, max-age=12";
/// What of an operator's notes is meant for everybody, by the names that the platform before this one gave it.
const PUBLIC_METADATA: [&str; 15] = [
    "tagline",
    "summary",
    "docs_url",
    "miner_docs_url",
    "validator_docs_url",
    "repository_url",
    "website_url",
    "banner_url",
    "icon_url",
    "category",
    "difficulty",
    "benchmark_label",
    "submission_format",
    "evaluation_timeout_seconds",
    "rate_limit_label",
];

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listing {
    /// `/challenges`
    Challenges,
    /// `/v1/registry`
    Registry,
}

#[derive(Serialize)]
struct Challenges<'a> {
    challenges: Vec<Shown<'a>>,
}

/// A challenge in our form.
#[derive(Serialize)]
struct Shown<'a> {
    slug: &'a Slug,
    name: &'a str,
    version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    state: &'static str,
    path: String,
    capabilities: Vec<Capability>,
    emission_percent: String,
    routes: &'a [RouteRule],
    metadata: Map<String, Value>,
}

#[derive(Serialize)]
struct Registry<'a> {
    network: &'static str,
    api_version: &'static str,
    master_uid: u16,
    challenges: Vec<Registered<'a>>,
}

/// A challenge as the registry of the original shows it.
#[derive(Serialize)]
struct Registered<'a> {
    slug: &'a Slug,
    name: &'a str,
    image: Option<&'a str>,
    version: &'a str,
    emission_percent: String,
    status: &'static str,
    public_proxy_base_path: String,
    required_capabilities: Vec<Capability>,
    metadata: Map<String, Value>,
}

impl Listing {
    /// Of a path as it was written; `None` when it is none of the two.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        match path {
            "/challenges" => Some(Self::Challenges),
            "/v1/registry" => Some(Self::Registry),
            _ => None,
        }
    }

    /// Answers a request for it.
    pub(crate) fn answer(self, table: &RouteTable, parts: &Parts) -> Response {
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            let allow = "GET, HEAD".to_owned();
            return Refusal::MethodNotAllowed { allow }.into_response();
        }
        if !table.is_known() {
            return Refusal::HostStarting.into_response();
        }
        let json = match self {
            Self::Challenges => serde_json::to_vec(&Challenges {
                challenges: table.iter().map(|route| shown(route)).collect(),
            }),
            Self::Registry => serde_json::to_vec(&Registry {
                network: "platform",
                api_version: "1.0",
                master_uid: 0,
                challenges: table.iter().map(|route| registered(route)).collect(),
            }),
        };
        // Texts and numbers always have a form in JSON.
        let json = json.unwrap_or_default();
        let etag = format!("\"{}\"", Digest::of(&json).hex());
        told::document(&parts.headers, &etag, KEPT, || json.into())
    }
}

fn shown(route: &Route) -> Shown<'_> {
    Shown {
        slug: &route.slug,
        name: &route.about.name,
        version: &route.about.version,
        description: route.about.description.as_deref(),
        state: match route.target {
            Target::Starting => "starting",
            Target::Down(_) => "unavailable",
            Target::Wasm(_) | Target::Container(_) => "running",
        },
        path: path(route),
        capabilities: route.capabilities.iter().copied().collect(),
        emission_percent: route.emission_percent.to_string(),
        routes: &route.rules,
        metadata: metadata(route),
    }
}

fn registered(route: &Route) -> Registered<'_> {
    Registered {
        slug: &route.slug,
        name: &route.about.name,
        image: route.about.reference.as_deref(),
        version: &route.about.version,
        emission_percent: route.emission_percent.to_string(),
        status: "active",
        public_proxy_base_path: path(route),
        required_capabilities: route.capabilities.iter().copied().collect(),
        metadata: metadata(route),
    }
}

fn path(route: &Route) -> String {
    format!("/challenges/{}", route.slug)
}

/// What everybody may read, as far as it is plain.
fn metadata(route: &Route) -> Map<String, Value> {
    let plain = |value: &&Value| !value.is_array() && !value.is_object();
    let each = PUBLIC_METADATA.iter().filter_map(|name| {
        let value = route.about.metadata.get(*name).filter(plain)?;
        Some(((*name).to_owned(), value.clone()))
    });
    each.collect()
}
