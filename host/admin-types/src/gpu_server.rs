//! Servers with GPUs: how their engines are spoken to, what they have, and who holds it. Certificates go in, and never come out.

use std::{collections::BTreeSet, fmt};

use platform_domain::{
    ByteSize, EngineEndpoint, GpuLeaseId, GpuList, GpuServerId, JobId, Labels, LeaseMode, LeaseState, Slug,
    UnixSeconds,
};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::optional::present;

/// `POST /v1/admin/gpu-servers`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateGpuServer {
    /// The name for people: letters, digits, `.`, `_` and `-`.
    pub id: GpuServerId,
    /// `unix:///PATH`, `tcp://HOST:PORT` (TLS) or `ssh://USER@HOST[:PORT]`.
    pub endpoint: EngineEndpoint,
    /// What it has: `a100:4,h100:2`, in the order of the engine's numbers.
    pub gpus: GpuList,
    /// How many may hold one GPU.
    #[serde(default)]
    pub lease: LeaseMode,
    /// What challenges may want of their server.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// Whether containers may be started there.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// A sentence for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How the host is known to an engine at `tcp://`.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    pub tls: Option<ClientCertificates>,
}

/// `PATCH /v1/admin/gpu-servers/{id}`. What is absent stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PatchGpuServer {
    /// Where its engine is spoken to.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<EngineEndpoint>,
    /// What it has.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub gpus: Option<GpuList>,
    /// How many may hold one GPU.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub lease: Option<LeaseMode>,
    /// All labels.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labels>,
    /// A sentence for people; null for none.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub description: Option<Option<String>>,
    /// Other certificates.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub tls: Option<ClientCertificates>,
}

/// Three texts in PEM. Silent in `Debug`, and in what is said of a field that is wrong.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificates {
    /// The authority that the engine's certificate is of.
    #[serde(deserialize_with = "conceal")]
    pub authority: String,
    /// The host's certificate, with those between.
    #[serde(deserialize_with = "conceal")]
    pub certificate: String,
    /// The key of it.
    #[serde(deserialize_with = "conceal")]
    pub key: String,
}

/// A server, without asking its engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuServerView {
    /// The name for people.
    pub id: GpuServerId,
    /// Where its engine is spoken to.
    pub endpoint: EngineEndpoint,
    /// What it has.
    pub gpus: GpuList,
    /// How many may hold one GPU.
    pub lease: LeaseMode,
    /// What challenges may want of their server.
    pub labels: Labels,
    /// Whether containers may be started there.
    pub enabled: bool,
    /// A sentence for people.
    pub description: Option<String>,
    /// Since when its engine is out of reach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_at: Option<UnixSeconds>,
    /// Whether certificates are set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificates: Option<CertificatesView>,
    /// Places on its GPUs: as many for each as may hold it.
    pub places: PlacesView,
    /// Who has GPUs of it.
    pub leases: Vec<GpuLeaseView>,
    /// When it was registered.
    pub created_at: UnixSeconds,
    /// When the record last changed.
    pub updated_at: UnixSeconds,
}

/// Certificates that are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificatesView {
    /// `false`: the host's key is missing or another one; they are to be set again.
    pub readable: bool,
    /// When the host's own ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<UnixSeconds>,
}

/// Places on GPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacesView {
    /// That nobody has.
    pub free: u32,
    /// All.
    pub total: u32,
}

/// GPUs that one start of a container has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuLeaseView {
    /// Which start.
    pub id: GpuLeaseId,
    /// Of which challenge.
    pub holder: Slug,
    /// For which of its jobs; absent: for its own container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// The numbers of the GPUs.
    pub devices: BTreeSet<u16>,
    /// `held`, or `expired` when the server was lost and nobody knows whether the container runs.
    pub state: LeaseState,
    /// Since when.
    pub acquired_at: UnixSeconds,
}

/// `GET /v1/admin/gpu-servers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuServerList {
    /// By id.
    pub servers: Vec<GpuServerView>,
}

/// `POST /v1/admin/gpu-servers/{id}/health`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuServerHealthView {
    /// The server, as it is known after its engine was asked.
    pub server: GpuServerView,
    /// When it was asked.
    pub checked_at: UnixSeconds,
    /// What its engine says.
    pub engine: EngineView,
    /// What is not as it should be and keeps nothing from being started.
    pub warnings: Vec<String>,
}

/// What an engine says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum EngineView {
    /// It answers.
    Answers(Box<EngineFacts>),
    /// It cannot be used.
    Absent {
        /// Why.
        reason: String,
        /// What a person can do.
        hint: String,
    },
}

/// An engine and its machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineFacts {
    /// The name of its machine.
    pub name: String,
    /// Of Docker.
    pub version: String,
    /// The version of the API that is spoken.
    pub api: String,
    /// `linux`.
    pub os: String,
    /// `amd64`.
    pub architecture: String,
    /// Cores.
    pub cpus: u32,
    /// Of the machine.
    pub memory: ByteSize,
    /// Where images and containers are kept: `overlay2`.
    pub storage_driver: String,
    /// Whether it filters system calls of containers.
    pub seccomp: bool,
    /// All that keeps containers apart, by name.
    pub security: Vec<String>,
    /// Runtimes by name.
    pub runtimes: Vec<String>,
    /// Limits of containers that have no effect there.
    pub cannot_limit: Vec<String>,
    /// `inactive`, `worker`, `manager` or `unusable`.
    pub swarm: String,
    /// What it tells about GPUs.
    pub gpus: EngineGpus,
}

/// What an engine tells about GPUs. With NVIDIA's hook alone it tells nothing and has some all the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineGpus {
    /// Whether it has the runtime `nvidia`.
    pub nvidia_runtime: bool,
    /// Names that were given to them for Swarm.
    pub named: Vec<String>,
    /// How many, where they have no names.
    pub counted: u32,
    /// By the Container Device Interface.
    pub cdi: Vec<String>,
}

const fn yes() -> bool {
    true
}

/// The usual errors show what was there instead, which may be a key.
fn conceal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map_err(|_| D::Error::custom("expected a text in PEM"))
}

impl fmt::Debug for ClientCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCertificates(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_created_with_little_and_a_patch_changes_what_it_names() {
        let create = r#"{"id":"gpu-1","endpoint":"unix:///run/docker.sock","gpus":"a100:2"}"#;
        let create: CreateGpuServer = serde_json::from_str(create).unwrap();
        assert!(create.enabled && create.lease == LeaseMode::Exclusive);
        let patch: PatchGpuServer =
            serde_json::from_str(r#"{"lease":"shared(4)","description":null}"#).unwrap();
        assert_eq!(patch.lease.unwrap().holders(), 4);
        assert_eq!(patch.description, Some(None));
        let written = serde_json::to_string(&patch).unwrap();
        assert_eq!(written, r#"{"lease":"shared(4)","description":null}"#);
        for refused in [
            r#"{"endpoint":null}"#,
            r#"{"gpus":"a100:0"}"#,
            r#"{"labels":{"":"x"}}"#,
            r#"{"enabled":false}"#,
            r#"{"tls":null}"#,
            r#"{"tls":{"authority":"a","certificate":"b"}}"#,
        ] {
            assert!(
                serde_json::from_str::<PatchGpuServer>(refused).is_err(),
                "{refused}"
            );
        }
    }

    #[test]
    fn certificates_go_over_the_wire_and_into_no_message() {
        let tls = ClientCertificates {
            authority: "a".to_owned(),
            certificate: "b".to_owned(),
            key: "hunter2".to_owned(),
        };
        assert!(!format!("{tls:?}").contains("hunter2"));
        let json = serde_json::to_string(&tls).unwrap();
        let read: ClientCertificates = serde_json::from_str(&json).unwrap();
        assert_eq!(read.key, "hunter2");
        for wrong in [
            r#"{"authority":"a","certificate":"b","key":4815162342}"#,
            r#"{"authority":"a","certificate":"b","key":["4815162342"]}"#,
            r#"{"authority":4815162342,"certificate":"b","key":"c"}"#,
        ] {
            let error = serde_json::from_str::<ClientCertificates>(wrong).unwrap_err();
            assert!(!error.to_string().contains("4815162342"), "{error}");
        }
    }
}
