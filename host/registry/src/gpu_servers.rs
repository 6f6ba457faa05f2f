//! The operations on servers with GPUs. Each either happens as a whole or leaves everything as it was. Which challenge runs on
//! which server is decided elsewhere; here it only matters who holds what.
//!
//! While GPUs of a server are held, its engine stays, because the containers there are found by it, and so do
//! the GPUs that are held and enough places for their holders. Everything else may change at any time. What has expired
//! does not keep the engine: a lost server may come back at another place, or never.

mod error;
mod health;
mod inputs;
mod seen;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use platform_domain::{GpuLease, GpuServer, GpuServerId, LeaseState, Slug};
use platform_fleet::{Fleet, TlsFiles};
use platform_store::{Connection, Store, gpu_leases, gpu_servers};
use tokio::sync::Notify;

use crate::{
    Registry, SecretError, limits::MAX_GPU_SERVERS, operations::WakeOnDrop, reconciler::now, secrets::to_seal,
};

pub use error::GpuServerError;
pub use health::{GpuServerHealth, GpuServerWarning};
pub use inputs::{GpuServerPatch, NewGpuServer};
pub use seen::{GpuServerSeen, KeptCertificates};

/// What the operator may do with GPU servers. Cheap to clone.
#[derive(Clone)]
pub struct GpuServers {
    store: Store,
    fleet: Fleet,
    key_file: Arc<Path>,
    wake: Arc<Notify>,
}

impl GpuServers {
    /// Of the host that `registry` is of. `fleet` runs its containers.
    pub fn new(registry: &Registry, fleet: Fleet) -> Self {
        Self {
            store: registry.store().clone(),
            fleet,
            key_file: registry.opener().key_file(),
            wake: registry.notify(),
        }
    }

    /// Registers a server. Its engine is not asked for: it may be switched on later.
    pub async fn create(&self, new: NewGpuServer) -> Result<GpuServerSeen, GpuServerError> {
        let (server, tls) = inputs::record(new, now())?;
        let (id, key_file, wake) = (server.id.clone(), self.key_file(), self.wake());
        let created = self.store.write("gpu_server_create", move |connection| {
            if gpu_servers::get(connection, &server.id)?.is_some() {
                return Err(GpuServerError::Exists(server.id));
            }
            if gpu_servers::list(connection)?.len() >= MAX_GPU_SERVERS {
                return Err(GpuServerError::TooMany);
            }
            gpu_servers::insert(connection, &server)?;
            if let Some(tls) = &tls {
                keep(connection, &key_file, &server.id, tls)?;
            }
            Ok(wake)
        });
        drop(created.await?);
        self.fleet.engines().forget(&id);
        tracing::info!(gpu_server.id = %id, "The GPU server is registered");
        self.get(&id).await
    }

    /// Every server, by id.
    pub async fn list(&self) -> Result<Vec<GpuServerSeen>, GpuServerError> {
        let key_file = self.key_file();
        let list = self.store.read("gpu_server_list", move |connection| {
            let key = seen::key_of_any(connection, &key_file)?;
            let rows = gpu_servers::list(connection)?.into_iter();
            rows.map(|row| seen::see(connection, key.as_ref(), row)).collect()
        });
        list.await
    }

    /// One server.
    pub async fn get(&self, id: &GpuServerId) -> Result<GpuServerSeen, GpuServerError> {
        let (id, key_file) = (id.clone(), self.key_file());
        let found = self.store.read("gpu_server_get", move |connection| {
            let row = gpu_servers::get(connection, &id)?.ok_or(GpuServerError::NotFound(id))?;
            let key = seen::key_of_any(connection, &key_file)?;
            seen::see(connection, key.as_ref(), row)
        });
        found.await
    }

    /// Changes fields of a server, and the certificates if they are given.
    pub async fn patch(
        &self,
        id: &GpuServerId,
        patch: GpuServerPatch,
    ) -> Result<GpuServerSeen, GpuServerError> {
        inputs::check_patch(&patch)?;
        let (key, key_file, wake) = (id.clone(), self.key_file(), self.wake());
        let changed = self.store.write("gpu_server_patch", move |connection| {
            let row = gpu_servers::get(connection, &key)?.ok_or(GpuServerError::NotFound(key))?;
            let before = row.server;
            let (mut after, tls) = patch.apply(before.clone());
            let kept = gpu_servers::tls(connection, &after.id)?.is_some();
            match (after.endpoint.needs_tls(), tls.is_some()) {
                (true, false) if !kept => return Err(GpuServerError::Field(inputs::no_tls())),
                (false, true) => return Err(GpuServerError::Field(inputs::unused_tls())),
                (true, _) | (false, false) => {}
            }
            if after == before && tls.is_none() {
                return Ok(None);
            }
            stays(&before, &after, &gpu_leases::of_server(connection, &after.id)?)?;
            after.updated_at = now();
            gpu_servers::update(connection, &after)?;
            if let Some(tls) = &tls {
                keep(connection, &key_file, &after.id, tls)?;
            }
            if !after.endpoint.needs_tls() {
                gpu_servers::delete_tls(connection, &after.id)?;
            }
            Ok(Some(wake))
        });
        if let Some(wake) = changed.await? {
            drop(wake);
            self.fleet.engines().forget(id);
            tracing::info!(gpu_server.id = %id, "The GPU server is changed");
        }
        self.get(id).await
    }

    /// Lets containers be started there.
    pub async fn enable(&self, id: &GpuServerId) -> Result<GpuServerSeen, GpuServerError> {
        let (key, wake) = (id.clone(), self.wake());
        let enabled = self
            .store
            .write(
                "gpu_server_enable",
                move |connection| match gpu_servers::enable(connection, &key, now())? {
                    true => Ok(wake),
                    false => Err(GpuServerError::NotFound(key)),
                },
            );
        drop(enabled.await?);
        tracing::info!(gpu_server.id = %id, "The GPU server is enabled");
        self.get(id).await
    }

    /// Lets no container be started there. Those that run go on, with their GPUs.
    pub async fn disable(&self, id: &GpuServerId) -> Result<GpuServerSeen, GpuServerError> {
        let (key, wake) = (id.clone(), self.wake());
        let disabled = self.store.write(
            "gpu_server_disable",
            move |connection| match gpu_servers::disable(connection, &key, now())? {
                true => Ok(wake),
                false => Err(GpuServerError::NotFound(key)),
            },
        );
        drop(disabled.await?);
        tracing::info!(gpu_server.id = %id, "The GPU server is disabled");
        self.get(id).await
    }

    /// Forgets a server with its certificates, and leases of it that have expired. While GPUs are held there it is refused.
    pub async fn delete(&self, id: &GpuServerId) -> Result<(), GpuServerError> {
        let (key, wake) = (id.clone(), self.wake());
        let deleted = self
            .store
            .write(
                "gpu_server_delete",
                move |connection| match gpu_servers::delete(connection, &key)? {
                    true => Ok(wake),
                    false => Err(GpuServerError::NotFound(key)),
                },
            );
        drop(deleted.await?);
        self.fleet.engines().forget(id);
        tracing::info!(gpu_server.id = %id, "The GPU server is removed");
        Ok(())
    }

    fn key_file(&self) -> PathBuf {
        self.key_file.to_path_buf()
    }

    fn wake(&self) -> WakeOnDrop {
        WakeOnDrop(Arc::clone(&self.wake))
    }
}

/// Seals certificates in place of those that are kept. Those go first, so that they alone do not keep a lost key from being
/// replaced.
fn keep(
    connection: &Connection,
    key_file: &Path,
    id: &GpuServerId,
    tls: &TlsFiles,
) -> Result<(), GpuServerError> {
    gpu_servers::delete_tls(connection, id)?;
    let key = to_seal(connection, key_file)?;
    let row = tls.seal(&key, id).map_err(SecretError::Key)?;
    Ok(gpu_servers::put_tls(connection, id, &row)?)
}

/// Whether a change leaves to holders what they hold. Places of GPUs are counted by the database.
fn stays(before: &GpuServer, after: &GpuServer, leases: &[GpuLease]) -> Result<(), GpuServerError> {
    let refuse = |field, leases: &mut dyn Iterator<Item = &GpuLease>| {
        let holders: BTreeSet<Slug> = leases.map(|lease| lease.holder.clone()).collect();
        match holders.is_empty() {
            true => Ok(()),
            false => Err(GpuServerError::InUse {
                server: after.id.clone(),
                holders,
                field: Some(field),
            }),
        }
    };
    let held = || leases.iter().filter(|lease| lease.state == LeaseState::Held);
    if before.endpoint != after.endpoint {
        refuse("endpoint", &mut held())?;
    }
    let other = |lease: &&GpuLease| {
        let is_other = |device: &u16| before.gpus.kind(*device) != after.gpus.kind(*device);
        lease.devices.iter().any(is_other)
    };
    refuse("gpus", &mut leases.iter().filter(other))
}
