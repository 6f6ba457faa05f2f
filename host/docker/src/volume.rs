//! Volumes: what containers keep.

use std::collections::HashMap;

use bollard::{
    models::{Volume, VolumeCreateRequest},
    query_parameters::{ListVolumesOptions, RemoveVolumeOptions},
};
use platform_domain::Slug;
use serde::Deserialize;

use crate::{
    Engine, EngineError, Kind, OF, Owner, UNTIL,
    labels::{filter, is_ours, ours},
    limits::{CHANGE, QUESTION},
    refusal::Subject,
    spec::check_name,
};

/// A volume of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnVolume {
    /// Its name.
    pub name: String,
    /// All of its labels.
    pub labels: HashMap<String, String>,
}

/// What an engine says of its disk, as far as it is about volumes: in the form before API 1.52 and in that since then.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DiskUsage {
    volumes: Option<Vec<SizedVolume>>,
    #[serde(default, rename = "VolumeUsage")]
    usage: VolumeUsage,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VolumeUsage {
    items: Option<Vec<SizedVolume>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SizedVolume {
    name: String,
    usage_data: Option<VolumeSize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VolumeSize {
    /// Less than 0 where it is not known.
    size: Option<i64>,
}

/// A volume that goes with a container.
pub(crate) struct Bound<'a> {
    /// The container's name.
    pub(crate) of: &'a str,
    /// When it may go without its container, in seconds since 1970.
    pub(crate) until: u64,
}

impl Engine {
    /// Makes the volume of a challenge where there is none. One that is not ours is refused: nobody's files are given away, not
    /// even by a name that fits.
    pub async fn ensure_volume(&self, owner: &Owner, slug: &Slug, name: &str) -> Result<(), EngineError> {
        let labels = ours(owner, Kind::Challenge, slug).into_iter().collect();
        self.make_volume(owner, name, labels).await
    }

    pub(crate) async fn make_bound_volume(
        &self,
        owner: &Owner,
        (kind, slug): (Kind, &Slug),
        name: &str,
        Bound { of, until }: Bound<'_>,
    ) -> Result<(), EngineError> {
        let mut labels = ours(owner, kind, slug);
        labels.insert(OF.to_owned(), of.to_owned());
        labels.insert(UNTIL.to_owned(), until.to_string());
        self.make_volume(owner, name, labels.into_iter().collect()).await
    }

    async fn make_volume(
        &self,
        owner: &Owner,
        name: &str,
        labels: HashMap<String, String>,
    ) -> Result<(), EngineError> {
        check_name(name, "the name of a volume")?;
        let subject = Subject::Volume(name);
        let request = VolumeCreateRequest {
            name: Some(name.to_owned()),
            driver: Some("local".to_owned()),
            labels: Some(labels),
            ..VolumeCreateRequest::default()
        };
        let docker = self.docker().await?;
        // An engine gives what has the name already, whoever made it, so whose it is shows afterwards.
        let made: Volume = self
            .within(CHANGE, subject, docker.create_volume(request))
            .await?;
        // Options of the driver can make a directory of the machine of it.
        match is_ours(&made.labels, owner) && made.driver == "local" && made.options.is_empty() {
            true => Ok(()),
            false => Err(EngineError::NotOurs(format!("the volume {name}"))),
        }
    }

    /// All volumes of this owner.
    pub async fn list_volumes(&self, owner: &Owner) -> Result<Vec<OwnVolume>, EngineError> {
        self.volumes(filter(owner, None)).await
    }

    /// Those that go with a container.
    pub(crate) async fn volumes_of(
        &self,
        owner: &Owner,
        container: &str,
    ) -> Result<Vec<OwnVolume>, EngineError> {
        let mut wanted = filter(owner, None);
        wanted
            .entry("label".to_owned())
            .or_default()
            .push(format!("{OF}={container}"));
        self.volumes(wanted).await
    }

    async fn volumes(&self, filters: HashMap<String, Vec<String>>) -> Result<Vec<OwnVolume>, EngineError> {
        let docker = self.docker().await?;
        let options = ListVolumesOptions {
            filters: Some(filters),
        };
        let listed = docker.list_volumes(Some(options));
        let listed = self.within(QUESTION, Subject::Engine, listed).await?;
        let volumes = listed.volumes.unwrap_or_default().into_iter();
        Ok(volumes
            .map(|Volume { name, labels, .. }| OwnVolume { name, labels })
            .collect())
    }

    /// How many bytes volumes have, by their names. An engine counts them for this, and tells nothing of those that it cannot
    /// count.
    pub async fn volume_sizes(&self) -> Result<HashMap<String, u64>, EngineError> {
        let found: DiskUsage = self.get("/system/df?type=volume", Subject::Engine).await?;
        let DiskUsage { volumes, usage } = found;
        let listed = volumes.or(usage.items).unwrap_or_default().into_iter();
        let sized = listed.filter_map(|volume| {
            let size = volume.usage_data?.size?;
            Some((volume.name, u64::try_from(size).ok()?))
        });
        Ok(sized.collect())
    }

    /// Removes a volume of ours and everything in it; one that is not there is no error.
    pub async fn remove_volume(&self, owner: &Owner, name: &str) -> Result<(), EngineError> {
        check_name(name, "the name of a volume")?;
        let docker = self.docker().await?;
        let subject = Subject::Volume(name);
        let found = match self.within(QUESTION, subject, docker.inspect_volume(name)).await {
            Err(EngineError::NotFound(_)) => return Ok(()),
            found => found?,
        };
        if !is_ours(&found.labels, owner) {
            return Err(EngineError::NotOurs(format!("the volume {name}")));
        }
        let removed = docker.remove_volume(name, None::<RemoveVolumeOptions>);
        match self.within(CHANGE, subject, removed).await {
            Err(EngineError::NotFound(_)) => Ok(()),
            removed => removed,
        }
    }
}
