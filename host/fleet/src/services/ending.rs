//! Taking services of challenges away, with what they leave in their swarm.

use platform_docker::{Engine, EngineError, ObservedService, Swarm};
use platform_domain::{GpuLease, Slug};

use super::lease_of;
use crate::{Fleet, FleetError, leasing::is_held, wish::names};

impl Fleet {
    /// The services of a challenge in the swarm of a manager, whatever they do.
    pub(super) async fn services(
        &self,
        engine: &Engine,
        slug: &Slug,
    ) -> Result<Vec<ObservedService>, FleetError> {
        let mut found = Vec::new();
        for name in names(self.owner(), slug) {
            match engine.inspect_service(&name).await {
                Ok(service) => found.push(service),
                Err(EngineError::NotFound(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(found)
    }

    /// Ends every service of a challenge but one, if the engine is a manager.
    pub(crate) async fn clear_services(
        &self,
        engine: &Engine,
        slug: &Slug,
        keep: Option<&str>,
    ) -> Result<(), FleetError> {
        if !is_manager(engine).await? {
            return Ok(());
        }
        // Also where there is no service: its secrets are made first.
        for name in names(self.owner(), slug) {
            if keep != Some(&name) {
                engine.remove_service(self.owner(), &name).await?;
            }
        }
        Ok(())
    }

    /// Ends what nobody wants of a challenge in the swarm of a manager: all of it, or what has none of these leases. Gives the leases
    /// that are used.
    pub(crate) async fn tidy_services(
        &self,
        engine: &Engine,
        slug: &Slug,
        is_wanted: bool,
        leases: &[GpuLease],
    ) -> Result<Vec<String>, FleetError> {
        let mut used = Vec::new();
        for service in self.services(engine, slug).await? {
            let held = |id: &&str| {
                let of = leases.iter().find(|lease| lease.id.as_str() == *id);
                of.is_some_and(is_held)
            };
            match lease_of(&service).filter(held).filter(|_| is_wanted) {
                Some(lease) => used.push(lease.to_owned()),
                None => {
                    engine.remove_service(self.owner(), &service.name).await?;
                    tracing::info!(challenge.slug = %slug, service = service.name, "A service that nobody wants is removed");
                }
            }
        }
        if used.is_empty() {
            self.clear_services(engine, slug, None).await?;
        }
        Ok(used)
    }
}

/// Whether services can be made there now.
pub(crate) async fn is_manager(engine: &Engine) -> Result<bool, FleetError> {
    Ok(matches!(engine.swarm().await?, Swarm::Manager { .. }))
}
