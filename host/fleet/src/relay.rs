//! How a container on another machine is reached: a small container beside it, in which an `nc` carries each connection, over the
//! connection to the engine. Nothing is published or listens anywhere, and whoever may not speak to the engine reaches nothing.

mod behind;

use platform_docker::{ContainerSpec, Engine, EngineError, Image, Kind, PullAs, State};
use platform_domain::{ByteSize, GpuServerId, ImageRef, Slug};

use crate::{
    Fleet, FleetError,
    limits::{RELAY_MEMORY, RELAY_MILLI_CPUS, RELAY_PIDS},
    wish::relay,
};

pub use behind::{Behind, Relay};

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
        Ok(Relay::new(self.clone(), server.clone(), container))
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
