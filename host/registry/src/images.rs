//! Images of challenges that run in containers: fetched, looked at and pinned.

use platform_docker::PullSum;
use platform_domain::{Artifact, Capability, Challenge, ImageRef, Resources, Runs, Slug, Status};
use platform_fleet::FleetError;

use crate::{FieldError, LoadError, Registry, RegistryError};

/// Where to look is in it.
const NO_JOBS: &str = "docker_executor hands in jobs over HTTP, and this host takes none: set images and listen of [jobs] in its configuration, or leave it out";

impl Registry {
    /// Has an image fetched to where a challenge with these resources would run, and gives it by its digest. Dropping it ends the
    /// fetching; what has come stays with the engine as far as that keeps it.
    pub async fn image_pull(
        &self,
        image: &ImageRef,
        resources: &Resources,
        tell: impl FnMut(PullSum) + Send,
    ) -> Result<ImageRef, RegistryError> {
        let containers = self.loader().containers();
        let pulled = Box::pin(containers.pull(resources, image, tell)).await;
        pulled.map_err(|error| RegistryError::Load(LoadError::Container(error)))
    }

    /// Looks at the image of a challenge that is to run in a container of this host, and pins it. What runs elsewhere is
    /// seen when it is asked; a draft may be registered without an engine.
    pub(crate) async fn with_image(&self, mut challenge: Challenge) -> Result<Challenge, RegistryError> {
        let Runs::Container(image) = challenge.runs() else {
            return Ok(challenge);
        };
        if challenge.status == Status::Active {
            self.check_executor(&challenge)?;
        }
        if challenge.serving.address.is_some() {
            return Ok(challenge);
        }
        let image = image.clone();
        let containers = self.loader().containers();
        let looked = async {
            let pulled = containers.pull(&challenge.resources, &image, |_| ()).await?;
            containers.rehearse(&challenge, &pulled).await
        };
        let pinned = match Box::pin(looked).await {
            Ok(pinned) => pinned,
            Err(FleetError::NoEngine) if challenge.status == Status::Draft => return Ok(challenge),
            Err(error) => return Err(container(&challenge.slug, error)),
        };
        match &mut challenge.artifact {
            Artifact::Image(image) => *image = pinned,
            Artifact::Component(_) => challenge.fallback = Some(pinned),
        }
        Ok(challenge)
    }

    /// Whether a container of it could be started.
    pub(crate) async fn check_container(
        &self,
        challenge: &Challenge,
        image: &ImageRef,
    ) -> Result<(), RegistryError> {
        self.check_executor(challenge)?;
        if challenge.serving.address.is_some() {
            return Ok(());
        }
        let rehearsed = self.loader().containers().rehearse(challenge, image).await;
        rehearsed
            .map(drop)
            .map_err(|error| container(&challenge.slug, error))
    }

    /// Whether there is somebody to hand jobs to, if it is to do that. A draft may wait for it.
    fn check_executor(&self, challenge: &Challenge) -> Result<(), FieldError> {
        let wants = challenge.capabilities.contains(&Capability::DockerExecutor);
        match wants && !self.loader().containers().takes_jobs() {
            true => Err(FieldError::new("required_capabilities", NO_JOBS)),
            false => Ok(()),
        }
    }
}

/// Nobody runs it, or it cannot be run.
fn container(slug: &Slug, error: FleetError) -> RegistryError {
    match error {
        FleetError::NoEngine => RegistryError::NoAddress(slug.clone()),
        error => RegistryError::Load(LoadError::Container(error)),
    }
}
