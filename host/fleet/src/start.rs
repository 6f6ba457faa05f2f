//! Making it true that a challenge's container runs: found again where it does, made anew where it does not.

use std::net::{IpAddr, SocketAddr};

use platform_docker::{ContainerSpec, Engine, EngineError, Image, Observed, State};
use platform_domain::{GpuLease, GpuServer, UpstreamAddress, with_causes};
use tokio::net::lookup_host;

use crate::{
    Fleet, FleetError, Running, Wish, ready,
    stays::is_of,
    wish::{LEASE_LABEL, Place, names, network},
};

/// Where a container runs or is to run.
struct Spot {
    engine: Engine,
    /// `None`: the host's own engine.
    server: Option<GpuServer>,
    lease: Option<GpuLease>,
    /// At which address of the engine's machine it is reached, if that is another machine.
    publish: Option<IpAddr>,
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
                fetch(&spot.engine, wish).await?;
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
    /// is. Gives what the image is.
    pub async fn rehearse(&self, wish: &Wish) -> Result<Image, FleetError> {
        let engine = match &wish.resources.gpu {
            None => self.engines().local()?.clone(),
            Some(wanted) => self.engine(Some(&self.could_lease(wanted).await?)).await?,
        };
        let image = fetch(&engine, wish).await?;
        let [name, _] = names(self.owner(), &wish.slug);
        let place = Place {
            name: &name,
            publish: None,
            lease: None,
        };
        wish.spec(self.owner(), &place)?.plan(&image)?;
        Ok(image)
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
            publish: None,
        })
    }

    async fn remote(&self, server: GpuServer, lease: GpuLease) -> Result<Spot, FleetError> {
        let engine = self.engines().of(&server.id).await?;
        let publish = match engine.endpoint().is_local() {
            true => None,
            false => Some(address(&server).await?),
        };
        Ok(Spot {
            engine,
            server: Some(server),
            lease: Some(lease),
            publish,
        })
    }

    /// The container there that is what is wanted, if it is well.
    async fn find(&self, wish: &Wish, spot: &Spot) -> Result<Option<Running>, FleetError> {
        let found = self.containers(&spot.engine, &wish.slug).await?;
        let image = match spot.engine.image(&wish.image).await {
            Err(EngineError::ImageMissing(_)) => return Ok(None),
            image => image?,
        };
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
        let image = fetch(engine, wish).await?;
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
        engine
            .ensure_network(self.owner(), &wish.slug, &network, spec.outside())
            .await?;
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
        }
        started
    }

    fn spec(&self, wish: &Wish, spot: &Spot, name: &str) -> Result<ContainerSpec, FleetError> {
        let lease = spot.lease.as_ref();
        let place = Place {
            name,
            publish: spot.publish,
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
            let said = ready::last_words(&spot.engine, container).await;
            return Err(FleetError::Ended { code, oom, said });
        }
        let address = reached(&seen, spec)?;
        ready::wait(&spot.engine, container, &address, wish, self.ready_within()).await?;
        Ok(Running {
            server: spot.server.as_ref().map(|server| server.id.clone()),
            container: seen.id,
            address,
            lease: spot.lease.as_ref().map(|lease| lease.id.clone()),
            shown: spec.shown(),
        })
    }
}

/// The lease that a container says it has.
pub(crate) fn lease_of(container: &Observed) -> Option<&str> {
    container.labels.get(LEASE_LABEL).map(String::as_str)
}

/// From the engine, or by the engine from its registry.
async fn fetch(engine: &Engine, wish: &Wish) -> Result<Image, FleetError> {
    match engine.image(&wish.image).await {
        Err(EngineError::ImageMissing(_)) => {}
        image => return Ok(image?),
    }
    tracing::info!(challenge.slug = %wish.slug, image = %wish.image, "The image is fetched");
    Ok(engine.pull(&wish.image, wish.pull_as.as_ref(), |_| ()).await?)
}

/// Where it listens, as this machine reaches it.
fn reached(seen: &Observed, spec: &ContainerSpec) -> Result<UpstreamAddress, FleetError> {
    let address = match (spec.publish, spec.port) {
        (Some(_), _) => seen.published,
        (None, Some(port)) => seen.address.map(|ip| SocketAddr::new(ip, port)),
        (None, None) => None,
    };
    let address = address.ok_or(FleetError::NoAddress)?;
    Ok(format!("http://{address}").parse()?)
}

/// The number of a server's address.
async fn address(server: &GpuServer) -> Result<IpAddr, FleetError> {
    let host = server.address.to_string();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let lookup = |source| FleetError::Lookup {
        server: server.id.clone(),
        address: host.to_owned(),
        source,
    };
    let mut found = lookup_host((host, 0)).await.map_err(lookup)?;
    let none = || lookup(std::io::ErrorKind::NotFound.into());
    found.next().map(|address| address.ip()).ok_or_else(none)
}
