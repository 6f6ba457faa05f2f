//! Challenges with GPUs where a server's engine is the manager of a swarm: each is a service, and the swarm finds the machine for it.
//!
//! Which GPUs it gets there the swarm decides by itself. The lease of the host is a number of them, so that no two challenges are
//! promised the same; what a service is beyond a container is here, and everything else as it is for one.

mod ending;
mod network;
mod placing;
mod watching;

use std::net::SocketAddr;

use platform_docker::{
    ContainerSpec, Copies, Engine, EngineError, Gpu, Image, ObservedService, ServiceSpec, ServiceTask, Swarm,
};
use platform_domain::{GpuLease, GpuServer, GpuServerId};

use crate::{
    Fleet, FleetError, Running, Wish,
    ready::{self, Program},
    start::Spot,
    wish::{LEASE_LABEL, Place, names},
};
use placing::Placing;

pub(crate) use ending::is_manager;
pub(crate) use watching::{look, still_runs};

/// In which a service tells where it may run: another place is another service.
const PLACES_LABEL: &str = "swarm-constraints";

/// A server whose engine is the manager of a swarm.
pub(crate) struct Manager<'a> {
    engine: &'a Engine,
    server: &'a GpuServer,
    lease: &'a GpuLease,
    /// The machine of the engine in its swarm.
    node: String,
}

impl Fleet {
    /// The machine of a server's engine in its swarm, where that is a manager now. The host's own engine runs containers, whatever it
    /// is: what needs no GPU runs on this machine, beside its volumes, and a service is less closed.
    pub(crate) async fn manager<'a>(&self, spot: &'a Spot) -> Result<Option<Manager<'a>>, FleetError> {
        let (Some(server), Some(lease)) = (&spot.server, &spot.lease) else {
            return Ok(None);
        };
        let Spot { engine, .. } = spot;
        Ok(match engine.swarm().await? {
            Swarm::Manager { node } => Some(Manager {
                engine,
                server,
                lease,
                node,
            }),
            Swarm::Inactive | Swarm::Worker { .. } | Swarm::Unusable => None,
        })
    }

    /// The service there that is what is wanted, if it is well.
    pub(crate) async fn find_service(
        &self,
        wish: &Wish,
        on: &Manager<'_>,
    ) -> Result<Option<Running>, FleetError> {
        let found = self.services(on.engine, &wish.slug).await?;
        if found.is_empty() {
            return Ok(None);
        }
        let image = match on.engine.image(&wish.image).await {
            Err(EngineError::ImageMissing(_)) => return Ok(None),
            image => image?,
        };
        let placing = Placing::of(wish, &on.engine.nodes().await?)?;
        for service in found {
            let spec = self.service_spec(wish, on, &service.name, &placing)?;
            let same = service.spec == Some(spec.container.plan(&image)?.spec_digest());
            if same && matches!(service.task, ServiceTask::Running { .. }) {
                match self.service_ready(wish, on, &spec).await {
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
    pub(crate) async fn put_service(&self, wish: &Wish, on: &Manager<'_>) -> Result<Running, FleetError> {
        let Manager { engine, server, .. } = on;
        self.relay_image(&server.id, engine).await?;
        let mut image = self.fetch(Some(&server.id), engine, wish).await?;
        // Other machines fetch it as it is called, and with the credentials for where that is.
        let called = format!("{}@", wish.image.repository());
        image.repo_digests.sort_by_key(|text| !text.starts_with(&called));
        let nodes = engine.nodes().await?;
        let placing = Placing::of(wish, &nodes)?;
        let [one, other] = names(self.owner(), &wish.slug);
        let taken = match engine.inspect_service(&one).await {
            Err(EngineError::NotFound(_)) => false,
            found => matches!(found?.task, ServiceTask::Running { .. }),
        };
        let spec = self.service_spec(wish, on, if taken { &other } else { &one }, &placing)?;
        spec.check()?;
        let outside = spec.container.outside();
        self.swarm_network(&wish.slug, on, (outside, placing.span), &nodes)
            .await?;
        let name = &spec.container.name;
        engine.remove_service(self.owner(), name).await?;
        let started = self.start_service(wish, on, &spec, &image).await;
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
        server: &GpuServerId,
        engine: &Engine,
        mut container: ContainerSpec,
    ) -> Result<(), FleetError> {
        self.relay_image(server, engine).await?;
        let placing = Placing::of(wish, &engine.nodes().await?)?;
        container.gpus = Some(Gpu::Count(1));
        Ok(service(container, &placing).check()?)
    }

    async fn start_service(
        &self,
        wish: &Wish,
        on: &Manager<'_>,
        spec: &ServiceSpec,
        image: &Image,
    ) -> Result<Running, FleetError> {
        let pull_as = wish.pull_as.as_ref();
        let made = on.engine.create_service(spec, image, pull_as).await?;
        for warning in &made.warnings {
            tracing::warn!(challenge.slug = %wish.slug, warning, "The engine warns of a service");
        }
        self.service_ready(wish, on, spec).await
    }

    /// Waits for a service until it runs and is well.
    async fn service_ready(
        &self,
        wish: &Wish,
        on: &Manager<'_>,
        spec: &ServiceSpec,
    ) -> Result<Running, FleetError> {
        let (engine, name) = (on.engine, &spec.container.name);
        let task = watching::placed(engine, name).await?;
        let ip = match task.node == on.node {
            true => watching::address(engine, name, &task.container).await?,
            false => task.address.ok_or(FleetError::NoAddress)?,
        };
        let port = spec.container.port.ok_or(FleetError::NoAddress)?;
        let address = SocketAddr::new(ip, port);
        let relay = self.swarm_relay(&wish.slug, on).await?;
        let mut shown = spec.container.shown();
        shown.push("a service of a swarm".to_owned());
        shown.extend(engine.service_gaps().map(str::to_owned));
        let running = Running {
            server: Some(on.server.id.clone()),
            container: task.container,
            service: Some(name.clone()),
            address: format!("http://{address}").parse()?,
            relay: Some(relay.to(address)),
            lease: Some(on.lease.id.clone()),
            shown,
        };
        let (program, upstream) = (Program::Service(name), running.upstream());
        ready::wait(engine, program, &upstream, wish, self.ready_within()).await?;
        Ok(running)
    }

    fn service_spec(
        &self,
        wish: &Wish,
        on: &Manager<'_>,
        name: &str,
        placing: &Placing,
    ) -> Result<ServiceSpec, FleetError> {
        let lease = Some((&on.lease.id, &on.lease.devices));
        let mut container = wish.spec(self.owner(), &Place { name, lease })?;
        // Which ones is for the swarm to say.
        let count = u32::try_from(on.lease.devices.len()).unwrap_or(u32::MAX);
        container.gpus = Some(Gpu::Count(count));
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
    service.labels.get(LEASE_LABEL).map(String::as_str)
}
