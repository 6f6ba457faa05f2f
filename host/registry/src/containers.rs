//! Challenges that run in containers: what their records want of one, and what becomes of it. Where it runs is the fleet's affair,
//! but for those that somebody else runs.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use platform_docker::{Follow, Output, PullAs, PullCount, PullSum};
use platform_domain::{
    Artifact, Capability, Challenge, DataMode, Digest, ImageRef, LogSource, PlainToken, Resources, Runs,
    SecretName, SecretUse, SecretValue, Slug, Status, with_causes,
};
use platform_fleet::{Fleet, FleetError, Running, Wish};
use platform_oci::{OciError, Registries};
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
    keep_images: usize,
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
    pub(crate) fn new(
        fleet: Fleet,
        registries: Registries,
        executor: BTreeMap<String, String>,
        keep_images: usize,
    ) -> Self {
        Self {
            fleet,
            registries,
            executor: Arc::new(executor),
            keep_images,
        }
    }

    /// Whether jobs of containers are taken.
    pub(crate) fn takes_jobs(&self) -> bool {
        !self.executor.is_empty()
    }

    /// How many images of each challenge stay on engines.
    pub(crate) const fn keep_images(&self) -> usize {
        self.keep_images
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
        let (container, running) = match &challenge.serving.address {
            Some(address) => {
                let container = Container::new(slug.clone(), address.clone(), current, previous);
                (container, None)
            }
            None => {
                let files = files(secrets, challenge).await?;
                let wish = self.wish(challenge, image, current.clone(), files).await;
                let running = Box::pin(self.fleet.start(&wish)).await?;
                // It has the current token, and never had another.
                let container = Container::over(running.upstream(), slug.clone(), current, None);
                (container, Some(Arc::new(running)))
            }
        };
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
        Box::pin(self.fleet.rehearse(&wish)).await
    }

    /// Has an image fetched to where a challenge with these resources would run, and gives it by its digest, as far as a registry
    /// gave it one.
    pub(crate) async fn pull(
        &self,
        resources: &Resources,
        image: &ImageRef,
        mut tell: impl FnMut(PullSum) + Send,
    ) -> Result<ImageRef, FleetError> {
        let (pull_as, gpus) = (self.pull_as(image).await, resources.gpu.as_ref());
        let mut count = PullCount::default();
        let pulled = self
            .fleet
            .pull(gpus, image, pull_as.as_ref(), |line| tell(count.add(line)));
        pulled.await
    }

    /// The digest to which the tag of an image leads now, by the word of its registry. No engine is asked.
    pub(crate) async fn resolve(&self, image: &ImageRef) -> Result<Digest, OciError> {
        self.registries.image_digest(image).await
    }

    /// Who fetches an image, where its registry wants to know.
    async fn pull_as(&self, image: &ImageRef) -> Option<PullAs> {
        let registry = image.repository().split('/').next().unwrap_or_default();
        let (name, password) = self.registries.user(registry).await?;
        Some(PullAs::User { name, password })
    }

    async fn wish(
        &self,
        challenge: &Challenge,
        image: &ImageRef,
        token: PlainToken,
        secrets: Vec<(SecretName, SecretValue)>,
    ) -> Wish {
        let mut env = challenge.env.clone();
        if challenge.capabilities.contains(&Capability::DockerExecutor) {
            if !self.takes_jobs() {
                // It was active before the configuration said so.
                tracing::warn!(challenge.slug = %challenge.slug, "The challenge hands in jobs, and this host takes none over HTTP");
            }
            env.extend((*self.executor).clone());
        }
        Wish {
            slug: challenge.slug.clone(),
            image: image.clone(),
            version: wanted_version(challenge),
            capabilities: challenge.capabilities.clone(),
            env,
            secrets,
            pull_as: self.pull_as(image).await,
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
            let is_known = wanted.borrow_and_update().is_some();
            let is_wanted = |slug: &Slug| {
                wanted
                    .borrow()
                    .as_ref()
                    .is_some_and(|wanted| wanted.contains(slug))
            };
            if is_known && let Err(error) = self.fleet.tidy(is_wanted).await {
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

/// What the `/version` of its container has to say; empty: whatever it does. Whoever follows the tag of an image does not know
/// which version comes next.
pub(crate) fn wanted_version(challenge: &Challenge) -> String {
    match (&challenge.artifact, challenge.follow) {
        (Artifact::Image(_), true) => String::new(),
        _ => challenge.version.clone(),
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
