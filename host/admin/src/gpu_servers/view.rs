//! From the wire to the registry and back, field by field.

use platform_admin_types::{
    CertificatesView, ClientCertificates, CreateGpuServer, EngineFacts, EngineGpus, EngineView, GpuLeaseView,
    GpuServerHealthView, GpuServerView, PatchGpuServer, PlacesView,
};
use platform_domain::{GpuLease, GpuServer};
use platform_registry::{
    Description, GpuServerHealth, GpuServerPatch, GpuServerSeen, Gpus, KeptCertificates, NewGpuServer, Swarm,
    TlsFiles,
};

use crate::error::absent;

pub(super) fn new_gpu_server(create: CreateGpuServer) -> NewGpuServer {
    let CreateGpuServer {
        id,
        endpoint,
        gpus,
        lease,
        labels,
        enabled,
        description,
        tls,
    } = create;
    NewGpuServer {
        id,
        endpoint,
        labels,
        gpus,
        lease,
        enabled,
        description,
        tls: tls.map(tls_files),
    }
}

pub(super) fn gpu_server_patch(patch: PatchGpuServer) -> GpuServerPatch {
    let PatchGpuServer {
        endpoint,
        gpus,
        lease,
        labels,
        description,
        tls,
    } = patch;
    GpuServerPatch {
        endpoint,
        labels,
        gpus,
        lease,
        description,
        tls: tls.map(tls_files),
    }
}

fn tls_files(certificates: ClientCertificates) -> TlsFiles {
    let ClientCertificates {
        authority,
        certificate,
        key,
    } = certificates;
    TlsFiles {
        authority,
        certificate,
        key,
    }
}

pub(super) fn gpu_server_view(seen: GpuServerSeen) -> GpuServerView {
    let GpuServerSeen {
        server,
        lost_at,
        certificates,
        free,
        leases,
    } = seen;
    let GpuServer {
        id,
        endpoint,
        labels,
        gpus,
        lease,
        enabled,
        description,
        created_at,
        updated_at,
    } = server;
    let places = PlacesView {
        free: free.values().copied().map(u32::from).sum(),
        total: u32::from(gpus.count()) * u32::from(lease.holders()),
    };
    GpuServerView {
        id,
        endpoint,
        gpus,
        lease,
        labels,
        enabled,
        description,
        lost_at,
        certificates: certificates.map(certificates_view),
        places,
        leases: leases.into_iter().map(lease_view).collect(),
        created_at,
        updated_at,
    }
}

const fn certificates_view(kept: KeptCertificates) -> CertificatesView {
    match kept {
        KeptCertificates::Readable { ends_at } => CertificatesView {
            readable: true,
            ends_at,
        },
        KeptCertificates::Unreadable => CertificatesView {
            readable: false,
            ends_at: None,
        },
    }
}

fn lease_view(lease: GpuLease) -> GpuLeaseView {
    let GpuLease {
        id,
        holder,
        job,
        server: _,
        devices,
        acquired_at,
        state,
    } = lease;
    GpuLeaseView {
        id,
        holder,
        job,
        devices,
        state,
        acquired_at,
    }
}

pub(super) fn health_view(health: GpuServerHealth) -> GpuServerHealthView {
    let GpuServerHealth {
        seen,
        checked_at,
        engine,
        warnings,
    } = health;
    let engine = match engine {
        Ok(description) => EngineView::Answers(Box::new(facts(description))),
        Err(error) => {
            let (reason, hint) = absent(&error);
            let hint = hint.to_owned();
            EngineView::Absent { reason, hint }
        }
    };
    GpuServerHealthView {
        server: gpu_server_view(seen),
        checked_at,
        engine,
        warnings: warnings.iter().map(ToString::to_string).collect(),
    }
}

fn facts(description: Description) -> EngineFacts {
    let seccomp = description.has_seccomp();
    let Description {
        id: _,
        name,
        version,
        api,
        platform,
        cpus,
        memory,
        storage_driver,
        security,
        runtimes,
        cannot_limit,
        gpus,
        swarm,
    } = description;
    let Gpus {
        nvidia_runtime,
        named,
        counted,
        cdi,
    } = gpus;
    let swarm = match swarm {
        Swarm::Inactive => "inactive",
        Swarm::Worker { .. } => "worker",
        Swarm::Manager { .. } => "manager",
        Swarm::Unusable => "unusable",
    };
    EngineFacts {
        name,
        version,
        api,
        os: platform.os,
        architecture: platform.architecture,
        cpus,
        memory,
        storage_driver,
        seccomp,
        security,
        runtimes,
        cannot_limit: cannot_limit.into_iter().map(str::to_owned).collect(),
        swarm: swarm.to_owned(),
        gpus: EngineGpus {
            nvidia_runtime,
            named,
            counted,
            cdi,
        },
    }
}
