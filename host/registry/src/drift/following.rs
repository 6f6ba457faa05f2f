//! Going along with a tag that moves, in the way of every update.

use std::collections::BTreeSet;

use platform_docker::EngineError;
use platform_domain::{Artifact, Challenge, Change, Digest};
use platform_fleet::FleetError;

use crate::{LoadError, Registry, RegistryError, Update, replacing::NextImage};

/// Who an update is by that nobody asked for.
const BY: &str = "tag";
impl Registry {
    /// Brings what the tag leads to in the place of what the challenge has.
    pub(super) async fn follow(
        &self,
        challenge: &Challenge,
        found: Digest,
    ) -> Result<Challenge, RegistryError> {
        let (slug, by) = (&challenge.slug, Some(BY.to_owned()));
        match &challenge.artifact {
            Artifact::Component(pinned) => {
                let update = Update {
                    reference: pinned.reference.clone(),
                    grant: BTreeSet::new(),
                    version: None,
                    by,
                };
                self.bring(slug, update, Some(pinned.clone())).await
            }
            Artifact::Image(image) => {
                let next = NextImage {
                    image: image.pinned(found),
                    version: None,
                    change: Change::Updated,
                    by,
                    follows: Some(image.clone()),
                };
                self.replace_image(slug, next).await
            }
        }
    }
}

/// The digest of the manifest of what it has, as far as it was had from where there is one.
pub(super) fn manifest(challenge: &Challenge) -> Option<Digest> {
    match &challenge.artifact {
        Artifact::Component(pinned) => pinned.manifest,
        Artifact::Image(image) => image.digest(),
    }
}

/// As the operator reads it.
pub(super) fn reference(challenge: &Challenge) -> String {
    match &challenge.artifact {
        Artifact::Component(pinned) => pinned.reference.to_string(),
        Artifact::Image(image) => image.to_string(),
    }
}

/// Whether it is what the component or the image is, and no disturbance, missing signature or missing room.
pub(super) fn is_of_the_component(error: &RegistryError) -> bool {
    matches!(
        error,
        RegistryError::Component(_)
            | RegistryError::Field(_)
            | RegistryError::Load(LoadError::Component(_))
            | RegistryError::Load(LoadError::Container(
                FleetError::Spec(_)
                    | FleetError::MountPoint(_)
                    | FleetError::Engine(EngineError::WrongArchitecture { .. } | EngineError::Spec(_))
            ))
    )
}
