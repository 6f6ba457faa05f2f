//! Challenges: registering, changing, showing.

use std::collections::{BTreeMap, BTreeSet};

use platform_domain::{
    Capability, ComponentRef, DataMode, Digest, EmissionPercent, FailureRule, Grant, ImageRef, Instances,
    KeyName, Loosened, OutboundRule, PlainToken, Resources, SecretName, Serving, Slug, Status, TrustPolicy,
    UnixSeconds,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::{BreakerView, Observed, optional::present};

/// `POST /v1/admin/challenges`. Exactly one of `component` and `image` is given.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateChallenge {
    /// The name in URLs; never changes.
    pub slug: Slug,
    /// A WebAssembly component: `oci:DIR[:TAG]`, `HOST/NAME[:TAG][@DIGEST]` or `file:PATH`.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub component: Option<ComponentRef>,
    /// A container image: `HOST/NAME[:TAG][@DIGEST]`.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub image: Option<ImageRef>,
    /// A container image that runs in place of the component when the challenge needs GPUs.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub fallback_image: Option<ImageRef>,
    /// The name for people; the manifest's when absent.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub name: Option<String>,
    /// The challenge's own version; the manifest's when absent.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub version: Option<String>,
    /// Its part of the emission, 0 when absent.
    #[serde(default)]
    pub emission_percent: EmissionPercent,
    /// Whose weights count when it gives none: `zero`, `last-good:N`, `primary` or `primary,last-good:N`; zero when absent.
    #[serde(default)]
    pub on_failure: FailureRule,
    /// How the public side serves it; the host's usual way when absent.
    #[serde(default)]
    pub serving: Serving,
    /// Where it stands at once, draft when absent.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub status: Option<Status>,
    /// What it must be able to do; all that it can do when absent.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub required_capabilities: Option<BTreeSet<Capability>>,
    /// Whether it keeps files; as its manifest says when absent.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub data: Option<DataMode>,
    /// How long an instance of it lives, `per-call` or `warm(N, CALLS, AGE)`; as its manifest says when absent.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub instances: Option<Instances>,
    /// What its component may import beyond WASI, by the names of the interfaces; the usual ones when absent.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub grants: Option<BTreeSet<Grant>>,
    /// Whom it may send requests to, as far as its manifest asks for them: `https://api.example.com`; nobody when absent.
    #[serde(default)]
    pub outbound: BTreeSet<OutboundRule>,
    /// What its component must show to run: `none`, `pinned` or `signed-by(KEY,…)`; what the host wants of every one when
    /// absent.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub trust: Option<TrustPolicy>,
    /// Whether it gets another component by itself when the tag of its reference moves.
    #[serde(default)]
    pub follow: bool,
    /// What its container may do beyond what all may: `egress`, `writable-root` and others; nothing when absent.
    #[serde(default)]
    pub loosened: BTreeSet<Loosened>,
    /// What it may use.
    #[serde(default)]
    pub resources: Resources,
    /// Named volumes to mount points, containers only.
    #[serde(default)]
    pub volumes: BTreeMap<String, String>,
    /// Environment variables.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Names of secrets of a container; what a component asks for, its manifest says.
    #[serde(default)]
    pub secrets: BTreeSet<String>,
    /// One sentence for people; the manifest's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whatever the operator wants to keep with it.
    #[serde(default)]
    pub metadata: Map<String, Value>,
}

/// `PATCH /v1/admin/challenges/{slug}`. An absent field stays as it is, a given one replaces the whole value.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PatchChallenge {
    /// A container image that runs in place of the component when the challenge needs GPUs; null: none.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub fallback_image: Option<Option<ImageRef>>,
    /// The name for people.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The challenge's own version.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Its part of the emission.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub emission_percent: Option<EmissionPercent>,
    /// Whose weights count when it gives none.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<FailureRule>,
    /// How the public side serves it; replaces all of it.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub serving: Option<Serving>,
    /// Where it is to stand; the same rules as for the verbs.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// What it must be able to do.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub required_capabilities: Option<BTreeSet<Capability>>,
    /// Whether it keeps files.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub data: Option<DataMode>,
    /// How long an instance of it lives.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub instances: Option<Instances>,
    /// What its component may import beyond WASI.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub grants: Option<BTreeSet<Grant>>,
    /// Whom it may send requests to.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub outbound: Option<BTreeSet<OutboundRule>>,
    /// What its component must show to run; null: what the host wants of every one.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub trust: Option<Option<TrustPolicy>>,
    /// Whether a tag that moves is followed.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub follow: Option<bool>,
    /// What its container may do beyond what all may.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub loosened: Option<BTreeSet<Loosened>>,
    /// What it may use.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Named volumes to mount points, containers only.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub volumes: Option<BTreeMap<String, String>>,
    /// Environment variables.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub env: Option<BTreeMap<String, String>>,
    /// Names of secrets of a container; what a component asks for, its manifest says.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub secrets: Option<BTreeSet<String>>,
    /// One sentence for people; null clears it.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub description: Option<Option<String>>,
    /// Whatever the operator wants to keep with it.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
}

/// What a challenge's database takes on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseUsageView {
    /// The file and its write-ahead log.
    pub bytes: u64,
    /// What the file may have.
    pub max_bytes: u64,
}

/// What a challenge's blobs take on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobUsageView {
    /// Bytes of all of them.
    pub bytes: u64,
    /// What they may have.
    pub max_bytes: u64,
}

/// Whom a challenge asks to speak to, and what became of its requests since it was started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboundUsageView {
    /// By its manifest. What the operator allows and this does not ask for has no effect.
    pub asked: BTreeSet<OutboundRule>,
    /// Requests that were answered.
    pub answered: u64,
    /// Requests that the host refused to send.
    pub refused: u64,
    /// Requests that were begun and not answered, or not to their end.
    pub failed: u64,
}

/// A challenge as the operator sees it: the whole record but the token's hash, and what became of it.
/// Environment values are configuration and shown; they belong in no log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChallengeView {
    /// The name in URLs.
    pub slug: Slug,
    /// The name for people.
    pub name: String,
    /// The component that runs; absent for a container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<ComponentView>,
    /// The container image; absent for a component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageRef>,
    /// The image that runs in place of the component when the challenge needs GPUs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback_image: Option<ImageRef>,
    /// The challenge's own version.
    pub version: String,
    /// Its part of the emission.
    pub emission_percent: EmissionPercent,
    /// Whose weights count when it gives none.
    #[serde(default)]
    pub on_failure: FailureRule,
    /// How the public side serves it.
    #[serde(default)]
    pub serving: Serving,
    /// Where it is meant to stand.
    pub status: Status,
    /// What is running of it.
    pub observed: Observed,
    /// Whether its routes are served.
    pub breaker: BreakerView,
    /// Where its public routes begin.
    pub public_proxy_base_path: String,
    /// What it does for the host.
    pub required_capabilities: BTreeSet<Capability>,
    /// Whether it keeps files.
    pub data: DataMode,
    /// What it keeps and may keep; absent when it does not run or keeps no files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_usage: Option<DataUsageView>,
    /// How long an instance of it lives.
    #[serde(default)]
    pub instances: Instances,
    /// What its component may import beyond WASI.
    #[serde(default)]
    pub grants: BTreeSet<Grant>,
    /// Whom it may send requests to, as far as its manifest asks for them.
    #[serde(default)]
    pub outbound: BTreeSet<OutboundRule>,
    /// What became of that; absent when it does not run or sends no requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbound_usage: Option<OutboundUsageView>,
    /// What its component must show to run, and what it shows; absent for a container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust: Option<TrustView>,
    /// Whether it gets another component by itself when the tag of its reference moves.
    #[serde(default)]
    pub follow: bool,
    /// Where that tag leads to by now, if it does not lead to its component any more, or cannot be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<DriftView>,
    /// What it keeps and may keep in its database; absent when it does not run or has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database_usage: Option<DatabaseUsageView>,
    /// What it keeps and may keep as blobs; absent when it does not run or keeps nothing in the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob_usage: Option<BlobUsageView>,
    /// What its container may do beyond what all may.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub loosened: BTreeSet<Loosened>,
    /// What it may use.
    pub resources: Resources,
    /// Named volumes to mount points.
    pub volumes: BTreeMap<String, String>,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
    /// Names of secrets it asks for: as the manifest of its component says, or for a container the operator.
    pub secrets: BTreeSet<String>,
    /// Those of its component that are not set.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub secrets_missing: BTreeSet<SecretName>,
    /// One sentence for people.
    pub description: Option<String>,
    /// Whatever the operator keeps with it.
    pub metadata: Map<String, Value>,
    /// The end of the challenge token, to tell two apart.
    pub token_hint: String,
    /// When it was registered.
    pub created_at: UnixSeconds,
    /// When the record last changed.
    pub updated_at: UnixSeconds,
}

/// What a challenge keeps in its data directory, as the host counts it, and what it may keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataUsageView {
    /// In whole blocks, with a block for each name.
    pub bytes: u64,
    /// The most.
    pub max_bytes: u64,
    /// Files and directories.
    pub files: u64,
    /// The most.
    pub max_files: u64,
}

/// What a component must show to run, and what it shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustView {
    /// What is wanted of it.
    pub policy: TrustPolicy,
    /// Whether that is wanted of every challenge, and not of this one alone.
    pub is_default: bool,
    /// Which of the host's keys signed it.
    pub signed_by: BTreeSet<KeyName>,
    /// Why there may be more; absent when all signatures could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
}

/// A tag that does not lead to what runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftView {
    /// When the host looked.
    pub checked_at: UnixSeconds,
    /// The manifest that it leads to; absent when that could not be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest_digest: Option<Digest>,
    /// Why it could not be told, or why it was not followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A component as registered, with what that meant at the time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentView {
    /// As registered.
    pub reference: ComponentRef,
    /// The OCI manifest's digest; a file has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest_digest: Option<Digest>,
    /// The digest of the bytes that run.
    pub digest: Digest,
}

/// `201` of a create.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChallengeCreated {
    /// What was registered.
    pub challenge: ChallengeView,
    /// The challenge token. This answer is the only place where it is ever shown.
    #[serde(serialize_with = "reveal", deserialize_with = "conceal")]
    pub challenge_token: PlainToken,
}

/// `GET /v1/admin/challenges`: every challenge, by slug.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChallengeList {
    /// In the order of their slugs.
    pub challenges: Vec<ChallengeView>,
}

fn reveal<S: Serializer>(token: &PlainToken, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(token.reveal())
}

fn conceal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PlainToken, D::Error> {
    String::deserialize(deserializer).map(|text| PlainToken::from_text(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_create_request_needs_a_slug_only_and_refuses_what_it_does_not_know() {
        let minimal: CreateChallenge = serde_json::from_str(r#"{"slug":"tsp"}"#).unwrap();
        assert!(minimal.emission_percent.is_zero() && minimal.status.is_none());
        for bad in [
            "{}",
            r#"{"slug":"A"}"#,
            r#"{"slug":"tsp","emision_percent":"1"}"#,
            r#"{"slug":"tsp","name":null}"#,
            r#"{"slug":"tsp","emission_percent":null}"#,
            r#"{"slug":"tsp","emission_percent":"100.1"}"#,
            r#"{"slug":"tsp","required_capabilities":["fly"]}"#,
            r#"{"slug":"tsp","resources":{"swap":"1g"}}"#,
            r#"{"slug":"tsp","instances":"warm(0)"}"#,
            r#"{"slug":"tsp","instances":null}"#,
            r#"{"slug":"tsp","instances":4}"#,
            r#"{"slug":"tsp","env":{"A":1}}"#,
            r#"{"slug":"tsp","outbound":["example.com"]}"#,
            r#"{"slug":"tsp","trust":"signed"}"#,
            r#"{"slug":"tsp","trust":null}"#,
            r#"{"slug":"tsp","follow":1}"#,
            r#"{"slug":"tsp","on_failure":"last-good:0"}"#,
            r#"{"slug":"tsp","on_failure":null}"#,
            r#"{"slug":"tsp","component":"echo"}"#,
        ] {
            assert!(serde_json::from_str::<CreateChallenge>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_patch_tells_absent_null_and_given_apart() {
        let read = |json: &str| serde_json::from_str::<PatchChallenge>(json);
        assert_eq!(read("{}").unwrap().description, None);
        assert_eq!(read(r#"{"description":null}"#).unwrap().description, Some(None));
        assert_eq!(
            read(r#"{"description":"x"}"#).unwrap().description,
            Some(Some("x".into()))
        );
        for field in [
            "name",
            "version",
            "emission_percent",
            "on_failure",
            "status",
            "data",
            "instances",
            "grants",
            "outbound",
            "follow",
            "resources",
            "env",
            "metadata",
        ] {
            assert!(
                read(&format!(r#"{{"{field}":null}}"#)).is_err(),
                "{field} has no null"
            );
        }
        for field in ["slug", "component", "image", "token_hash", "created_at"] {
            assert!(
                read(&format!(r#"{{"{field}":"x1"}}"#)).is_err(),
                "{field} cannot be patched"
            );
        }
        let written = serde_json::to_string(&read(r#"{"description":null}"#).unwrap()).unwrap();
        assert_eq!(written, r#"{"description":null}"#);
    }
}
