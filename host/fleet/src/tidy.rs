//! What nobody wants any more is taken away, wherever it is.

use platform_docker::{Engine, EngineError, Kind};
use platform_domain::{GpuLease, GpuServerId, Slug};
use platform_store::gpu_leases;

use crate::{
    Fleet, FleetError,
    leasing::{is_own, now, servers},
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
            match Box::pin(self.leave_swarm(&engine, slug)).await {
                // It is found there when somebody tidies up.
                Err(error) if error.is_absence() => {}
                left => left?,
            }
        }
        Ok(())
    }

    /// Removes what nobody wants from every engine, and gives back GPUs that nobody uses. `is_wanted` says of which challenges
    /// containers are to run at the moment when it is asked: going through all engines takes a while. What cannot be reached now
    /// is left for the next time.
    pub async fn tidy(&self, is_wanted: impl Fn(&Slug) -> bool + Sync) -> Result<(), FleetError> {
        for (server, engine) in self.places().await? {
            let engine = match engine {
                Ok(engine) => engine,
                Err(error) => {
                    let id = server.as_ref().map(GpuServerId::as_str).unwrap_or_default();
                    tracing::warn!(gpu_server.id = id, error = %error, "A server cannot be used");
                    continue;
                }
            };
            let cleared = self.tidy_engine(server.as_ref(), &engine, &is_wanted).await;
            match (cleared, &server) {
                (Ok(()), Some(server)) => self.tell_found(server).await?,
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
        is_wanted: &(impl Fn(&Slug) -> bool + Sync),
    ) -> Result<(), FleetError> {
        let mut slugs = engine.list_networks(self.owner()).await?;
        for kind in [Kind::Challenge, Kind::Relay] {
            for name in engine.list(self.owner(), kind).await? {
                match engine.inspect(&name).await {
                    Ok(container) => slugs.extend(container.slug()),
                    Err(EngineError::NotFound(_)) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        if let Some(server) = server.cloned() {
            let read = self.store().read("leases_of_server", move |connection| {
                gpu_leases::of_server(connection, &server)
            });
            // What jobs have is given back by whoever runs them.
            let own = read.await?.into_iter().filter(is_own);
            slugs.extend(own.map(|lease| lease.holder));
        }
        if server.is_some() && is_manager(engine).await? {
            slugs.extend(engine.swarm_slugs(self.owner()).await?);
        }
        for slug in slugs {
            self.tidy_challenge(server, engine, &slug, is_wanted).await?;
        }
        engine.reap(self.owner(), now()).await?;
        Ok(())
    }

    /// The containers and services of one challenge on an engine, its network there and its leases.
    async fn tidy_challenge(
        &self,
        server: Option<&GpuServerId>,
        engine: &Engine,
        slug: &Slug,
        is_wanted: &(impl Fn(&Slug) -> bool + Sync),
    ) -> Result<(), FleetError> {
        // Whoever starts it now has leases that have no container yet.
        let _alone = self.alone(slug).await;
        // Asked now: it may have been started while others were tidied up.
        let is_wanted = is_wanted(slug);
        let leases = self.leases(slug).await?;
        let mut kept = Vec::new();
        for container in self.containers(engine, slug).await? {
            if is_wanted && self.fits(server, &container, slug, &leases).await? {
                kept.push(container);
                continue;
            }
            engine.remove(self.owner(), &container.id).await?;
            tracing::info!(challenge.slug = %slug, container = container.name, "A container that nobody wants is removed");
        }
        self.clear_rest(server, engine, slug, &kept).await?;
        let mut used: Vec<String> = kept.iter().filter_map(lease_of).map(str::to_owned).collect();
        if let Some(server) = server {
            let services = self.tidy_services(server, engine, slug, is_wanted, &leases);
            used.extend(Box::pin(services).await?);
        }
        let unused = |lease: &&GpuLease| !used.iter().any(|used| used == lease.id.as_str());
        let here = leases.iter().filter(|lease| Some(&lease.server) == server);
        for lease in here.filter(unused) {
            self.release(&lease.id).await?;
        }
        Ok(())
    }
}
