//! What nobody wants any more is taken away, wherever it is.

use std::collections::BTreeSet;

use platform_docker::{Engine, EngineError, Kind};
use platform_domain::{GpuServerId, LeaseState, Slug};
use platform_store::{gpu_leases, gpu_servers};

use crate::{
    Fleet, FleetError,
    leasing::{now, servers},
    services::is_manager,
    start::lease_of,
};

impl Fleet {
    /// Ends everything of a challenge that does not run any more. Its volumes stay.
    pub async fn stop(&self, slug: &Slug) -> Result<(), FleetError> {
        let _alone = self.alone(slug).await;
        let leases = self.leases(slug).await?;
        self.clear(slug, None).await?;
        for server in servers(&leases) {
            let engine = self.engines().of(&server).await?;
            match self.vacate(Some(&server), &engine, slug).await {
                // Its leases are still there, by which it is found later.
                Err(error) if error.is_absence() => {}
                vacated => vacated?,
            }
        }
        match self.engines().local() {
            Ok(engine) => self.vacate(None, engine, slug).await,
            Err(_) => Ok(()),
        }
    }

    /// Removes the volumes of a challenge, of which nothing may run any more, from every engine that can be reached.
    pub async fn purge(&self, slug: &Slug) -> Result<(), FleetError> {
        self.stop(slug).await?;
        for (_, engine) in self.all().await? {
            for volume in engine.list_volumes(self.owner()).await? {
                if volume
                    .labels
                    .get(platform_docker::SLUG)
                    .is_some_and(|of| of == slug.as_str())
                {
                    engine.remove_volume(self.owner(), &volume.name).await?;
                }
            }
        }
        Ok(())
    }

    /// Removes what nobody wants from every engine, and gives back GPUs that nobody uses. `wanted` are the challenges whose
    /// containers are to run. What cannot be reached now is left for the next time.
    pub async fn tidy(&self, wanted: &BTreeSet<Slug>) -> Result<(), FleetError> {
        for (server, engine) in self.all().await? {
            let cleared = self.tidy_engine(server.as_ref(), &engine, wanted).await;
            match (cleared, &server) {
                (Ok(()), Some(server)) => self.tell_lost(server, false).await?,
                (Err(error), Some(server)) if error.is_absence() => {
                    tracing::debug!(gpu_server.id = %server, error = %error, "A server is out of reach");
                }
                (Err(error), None) if error.is_absence() => {
                    tracing::warn!(error = %error, "The engine for containers is out of reach");
                }
                (cleared, _) => cleared?,
            }
        }
        Ok(())
    }

    async fn tidy_engine(
        &self,
        server: Option<&GpuServerId>,
        engine: &Engine,
        wanted: &BTreeSet<Slug>,
    ) -> Result<(), FleetError> {
        let mut slugs = BTreeSet::new();
        for kind in [Kind::Challenge, Kind::Relay] {
            for name in engine.list(self.owner(), kind).await? {
                match engine.inspect(&name).await {
                    Ok(container) => slugs.extend(container.slug()),
                    Err(EngineError::NotFound(_)) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        let leases = match server {
            None => Vec::new(),
            Some(server) => {
                let server = server.clone();
                let read = self.store().read("leases_of_server", move |connection| {
                    gpu_leases::of_server(connection, &server)
                });
                read.await?
            }
        };
        slugs.extend(leases.iter().map(|lease| lease.holder.clone()));
        let manages = server.is_some() && is_manager(engine).await?;
        if manages {
            slugs.extend(engine.swarm_slugs(self.owner()).await?);
        }
        for slug in slugs {
            // Whoever starts it now has leases that have no container yet.
            let _alone = self.alone(&slug).await;
            let (mut used, mut kept) = (BTreeSet::new(), false);
            for container in self.containers(engine, &slug).await? {
                let leased = |id: &str| {
                    let of = leases.iter().find(|lease| lease.id.as_str() == id);
                    of.is_some_and(|lease| lease.state == LeaseState::Held)
                };
                let fits = match (server, lease_of(&container)) {
                    (None, None) => true,
                    (Some(_), Some(lease)) => leased(lease),
                    _ => false,
                };
                match wanted.contains(&slug) && fits {
                    true => {
                        kept = true;
                        used.extend(lease_of(&container).map(str::to_owned));
                    }
                    false => {
                        engine.remove(self.owner(), &container.id).await?;
                        tracing::info!(challenge.slug = %slug, container = container.name, "A container that nobody wants is removed");
                    }
                }
            }
            if manages {
                let is_wanted = wanted.contains(&slug);
                let leased = self.tidy_services(engine, &slug, is_wanted, &leases).await?;
                kept |= !leased.is_empty();
                used.extend(leased);
            }
            if !kept && server.is_some() {
                self.remove_relay(engine, &slug).await?;
            }
            if !wanted.contains(&slug) {
                self.vacate(server, engine, &slug).await?;
            }
            for lease in leases
                .iter()
                .filter(|lease| lease.holder == slug && !used.contains(lease.id.as_str()))
            {
                self.release(&lease.id).await?;
            }
        }
        engine.reap(self.owner(), now()).await?;
        Ok(())
    }

    /// Every engine there is, as far as it can be spoken to at all.
    async fn all(&self) -> Result<Vec<(Option<GpuServerId>, Engine)>, FleetError> {
        let mut all = Vec::new();
        if let Ok(engine) = self.engines().local() {
            all.push((None, engine.clone()));
        }
        let servers = self.store().read("gpu_servers", gpu_servers::list);
        for row in servers.await.map_err(FleetError::Store)? {
            match self.engines().of(&row.server.id).await {
                Ok(engine) => all.push((Some(row.server.id), engine)),
                Err(error) => {
                    tracing::warn!(gpu_server.id = %row.server.id, error = %error, "A server cannot be used")
                }
            }
        }
        Ok(all)
    }
}
