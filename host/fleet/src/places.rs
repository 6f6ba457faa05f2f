//! Every engine that there is, and what becomes of a question to all of them.

use platform_docker::Engine;
use platform_domain::GpuServerId;
use platform_store::gpu_servers;
use tokio::task::JoinSet;

use crate::{Fleet, FleetError, KeptVolume, KeptVolumes};

/// An engine of which it is not known what is on it, or from which something could not be removed.
#[derive(Debug)]
pub struct Unreached {
    /// Which server; `None`: the host's own engine.
    pub server: Option<GpuServerId>,
    /// Why.
    pub why: FleetError,
}

/// Where containers may be; `None` is the host's own engine.
type Place = (Option<GpuServerId>, Result<Engine, FleetError>);

impl Fleet {
    /// Does it on every engine at once.
    pub(crate) async fn everywhere<F>(
        &self,
        work: impl Fn(Self, Option<GpuServerId>, Engine) -> F,
    ) -> Result<KeptVolumes, FleetError>
    where
        F: Future<Output = Result<Vec<KeptVolume>, FleetError>> + Send + 'static,
    {
        let mut all = KeptVolumes::default();
        let mut tasks = JoinSet::new();
        for (server, engine) in self.places().await? {
            match engine {
                Ok(engine) => {
                    let done = work(self.clone(), server.clone(), engine);
                    tasks.spawn(async move { (server, done.await) });
                }
                Err(why) => all.unreached.push(Unreached { server, why }),
            }
        }
        // A task that panics has said so, and its engine is as if it was not there.
        while let Some(done) = tasks.join_next().await {
            match done {
                Ok((_, Ok(volumes))) => all.volumes.extend(volumes),
                Ok((server, Err(why))) => all.unreached.push(Unreached { server, why }),
                Err(_) => {}
            }
        }
        all.volumes.sort_by(|one, other| {
            (&one.slug, &one.server, &one.name).cmp(&(&other.slug, &other.server, &other.name))
        });
        all.unreached.sort_by(|one, other| one.server.cmp(&other.server));
        Ok(all)
    }

    /// Every engine there is, or why it cannot be spoken to.
    pub(crate) async fn places(&self) -> Result<Vec<Place>, FleetError> {
        let mut places = Vec::new();
        if let Ok(engine) = self.engines().local() {
            places.push((None, Ok(engine.clone())));
        }
        let servers = self.store().read("gpu_servers", gpu_servers::list);
        for row in servers.await.map_err(FleetError::Store)? {
            let id = row.server.id;
            let engine = self.engines().of(&id).await;
            places.push((Some(id), engine));
        }
        Ok(places)
    }
}
