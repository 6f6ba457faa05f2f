//! Tags that move. What runs stays what was registered; where its tag leads by now is looked at now and then, shown, and
//! followed where the operator wants that, in the way of every update.

mod following;
mod seen;

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use platform_domain::{Artifact, Challenge, Digest, Slug, Status, with_causes};
use platform_oci::limits::SIGNATURES_TIMEOUT;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{Registry, RegistryError, reconciler::now};

use self::following::{is_of_the_component, manifest, reference};
pub use self::seen::Drift;
pub(crate) use self::seen::Drifts;

/// How many are looked at at once: a slow registry should not keep the others waiting, and nobody waits for all.
const AT_ONCE: usize = 4;

impl Registry {
    /// Looks where the tag of a challenge leads, and follows it if the challenge is meant to.
    pub async fn challenge_look(&self, slug: &Slug) -> Result<Challenge, RegistryError> {
        let challenge = self.challenge_get(slug).await?;
        self.clone().look_at(challenge, true).await;
        self.challenge_get(slug).await
    }

    /// Looks at the tags of all active challenges now and then, until `stop`.
    pub async fn keep_looking(&self, every: Duration, stop: CancellationToken) {
        while stop
            .run_until_cancelled(tokio::time::sleep(every))
            .await
            .is_some()
        {
            match self.challenge_list().await {
                Ok(challenges) => {
                    let active = challenges.into_iter().filter(|it| it.status == Status::Active);
                    let looks: Vec<_> = active
                        .map(|challenge| self.clone().look_at(challenge, false))
                        .collect();
                    let looks = stream::iter(looks).buffer_unordered(AT_ONCE).collect::<()>();
                    stop.run_until_cancelled(looks).await;
                }
                Err(error) => {
                    tracing::error!(error = %with_causes(&error), "The tags of challenges cannot be looked at");
                }
            }
        }
    }

    /// Where the tag of a challenge leads, if not to what it has.
    pub fn drift(&self, challenge: &Challenge) -> Option<Drift> {
        let seen = self.drifts().of(&challenge.slug)?;
        // It may have got there since.
        (seen.manifest.is_none() || seen.manifest != manifest(challenge)).then_some(seen)
    }

    async fn look_at(self, challenge: Challenge, insist: bool) {
        let slug = &challenge.slug;
        let Some(manifest) = manifest(&challenge) else {
            return;
        };
        let resolved = match &challenge.artifact {
            Artifact::Component(pinned) if pinned.reference.can_move() => {
                let resolving = self.loader().content().resolve(&pinned.reference);
                timeout(SIGNATURES_TIMEOUT, resolving).await
            }
            Artifact::Image(image) => {
                let (Some(tag), None) = (image.moving(), &challenge.serving.address) else {
                    return;
                };
                timeout(SIGNATURES_TIMEOUT, self.loader().containers().resolve(&tag)).await
            }
            Artifact::Component(_) => return,
        };
        let drift = match resolved {
            Ok(Ok(found)) if found == manifest => None,
            Ok(Ok(found)) => self.moved(&challenge, found, insist).await,
            Ok(Err(error)) => Some(Drift::untold(with_causes(&error))),
            Err(_) => Some(Drift::untold("there was no answer in time".to_owned())),
        };
        // What was seen of another component, or of a challenge that is gone, says nothing.
        let still = self.challenge_get(slug).await;
        match drift.filter(|_| still.is_ok_and(|still| still.artifact == challenge.artifact)) {
            Some(drift) => self.drifts().note(slug, drift),
            None => self.drifts().forget(slug),
        }
    }

    /// The tag leads to another manifest. Gives what is to be shown of that.
    async fn moved(&self, challenge: &Challenge, found: Digest, insist: bool) -> Option<Drift> {
        let slug = &challenge.slug;
        let seen = self.drifts().of(slug).filter(|seen| seen.manifest == Some(found));
        if seen.is_none() {
            tracing::warn!(
                challenge.slug = %slug, oci.reference = %reference(challenge), oci.manifest = %found,
                "The tag leads to something else than what runs"
            );
        }
        let mut drift = Drift {
            checked_at: now(),
            manifest: Some(found),
            reason: None,
            refused: false,
        };
        if !challenge.follow {
            return Some(drift);
        }
        // The same component is refused again for the same reason.
        if let Some(seen) = seen.filter(|seen| seen.refused && !insist) {
            return Some(Drift {
                checked_at: drift.checked_at,
                ..seen
            });
        }
        match Box::pin(self.follow(challenge, found)).await {
            Ok(_) => None,
            Err(error) => {
                let reason = with_causes(&error);
                tracing::warn!(challenge.slug = %slug, error = %reason, "The tag is not followed");
                drift.refused = is_of_the_component(&error);
                drift.reason = Some(reason);
                Some(drift)
            }
        }
    }
}
