//! Clients of engines: the host's own and those of GPU servers, made when they are needed and kept while nothing changes.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use platform_docker::{Endpoint, Engine};
use platform_domain::{EngineEndpoint, GpuServerId};
use platform_store::{
    Store,
    gpu_servers::{self, GpuServerTls},
};
use platform_vault::Key;

use crate::{FleetError, TlsFiles};

/// All engines of a host. Cheap to clone.
#[derive(Clone)]
pub struct Engines(Arc<Inner>);

struct Inner {
    store: Store,
    key_file: PathBuf,
    local: Option<Engine>,
    /// By server. Held for as long as a look-up takes.
    made: Mutex<BTreeMap<GpuServerId, Made>>,
}

/// A client, and what it was made of: another endpoint or other certificates, which are never sealed the same way twice, make
/// another one, whoever changed them.
struct Made {
    endpoint: EngineEndpoint,
    tls: Option<GpuServerTls>,
    engine: Engine,
}

impl Engines {
    /// `local` is the engine of the host's own machine, if it has one.
    pub fn new(
        store: Store,
        key_file: impl Into<PathBuf>,
        local: Option<&EngineEndpoint>,
    ) -> Result<Self, FleetError> {
        let local = match local {
            Some(endpoint) => Some(Engine::new(Endpoint::new(endpoint, None)?)?),
            None => None,
        };
        Ok(Self(Arc::new(Inner {
            store,
            key_file: key_file.into(),
            local,
            made: Mutex::default(),
        })))
    }

    /// The engine of the host's own machine.
    pub fn local(&self) -> Result<&Engine, FleetError> {
        self.0.local.as_ref().ok_or(FleetError::NoEngine)
    }

    /// The engine of a server, as its record says now.
    pub async fn of(&self, id: &GpuServerId) -> Result<Engine, FleetError> {
        let (key, key_file) = (id.clone(), self.0.key_file.clone());
        let read = self.0.store.read("engine_of", move |connection| {
            let row = gpu_servers::get(connection, &key)?.ok_or_else(|| FleetError::NoServer(key.clone()))?;
            let tls = gpu_servers::tls(connection, &key)?;
            Ok::<_, FleetError>((row.server, tls))
        });
        let (server, tls) = read.await?;
        if let Some(made) = self.made().get(id)
            && (&made.endpoint, &made.tls) == (&server.endpoint, &tls)
        {
            return Ok(made.engine.clone());
        }
        let opened = match (server.endpoint.needs_tls(), &tls) {
            (true, Some(row)) => Some(open(&key_file, id, row)?.read()?),
            (true, None) => return Err(FleetError::NoCertificates(id.clone())),
            (false, _) => None,
        };
        let engine = Engine::new(Endpoint::new(&server.endpoint, opened)?)?;
        let made = Made {
            endpoint: server.endpoint,
            tls,
            engine: engine.clone(),
        };
        self.made().insert(id.clone(), made);
        Ok(engine)
    }

    /// Forgets what was made for a server that is gone or is spoken to in another way.
    pub fn forget(&self, id: &GpuServerId) {
        self.made().remove(id);
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    fn made(&self) -> MutexGuard<'_, BTreeMap<GpuServerId, Made>> {
        self.0.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open(key_file: &Path, id: &GpuServerId, row: &gpu_servers::GpuServerTls) -> Result<TlsFiles, FleetError> {
    let key = Key::read(key_file)?;
    TlsFiles::open(&key, id, row).ok_or_else(|| FleetError::NoCertificates(id.clone()))
}
