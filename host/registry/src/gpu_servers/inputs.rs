//! What an operator says of a GPU server, and whether it can be.

use platform_docker::TlsError;
use platform_domain::{
    EngineEndpoint, GpuList, GpuServer, GpuServerId, Labels, LeaseMode, UnixSeconds, with_causes,
};
use platform_fleet::TlsFiles;

use crate::{
    FieldError, check,
    limits::{MAX_CERTIFICATE_BYTES, MAX_DESCRIPTION},
};

/// A server that is to be registered.
#[derive(Clone, Debug)]
pub struct NewGpuServer {
    /// The name for people.
    pub id: GpuServerId,
    /// Where its engine is spoken to.
    pub endpoint: EngineEndpoint,
    /// What challenges may want of their server.
    pub labels: Labels,
    /// What it has.
    pub gpus: GpuList,
    /// How many may hold one of its GPUs.
    pub lease: LeaseMode,
    /// Whether containers may be started there.
    pub enabled: bool,
    /// A sentence for people.
    pub description: Option<String>,
    /// How the host is known to its engine: needed for `tcp://`, and for nothing else.
    pub tls: Option<TlsFiles>,
}

/// What is to change of a server; `None` stays.
#[derive(Clone, Debug, Default)]
pub struct GpuServerPatch {
    /// Where its engine is spoken to.
    pub endpoint: Option<EngineEndpoint>,
    /// All labels.
    pub labels: Option<Labels>,
    /// All GPUs.
    pub gpus: Option<GpuList>,
    /// How many may hold one of its GPUs.
    pub lease: Option<LeaseMode>,
    /// A sentence for people, or none.
    pub description: Option<Option<String>>,
    /// Other certificates.
    pub tls: Option<TlsFiles>,
}

impl GpuServerPatch {
    /// The record as it would be, and its new certificates.
    pub(super) fn apply(self, mut server: GpuServer) -> (GpuServer, Option<TlsFiles>) {
        let Self {
            endpoint,
            labels,
            gpus,
            lease,
            description,
            tls,
        } = self;
        server.endpoint = endpoint.unwrap_or(server.endpoint);
        server.labels = labels.unwrap_or(server.labels);
        server.gpus = gpus.unwrap_or(server.gpus);
        server.lease = lease.unwrap_or(server.lease);
        server.description = description.unwrap_or(server.description);
        (server, tls)
    }
}

/// The record of a new server, and its certificates.
pub(super) fn record(
    new: NewGpuServer,
    now: UnixSeconds,
) -> Result<(GpuServer, Option<TlsFiles>), FieldError> {
    let NewGpuServer {
        id,
        endpoint,
        labels,
        gpus,
        lease,
        enabled,
        description,
        tls,
    } = new;
    check_description(description.as_deref())?;
    match (endpoint.needs_tls(), &tls) {
        (true, None) => return Err(no_tls()),
        (false, Some(_)) => return Err(unused_tls()),
        (true, Some(tls)) => check_tls(tls)?,
        (false, None) => {}
    }
    let server = GpuServer {
        id,
        endpoint,
        labels,
        gpus,
        lease,
        enabled,
        description,
        created_at: now,
        updated_at: now,
    };
    Ok((server, tls))
}

/// What can be said of a patch without the record.
pub(super) fn check_patch(patch: &GpuServerPatch) -> Result<(), FieldError> {
    check_description(patch.description.iter().flatten().next().map(String::as_str))?;
    patch.tls.as_ref().map_or(Ok(()), check_tls)
}

pub(super) fn no_tls() -> FieldError {
    let reason = "an engine at tcp:// is spoken to over TLS with certificates on both sides: give authority, certificate and key";
    FieldError::new("tls", reason)
}

pub(super) fn unused_tls() -> FieldError {
    FieldError::new("tls", "certificates are for engines at tcp:// only")
}

fn check_description(description: Option<&str>) -> Result<(), FieldError> {
    description.map_or(Ok(()), |text| check::text("description", text, MAX_DESCRIPTION))
}

/// No refusal shows what is in them.
fn check_tls(tls: &TlsFiles) -> Result<(), FieldError> {
    for (field, pem) in [
        ("tls.authority", &tls.authority),
        ("tls.certificate", &tls.certificate),
        ("tls.key", &tls.key),
    ] {
        if pem.len() > MAX_CERTIFICATE_BYTES {
            let reason = format!("at most {MAX_CERTIFICATE_BYTES} bytes, this has {}", pem.len());
            return Err(FieldError::new(field, reason));
        }
    }
    let read = tls.read().map(drop);
    read.map_err(|error| {
        let field = match error {
            TlsError::Authority => "tls.authority",
            TlsError::Certificate => "tls.certificate",
            TlsError::Key => "tls.key",
            TlsError::Unusable(_) => "tls",
        };
        FieldError::new(field, with_causes(&error))
    })
}
