//! Taking services of challenges away, with what they leave in their swarm.

use platform_docker::{Engine, EngineError, ObservedService, ServiceTask, Swarm};
use platform_domain::{GpuLease, GpuServerId, Slug};

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

    /// Ends what nobody wants of a challenge in the swarm of a server, if that is the manager of one: all of it, or what may not be
    /// there. Gives the leases that are used.
    pub(crate) async fn tidy_services(
        &self,
        server: &GpuServerId,
        engine: &Engine,
        slug: &Slug,
        is_wanted: bool,
        leases: &[GpuLease],
    ) -> Result<Vec<String>, FleetError> {
        let mut used = Vec::new();
        if !is_manager(engine).await? {
            return Ok(used);
        }
        for service in self.services(engine, slug).await? {
            let runs = matches!(service.task, ServiceTask::Running { .. });
            match lease_of(&service) {
                Some(id) if is_wanted && self.keeps_lease(id, runs, slug, leases).await? => {
                    used.push(id.to_owned());
                }
                _ => {
                    engine.remove_service(self.owner(), &service.name).await?;
                    tracing::info!(challenge.slug = %slug, service = service.name, "A service that nobody wants is removed");
                }
            }
        }
        if used.is_empty() {
            self.clear_services(engine, slug, None).await?;
            let elsewhere = |lease: &GpuLease| is_held(lease) && lease.server != *server;
            if !is_wanted || leases.iter().any(elsewhere) {
                self.leave_swarm(engine, slug).await?;
            }
        }
        Ok(used)
    }

    /// Ends the services of a challenge that have a lease.
    pub(crate) async fn remove_services_of(
        &self,
        engine: &Engine,
        lease: &GpuLease,
    ) -> Result<(), FleetError> {
        if is_manager(engine).await? {
            for service in self.services(engine, &lease.holder).await? {
                if lease_of(&service) == Some(lease.id.as_str()) {
                    engine.remove_service(self.owner(), &service.name).await?;
                }
            }
        }
        Ok(())
    }
}

/// Whether services can be made there now.
pub(crate) async fn is_manager(engine: &Engine) -> Result<bool, FleetError> {
    Ok(matches!(engine.swarm().await?, Swarm::Manager { .. }))
}
