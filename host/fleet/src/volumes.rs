//! What containers of challenges keep: their volumes, on every engine that there is, and the end of them.

use std::collections::HashMap;

use platform_docker::{COMPONENT, Engine, Kind, OF, SLUG};
use platform_domain::{GpuServerId, Slug};

use crate::{Fleet, FleetError, Unreached};

/// A volume in which a challenge keeps something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptVolume {
    /// Whose it is, or was.
    pub slug: Slug,
    /// On which server; `None`: the host's own engine.
    pub server: Option<GpuServerId>,
    /// What the engine calls it.
    pub name: String,
    /// Bytes in it, where the engine tells.
    pub bytes: Option<u64>,
}

/// What was found, or removed, as far as engines could be reached.
#[derive(Debug, Default)]
pub struct KeptVolumes {
    /// By challenge, server and name.
    pub volumes: Vec<KeptVolume>,
    /// Where there may be more.
    pub unreached: Vec<Unreached>,
}

impl Fleet {
    /// The volumes of one challenge, or of all, also of those that are deleted. All engines are asked at once.
    pub async fn volumes(&self, slug: Option<&Slug>) -> Result<KeptVolumes, FleetError> {
        let work = |fleet: Self, server, engine: Engine| {
            let slug = slug.cloned();
            async move { fleet.on_engine(server, &engine, slug.as_ref()).await }
        };
        self.everywhere(work).await
    }

    /// Removes what there is of a challenge, of which nothing may run any more, from every engine that can be reached: containers
    /// that are left, and its volumes. Gives what was removed, and where something may be left.
    pub async fn purge(&self, slug: &Slug) -> Result<KeptVolumes, FleetError> {
        let _alone = self.alone(slug).await;
        let work = |fleet: Self, server, engine: Engine| {
            let slug = slug.clone();
            async move { fleet.purge_engine(server, &engine, &slug).await }
        };
        self.everywhere(work).await
    }

    async fn on_engine(
        &self,
        server: Option<GpuServerId>,
        engine: &Engine,
        slug: Option<&Slug>,
    ) -> Result<Vec<KeptVolume>, FleetError> {
        let found = engine.list_volumes(self.owner()).await?;
        let kept = found.into_iter().filter_map(|volume| {
            let label = |name: &str| volume.labels.get(name).map(String::as_str);
            // Those with secrets go with their container, and those of jobs with their job.
            let stays = label(COMPONENT) == Some(Kind::Challenge.as_str()) && label(OF).is_none();
            let of = label(SLUG)?.parse().ok().filter(|_| stays)?;
            Some((of, volume.name))
        });
        let kept: Vec<(Slug, String)> = kept
            .filter(|(of, _)| slug.is_none_or(|slug| slug == of))
            .collect();
        let sizes = match kept.is_empty() {
            true => HashMap::new(),
            // To count takes long, and what is there is known without.
            false => engine.volume_sizes().await.unwrap_or_default(),
        };
        let sized = kept.into_iter().map(|(slug, name)| KeptVolume {
            slug,
            server: server.clone(),
            bytes: sizes.get(&name).copied(),
            name,
        });
        Ok(sized.collect())
    }

    async fn purge_engine(
        &self,
        server: Option<GpuServerId>,
        engine: &Engine,
        slug: &Slug,
    ) -> Result<Vec<KeptVolume>, FleetError> {
        self.clear_engine(server.as_ref(), engine, slug, None).await?;
        if let Some(server) = &server {
            self.leave_swarm(engine, slug).await?;
            for lease in self.leases(slug).await? {
                if lease.server == *server {
                    self.release(&lease.id).await?;
                }
            }
        }
        let found = self.on_engine(server, engine, Some(slug)).await?;
        for volume in &found {
            engine.remove_volume(self.owner(), &volume.name).await?;
        }
        Ok(found)
    }
}
