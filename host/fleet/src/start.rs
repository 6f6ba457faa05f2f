//! Making it true that a challenge's container runs: found again where it does, made anew where it does not.

use std::net::{IpAddr, SocketAddr};

use platform_docker::{ContainerSpec, Engine, EngineError, Observed, State};
use platform_domain::{GpuLease, GpuServer, GpuServerId, ImageRef, UpstreamAddress};
use tokio::net::lookup_host;

use crate::{
    Fleet, FleetError, Running, Wish,
    leasing::is_held,
    names::pinned,
    ready,
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

impl Spot {
    fn server_id(&self) -> Option<&GpuServerId> {
        self.server.as_ref().map(|server| &server.id)
    }
}

impl Fleet {
    /// The container of a challenge, running and ready, as it is wanted. One that runs already and is as wanted is found again
    /// and left alone; any other is replaced, and stopped first where both would write to the same volume. After an error
    /// nothing of the attempt is left. Can be dropped at any moment: the next start, or [`Fleet::tidy`], clears up.
    pub async fn start(&self, wish: &Wish) -> Result<Running, FleetError> {
        let _alone = self.alone(&wish.slug).await;
        let spots = self.spots(wish).await?;
        for spot in &spots {
            if let Some(running) = self.find(wish, spot).await? {
                self.clear(&wish.slug, Some(&running)).await?;
                return Ok(running);
            }
        }
        if !wish.overlaps() {
            if let Some(spot) = spots.first() {
                // Before anything is taken down: whether there is an image at all.
                self.fetch(spot.server_id(), &spot.engine, wish).await?;
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
        if let (Err(error), Some(lease)) = (&started, &spot.lease) {
            match (error.is_absence(), &spot.server) {
                // Nobody knows what runs there now.
                (true, Some(server)) => self.tell_lost(&server.id, true).await?,
                _ => self.release(&lease.id).await?,
            }
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
        let image = self.fetch(server.as_ref(), &engine, wish).await?;
        let [name, _] = names(self.owner(), &wish.slug);
        let place = Place {
            name: &name,
            publish: None,
            lease: None,
        };
        wish.spec(self.owner(), &place)?.plan(&image)?;
        Ok(pinned(&wish.image, &image))
    }

    /// Where it may run already.
    async fn spots(&self, wish: &Wish) -> Result<Vec<Spot>, FleetError> {
        if wish.resources.gpu.is_none() {
            return Ok(vec![self.local()?]);
        }
        let mut spots = Vec::new();
        for lease in self.leases(&wish.slug).await?.into_iter().filter(is_held) {
            let server = self.server(&lease.server).await?;
            spots.push(self.remote(server, lease).await?);
        }
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
        let found = match self.containers(&spot.engine, &wish.slug).await {
            // What cannot be reached may be found by the next start.
            Err(error) if error.is_absence() && spot.server.is_some() => {
                self.tell_absence(spot).await?;
                return Ok(None);
            }
            found => found?,
        };
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

    async fn tell_absence(&self, spot: &Spot) -> Result<(), FleetError> {
        match &spot.server {
            Some(server) => self.tell_lost(&server.id, true).await,
            None => Ok(()),
        }
    }

    /// Makes and starts it. What was there before is left alone; what was made is removed when it does not get ready.
    async fn put(&self, wish: &Wish, spot: &Spot) -> Result<Running, FleetError> {
        let Spot { engine, .. } = spot;
        let image = self.fetch(spot.server_id(), engine, wish).await?;
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
