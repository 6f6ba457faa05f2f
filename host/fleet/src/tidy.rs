//! What nobody wants any more is taken away, wherever it is.

use std::collections::BTreeSet;

use platform_docker::{Engine, EngineError, Kind};
use platform_domain::{GpuServerId, LeaseState, Slug};
use platform_store::{gpu_leases, gpu_servers};

use crate::{Fleet, FleetError, leasing::now, start::lease_of, wish::network};

impl Fleet {
    /// Ends everything of a challenge that does not run any more. Its volumes stay.
    pub async fn stop(&self, slug: &Slug) -> Result<(), FleetError> {
        let _alone = self.alone(slug).await;
        self.clear(slug, None).await?;
        if let Ok(engine) = self.engines().local() {
            engine
                .remove_network(self.owner(), &network(self.owner(), slug))
                .await?;
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
        for name in engine.list(self.owner(), Kind::Challenge).await? {
            match engine.inspect(&name).await {
                Ok(container) => slugs.extend(container.slug()),
                Err(EngineError::NotFound(_)) => {}
                Err(error) => return Err(error.into()),
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
        for slug in slugs {
            // Whoever starts it now has leases that have no container yet.
            let _alone = self.alone(&slug).await;
            let mut used = BTreeSet::new();
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
                    true => used.extend(lease_of(&container).map(str::to_owned)),
                    false => {
                        engine.remove(self.owner(), &container.id).await?;
                        tracing::info!(challenge.slug = %slug, container = container.name, "A container that nobody wants is removed");
                    }
                }
            }
            if !wanted.contains(&slug) {
                engine
                    .remove_network(self.owner(), &network(self.owner(), &slug))
                    .await?;
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
