//! Which GPUs a container gets, and that they are given back.

use std::{collections::BTreeSet, time::SystemTime};

use platform_domain::{
    GpuLease, GpuLeaseId, GpuRequest, GpuServer, GpuServerId, LeaseState, Slug, UnixSeconds, place,
};
use platform_store::{
    gpu_leases,
    gpu_servers::{self, GpuServerRow},
};

use crate::{Fleet, FleetError};

impl Fleet {
    /// GPUs for one start of a challenge's container, with the server that has them. The challenge is registered.
    pub(crate) async fn lease(
        &self,
        slug: &Slug,
        wanted: &GpuRequest,
    ) -> Result<(GpuLease, GpuServer), FleetError> {
        let (id, slug, wanted) = (new_id()?, slug.clone(), wanted.clone());
        let leased = self.store().write("gpu_lease", move |connection| {
            let candidates = gpu_leases::candidates(connection)?;
            let placement = place(&wanted, &candidates)?;
            let lease = gpu_leases::acquire(connection, &id, &slug, &placement, now())?;
            let server = candidates.into_iter().find(|one| one.server.id == lease.server);
            let server = server.ok_or_else(|| FleetError::NoServer(lease.server.clone()))?;
            Ok::<_, FleetError>((lease, server.server))
        });
        leased.await
    }

    /// The server on which there would be such GPUs now.
    pub(crate) async fn could_lease(&self, wanted: &GpuRequest) -> Result<GpuServerId, FleetError> {
        let wanted = wanted.clone();
        let placed = self.store().read("gpu_place", move |connection| {
            Ok::<_, FleetError>(place(&wanted, &gpu_leases::candidates(connection)?)?.server)
        });
        placed.await
    }

    /// The leases of a challenge, without those of its jobs: these are not for it to give back.
    pub(crate) async fn leases(&self, slug: &Slug) -> Result<Vec<GpuLease>, FleetError> {
        let slug = slug.clone();
        let read = self.store().read("gpu_leases_of", move |connection| {
            gpu_leases::of_challenge(connection, &slug)
        });
        Ok(read.await?.into_iter().filter(is_own).collect())
    }

    /// A server, and whether it is lost.
    pub(crate) async fn server(&self, id: &GpuServerId) -> Result<GpuServerRow, FleetError> {
        let key = id.clone();
        let read = self
            .store()
            .read("gpu_server", move |connection| gpu_servers::get(connection, &key));
        read.await?.ok_or_else(|| FleetError::NoServer(id.clone()))
    }

    /// Gives GPUs back, whose container is gone.
    pub(crate) async fn release(&self, id: &GpuLeaseId) -> Result<(), FleetError> {
        Ok(self.engines().release(id).await?)
    }
}

/// An id that no lease has.
pub(crate) fn new_id() -> Result<GpuLeaseId, FleetError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(FleetError::Random)?;
    Ok(GpuLeaseId::from_random(bytes))
}

/// Servers on which something of a challenge may be: those of its leases, held or expired.
pub(crate) fn servers(leases: &[GpuLease]) -> BTreeSet<GpuServerId> {
    leases.iter().map(|lease| lease.server.clone()).collect()
}

/// Whether it is for the challenge's own container, and not for one of its jobs.
pub(crate) fn is_own(lease: &GpuLease) -> bool {
    lease.job.is_none()
}

pub(crate) fn is_held(lease: &GpuLease) -> bool {
    lease.state == LeaseState::Held
}

pub(crate) fn now() -> UnixSeconds {
    SystemTime::now().into()
}
