//! Ending the containers of one challenge, wherever they are.

use platform_docker::{Engine, EngineError, Kind, Observed, State};
use platform_domain::{GpuServerId, Slug};

use crate::{Fleet, FleetError, Running, leasing::servers, limits::CONTAINER_GRACE, wish::names};

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
            match self.clear_engine(&engine, slug, keep).await {
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
        engine: &Engine,
        slug: &Slug,
        keep: Option<&Running>,
    ) -> Result<(), FleetError> {
        for container in self.containers(engine, slug).await? {
            if keep.is_some_and(|keep| keep.container == container.id) {
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
        Ok(())
    }
}
