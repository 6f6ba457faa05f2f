//! Another image for a challenge that runs in a container, and the way back.

use platform_domain::{Artifact, Challenge, Change, ComponentRef, Digest, ImageRef, Slug, Status, Version};
use platform_store::{breakers, challenges, versions};

use crate::{
    FieldError, Observed, Registry, RegistryError, check, limits::MAX_VERSIONS, operations::MAX_ATTEMPTS,
    plan::Wanted, reconciler::now,
};

/// An image that is to take the place of the one that a challenge has.
#[derive(Clone)]
pub(crate) struct NextImage {
    pub(crate) image: ImageRef,
    /// What its `/version` has to say; `None`: what that of the one before had to.
    pub(crate) version: Option<String>,
    pub(crate) change: Change,
    pub(crate) by: Option<String>,
    /// Of an update that nobody asked for: the image that it is to follow.
    pub(crate) follows: Option<ImageRef>,
}

impl Registry {
    /// Gives a challenge another image, which is fetched and looked at before anything is written.
    pub(crate) async fn bring_image(
        &self,
        slug: &Slug,
        reference: &ComponentRef,
        version: Option<String>,
        by: Option<String>,
    ) -> Result<Challenge, RegistryError> {
        let image = reference.to_string().parse();
        let next = NextImage {
            image: image.map_err(|_| FieldError::new("component", "an image is HOST/NAME[:TAG][@DIGEST]"))?,
            version,
            change: Change::Updated,
            by,
            follows: None,
        };
        self.replace_image(slug, next).await
    }

    /// Gives a challenge an image again that it had: the one of this digest, or the last other one. It is on the engine still, or
    /// the engine fetches it again.
    pub(crate) async fn roll_back_image(
        &self,
        slug: &Slug,
        current: &ImageRef,
        to: Option<Digest>,
        by: Option<String>,
    ) -> Result<Challenge, RegistryError> {
        let found = self.challenge_versions(slug).await?.into_iter();
        let mut images = found.filter_map(|version| match version.artifact {
            Artifact::Image(image) => Some((image, version.version)),
            Artifact::Component(_) => None,
        });
        let wanted = images.find(|(image, _)| match to {
            Some(to) => image.digest() == Some(to),
            None => !is_same(image, current),
        });
        let (image, version) = wanted.ok_or_else(|| RegistryError::NoVersion(slug.clone()))?;
        let next = NextImage {
            image,
            version: Some(version),
            change: Change::RolledBack,
            by,
            follows: None,
        };
        self.replace_image(slug, next).await
    }

    /// The reconciler gets the successor ready before the one before ends, where they share no volume.
    pub(crate) async fn replace_image(
        &self,
        slug: &Slug,
        next: NextImage,
    ) -> Result<Challenge, RegistryError> {
        for _ in 0..MAX_ATTEMPTS {
            let before = self.challenge_get(slug).await?;
            let Artifact::Image(old) = &before.artifact else {
                // It was deleted meanwhile, and registered as something else.
                break;
            };
            if let Some(follows) = &next.follows
                && (old != follows || !before.follow)
            {
                return Ok(before);
            }
            let after = Challenge {
                artifact: Artifact::Image(next.image.clone()),
                version: next.version.clone().unwrap_or_else(|| before.version.clone()),
                // Whoever goes back does not want to be taken along again.
                follow: before.follow && next.change != Change::RolledBack,
                updated_at: now(),
                ..before.clone()
            };
            check::record(self.loader().limits(), &after)?;
            let after = self.with_image(after).await?;
            if after.artifact == before.artifact && after.version == before.version {
                if matches!(self.observed(slug), Observed::Failed { .. }) {
                    self.settle(slug, self.wake()).await;
                }
                return Ok(before);
            }
            let (wake, change) = (self.wake(), next.change);
            let version = Version {
                artifact: after.artifact.clone(),
                version: after.version.clone(),
                change,
                by: next.by.clone(),
                at: after.updated_at,
            };
            let written = self.store().write("challenge_image", move |connection| {
                let found = challenges::get(connection, &after.slug)?;
                let found = found.ok_or_else(|| RegistryError::NotFound(after.slug.clone()))?;
                // The moment of the last change is no proof: two may be within one second.
                let seen = |record: &Challenge| (record.status, record.follow, record.version.clone());
                if Wanted::of(&found, None) != Wanted::of(&before, None) || seen(&found) != seen(&before) {
                    return Ok::<_, RegistryError>(None);
                }
                let record = Challenge {
                    artifact: after.artifact,
                    version: after.version,
                    follow: after.follow,
                    updated_at: after.updated_at,
                    ..found
                };
                challenges::update(connection, &record)?;
                versions::add(connection, &record.slug, &version, MAX_VERSIONS)?;
                if record.status == Status::Active {
                    // Also when the host dies before the new container takes the old one's place.
                    breakers::delete(connection, &record.slug)?;
                }
                Ok(Some((record, wake)))
            });
            if let Some((record, wake)) = written.await? {
                tracing::info!(challenge.slug = %slug, challenge.change = %change, "The challenge has another image");
                self.drifts().forget(slug);
                self.settle(slug, wake).await;
                return Ok(record);
            }
        }
        Err(RegistryError::Contended(slug.clone()))
    }
}

/// Whether two references mean the same image, whatever their tags are.
fn is_same(one: &ImageRef, other: &ImageRef) -> bool {
    match (one.by_digest(), other.by_digest()) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}
