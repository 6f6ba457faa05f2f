//! Tags that move. What runs stays what was registered; where its tag leads by now is looked at now and then, shown, and
//! followed where the operator wants that, in the way of every update.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use platform_domain::{Artifact, Challenge, Digest, PinnedComponent, Slug, Status, UnixSeconds, with_causes};
use tokio_util::sync::CancellationToken;

use crate::{Registry, RegistryError, Update, reconciler::now};

/// Who an update is by that nobody asked for.
const BY: &str = "tag";
/// How many registries are asked at once: a slow one should not keep the others waiting, and nobody waits for all.
const AT_ONCE: usize = 4;

/// A tag that does not lead to what runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// When it was looked at.
    pub checked_at: UnixSeconds,
    /// The manifest that it leads to; `None` when that could not be told.
    pub manifest: Option<Digest>,
    /// Why it could not be told, or why it was not followed.
    pub reason: Option<String>,
}

/// What was seen last of each challenge whose tag does not lead to its component.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drifts(Arc<Mutex<BTreeMap<Slug, Drift>>>);

impl Drifts {
    pub(crate) fn of(&self, slug: &Slug) -> Option<Drift> {
        self.book().get(slug).cloned()
    }

    pub(crate) fn forget(&self, slug: &Slug) {
        self.book().remove(slug);
    }

    fn note(&self, slug: &Slug, drift: Drift) {
        self.book().insert(slug.clone(), drift);
    }

    fn book(&self) -> MutexGuard<'_, BTreeMap<Slug, Drift>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registry {
    /// Looks where the tag of a challenge leads, and follows it if the challenge is meant to.
    pub async fn challenge_look(&self, slug: &Slug) -> Result<Challenge, RegistryError> {
        let challenge = self.challenge_get(slug).await?;
        self.clone().look_at(challenge).await;
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
                    let looks: Vec<_> = active.map(|challenge| self.clone().look_at(challenge)).collect();
                    let looks = stream::iter(looks).buffer_unordered(AT_ONCE).collect::<()>();
                    stop.run_until_cancelled(looks).await;
                }
                Err(error) => {
                    tracing::error!(error = %with_causes(&error), "The tags of challenges cannot be looked at");
                }
            }
        }
    }

    async fn look_at(self, challenge: Challenge) {
        let (slug, drifts) = (&challenge.slug, self.drifts());
        let Artifact::Component(PinnedComponent {
            reference,
            manifest: Some(pinned),
            ..
        }) = &challenge.artifact
        else {
            return;
        };
        if !reference.can_move() {
            return;
        }
        let before = drifts.of(slug);
        let mut drift = Drift {
            checked_at: now(),
            manifest: None,
            reason: None,
        };
        match self.loader().content().resolve(reference).await {
            Ok(manifest) if manifest == *pinned => return drifts.forget(slug),
            Ok(manifest) => {
                drift.manifest = Some(manifest);
                let seen = before.filter(|before| before.manifest == drift.manifest);
                if seen.is_none() {
                    tracing::warn!(
                        challenge.slug = %slug, oci.reference = %reference, oci.manifest = %manifest,
                        "The tag leads to something else than what runs"
                    );
                }
                // What was refused is refused again.
                drift.reason = seen.and_then(|seen| seen.reason);
                if challenge.follow && drift.reason.is_none() {
                    let update = Update {
                        reference: reference.clone(),
                        grant: BTreeSet::new(),
                        by: Some(BY.to_owned()),
                    };
                    match self.challenge_update(slug, update).await {
                        Ok(_) => return,
                        Err(error) => {
                            let reason = with_causes(&error);
                            tracing::warn!(challenge.slug = %slug, error = %reason, "The tag is not followed");
                            drift.reason = Some(reason);
                        }
                    }
                }
            }
            Err(error) => drift.reason = Some(with_causes(&error)),
        }
        drifts.note(slug, drift);
    }
}
