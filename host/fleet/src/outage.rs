//! GPU servers that are out of reach for a while: what is held there expires, so that its challenge may start elsewhere, and is held
//! again when its container turns out to have run on.

use platform_docker::{Engine, EngineError};
use platform_domain::{GpuLease, GpuServer, GpuServerId, Placement};
use platform_store::{
    StoreError, gpu_leases,
    gpu_servers::{self, GpuServerRow},
};
use tokio::time::sleep;

use crate::{
    Engines, Fleet, FleetError,
    leasing::{is_held, now},
    limits::ASKED_AGAIN_AFTER,
    start::lease_of,
};

impl Fleet {
    /// Whether a server can be spoken to; which is written down. One that does not answer twice is lost, for that costs its
    /// challenges a start elsewhere.
    pub(crate) async fn answers(&self, row: &GpuServerRow, engine: &Engine) -> Result<bool, FleetError> {
        let id = &row.server.id;
        match (is_there(engine).await?, row.lost_at) {
            (true, None) => Ok(true),
            (true, Some(_)) => self.tell_found(id).await.map(|()| true),
            (false, None) => Ok(!self.is_lost(id, engine).await?),
            (false, Some(_)) => Ok(false),
        }
    }

    /// A server did not answer, and is asked once more.
    async fn is_lost(&self, server: &GpuServerId, engine: &Engine) -> Result<bool, FleetError> {
        sleep(ASKED_AGAIN_AFTER).await;
        let lost = !is_there(engine).await?;
        if lost {
            self.engines().tell_lost(server).await?;
        }
        Ok(lost)
    }

    /// A server is in reach, and may have been out of it: then whoever wants something there hears of it.
    pub(crate) async fn tell_found(&self, server: &GpuServerId) -> Result<(), FleetError> {
        let id = server.clone();
        let found = self.store().write("gpu_server_found", move |connection| {
            gpu_servers::found(connection, &id)
        });
        if found.await? {
            tracing::info!(gpu_server.id = %server, "The GPU server answers again");
            self.notify_found();
        }
        Ok(())
    }

    /// Holds the lease of a container that was found running on a server as its record was then; `false` when that is not possible
    /// any more. Nobody else can have got its GPUs: an expired lease keeps its places.
    pub(crate) async fn revive(&self, lease: &GpuLease, seen: &GpuServer) -> Result<bool, FleetError> {
        if is_held(lease) {
            return Ok(true);
        }
        let (id, holder, endpoint) = (lease.id.clone(), lease.holder.clone(), seen.endpoint.clone());
        let at = Placement {
            server: lease.server.clone(),
            devices: lease.devices.clone(),
        };
        let revived = self.store().write("gpu_revive", move |connection| {
            let row = gpu_servers::get(connection, &at.server)?;
            if row.is_none_or(|row| row.server.endpoint != endpoint) {
                return Ok(false);
            }
            gpu_servers::found(connection, &at.server)?;
            gpu_leases::acquire(connection, &id, &holder, &at, now()).map(|_| true)
        });
        match revived.await {
            // The server was removed meanwhile, with its leases.
            Err(StoreError::Lease(_)) => Ok(false),
            revived => Ok(revived?),
        }
    }

    /// After a start that failed: whatever it made is removed, and its GPUs are given back. When nobody can see what is there, they
    /// are not.
    pub(crate) async fn give_back(
        &self,
        server: &GpuServer,
        engine: &Engine,
        lease: &GpuLease,
    ) -> Result<(), FleetError> {
        match self.remove_of(engine, lease).await {
            Ok(()) => self.release(&lease.id).await,
            Err(error) if error.is_absence() && self.is_lost(&server.id, engine).await? => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn remove_of(&self, engine: &Engine, lease: &GpuLease) -> Result<(), FleetError> {
        for container in self.containers(engine, &lease.holder).await? {
            if lease_of(&container) == Some(lease.id.as_str()) {
                engine.remove(self.owner(), &container.id).await?;
            }
        }
        Box::pin(self.remove_services_of(engine, lease)).await
    }
}

impl Engines {
    /// A server is out of reach: nothing new is placed there, and what is held there has expired.
    pub async fn tell_lost(&self, server: &GpuServerId) -> Result<(), StoreError> {
        let id = server.clone();
        let expired = self.store().write("gpu_server_lost", move |connection| {
            gpu_leases::expire_of_server(connection, &id, now())
        });
        if !expired.await?.is_empty() {
            tracing::warn!(gpu_server.id = %server, "The GPU server is out of reach; what ran there wants another place");
        }
        Ok(())
    }
}

async fn is_there(engine: &Engine) -> Result<bool, FleetError> {
    match engine.ping().await {
        Ok(()) => Ok(true),
        Err(EngineError::Absent { .. } | EngineError::Timeout(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
