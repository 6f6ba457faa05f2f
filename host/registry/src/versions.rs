//! Another component for a challenge, while the one before answers until its successor is ready; and the way back. What is to be
//! done with images is in `replacing`.

use std::collections::BTreeSet;

use platform_domain::{
    Artifact, Challenge, Change, ComponentRef, Digest, Grant, PinnedComponent, Slug, Status, Version,
};
use platform_store::{breakers, challenges, versions};
use platform_wasm::ComponentInfo;

use crate::{
    FieldError, Observed, Registry, RegistryError, check,
    compose::exported,
    limits::{MAX_BY_CHARS, MAX_VERSIONS},
    operations::MAX_ATTEMPTS,
    plan::Wanted,
    reconciler::now,
};

/// A component to take the place of the one that a challenge has.
#[derive(Clone, Debug)]
pub struct Update {
    /// Where it is.
    pub reference: ComponentRef,
    /// What it may import beside what the challenge may already.
    pub grant: BTreeSet<Grant>,
    /// The challenge's own version from then on; only for an image, because the manifest of a component says its own.
    pub version: Option<String>,
    /// Who says so.
    pub by: Option<String>,
}

/// A component that is there and was looked at.
struct Next {
    pinned: PinnedComponent,
    info: ComponentInfo,
    grant: BTreeSet<Grant>,
    change: Change,
    by: Option<String>,
    /// Of an update that nobody asked for: the component that it is to follow.
    follows: Option<PinnedComponent>,
}

impl Registry {
    /// Gives a challenge another component: fetched, looked at, compiled, started and its migrations tried before
    /// anything is written. What was begun ends on the component before.
    pub async fn challenge_update(&self, slug: &Slug, update: Update) -> Result<Challenge, RegistryError> {
        self.bring(slug, update, None).await
    }

    /// The same; and if nobody asked for it, only as long as the challenge is what it was and follows its tag.
    pub(crate) async fn bring(
        &self,
        slug: &Slug,
        update: Update,
        follows: Option<PinnedComponent>,
    ) -> Result<Challenge, RegistryError> {
        let Update {
            reference,
            grant,
            version,
            by,
        } = update;
        let by = checked(by)?;
        // Before anything is fetched.
        let before = self.challenge_get(slug).await?;
        if follows.is_none() && matches!(before.artifact, Artifact::Image(_)) {
            if !grant.is_empty() {
                return Err(FieldError::new("grant", "a container imports nothing").into());
            }
            return Box::pin(self.bring_image(slug, &reference, version, by)).await;
        }
        if version.is_some() {
            let reason =
                "the manifest of a component says its version; `platform challenge patch` says another";
            return Err(FieldError::new("version", reason).into());
        }
        component_of(&before)?;
        let mut fetched = self.fetch(&reference).await?;
        let trust = self.loader().trust();
        trust.check_fetched(before.trust.as_ref(), &mut fetched).await?;
        let info = self.loader().inspect_bytes(fetched.bytes).await;
        let next = Next {
            pinned: fetched.pinned,
            info: info.map_err(RegistryError::Component)?,
            grant,
            change: Change::Updated,
            by,
            follows,
        };
        self.replace(slug, next).await
    }

    /// Gives a challenge a component or image again that it had: the one of this digest, or the last other one. For a component
    /// no registry is asked.
    pub async fn challenge_roll_back(
        &self,
        slug: &Slug,
        to: Option<Digest>,
        by: Option<String>,
    ) -> Result<Challenge, RegistryError> {
        let by = checked(by)?;
        let current = match self.challenge_get(slug).await?.artifact {
            Artifact::Component(pinned) => pinned.component,
            Artifact::Image(current) => {
                return Box::pin(self.roll_back_image(slug, &current, to, by)).await;
            }
        };
        let all = self.challenge_versions(slug).await?.into_iter();
        let mut all = all.filter_map(|version| match version.artifact {
            Artifact::Component(pinned) => Some(pinned),
            Artifact::Image(_) => None,
        });
        let is_wanted = |pinned: &PinnedComponent| match to {
            Some(to) => pinned.component == to,
            None => pinned.component != current,
        };
        let Some(pinned) = all.find(is_wanted) else {
            return Err(RegistryError::NoVersion(slug.clone()));
        };
        let info = self.loader().inspect(&pinned.component).await;
        let next = Next {
            pinned,
            info: info.map_err(RegistryError::Load)?,
            grant: BTreeSet::new(),
            change: Change::RolledBack,
            by,
            follows: None,
        };
        self.replace(slug, next).await
    }

    /// What a challenge has run, the newest first.
    pub async fn challenge_versions(&self, slug: &Slug) -> Result<Vec<Version>, RegistryError> {
        let slug = slug.clone();
        self.store()
            .read("challenge_versions", move |connection| {
                if challenges::get(connection, &slug)?.is_none() {
                    return Err(RegistryError::NotFound(slug));
                }
                versions::of(connection, &slug).map_err(RegistryError::from)
            })
            .await
    }

    async fn replace(&self, slug: &Slug, next: Next) -> Result<Challenge, RegistryError> {
        for _ in 0..MAX_ATTEMPTS {
            let before = self.challenge_get(slug).await?;
            let old = component_of(&before)?;
            if let Some(follows) = &next.follows
                && (old != follows || !before.follow)
            {
                return Ok(before);
            }
            if *old == next.pinned && next.grant.is_subset(&before.grants) {
                if matches!(self.observed(slug), Observed::Failed { .. }) {
                    // Its signature may have come.
                    self.settle(slug, self.wake()).await;
                }
                return Ok(before);
            }
            // What the old one said of itself; a component that is gone says nothing.
            let said = self.loader().inspect(&old.component).await.ok();
            let after = succeed(before.clone(), said.as_ref(), &next)?;
            check::record(self.loader().limits(), &after)?;
            // Also of a challenge that is not active: now somebody looks.
            self.check_start(&after).await?;
            let (wake, change) = (self.wake(), next.change);
            let version = Version {
                artifact: after.artifact.clone(),
                version: after.version.clone(),
                change: next.change,
                by: next.by.clone(),
                at: after.updated_at,
            };
            let kept = self
                .store()
                .write("challenge_replace", move |connection| {
                    let found = challenges::get(connection, &after.slug)?;
                    let found = found.ok_or_else(|| RegistryError::NotFound(after.slug.clone()))?;
                    // What was checked is what it would become from what it was.
                    if !is_as_it_was(&found, &before) {
                        return Ok::<_, RegistryError>(None);
                    }
                    let record = Challenge {
                        name: found.name,
                        emission_percent: found.emission_percent,
                        on_failure: found.on_failure,
                        serving: found.serving,
                        metadata: found.metadata,
                        // Whoever goes back does not want to be taken along again.
                        follow: found.follow && change != Change::RolledBack,
                        ..after
                    };
                    challenges::update(connection, &record)?;
                    versions::add(connection, &record.slug, &version, MAX_VERSIONS)?;
                    if record.status == Status::Active {
                        // Also when the host dies before the new program takes the old one's place.
                        breakers::delete(connection, &record.slug)?;
                    }
                    Ok(Some((record, wake)))
                })
                .await?;
            if let Some((record, wake)) = kept {
                tracing::info!(
                    challenge.slug = %slug, challenge.change = %next.change, oci.component = %next.pinned.component,
                    "The challenge has another component"
                );
                self.drifts().forget(slug);
                self.settle(slug, wake).await;
                return Ok(record);
            }
        }
        Err(RegistryError::Contended(slug.clone()))
    }
}

/// Whether all is the same that an update looks at; the rest of a record does not matter to it.
fn is_as_it_was(found: &Challenge, before: &Challenge) -> bool {
    let seen = |record: &Challenge| {
        let described = (record.version.clone(), record.description.clone());
        let source = (record.artifact.clone(), record.follow);
        (record.status, record.capabilities.clone(), described, source)
    };
    Wanted::of(found, None) == Wanted::of(before, None) && seen(found) == seen(before)
}

fn component_of(challenge: &Challenge) -> Result<&PinnedComponent, RegistryError> {
    match &challenge.artifact {
        Artifact::Component(pinned) => Ok(pinned),
        Artifact::Image(_) => Err(RegistryError::Image(challenge.slug.clone())),
    }
}

/// The record with the next component. What the operator decided stays; what came from the component before comes from
/// this one now.
fn succeed(
    mut record: Challenge,
    old: Option<&ComponentInfo>,
    next: &Next,
) -> Result<Challenge, RegistryError> {
    let was = old.and_then(|info| info.manifest.as_ref());
    let is = next.info.manifest.as_ref();
    let followed = old.is_some_and(|info| info.capabilities == record.capabilities);
    if followed && record.capabilities.is_subset(&next.info.capabilities) {
        record.capabilities.clone_from(&next.info.capabilities);
    }
    exported(&record.capabilities, &next.info.capabilities)?;
    let data = |manifest: &platform_domain::Manifest| manifest.data;
    follow(&mut record.data, was.map(data), is.map(data));
    let instances = |manifest: &platform_domain::Manifest| manifest.instances.unwrap_or_default();
    follow(&mut record.instances, was.map(instances), is.map(instances));
    let version = |manifest: &platform_domain::Manifest| manifest.version.clone();
    follow(&mut record.version, was.map(version), is.map(version));
    let description = |manifest: &platform_domain::Manifest| manifest.description.clone();
    follow(&mut record.description, was.map(description), is.map(description));
    let secrets = is.map(|manifest| manifest.secrets.iter().map(ToString::to_string).collect());
    record.secrets = secrets.unwrap_or_default();
    record.grants.extend(&next.grant);
    record.artifact = Artifact::Component(next.pinned.clone());
    record.updated_at = now();
    Ok(record)
}

/// A field that says what the manifest before said says what this one says.
fn follow<T: PartialEq>(field: &mut T, was: Option<T>, is: Option<T>) {
    if was.is_some_and(|was| was == *field)
        && let Some(is) = is
    {
        *field = is;
    }
}

/// Whoever changes something may say who they are.
fn checked(by: Option<String>) -> Result<Option<String>, FieldError> {
    let Some(by) = by else { return Ok(None) };
    if by.is_empty() || by.chars().count() > MAX_BY_CHARS || by.chars().any(char::is_control) {
        let reason = format!("a name has 1 to {MAX_BY_CHARS} characters, and no control characters");
        return Err(FieldError::new("by", reason));
    }
    Ok(Some(by))
}
