//! What becomes of a container that runs, and of what nobody wants any more.

use std::collections::BTreeSet;

use platform_docker::{Engine, EngineError, Follow, Kind, LogLines, State, Stats};
use platform_domain::{GpuServerId, LeaseState, Slug};
use platform_store::{gpu_leases, gpu_servers};
use tokio::time::{Instant, sleep};

use crate::{
    Fleet, FleetError, Running,
    leasing::now,
    limits::{CONTAINER_LOOK_EVERY, LOST_AFTER},
    ready::last_words,
    start::lease_of,
    wish::network,
};

impl Fleet {
    /// Ends when the container has, or is not what it was, or its engine has been out of reach for too long, and says why. Looks
    /// now and then instead of listening: so it misses nothing, whatever the engine went through.
    pub async fn lost(&self, running: &Running) -> FleetError {
        let mut silent: Option<Instant> = None;
        loop {
            sleep(CONTAINER_LOOK_EVERY).await;
            match self.look(running).await {
                Ok(()) => silent = None,
                Err(error) if error.is_absence() => {
                    let since = *silent.get_or_insert_with(Instant::now);
                    if since.elapsed() < LOST_AFTER {
                        continue;
                    }
                    if let Some(server) = &running.server
                        && let Err(error) = self.tell_lost(server, true).await
                    {
                        tracing::error!(gpu_server.id = %server, error = %error, "The loss of a server cannot be written down");
                    }
                    return error;
                }
                Err(error) => return error,
            }
        }
    }

    /// What a container writes.
    pub async fn logs(&self, running: &Running, tail: u32, follow: Follow) -> Result<LogLines, FleetError> {
        let engine = self.engine(running.server.as_ref()).await?;
        Ok(engine.logs(&running.container, tail, follow).await?)
    }

    /// What a container uses now.
    pub async fn stats(&self, running: &Running) -> Result<Stats, FleetError> {
        let engine = self.engine(running.server.as_ref()).await?;
        Ok(engine.stats(&running.container).await?)
    }

    async fn look(&self, running: &Running) -> Result<(), FleetError> {
        let engine = self.engine(running.server.as_ref()).await?;
        let seen = match engine.inspect(&running.container).await {
            Err(EngineError::NotFound(_)) => return Err(FleetError::Gone),
            seen => seen?,
        };
        match seen.state {
            State::Running => {
                let ip = [seen.address, seen.published.map(|at| at.ip())];
                let host = running.address.host().to_string();
                let same = ip
                    .into_iter()
                    .flatten()
                    .any(|ip| ip.to_string() == host.trim_matches(['[', ']']));
                // Somebody has started it anew, and it listens elsewhere.
                if same { Ok(()) } else { Err(FleetError::Moved) }
            }
            State::Exited { code, oom } => {
                let said = last_words(&engine, &running.container).await;
                Err(FleetError::Ended { code, oom, said })
            }
            State::Created | State::Halted | State::Dead => Err(FleetError::Halted),
        }
    }

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
