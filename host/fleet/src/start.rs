//! Making it true that a challenge's container runs: found again where it does, made anew where it does not.

use std::net::SocketAddr;

use platform_docker::{ContainerSpec, Engine, EngineError, Image, Observed, State};
use platform_domain::{GpuLease, GpuServer, GpuServerId, ImageRef, with_causes};

use crate::{
    Fleet, FleetError, Running, Wish,
    names::pinned,
    ready::{self, Program},
    services::is_manager,
    stays::is_of,
    wish::{LEASE_LABEL, Place, names, network},
};

/// Where a container runs or is to run.
pub(crate) struct Spot {
    pub(crate) engine: Engine,
    /// `None`: the host's own engine.
    pub(crate) server: Option<GpuServer>,
    pub(crate) lease: Option<GpuLease>,
}

impl Spot {
    /// The server, if it is another machine.
    fn elsewhere(&self) -> Option<&GpuServerId> {
        let server = self.server.as_ref()?;
        (!self.engine.endpoint().is_local()).then_some(&server.id)
    }

    fn server_id(&self) -> Option<&GpuServerId> {
        self.server.as_ref().map(|server| &server.id)
    }
}

impl Fleet {
    /// The container of a challenge, running and ready, as it is wanted. One that runs already and is as wanted is found again
    /// and left alone, also after an outage of its server; any other is replaced, and stopped first where both would write to
    /// the same volume. After an error nothing of the attempt is left. Can be dropped at any moment: the next start, or
    /// [`Fleet::tidy`], clears up.
    pub async fn start(&self, wish: &Wish) -> Result<Running, FleetError> {
        let _alone = self.alone(&wish.slug).await;
        let spots = self.spots(wish).await?;
        for spot in &spots {
            if let Some(running) = self.find(wish, spot).await?
                && self.holds(spot).await?
            {
                self.clear(&wish.slug, Some(&running)).await?;
                return Ok(running);
            }
        }
        if !wish.overlaps() {
            if let Some(spot) = spots.first() {
                // Before anything is taken down: whether there is an image at all.
                self.images(wish, spot).await?;
            }
            self.clear(&wish.slug, None).await?;
        }
        let spot = match self.spot(wish).await {
            // What it has itself may be what it lacks.
            Err(FleetError::NoPlace(_)) if wish.overlaps() => {
                self.clear(&wish.slug, None).await?;
                self.spot(wish).await?
            }
            spot => spot?,
        };
        let started = self.put(wish, &spot).await;
        if started.is_err()
            && let (Some(server), Some(lease)) = (&spot.server, &spot.lease)
            && let Err(error) = self.give_back(server, &spot.engine, lease).await
        {
            // It is held until the next start, or whoever tidies up, sees what is there.
            tracing::warn!(challenge.slug = %wish.slug, error = with_causes(&error), "GPUs cannot be given back now");
        }
        let running = started?;
        self.clear(&wish.slug, Some(&running)).await?;
        Ok(running)
    }

    /// Looks whether a challenge could run, without starting anything: the image is fetched and everything that can be refused
    /// is. Gives the image by its digest, as far as a registry gave it one.
    pub async fn rehearse(&self, wish: &Wish) -> Result<ImageRef, FleetError> {
        let server = match &wish.resources.gpu {
            None => None,
            Some(wanted) => Some(self.could_lease(wanted).await?),
        };
        let engine = self.engine(server.as_ref()).await?;
        if let Some(server) = &server
            && !engine.endpoint().is_local()
        {
            self.relay_image(server, &engine).await?;
        }
        let image = self.fetch(server.as_ref(), &engine, wish).await?;
        let [name, _] = names(self.owner(), &wish.slug);
        let place = Place {
            name: &name,
            lease: None,
        };
        let spec = wish.spec(self.owner(), &place)?;
        spec.plan(&image)?;
        if let Some(server) = &server
            && is_manager(&engine).await?
        {
            self.rehearse_service(wish, server, &engine, spec).await?;
        }
        Ok(pinned(&wish.image, &image))
    }

    /// Where it may run already, as far as that can be reached: in the places of its leases that are of such GPUs as are wanted.
    async fn spots(&self, wish: &Wish) -> Result<Vec<Spot>, FleetError> {
        let Some(wanted) = &wish.resources.gpu else {
            return Ok(vec![self.local()?]);
        };
        let mut spots = Vec::new();
        for lease in self.leases(&wish.slug).await? {
            let row = self.server(&lease.server).await?;
            let engine = self.engines().of(&row.server.id).await?;
            if is_of(&lease, &row.server, wanted) && self.answers(&row, &engine).await? {
                spots.push(self.remote(row.server, lease).await?);
            }
        }
        // What is held is what ran last.
        spots.sort_by_key(|spot| spot.lease.as_ref().map(|lease| lease.state));
        Ok(spots)
    }

    /// Where it is to run.
    async fn spot(&self, wish: &Wish) -> Result<Spot, FleetError> {
        match &wish.resources.gpu {
            None => self.local(),
            Some(wanted) => {
                let (lease, server) = self.lease(&wish.slug, wanted).await?;
                self.remote(server, lease).await
            }
        }
    }

    fn local(&self) -> Result<Spot, FleetError> {
        Ok(Spot {
            engine: self.engines().local()?.clone(),
            server: None,
            lease: None,
        })
    }

    async fn remote(&self, server: GpuServer, lease: GpuLease) -> Result<Spot, FleetError> {
        let engine = self.engines().of(&server.id).await?;
        Ok(Spot {
            engine,
            server: Some(server),
            lease: Some(lease),
        })
    }

    /// The container there that is what is wanted, if it is well.
    async fn find(&self, wish: &Wish, spot: &Spot) -> Result<Option<Running>, FleetError> {
        let found = self.containers(&spot.engine, &wish.slug).await?;
        let image = match spot.engine.image(&wish.image).await {
            Err(EngineError::ImageMissing(_)) => return Ok(None),
            image => image?,
        };
        if let Some(manager) = self.manager(spot).await? {
            return Box::pin(self.find_service(wish, &manager)).await;
        }
        for container in found {
            let spec = self.spec(wish, spot, &container.name)?;
            let same = container.spec == Some(spec.plan(&image)?.spec_digest());
            if same && container.state == State::Running {
                match self.ready(wish, spot, &spec, &container.id).await {
                    Ok(running) => return Ok(Some(running)),
                    // Nothing is known of it.
                    Err(error) if error.is_absence() => return Err(error),
                    // It may have ended just now.
                    Err(error) => tracing::warn!(
                        challenge.slug = %wish.slug, container = container.name, error = %error,
                        "A container that runs is not well, and is replaced"
                    ),
                }
            }
        }
        Ok(None)
    }

    /// Whether what was found there may stay: its lease is held, or is now again.
    async fn holds(&self, spot: &Spot) -> Result<bool, FleetError> {
        match (&spot.server, &spot.lease) {
            (Some(server), Some(lease)) => self.revive(lease, server).await,
            _ => Ok(true),
        }
    }

    /// Makes and starts it. What was there before is left alone; what was made is removed when it does not get ready.
    async fn put(&self, wish: &Wish, spot: &Spot) -> Result<Running, FleetError> {
        let Spot { engine, .. } = spot;
        if let Some(manager) = self.manager(spot).await? {
            return Box::pin(self.put_service(wish, &manager)).await;
        }
        let image = self.images(wish, spot).await?;
        let [one, other] = names(self.owner(), &wish.slug);
        // Of the two names the one that nothing has that runs.
        let taken = match engine.inspect(&one).await {
            Err(EngineError::NotFound(_)) => false,
            found => found?.state == State::Running,
        };
        let name = if taken { other } else { one };
        let spec = self.spec(wish, spot, &name)?;
        engine.remove(self.owner(), &name).await?;
        let network = network(self.owner(), &wish.slug);
        let (owner, slug, outside) = (self.owner(), &wish.slug, spec.outside());
        match spot.elsewhere() {
            None => engine.ensure_network(owner, slug, &network, outside).await?,
            Some(_) => {
                let ensure = || engine.ensure_relayed_network(owner, slug, &network, outside);
                match ensure().await {
                    // It is to be another one, and only the relay is in it.
                    Err(EngineError::InUse(_)) if self.containers(engine, slug).await?.is_empty() => {
                        self.remove_relay(engine, slug).await?;
                        ensure().await?;
                    }
                    made => made?,
                }
            }
        }
        let started = async {
            let made = engine.create(&spec, &image).await?;
            for warning in &made.warnings {
                tracing::warn!(challenge.slug = %wish.slug, warning, "The engine warns of a container");
            }
            engine.start(self.owner(), &made.id).await?;
            self.ready(wish, spot, &spec, &made.id).await
        };
        let started = started.await;
        if started.is_err() {
            // What failed first counts; what cannot be removed now is by the next start or by tidying up.
            drop(engine.remove(self.owner(), &name).await);
            // Unless it was to replace something that runs.
            if spot.elsewhere().is_some()
                && let Ok(true) = self.containers(engine, slug).await.map(|left| left.is_empty())
            {
                drop(self.vacate(spot.elsewhere(), engine, slug).await);
            }
        }
        started
    }

    fn spec(&self, wish: &Wish, spot: &Spot, name: &str) -> Result<ContainerSpec, FleetError> {
        let lease = spot.lease.as_ref();
        let place = Place {
            name,
            lease: lease.map(|lease| (&lease.id, &lease.devices)),
        };
        wish.spec(self.owner(), &place)
    }

    async fn ready(
        &self,
        wish: &Wish,
        spot: &Spot,
        spec: &ContainerSpec,
        container: &str,
    ) -> Result<Running, FleetError> {
        let seen = spot.engine.inspect(container).await?;
        if let State::Exited { code, oom } = seen.state {
            let said = ready::last_words(&spot.engine, Program::Container(container)).await;
            return Err(FleetError::Ended { code, oom, said });
        }
        let address = reached(&seen, spec)?;
        let relay = match spot.elsewhere() {
            None => None,
            Some(server) => {
                let network = network(self.owner(), &wish.slug);
                let relay = self.relay(server, &wish.slug, &network).await?;
                Some(relay.to(address))
            }
        };
        let running = Running {
            server: spot.server.as_ref().map(|server| server.id.clone()),
            container: seen.id,
            service: None,
            address: format!("http://{address}").parse()?,
            relay,
            lease: spot.lease.as_ref().map(|lease| lease.id.clone()),
            shown: spec.shown(),
        };
        let upstream = running.upstream();
        let program = Program::Container(container);
        ready::wait(&spot.engine, program, &upstream, wish, self.ready_within()).await?;
        Ok(running)
    }

    /// What is needed for it there.
    async fn images(&self, wish: &Wish, spot: &Spot) -> Result<Image, FleetError> {
        if let Some(server) = spot.elsewhere() {
            self.relay_image(server, &spot.engine).await?;
        }
        self.fetch(spot.server_id(), &spot.engine, wish).await
    }
}

/// The lease that a container says it has.
pub(crate) fn lease_of(container: &Observed) -> Option<&str> {
    container.labels.get(LEASE_LABEL).map(String::as_str)
}

/// Where it listens in its network.
fn reached(seen: &Observed, spec: &ContainerSpec) -> Result<SocketAddr, FleetError> {
    let address = seen.address.zip(spec.port);
    address.map(SocketAddr::from).ok_or(FleetError::NoAddress)
}
