//! The operations on challenges. Each either happens as a whole or leaves the registry as it was.

use std::{sync::Arc, time::Duration};

use platform_domain::{
    Artifact, Challenge, Change, LogLevel, PlainToken, Runs, Slug, Status, TrustPolicy, UnixSeconds, Version,
};
use platform_runtime::{Health, RouteReader};
use platform_store::{Store, StoreError, breakers, challenges, versions};
use platform_wasm::{ChallengeLog, CompilerStatus, FollowFrom, Follower, Start, Usage};
use tokio::sync::Notify;

use crate::{
    Board, ChallengePatch, FieldError, NewChallenge, Observed, RegistryError, Source,
    board::BoardReader,
    check,
    compose::{Facts, exported, new_token, record},
    config,
    drift::Drifts,
    health::HealthBook,
    limits::{MAX_TOKEN_OVERLAP, MAX_VERSIONS},
    load::{LoadError, Loader},
    plan::Wanted,
    reconciler::now,
    secrets::Opener,
    trust::Shown,
};

/// What the operator may do. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    store: Store,
    loader: Loader,
    wake: Arc<Notify>,
    board: BoardReader,
    health: HealthBook,
    routes: RouteReader,
    drifts: Drifts,
    /// One archive or removal at a time.
    keeping: Arc<tokio::sync::Mutex<()>>,
}

/// Wakes the reconciler when dropped. A transaction returns it, so it is dropped after the commit even when
/// whoever asked for the change has gone away and nobody waits for the answer.
pub(crate) struct WakeOnDrop(pub(crate) Arc<Notify>);

/// How long an operation waits for the reconciler to act on it. Its own program is compiled by then; when the
/// machine is busy with others all the same, the answer shows what is so far.
const SETTLE: Duration = Duration::from_secs(10);
/// How often a change is tried when others change the same record: more than a few is no coincidence.
pub(crate) const MAX_ATTEMPTS: u32 = 4;

impl Registry {
    pub(crate) fn new(
        store: Store,
        loader: Loader,
        wake: Arc<Notify>,
        board: BoardReader,
        health: HealthBook,
        routes: RouteReader,
    ) -> Self {
        Self {
            store,
            loader,
            wake,
            board,
            health,
            routes,
            drifts: Drifts::default(),
            keeping: Arc::default(),
        }
    }

    pub(crate) fn loader(&self) -> &Loader {
        &self.loader
    }

    pub(crate) const fn store(&self) -> &Store {
        &self.store
    }

    /// What opens secrets.
    pub(crate) const fn opener(&self) -> &Opener {
        self.loader.secrets()
    }

    pub(crate) const fn drifts(&self) -> &Drifts {
        &self.drifts
    }

    pub(crate) fn keeping(&self) -> &tokio::sync::Mutex<()> {
        &self.keeping
    }

    /// Registers a challenge: its component is fetched, looked at and, if it is to be active, loaded before
    /// anything is written. The token is in this answer and nowhere else.
    pub async fn challenge_create(
        &self,
        new: NewChallenge,
    ) -> Result<(Challenge, PlainToken), RegistryError> {
        Status::Draft.can_become(new.status)?;
        let slug = new.slug.clone();
        if self.find(&slug).await?.is_some() {
            return Err(RegistryError::Exists(slug));
        }
        self.loader.trust().known(new.trust.as_ref())?;
        let facts = self.facts(&new.source, new.trust.as_ref()).await?;
        let token = new_token()?;
        let challenge = record(new, facts, self.loader.limits(), &token)?;
        check::record(self.loader.limits(), &challenge)?;
        let challenge = Box::pin(self.with_image(challenge)).await?;
        if challenge.status == Status::Active && matches!(challenge.runs(), Runs::Component(_)) {
            self.check_start(&challenge).await?;
        }
        let (written, wake) = (challenge.clone(), self.wake());
        let (opener, given) = (self.opener().clone(), token.clone());
        let wake = self
            .store
            .write("challenge_create", move |connection| {
                challenges::insert(connection, &written)?;
                if written.has_image() {
                    opener.keep_token(connection, &written.slug, &given, None)?;
                }
                let first = Version {
                    artifact: written.artifact,
                    version: written.version,
                    change: Change::Registered,
                    by: None,
                    at: written.created_at,
                };
                versions::add(connection, &written.slug, &first, MAX_VERSIONS)?;
                Ok::<_, RegistryError>(wake)
            })
            .await?;
        tracing::info!(challenge.slug = %slug, challenge.status = %challenge.status, "The challenge is registered");
        self.settle(&slug, wake).await;
        Ok((challenge, token))
    }

    /// Every challenge, by slug.
    pub async fn challenge_list(&self) -> Result<Vec<Challenge>, RegistryError> {
        self.store
            .read("challenge_list", challenges::list)
            .await
            .map_err(RegistryError::from)
    }

    /// Where every challenge is meant to stand, by slug.
    pub async fn challenge_statuses(&self) -> Result<Vec<(Slug, Status)>, RegistryError> {
        self.store
            .read("challenge_statuses", challenges::statuses)
            .await
            .map_err(RegistryError::from)
    }

    /// One challenge.
    pub async fn challenge_get(&self, slug: &Slug) -> Result<Challenge, RegistryError> {
        self.find(slug)
            .await?
            .ok_or_else(|| RegistryError::NotFound(slug.clone()))
    }

    /// Changes fields of a challenge. A change that would make an active challenge unable to run is refused.
    pub async fn challenge_patch(
        &self,
        slug: &Slug,
        patch: ChallengePatch,
    ) -> Result<Challenge, RegistryError> {
        for _ in 0..MAX_ATTEMPTS {
            let before = self.challenge_get(slug).await?;
            config::no_secrets(&before.artifact, patch.secrets.as_ref())?;
            let mut after = before.clone();
            if !patch.clone().apply(&mut after)? {
                if matches!(self.observed(slug), Observed::Failed { .. }) {
                    // Asking again for what should be so already: time for another attempt.
                    self.settle(slug, self.wake()).await;
                }
                return Ok(before);
            }
            check::record(self.loader.limits(), &after)?;
            if patch.trust.is_some() {
                self.loader.trust().known(after.trust.as_ref())?;
            }
            if patch.capabilities.is_some() || after.env != before.env {
                self.check_component(&after, &patch).await?;
            }
            // Secrets are changed elsewhere, and wake the reconciler as this does.
            let wanted = |record: &Challenge| Wanted::of(record, None);
            let checked = wanted(&after);
            let starts = before.status != Status::Active || wanted(&before) != checked;
            let loads = after.status == Status::Active && starts;
            if loads {
                match self.check_start(&after).await {
                    // Whoever wants more of a challenge than it shows wants it to stop.
                    Err(RegistryError::Load(LoadError::Untrusted(_))) if trust_alone(&before, &after) => {}
                    checked => checked?,
                }
            }
            let (slug, patch, wake) = (slug.clone(), patch.clone(), self.wake());
            let limits = self.loader.limits().clone();
            let written = self
                .store
                .write("challenge_patch", move |connection| {
                    // Checked was what the record would become from what it was; it may have moved since.
                    let mut record =
                        challenges::get(connection, &slug)?.ok_or(RegistryError::NotFound(slug))?;
                    patch.apply(&mut record)?;
                    check::record(&limits, &record)?;
                    let unchecked = record.status == Status::Active && Wanted::of(&record, None) != checked;
                    let moved = record.status != after.status || record.artifact != after.artifact;
                    if unchecked || moved {
                        return Ok::<_, RegistryError>(None);
                    }
                    record.updated_at = now();
                    challenges::update(connection, &record)?;
                    if loads {
                        // Also when the host dies before the new program takes the old one's place.
                        breakers::delete(connection, &record.slug)?;
                    }
                    Ok(Some((record, wake)))
                })
                .await?;
            if let Some((record, wake)) = written {
                tracing::info!(
                    challenge.slug = %record.slug,
                    challenge.status = %record.status,
                    "The challenge is changed"
                );
                self.settle(&record.slug, wake).await;
                return Ok(record);
            }
        }
        Err(RegistryError::Contended(slug.clone()))
    }

    /// Makes a challenge active. It is loaded first: one that cannot run stays as it was.
    pub async fn challenge_activate(&self, slug: &Slug) -> Result<Challenge, RegistryError> {
        self.change_status(slug, Status::Active).await
    }

    /// Takes a challenge down for now.
    pub async fn challenge_deactivate(&self, slug: &Slug) -> Result<Challenge, RegistryError> {
        self.change_status(slug, Status::Inactive).await
    }

    /// Takes a challenge down by decision.
    pub async fn challenge_disable(&self, slug: &Slug) -> Result<Challenge, RegistryError> {
        self.change_status(slug, Status::Disabled).await
    }

    /// Removes the record of a challenge that is not active. Its state directory stays.
    pub async fn challenge_delete(&self, slug: &Slug) -> Result<(), RegistryError> {
        let (key, wake) = (slug.clone(), self.wake());
        let wake = self
            .store
            .write("challenge_delete", move |connection| {
                match challenges::get(connection, &key)? {
                    None => return Err(RegistryError::NotFound(key)),
                    Some(record) if record.status == Status::Active => {
                        return Err(RegistryError::Active(key));
                    }
                    Some(_) => challenges::delete(connection, &key)?,
                };
                Ok(wake)
            })
            .await?;
        tracing::info!(challenge.slug = %slug, "The challenge is deleted; its state directory stays");
        self.settle(slug, wake).await;
        self.health.forget(slug);
        self.drifts.forget(slug);
        self.loader.logs().forget(slug);
        Ok(())
    }

    /// Gives a challenge another token, which is in this answer and nowhere else. The one before counts for some more time,
    /// where a container that somebody else runs still has it; one of this host is replaced by one that has the new one.
    pub async fn challenge_rotate_token(
        &self,
        slug: &Slug,
        overlap: Duration,
    ) -> Result<(Challenge, PlainToken), RegistryError> {
        if overlap > MAX_TOKEN_OVERLAP {
            let reason = format!("is at most {} seconds", MAX_TOKEN_OVERLAP.as_secs());
            return Err(FieldError::new("overlap_seconds", reason).into());
        }
        let token = new_token()?;
        let (key, wake, opener, given) = (slug.clone(), self.wake(), self.opener().clone(), token.clone());
        let written = self.store.write("token_rotate", move |connection| {
            let mut record = challenges::get(connection, &key)?.ok_or(RegistryError::NotFound(key))?;
            if record.has_image() {
                let until = UnixSeconds(now().0.saturating_add(overlap.as_secs()));
                let before = (!overlap.is_zero()).then_some((record.token_hash, until));
                opener.keep_token(connection, &record.slug, &given, before)?;
            }
            (record.token_hash, record.token_hint) = (given.hash(), given.hint());
            record.updated_at = now();
            challenges::update(connection, &record)?;
            Ok::<_, RegistryError>((record, wake))
        });
        let (record, wake) = written.await?;
        tracing::info!(challenge.slug = %slug, "The challenge has another token");
        self.settle(slug, wake).await;
        Ok((record, token))
    }

    /// Lets miners reach a challenge again that is left alone because it failed too often.
    pub async fn challenge_resume(&self, slug: &Slug) -> Result<Challenge, RegistryError> {
        let challenge = self.challenge_get(slug).await?;
        self.health.of(slug).reset();
        Ok(challenge)
    }

    /// How a challenge that is registered does.
    pub fn health(&self, slug: &Slug) -> Arc<Health> {
        self.health.of(slug)
    }

    /// What a challenge that is registered says and has said.
    pub fn log(&self, slug: &Slug) -> Arc<ChallengeLog> {
        self.loader.logs().of(slug)
    }

    /// Follows that; `None` when too many follow logs already.
    pub fn follow_log(&self, slug: &Slug, level: LogLevel, from: FollowFrom) -> Option<Follower> {
        self.loader.logs().follow(slug, level, from)
    }

    /// What a challenge that runs keeps.
    pub fn usage(&self, slug: &Slug) -> Usage {
        let routes = self.routes.current();
        routes
            .get(slug)
            .map(|route| route.target.usage())
            .unwrap_or_default()
    }

    /// What a challenge's component must show to run, and what it shows.
    pub async fn trust(&self, challenge: &Challenge) -> Option<Shown> {
        self.loader.trust().shown(challenge).await
    }

    /// What is running of a challenge.
    pub fn observed(&self, slug: &Slug) -> Observed {
        self.board.borrow().observed(slug)
    }

    /// What the reconciler sees of everything.
    pub fn board(&self) -> Arc<Board> {
        Arc::clone(&self.board.borrow())
    }

    /// What the compiler is doing.
    pub fn compiler_status(&self) -> CompilerStatus {
        self.loader.compiler_status()
    }

    /// Waits until the reconciler has looked at the whole registry once and every start has ended in some way:
    /// before that, the table of routes says little.
    pub async fn started(&self) {
        // It only fails when the reconciler is gone, which the caller sees by other means.
        let _ = self.board.clone().wait_for(|board| board.settled).await;
    }

    async fn change_status(&self, slug: &Slug, status: Status) -> Result<Challenge, RegistryError> {
        let patch = ChallengePatch {
            status: Some(status),
            ..ChallengePatch::default()
        };
        self.challenge_patch(slug, patch).await
    }

    pub(crate) async fn find(&self, slug: &Slug) -> Result<Option<Challenge>, RegistryError> {
        let slug = slug.clone();
        let found = self.store.read("challenge_get", move |connection| {
            challenges::get(connection, &slug)
        });
        found.await.map_err(|error: StoreError| error.into())
    }

    async fn facts(&self, source: &Source, trust: Option<&TrustPolicy>) -> Result<Facts, RegistryError> {
        let reference = match source {
            Source::Component(reference) => reference,
            Source::Image(image) => {
                let artifact = Artifact::Image(image.clone());
                return Ok(Facts {
                    artifact,
                    exports: None,
                    manifest: None,
                });
            }
        };
        let mut fetched = self.fetch(reference).await?;
        self.loader.trust().check_fetched(trust, &mut fetched).await?;
        let info = self.loader.inspect_bytes(fetched.bytes).await;
        let info = info.map_err(RegistryError::Component)?;
        Ok(Facts {
            artifact: Artifact::Component(fetched.pinned),
            exports: Some(info.capabilities),
            manifest: info.manifest,
        })
    }

    /// Whether the component can do what it is to do, and understands what is set for it.
    async fn check_component(
        &self,
        challenge: &Challenge,
        patch: &ChallengePatch,
    ) -> Result<(), RegistryError> {
        let Artifact::Component(pinned) = &challenge.artifact else {
            return Ok(());
        };
        let info = self.loader.inspect(&pinned.component).await;
        let info = info.map_err(RegistryError::Load)?;
        if let Some(required) = &patch.capabilities {
            exported(required, &info.capabilities)?;
        }
        config::environment(info.manifest.as_ref(), &challenge.env)?;
        Ok(())
    }

    /// Loads the program and lets it go: the compiled code stays in the cache for the reconciler.
    pub(crate) async fn check_start(&self, challenge: &Challenge) -> Result<(), RegistryError> {
        if let Runs::Container(image) = challenge.runs() {
            return Box::pin(self.check_container(challenge, image)).await;
        }
        match self.loader.load(challenge, Start::Rehearsal, |_| ()).await {
            Ok(_) => Ok(()),
            Err(LoadError::Limit(field) | LoadError::Config(field)) => Err(field.into()),
            Err(error) => Err(RegistryError::Load(error)),
        }
    }

    pub(crate) fn wake(&self) -> WakeOnDrop {
        WakeOnDrop(self.notify())
    }

    pub(crate) fn notify(&self) -> Arc<Notify> {
        Arc::clone(&self.wake)
    }

    /// Wakes the reconciler and waits until it has acted on what was just written of a challenge, so that the
    /// next request of the same person meets it.
    pub(crate) async fn settle(&self, slug: &Slug, wake: WakeOnDrop) {
        let mut board = self.board.clone();
        // A pass that has begun may have read the registry before the change.
        let begun = board.borrow().begun;
        drop(wake);
        let acted = board.wait_for(|board| board.ended > begun && !board.starting.contains(slug));
        if tokio::time::timeout(SETTLE, acted).await.is_err() {
            tracing::info!("The reconciler is busy; the change takes effect later");
        }
    }
}

impl Drop for WakeOnDrop {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// Whether one record of a challenge that is and stays active wants another trust than the other, and nothing else that
/// would have to be tried.
fn trust_alone(before: &Challenge, after: &Challenge) -> bool {
    let trusting = |challenge: &Challenge| {
        let trust = after.trust.clone();
        let challenge = Challenge {
            trust,
            ..challenge.clone()
        };
        Wanted::of(&challenge, None)
    };
    before.status == after.status && before.trust != after.trust && trusting(before) == trusting(after)
}
