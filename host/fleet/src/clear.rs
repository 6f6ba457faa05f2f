//! Ending the containers of one challenge, wherever they are.

use platform_docker::{Engine, EngineError, Kind, Observed, State};
use platform_domain::{GpuServerId, Slug};

use crate::{
    Fleet, FleetError, Running,
    leasing::servers,
    limits::CONTAINER_GRACE,
    services::is_manager,
    wish::{names, network},
};

impl Fleet {
    /// The containers of a challenge on an engine, running or not.
    pub(crate) async fn containers(&self, engine: &Engine, slug: &Slug) -> Result<Vec<Observed>, FleetError> {
        let mut found = Vec::new();
        for name in names(self.owner(), slug) {
            match engine.inspect(&name).await {
                Ok(container) if container.kind() == Some(Kind::Challenge) => found.push(container),
                Ok(_) | Err(EngineError::NotFound(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(found)
    }

    /// Ends every container of a challenge but one, wherever they may be, and gives back what they had: the lease last, so that who
    /// is killed meanwhile finds the rest by it. A server that cannot be reached keeps what it has until it is found again.
    pub(crate) async fn clear(&self, slug: &Slug, keep: Option<&Running>) -> Result<(), FleetError> {
        let leases = self.leases(slug).await?;
        let mut places: Vec<Option<GpuServerId>> = servers(&leases).into_iter().map(Some).collect();
        if self.engines().local().is_ok() {
            places.push(None);
        }
        for server in places {
            let engine = self.engine(server.as_ref()).await?;
            match self.clear_engine(server.as_ref(), &engine, slug, keep).await {
                Ok(()) => {}
                Err(error)
                    if error.is_absence() && self.is_out_of_reach(server.as_ref(), &engine).await? =>
                {
                    tracing::warn!(challenge.slug = %slug, error = %error, "A server cannot be cleared now");
                    continue;
                }
                Err(error) => return Err(error),
            }
            let here = leases
                .iter()
                .filter(|lease| Some(&lease.server) == server.as_ref());
            for lease in here.filter(|lease| keep.and_then(|keep| keep.lease.as_ref()) != Some(&lease.id)) {
                self.release(&lease.id).await?;
            }
        }
        Ok(())
    }

    /// Of a server that is, what was held has expired now, so that it is cleared when it is found again.
    async fn is_out_of_reach(
        &self,
        server: Option<&GpuServerId>,
        engine: &Engine,
    ) -> Result<bool, FleetError> {
        match server {
            Some(server) => Ok(!self.answers(&self.server(server).await?, engine).await?),
            None => Ok(false),
        }
    }

    pub(crate) async fn clear_engine(
        &self,
        server: Option<&GpuServerId>,
        engine: &Engine,
        slug: &Slug,
        keep: Option<&Running>,
    ) -> Result<(), FleetError> {
        if server.is_some() {
            // A service has the same name in every swarm.
            let here = keep.filter(|keep| keep.server.as_ref() == server);
            let service = here.and_then(|keep| keep.service.as_deref());
            Box::pin(self.clear_services(engine, slug, service)).await?;
        }
        let mut kept = Vec::new();
        for container in self.containers(engine, slug).await? {
            if keep.is_some_and(|keep| keep.container == container.id) {
                kept.push(container);
                continue;
            }
            if container.state == State::Running {
                match engine.stop(self.owner(), &container.id, CONTAINER_GRACE).await {
                    Ok(()) | Err(EngineError::NotFound(_)) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            engine.remove(self.owner(), &container.id).await?;
            tracing::info!(challenge.slug = %slug, container = container.name, "A container is removed");
        }
        self.clear_rest(server, engine, slug, &kept).await
    }

    /// Removes what a start that was broken off leaves beside a container, and what is only there for containers of the challenge
    /// where none is kept.
    pub(crate) async fn clear_rest(
        &self,
        server: Option<&GpuServerId>,
        engine: &Engine,
        slug: &Slug,
        kept: &[Observed],
    ) -> Result<(), FleetError> {
        for name in names(self.owner(), slug) {
            if kept.iter().all(|container| container.name != name) {
                engine.remove(self.owner(), &name).await?;
            }
        }
        match kept {
            [] => self.vacate(server, engine, slug).await,
            _ => Ok(()),
        }
    }

    /// Removes relay and network of a challenge on an engine that has none of its containers any more. Their volumes stay.
    pub(crate) async fn vacate(
        &self,
        server: Option<&GpuServerId>,
        engine: &Engine,
        slug: &Slug,
    ) -> Result<(), FleetError> {
        // Where the host's own engine is a server's, too, relays are the server's.
        if server.is_some() {
            if is_manager(engine).await? {
                // Stays for as long as the challenge is wanted: see `leave_swarm`.
                return Ok(());
            }
            self.remove_relay(engine, slug).await?;
        }
        let network = network(self.owner(), slug);
        match engine.remove_network(self.owner(), &network).await {
            // Whoever is in it is not of a challenge, or is just going.
            Err(EngineError::InUse(_)) => Ok(()),
            removed => Ok(removed?),
        }
    }
}
