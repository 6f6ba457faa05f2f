//! From a record to a program: the registered bytes, what the manifest asks for, what is granted.

use std::{path::PathBuf, sync::Arc};

use bytes::Bytes;
use platform_domain::{Challenge, ComponentRef, DataMode, Digest, RouteRule, Runs, Slug, TrustPolicy};
use platform_fleet::{FleetError, Running};
use platform_oci::{ContentStore, Fetched, OciError};
use platform_runtime::{Container, MetagraphReader};
use platform_wasm::{
    Code, CompilerStatus, ComponentError, ComponentInfo, DATA, Engine, Limits, LogBook, Program, ProgramSpec,
    Start, StateSpec, Step,
};

use crate::{
    FieldError, SecretError, config,
    containers::Containers,
    limits::{Granted, check_instances},
    secrets::Opener,
    trust::{Trust, Untrusted},
};

/// Why a challenge does not start.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Its container does not run.
    #[error(transparent)]
    Container(#[from] FleetError),
    /// It must have secrets that nobody has set.
    #[error("it was not given the secret {0}; set it with `platform secret set`")]
    SecretMissing(String),
    /// The registered bytes are not in the content store; nothing is fetched while starting.
    #[error(
        "the component {0} is missing from the content store; delete the challenge and register it again"
    )]
    Missing(Digest),
    /// The content store could not give the bytes, or they are damaged.
    #[error("the content store failed")]
    Content(#[source] OciError),
    /// It may not run, whatever it is.
    #[error("the component is not trusted")]
    Untrusted(#[source] Untrusted),
    /// The component does not run on this host.
    #[error("the component is refused")]
    Component(#[from] ComponentError),
    /// It asks for more than this host grants.
    #[error("{}: {}", .0.field, .0.reason)]
    Limit(FieldError),
    /// What it was given in secret cannot be opened.
    #[error("the challenge's secrets cannot be opened")]
    Secrets(#[from] SecretError),
    /// What is set for it is not what it declares.
    #[error("{}: {}", .0.field, .0.reason)]
    Config(FieldError),
}

impl LoadError {
    /// Whether the same bytes can only fail again.
    pub(crate) fn is_of_the_component(&self) -> bool {
        matches!(self, Self::Component(error) if error.is_of_the_component())
    }
}

/// Gets components, looks at them and makes programs of them.
#[derive(Clone)]
pub(crate) struct Loader {
    content: ContentStore,
    trust: Trust,
    engine: Engine,
    state_dir: PathBuf,
    metagraph: MetagraphReader,
    secrets: Opener,
    containers: Containers,
}

/// What can be called.
pub(crate) enum Callable {
    Program(Arc<Program>),
    /// `None`: one that somebody else runs.
    Container(Container, Option<Arc<Running>>),
}

/// What a record has become.
pub(crate) struct Loaded {
    pub(crate) callable: Callable,
    /// The routes its manifest declares.
    pub(crate) rules: Vec<RouteRule>,
    /// Where its code came from.
    pub(crate) code: Code,
}

impl Loader {
    pub(crate) fn new(
        content: ContentStore,
        trust: TrustPolicy,
        engine: Engine,
        state_dir: PathBuf,
        metagraph: MetagraphReader,
        secrets: Opener,
        containers: Containers,
    ) -> Self {
        let trust = Trust::new(trust, content.clone());
        Self {
            content,
            trust,
            engine,
            state_dir,
            metagraph,
            secrets,
            containers,
        }
    }

    /// Where containers run.
    pub(crate) const fn containers(&self) -> &Containers {
        &self.containers
    }

    /// What is wanted of components.
    pub(crate) const fn trust(&self) -> &Trust {
        &self.trust
    }

    /// What opens secrets.
    pub(crate) const fn secrets(&self) -> &Opener {
        &self.secrets
    }

    /// What a program may be granted.
    pub(crate) fn limits(&self) -> &Limits {
        self.engine.limits()
    }

    /// The host's copy of components.
    pub(crate) const fn content(&self) -> &ContentStore {
        &self.content
    }

    /// Fetches what a reference points to now, and keeps it.
    pub(crate) async fn fetch(&self, reference: &ComponentRef) -> Result<Fetched, OciError> {
        self.content.fetch(reference).await
    }

    /// Looks at the component of a digest, from the content store.
    pub(crate) async fn inspect(&self, digest: &Digest) -> Result<ComponentInfo, LoadError> {
        Ok(self.inspect_bytes(self.read(digest).await?).await?)
    }

    /// Looks at a component.
    pub(crate) async fn inspect_bytes(&self, bytes: Bytes) -> Result<ComponentInfo, ComponentError> {
        self.engine.inspect(bytes).await
    }

    /// What challenges say and have said.
    pub(crate) fn logs(&self) -> &LogBook {
        self.engine.logs()
    }

    /// What the compiler is doing.
    pub(crate) fn compiler_status(&self) -> CompilerStatus {
        self.engine.compiler_status()
    }

    /// Makes a program of a record. Takes the compiled code from the engine's cache, or compiles; opens what the
    /// challenge keeps, and migrates its database, or sees whether it could be migrated. The component itself is read only to be compiled.
    pub(crate) async fn load(
        &self,
        challenge: &Challenge,
        start: Start,
        tell: impl Fn(Step),
    ) -> Result<Loaded, LoadError> {
        let pinned = match challenge.runs() {
            Runs::Component(pinned) => pinned,
            Runs::Container(image) => return self.containers.load(&self.secrets, challenge, image).await,
        };
        self.trust.check_start(challenge.trust.as_ref(), pinned).await?;
        let digest = pinned.component;
        let prepared = self.engine.prepare(digest, self.read(&digest), tell).await?;
        let (manifest, code) = (prepared.info().manifest.clone(), prepared.code());
        let granted =
            Granted::new(self.limits(), &challenge.resources, manifest.as_ref()).map_err(LoadError::Limit)?;
        let instances = check_instances(self.limits(), "instances", challenge.data, challenge.instances)
            .map_err(LoadError::Limit)?;
        let env = config::environment(manifest.as_ref(), &challenge.env).map_err(LoadError::Config)?;
        let spec = ProgramSpec {
            slug: challenge.slug.clone(),
            digest,
            data_dir: match challenge.data {
                DataMode::None => None,
                DataMode::Exclusive => Some(self.dir(&challenge.slug).join(DATA)),
            },
            env,
            instances,
            memory: granted.memory,
            disk: granted.disk,
            grants: challenge.granted(),
            outbound: challenge.outbound.clone(),
            secrets: self.secrets.open(&challenge.slug).await?,
            state: Some(StateSpec {
                dir: self.dir(&challenge.slug),
                database: granted.database,
                blobs: granted.blobs,
            }),
            metagraph: self.metagraph.clone().into_inner(),
            start,
            route_deadline: granted.route_deadline,
            weights_deadline: granted.weights_deadline,
        };
        let program = self.engine.start(prepared, spec).await?;
        Ok(Loaded {
            callable: Callable::Program(Arc::new(program)),
            rules: manifest.map(|manifest| manifest.routes).unwrap_or_default(),
            code,
        })
    }

    /// Outlives the record: deleting a challenge keeps its data.
    pub(crate) fn dir(&self, slug: &Slug) -> PathBuf {
        self.challenges_dir().join(slug.as_str())
    }

    /// Where each challenge has a directory.
    pub(crate) fn challenges_dir(&self) -> PathBuf {
        self.state_dir.join("challenges")
    }

    /// What runs components, and knows what they have open.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    async fn read(&self, digest: &Digest) -> Result<Bytes, LoadError> {
        let found = self.content.read(digest).await.map_err(LoadError::Content)?;
        found.ok_or(LoadError::Missing(*digest))
    }
}
