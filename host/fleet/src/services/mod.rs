//! Challenges with GPUs where a server's engine is the manager of a swarm: each is a service, and the swarm finds the machine for it.
//!
//! Which GPUs it gets there the swarm decides by itself. The lease of the host is a number of them, so that no two challenges are
//! promised the same; what a service is beyond a container is here, and everything else as it is for one.

mod ending;
mod placing;
mod watching;

use platform_docker::{
    ContainerSpec, Copies, EngineError, Gpu, Image, ObservedService, ServiceSpec, ServiceTask, Swarm,
};
use platform_domain::UpstreamAddress;

use crate::{
    Fleet, FleetError, Running, Wish,
    ready::{self, Program},
    start::{Spot, fetch},
    wish::{names, network},
};
use placing::Placing;

pub(crate) use ending::is_manager;
pub(crate) use watching::{look, still_runs};

/// In which a service tells where it may run: another place is another service.
const PLACES_LABEL: &str = "swarm-constraints";

impl Fleet {
    /// The machine of a server's engine in its swarm, where that is a manager now. The host's own engine runs containers, whatever it
    /// is: what needs no GPU runs on this machine, beside its volumes, and a service is less closed.
    pub(crate) async fn manager(&self, spot: &Spot) -> Result<Option<String>, FleetError> {
        if spot.server.is_none() {
            return Ok(None);
        }
        match spot.engine.swarm().await? {
            Swarm::Manager { node } => Ok(Some(node)),
            Swarm::Inactive | Swarm::Worker { .. } | Swarm::Unusable => Ok(None),
        }
    }

    /// The service there that is what is wanted, if it is well.
    pub(crate) async fn find_service(
        &self,
        wish: &Wish,
        spot: &Spot,
        node: &str,
    ) -> Result<Option<Running>, FleetError> {
        let found = self.services(&spot.engine, &wish.slug).await?;
        if found.is_empty() {
            return Ok(None);
        }
        let image = match spot.engine.image(&wish.image).await {
            Err(EngineError::ImageMissing(_)) => return Ok(None),
            image => image?,
        };
        let placing = Placing::of(wish, &spot.engine.nodes().await?)?;
        for service in found {
            let spec = self.service_spec(wish, spot, &service.name, &placing)?;
            let same = service.spec == Some(spec.container.plan(&image)?.spec_digest());
            if same && matches!(service.task, ServiceTask::Running { .. }) {
                match self.service_ready(wish, spot, &spec, node).await {
                    Ok(running) => return Ok(Some(running)),
                    // Nothing is known of it.
                    Err(error) if error.is_absence() => return Err(error),
                    Err(error) => tracing::warn!(
                        challenge.slug = %wish.slug, service = service.name, error = %error,
                        "A service that runs is not well, and is replaced"
                    ),
                }
            }
        }
        Ok(None)
    }

    /// Makes it and waits until it is well. What was there before is left alone, as far as it can be in the same network; what was made
    /// is removed when it does not get ready.
    pub(crate) async fn put_service(
        &self,
        wish: &Wish,
        spot: &Spot,
        node: &str,
    ) -> Result<Running, FleetError> {
        let Spot { engine, .. } = spot;
        let image = fetch(engine, wish).await?;
        let placing = Placing::of(wish, &engine.nodes().await?)?;
        let [one, other] = names(self.owner(), &wish.slug);
        let taken = match engine.inspect_service(&one).await {
            Err(EngineError::NotFound(_)) => false,
            found => matches!(found?.task, ServiceTask::Running { .. }),
        };
        let spec = self.service_spec(wish, spot, if taken { &other } else { &one }, &placing)?;
        spec.check()?;
        self.swarm_network(wish, spot, &spec, &placing).await?;
        let name = &spec.container.name;
        engine.remove_service(self.owner(), name).await?;
        let started = self.start_service(wish, spot, &spec, &image, node).await;
        if started.is_err() {
            // What failed first counts; what cannot be removed now is by the next start or by tidying up.
            drop(engine.remove_service(self.owner(), name).await);
        }
        started
    }

    /// Refuses what could not be a service of the swarm whose manager this is.
    pub(crate) async fn rehearse_service(
        &self,
        wish: &Wish,
        engine: &platform_docker::Engine,
        mut container: ContainerSpec,
    ) -> Result<(), FleetError> {
        let placing = Placing::of(wish, &engine.nodes().await?)?;
        container.gpus = Some(Gpu::Count(1));
        Ok(service(container, &placing).check()?)
    }

    async fn start_service(
        &self,
        wish: &Wish,
        spot: &Spot,
        spec: &ServiceSpec,
        image: &Image,
        node: &str,
    ) -> Result<Running, FleetError> {
        let made = spot
            .engine
            .create_service(spec, image, wish.pull_as.as_ref())
            .await?;
        for warning in &made.warnings {
            tracing::warn!(challenge.slug = %wish.slug, warning, "The engine warns of a service");
        }
        self.service_ready(wish, spot, spec, node).await
    }

    /// The network of a service. What is in one that is otherwise goes first: of a server that was no manager, or of a swarm that
    /// had one machine.
    async fn swarm_network(
        &self,
        wish: &Wish,
        spot: &Spot,
        spec: &ServiceSpec,
        placing: &Placing,
    ) -> Result<(), FleetError> {
        let (engine, name) = (&spot.engine, network(self.owner(), &wish.slug));
        let wanted = (spec.container.outside(), placing.span);
        let ensured = engine.ensure_swarm_network(self.owner(), &wish.slug, &name, wanted);
        match ensured.await {
            Err(EngineError::InUse(_)) => {}
            ensured => return Ok(ensured?),
        }
        self.clear_engine(engine, &wish.slug, None).await?;
        self.clear_services(engine, &wish.slug, None).await?;
        let ensured = engine.ensure_swarm_network(self.owner(), &wish.slug, &name, wanted);
        Ok(ensured.await?)
    }

    /// Waits for a service until it runs and is well.
    async fn service_ready(
        &self,
        wish: &Wish,
        spot: &Spot,
        spec: &ServiceSpec,
        node: &str,
    ) -> Result<Running, FleetError> {
        let (engine, name) = (&spot.engine, &spec.container.name);
        let task = watching::placed(engine, name).await?;
        let here = match task.node == node {
            true => engine.inspect(&task.container).await?.address,
            false => task.address,
        };
        let (ip, port) = here.zip(spec.container.port).ok_or(FleetError::NoAddress)?;
        let address: UpstreamAddress = format!("http://{}", std::net::SocketAddr::new(ip, port)).parse()?;
        let program = Program::Service(name);
        ready::wait(engine, program, &address, wish, self.ready_within()).await?;
        let mut shown = spec.container.shown();
        shown.push("a service of a swarm".to_owned());
        shown.extend(engine.service_gaps().map(str::to_owned));
        Ok(Running {
            server: spot.server.as_ref().map(|server| server.id.clone()),
            container: task.container,
            service: Some(name.clone()),
            address,
            lease: spot.lease.as_ref().map(|lease| lease.id.clone()),
            shown,
        })
    }

    fn service_spec(
        &self,
        wish: &Wish,
        spot: &Spot,
        name: &str,
        placing: &Placing,
    ) -> Result<ServiceSpec, FleetError> {
        let mut container = self.spec(wish, spot, name)?;
        container.publish = None;
        let leased = spot.lease.as_ref().map_or(1, |lease| lease.devices.len());
        container.gpus = Some(Gpu::Count(u32::try_from(leased).unwrap_or(u32::MAX)));
        Ok(service(container, placing))
    }
}

fn service(mut container: ContainerSpec, placing: &Placing) -> ServiceSpec {
    let places = placing.constraints.join(" ");
    container.labels.insert(PLACES_LABEL.to_owned(), places);
    ServiceSpec {
        container,
        constraints: placing.constraints.clone(),
        gpu_kind: placing.gpu_kind.clone(),
        copies: Copies::One,
    }
}

/// The lease that a service says it has.
fn lease_of(service: &ObservedService) -> Option<&str> {
    service.labels.get(crate::wish::LEASE_LABEL).map(String::as_str)
}
