//! Whether a container that is found may stay where it is.

use platform_docker::{EngineError, Observed, State};
use platform_domain::{Candidate, GpuLease, GpuRequest, GpuServer, GpuServerId, Slug, place};

use crate::{Fleet, FleetError, leasing::is_held, start::lease_of};

impl Fleet {
    /// Whether a container of a challenge that is wanted may be where it is. An engine may be the host's own and a server's at once.
    pub(crate) async fn fits(
        &self,
        server: Option<&GpuServerId>,
        container: &Observed,
        slug: &Slug,
        leases: &[GpuLease],
    ) -> Result<bool, FleetError> {
        let Some(id) = lease_of(container) else {
            return match server {
                None => Ok(true),
                Some(_) => self.is_local(&container.id).await,
            };
        };
        let runs = container.state == State::Running;
        self.keeps_lease(id, runs, slug, leases).await
    }

    /// Whether what has this lease, a container or a service, may stay.
    pub(crate) async fn keeps_lease(
        &self,
        id: &str,
        runs: bool,
        slug: &Slug,
        leases: &[GpuLease],
    ) -> Result<bool, FleetError> {
        match leases.iter().find(|lease| lease.id.as_str() == id) {
            None => Ok(false),
            Some(lease) if is_held(lease) => Ok(true),
            // It was out of reach. As long as nothing runs in its place, the next start decides whether it stays.
            Some(_) => Ok(runs && !self.has_moved(slug, leases).await?),
        }
    }

    /// Whether a challenge runs elsewhere than where its expired leases are.
    pub(crate) async fn has_moved(&self, slug: &Slug, leases: &[GpuLease]) -> Result<bool, FleetError> {
        if leases.iter().any(is_held) {
            return Ok(true);
        }
        let Ok(local) = self.engines().local() else {
            return Ok(false);
        };
        match self.containers(local, slug).await {
            Err(error) if error.is_absence() => Ok(false),
            found => Ok(found?
                .iter()
                .any(|container| lease_of(container).is_none() && container.state == State::Running)),
        }
    }

    /// Whether a container is on the host's own engine too, as far as anybody can see: then this one is the same.
    async fn is_local(&self, container: &str) -> Result<bool, FleetError> {
        let Ok(local) = self.engines().local() else {
            return Ok(false);
        };
        match local.inspect(container).await {
            Err(EngineError::NotFound(_)) => Ok(false),
            Ok(_) | Err(EngineError::Absent { .. } | EngineError::Timeout(_)) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether the GPUs of a lease are what is wanted now.
pub(crate) fn is_of(lease: &GpuLease, server: &GpuServer, wanted: &GpuRequest) -> bool {
    let alone = Candidate {
        // What runs there goes on when nothing new may come.
        server: GpuServer {
            enabled: true,
            ..server.clone()
        },
        lost: false,
        free: lease.devices.iter().map(|device| (*device, 1)).collect(),
    };
    place(wanted, &[alone]).is_ok_and(|at| at.devices == lease.devices)
}
