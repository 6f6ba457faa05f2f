//! How a container on another machine is reached: a small container beside it, in which an `nc` carries each connection, over the
//! connection to the engine. Nothing is published or listens anywhere, and whoever may not speak to the engine reaches nothing.

use std::{
    fmt, io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use platform_docker::{ContainerSpec, Engine, EngineError, Image, Kind, PullAs, State};
use platform_domain::{ByteSize, GpuServerId, ImageRef, Slug, UpstreamAddress};
use platform_upstream::{Dial, Dialing, Duplex, Limits, Upstream};

use crate::{
    Fleet, FleetError,
    limits::{RELAY_CONNECT, RELAY_MEMORY, RELAY_MILLI_CPUS, RELAY_PIDS},
    wish::relay,
};

/// Ends never, of itself: 68 years, and every `sleep` takes it.
const ENDLESS: [&str; 2] = ["sleep", "2147483647"];

/// What relays are made of: any image with `sh`, `nc` and `sleep`, such as those of BusyBox and Alpine.
#[derive(Clone, Debug)]
pub struct RelayImage {
    /// Which one, best by its digest.
    pub reference: ImageRef,
    /// Who fetches it where an engine does not have it.
    pub pull_as: Option<PullAs>,
}

/// A relay that runs. Cheap to clone.
#[derive(Clone)]
pub struct Relay(Arc<Inner>);

struct Inner {
    fleet: Fleet,
    server: GpuServerId,
    /// Its id on the engine.
    container: String,
    /// It does not run, or nothing can be started in it.
    broken: AtomicBool,
}

/// One address behind a relay. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behind {
    relay: Relay,
    address: SocketAddr,
}

/// Nothing was connected, and why.
#[derive(Debug, thiserror::Error)]
#[error("there is no way through the relay")]
struct NoWay(#[source] FleetError);

impl Fleet {
    /// The relay of a challenge in a network of a server's engine: the one that runs there, or else a new one. Those in the network have
    /// to reach each other.
    pub async fn relay(&self, server: &GpuServerId, slug: &Slug, network: &str) -> Result<Relay, FleetError> {
        let engine = self.engines().of(server).await?;
        let image = self.relay_image(server, &engine).await?;
        let spec = self.relay_spec(slug, relay(self.owner(), slug), network);
        let wanted = Some(spec.plan(&image)?.spec_digest());
        let container = match engine.inspect(&spec.name).await {
            Ok(found) if found.state == State::Running && found.spec == wanted => found.id,
            Ok(_) | Err(EngineError::NotFound(_)) => {
                engine.remove(self.owner(), &spec.name).await?;
                let made = engine.create(&spec, &image).await?;
                engine.start(self.owner(), &made.id).await?;
                made.id
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Relay(Arc::new(Inner {
            fleet: self.clone(),
            server: server.clone(),
            container,
            broken: AtomicBool::new(false),
        })))
    }

    /// What relays are made of, from the engine or by the engine from its registry.
    pub(crate) async fn relay_image(
        &self,
        server: &GpuServerId,
        engine: &Engine,
    ) -> Result<Image, FleetError> {
        let of = self
            .relays_of()
            .ok_or_else(|| FleetError::NoRelay(server.clone()))?;
        let RelayImage { reference, pull_as } = of;
        let found = match engine.image(reference).await {
            Err(EngineError::ImageMissing(_)) => engine.pull(reference, pull_as.as_ref(), |_| ()).await,
            found => found,
        };
        found.map_err(|source| FleetError::RelayImage(reference.clone(), source))
    }

    /// Ends the relay of a challenge on an engine, with all connections through it. One that is not there is no error.
    pub(crate) async fn remove_relay(&self, engine: &Engine, slug: &Slug) -> Result<(), FleetError> {
        Ok(engine.remove(self.owner(), &relay(self.owner(), slug)).await?)
    }

    /// Something that does nothing, in a network, with what relays need.
    pub(crate) fn relay_spec(&self, slug: &Slug, name: String, network: &str) -> ContainerSpec {
        let mut spec = ContainerSpec::new(self.owner().clone(), Kind::Relay, slug.clone(), name);
        spec.network = Some(network.to_owned());
        spec.command = Some(ENDLESS.map(str::to_owned).into());
        spec.limits.memory = ByteSize(RELAY_MEMORY);
        spec.limits.milli_cpus = RELAY_MILLI_CPUS;
        spec.limits.pids = RELAY_PIDS;
        spec
    }
}

impl Relay {
    /// A way to what listens at an address of the network that the relay is in.
    pub fn to(&self, address: SocketAddr) -> Behind {
        let relay = self.clone();
        Behind { relay, address }
    }

    async fn dial(self, address: SocketAddr) -> io::Result<Box<dyn Duplex>> {
        let no_way = |error| io::Error::other(NoWay(error));
        // Looked up each time: its certificates may have been renewed.
        let engine = self.0.fleet.engines().of(&self.0.server).await;
        match engine.map_err(no_way)?.dial(&self.0.container, address).await {
            Ok(dialed) => Ok(Box::new(dialed)),
            Err(error) => {
                if matches!(error, EngineError::NotFound(_)) {
                    self.0.broken.store(true, Ordering::Relaxed);
                }
                Err(no_way(error.into()))
            }
        }
    }
}

impl Behind {
    /// A client of what listens there, which is told that it is at `address`. A connection takes longer than by TCP.
    pub fn upstream(&self, address: UpstreamAddress, limits: Limits) -> Upstream {
        let connect = RELAY_CONNECT;
        Upstream::over(Arc::new(self.clone()), address, Limits { connect, ..limits })
    }

    /// The id of the relay, if nothing comes through it any more, so that it has to be made anew.
    pub(crate) fn broken(&self) -> Option<&str> {
        let Inner {
            container, broken, ..
        } = &*self.relay.0;
        broken.load(Ordering::Relaxed).then_some(container)
    }
}

impl Dial for Behind {
    fn dial(&self) -> Dialing {
        Box::pin(self.relay.clone().dial(self.address))
    }
}

impl PartialEq for Relay {
    fn eq(&self, other: &Self) -> bool {
        (&self.0.server, &self.0.container) == (&other.0.server, &other.0.container)
    }
}

impl Eq for Relay {}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Relay({} on {})", self.0.container, self.0.server)
    }
}
