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

    /// Ends every container of a challenge but one, wherever they may be, and gives back what they had. A server that cannot be
    /// reached keeps what it has until it is found again.
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
                Err(error) if error.is_absence() && server.is_some() => {
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

    pub(crate) async fn clear_engine(
        &self,
        server: Option<&GpuServerId>,
        engine: &Engine,
        slug: &Slug,
        keep: Option<&Running>,
    ) -> Result<(), FleetError> {
        // A service has the same name in every swarm.
        let service = keep.filter(|keep| keep.server.as_ref() == server);
        let service = service.and_then(|keep| keep.service.as_deref());
        if server.is_some() {
            self.clear_services(engine, slug, service).await?;
        }
        let mut left = keep.is_none() || service.is_some();
        for container in self.containers(engine, slug).await? {
            if keep.is_some_and(|keep| keep.container == container.id) {
                left = true;
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
        match left {
            // A successor comes, or something runs there.
            true => Ok(()),
            false => self.vacate(server, engine, slug).await,
        }
    }

    /// Removes what the containers of a challenge had on an engine that has none of them any more. Their volumes stay.
    pub(crate) async fn vacate(
        &self,
        server: Option<&GpuServerId>,
        engine: &Engine,
        slug: &Slug,
    ) -> Result<(), FleetError> {
        let network = network(self.owner(), slug);
        // Where the host's own engine is a server's, too, relays are the server's.
        if server.is_some() {
            self.remove_relay(engine, slug).await?;
            if is_manager(engine).await? {
                return self.vacate_swarm(engine, slug, &network).await;
            }
        }
        match engine.remove_network(self.owner(), &network).await {
            // A container that was made in this moment, or somebody else's: the next look finds it.
            Err(EngineError::InUse(_)) => Ok(()),
            removed => Ok(removed?),
        }
    }
}
