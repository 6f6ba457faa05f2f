//! Challenges that run in containers: what their records want of one, and what becomes of it. Where it runs is the fleet's affair,
//! but for those that somebody else runs.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use platform_docker::{Follow, Output, PullAs};
use platform_domain::{
    Capability, Challenge, DataMode, ImageRef, LogSource, PlainToken, Runs, SecretName, SecretUse,
    SecretValue, Slug, Status, with_causes,
};
use platform_fleet::{Fleet, FleetError, Running, Wish};
use platform_oci::Registries;
use platform_runtime::Container;
use platform_wasm::{Code, Engine, LogBook};
use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    load::{Callable, LoadError, Loaded},
    secrets::{Opener, Tokens},
};

/// What runs containers. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Containers {
    fleet: Fleet,
    /// Who pulls images.
    registries: Registries,
    /// What those are told that may hand in jobs.
    executor: Arc<BTreeMap<String, String>>,
}

/// How often engines are looked over for what nobody wants.
const TIDY_EVERY: Duration = Duration::from_secs(60);
/// Lines of its log that a container had written before the host followed it.
const LOG_TAIL: u32 = 100;
/// Before a log is followed anew that broke off.
const LOG_PAUSE: Duration = Duration::from_secs(5);
/// Stands for the token where a container is only planned.
const NO_TOKEN: &str = "of a rehearsal";

impl Containers {
    pub(crate) fn new(fleet: Fleet, registries: Registries, executor: BTreeMap<String, String>) -> Self {
        Self {
            fleet,
            registries,
            executor: Arc::new(executor),
        }
    }

    /// Where they run.
    pub(crate) const fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// A container that answers: one of ours, started or found again, or one that somebody else runs, of which it is seen when it
    /// is asked.
    pub(crate) async fn load(
        &self,
        secrets: &Opener,
        challenge: &Challenge,
        image: &ImageRef,
    ) -> Result<Loaded, LoadError> {
        let slug = &challenge.slug;
        let Tokens { current, previous } = secrets.token(slug).await?;
        let (address, running) = match &challenge.serving.address {
            Some(address) => (address.clone(), None),
            None => {
                let files = files(secrets, challenge).await?;
                let wish = self.wish(challenge, image, current.clone(), files).await;
                let running = Box::pin(self.fleet.start(&wish)).await?;
                (running.address.clone(), Some(Arc::new(running)))
            }
        };
        // One of ours has the current one.
        let previous = previous.filter(|_| running.is_none());
        let container = Container::new(slug.clone(), address, current, previous);
        Ok(Loaded {
            callable: Callable::Container(container, running),
            rules: Vec::new(),
            code: Code::default(),
        })
    }

    /// Whether a challenge could run in a container, without starting one; and the image by its digest, as far as a registry gave
    /// it one.
    pub(crate) async fn rehearse(
        &self,
        challenge: &Challenge,
        image: &ImageRef,
    ) -> Result<ImageRef, FleetError> {
        let token = PlainToken::from_text(NO_TOKEN);
        let wish = self.wish(challenge, image, token, Vec::new()).await;
        let found = Box::pin(self.fleet.rehearse(&wish)).await?;
        let digests = found.repo_digests.iter();
        let of_repository = digests.filter_map(|text| text.parse::<ImageRef>().ok());
        let mut same = of_repository.filter(|found| found.repository() == image.repository());
        let digest = image.digest().or_else(|| same.next()?.digest());
        Ok(digest.map_or_else(|| image.clone(), |digest| image.pinned(digest)))
    }

    async fn wish(
        &self,
        challenge: &Challenge,
        image: &ImageRef,
        token: PlainToken,
        secrets: Vec<(SecretName, SecretValue)>,
    ) -> Wish {
        let registry = image.repository().split('/').next().unwrap_or_default();
        let user = self.registries.user(registry).await;
        let mut env = challenge.env.clone();
        if challenge.capabilities.contains(&Capability::DockerExecutor) {
            env.extend((*self.executor).clone());
        }
        Wish {
            slug: challenge.slug.clone(),
            image: image.clone(),
            version: challenge.version.clone(),
            capabilities: challenge.capabilities.clone(),
            env,
            secrets,
            pull_as: user.map(|(name, password)| PullAs::User { name, password }),
            token,
            data: challenge.data == DataMode::Exclusive,
            volumes: challenge.volumes.clone(),
            resources: challenge.resources.clone(),
            loosened: challenge.loosened.clone(),
        }
    }

    /// Ends when the container has, and says why. Until then what it writes goes into the challenge's log.
    pub(crate) async fn watch(
        self,
        slug: Slug,
        running: Arc<Running>,
        engine: Engine,
    ) -> (Slug, Arc<Running>, FleetError) {
        let why = tokio::select! {
            why = self.fleet.lost(&running) => why,
            never = self.follow(&slug, &running, engine.logs()) => never,
        };
        (slug, running, why)
    }

    async fn follow(&self, slug: &Slug, running: &Running, logs: &LogBook) -> FleetError {
        let mut tail = LOG_TAIL;
        loop {
            if let Err(error) = self.follow_once(slug, running, logs, tail).await {
                tracing::debug!(challenge.slug = %slug, error = with_causes(&error), "The log of a container breaks off");
            }
            // What is written meanwhile is missed; what was read is not read twice.
            tail = 0;
            sleep(LOG_PAUSE).await;
        }
    }

    async fn follow_once(
        &self,
        slug: &Slug,
        running: &Running,
        logs: &LogBook,
        tail: u32,
    ) -> Result<(), FleetError> {
        let mut lines = self.fleet.logs(running, tail, Follow::Yes).await?;
        while let Some(line) = lines.next().await? {
            let source = match line.output {
                Output::Stdout => LogSource::Stdout,
                Output::Stderr => LogSource::Stderr,
            };
            logs.of(slug).written(source, &line.text);
        }
        Ok(())
    }

    /// Keeps engines free of what nobody wants, until `stop`. `wanted` is `None` while nobody knows.
    pub(crate) async fn keep_tidy(
        self,
        mut wanted: watch::Receiver<Option<BTreeSet<Slug>>>,
        stop: CancellationToken,
    ) {
        loop {
            let now = wanted.borrow_and_update().clone();
            if let Some(now) = now
                && let Err(error) = self.fleet.tidy(&now).await
            {
                tracing::warn!(
                    error = with_causes(&error),
                    "Engines cannot be cleared of what nobody wants"
                );
            }
            tokio::select! {
                () = stop.cancelled() => return,
                // The reconciler has ended.
                changed = wanted.changed() => if changed.is_err() { return },
                () = sleep(TIDY_EVERY) => {}
            }
        }
    }
}

/// Whether the host runs a container of it.
pub(crate) fn has_container(challenge: &Challenge) -> bool {
    challenge.status == Status::Active
        && matches!(challenge.runs(), Runs::Container(_))
        && challenge.serving.address.is_none()
}

/// The secrets of a challenge as files. What its record names must be there.
async fn files(secrets: &Opener, challenge: &Challenge) -> Result<Vec<(SecretName, SecretValue)>, LoadError> {
    let open = secrets.open(&challenge.slug).await?;
    let missing = |name: &&String| !open.iter().any(|secret| secret.name.as_str() == name.as_str());
    if let Some(missing) = challenge.secrets.iter().find(missing) {
        return Err(LoadError::SecretMissing(missing.clone()));
    }
    let readable = open
        .into_iter()
        .filter(|secret| secret.usage == SecretUse::Reveal);
    Ok(readable.map(|secret| (secret.name, secret.value)).collect())
}
