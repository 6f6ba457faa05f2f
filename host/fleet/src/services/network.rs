//! The network of a service and what of the host's own is in it.

use std::collections::BTreeSet;

use platform_docker::{Copies, Engine, EngineError, Outside, ServiceSpec, Span, SwarmNode};
use platform_domain::Slug;
use tokio::time::{Instant, sleep};

use super::{Manager, is_manager};
use crate::{
    Fleet, FleetError, Relay,
    limits::{ENTER_TIME, READY_PAUSE},
    wish::{everywhere, network},
};

impl Fleet {
    /// Makes the network of a service, with everything in it that has to be there before it. What is in one that is otherwise goes
    /// first: it is of a server that was no manager, or of a swarm that had one machine.
    pub(super) async fn swarm_network(
        &self,
        slug: &Slug,
        on: &Manager<'_>,
        wanted: (Outside, Span),
        nodes: &[SwarmNode],
    ) -> Result<(), FleetError> {
        let (engine, name) = (on.engine, network(self.owner(), slug));
        let ensure = || engine.ensure_swarm_network(self.owner(), slug, &name, wanted);
        match ensure().await {
            Err(EngineError::InUse(_)) => {
                self.clear_engine(Some(&on.server.id), engine, slug, None).await?;
                self.leave_swarm(engine, slug).await?;
                ensure().await?;
            }
            ensured => ensured?,
        }
        if wanted.1 == Span::AllMachines {
            self.enter_everywhere(slug, on, &name, nodes).await?;
        }
        self.swarm_relay(slug, on).await.map(drop)
    }

    /// The relay of a challenge, beside the manager.
    pub(super) async fn swarm_relay(&self, slug: &Slug, on: &Manager<'_>) -> Result<Relay, FleetError> {
        let network = network(self.owner(), slug);
        self.relay(&on.server.id, slug, &network).await
    }

    /// Sees to it that each machine is in the network already when the swarm chooses one: a machine that enters a network is
    /// looked over by its swarm, which ends a task with a GPU then.
    async fn enter_everywhere(
        &self,
        slug: &Slug,
        on: &Manager<'_>,
        network: &str,
        nodes: &[SwarmNode],
    ) -> Result<(), FleetError> {
        let Manager { engine, server, .. } = on;
        let image = self.relay_image(&server.id, engine).await?;
        let name = everywhere(self.owner(), slug);
        let spec = ServiceSpec {
            container: self.relay_spec(slug, name.clone(), network),
            constraints: Vec::new(),
            gpu_kind: String::new(),
            copies: Copies::Everywhere,
        };
        let wanted = Some(spec.container.plan(&image)?.spec_digest());
        match engine.inspect_service(&name).await {
            Ok(found) if found.spec == wanted => {}
            Ok(_) | Err(EngineError::NotFound(_)) => {
                engine.remove_service(self.owner(), &name).await?;
                let pull_as = self.relays_of().and_then(|relays| relays.pull_as.as_ref());
                engine.create_service(&spec, &image, pull_as).await?;
            }
            Err(error) => return Err(error.into()),
        }
        let ready = nodes.iter().filter(|node| node.ready);
        let ready: BTreeSet<String> = ready.map(|node| node.id.clone()).collect();
        let by = Instant::now() + ENTER_TIME;
        loop {
            let missing: Vec<_> = {
                let there = engine.machines_of(&name).await?;
                ready.difference(&there).cloned().collect()
            };
            if missing.is_empty() {
                return Ok(());
            }
            if Instant::now() >= by {
                tracing::warn!(challenge.slug = %slug, machines = missing.join(" "), "Machines of the swarm do not enter the network of a challenge");
                return Ok(());
            }
            sleep(READY_PAUSE).await;
        }
    }

    /// Removes the network of a challenge's services with what is in it on each machine, if the engine is a manager. Only when nobody
    /// wants the challenge there any more: machines that leave a network may lose other challenges by it.
    pub(crate) async fn leave_swarm(&self, engine: &Engine, slug: &Slug) -> Result<(), FleetError> {
        if !is_manager(engine).await? {
            return Ok(());
        }
        self.remove_relay(engine, slug).await?;
        let name = everywhere(self.owner(), slug);
        engine.remove_service(self.owner(), &name).await?;
        match engine
            .remove_swarm_network(self.owner(), &network(self.owner(), slug))
            .await
        {
            // A service that was made in this moment, or somebody else's: the next look finds it.
            Err(EngineError::InUse(_)) => Ok(()),
            removed => Ok(removed?),
        }
    }
}
