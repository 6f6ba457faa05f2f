//! Images of challenges that run in containers: pinned when they are registered, and changed later.

use platform_domain::{Artifact, Capability, Challenge, ComponentRef, ImageRef, Runs, Slug, Status};
use platform_fleet::FleetError;
use platform_store::challenges;

use crate::{
    FieldError, LoadError, Registry, RegistryError, check, operations::MAX_ATTEMPTS, plan::Wanted,
    reconciler::now,
};

/// Where to look is in it.
const NO_JOBS: &str = "docker_executor hands in jobs over HTTP, and this host takes none: set images and listen of [jobs] in its configuration, or leave it out";

impl Registry {
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
        let pinned = match self.loader().containers().rehearse(&challenge, &image).await {
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

    /// Gives a challenge another image, which is fetched and looked at before anything is written.
    pub(crate) async fn bring_image(
        &self,
        slug: &Slug,
        reference: &ComponentRef,
    ) -> Result<Challenge, RegistryError> {
        let image: ImageRef = reference
            .to_string()
            .parse()
            .map_err(|_| FieldError::new("component", "an image is HOST/NAME[:TAG][@DIGEST]"))?;
        for _ in 0..MAX_ATTEMPTS {
            let before = self.challenge_get(slug).await?;
            let next = Challenge {
                artifact: Artifact::Image(image.clone()),
                ..before.clone()
            };
            let next = self.with_image(next).await?;
            check::record(self.loader().limits(), &next)?;
            let (key, wake) = (slug.clone(), self.wake());
            let written = self.store().write("challenge_image", move |connection| {
                let mut record = challenges::get(connection, &key)?.ok_or(RegistryError::NotFound(key))?;
                // The moment of the last change is no proof: two may be within one second.
                let wanted = |record: &Challenge| (record.status, Wanted::of(record, None));
                if wanted(&record) != wanted(&before) {
                    return Ok::<_, RegistryError>(None);
                }
                record.artifact = next.artifact;
                record.updated_at = now();
                challenges::update(connection, &record)?;
                Ok(Some((record, wake)))
            });
            if let Some((record, wake)) = written.await? {
                tracing::info!(challenge.slug = %slug, "The challenge has another image");
                self.settle(slug, wake).await;
                return Ok(record);
            }
        }
        Err(RegistryError::Contended(slug.clone()))
    }
}

/// Nobody runs it, or it cannot be run.
fn container(slug: &Slug, error: FleetError) -> RegistryError {
    match error {
        FleetError::NoEngine => RegistryError::NoAddress(slug.clone()),
        error => RegistryError::Load(LoadError::Container(error)),
    }
}
