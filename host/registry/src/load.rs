//! From a record to a program: the registered bytes, what the manifest asks for, what is granted.

use std::{path::PathBuf, sync::Arc};

use bytes::Bytes;
use platform_domain::{Artifact, Challenge, ComponentRef, DataMode, Digest, RouteRule};
use platform_oci::{ContentStore, Fetched, OciError};
use platform_wasm::{ComponentError, ComponentInfo, Engine, Limits, Program, ProgramSpec, inspect};

use crate::{
    FieldError,
    limits::{Granted, check_instances},
};

/// Why a challenge does not start.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// This host runs components only.
    #[error("it is a container image, and this host runs components only")]
    Image,
    /// The registered bytes are not in the content store; nothing is fetched while starting.
    #[error(
        "the component {0} is missing from the content store; delete the challenge and register it again"
    )]
    Missing(Digest),
    /// The content store could not give the bytes, or they are damaged.
    #[error("the content store failed")]
    Content(#[source] OciError),
    /// The component does not run on this host.
    #[error("the component is refused")]
    Component(#[source] ComponentError),
    /// It asks for more than this host grants.
    #[error("{}: {}", .0.field, .0.reason)]
    Limit(FieldError),
}

/// Gets components, looks at them and makes programs of them.
#[derive(Clone)]
pub(crate) struct Loader {
    content: ContentStore,
    engine: Engine,
    state_dir: PathBuf,
}

/// A program that can be called.
pub(crate) struct Loaded {
    pub(crate) program: Arc<Program>,
    /// The routes its manifest declares.
    pub(crate) rules: Vec<RouteRule>,
}

impl Loader {
    pub(crate) fn new(content: ContentStore, engine: Engine, state_dir: PathBuf) -> Self {
        Self {
            content,
            engine,
            state_dir,
        }
    }

    /// What a program may be granted.
    pub(crate) fn limits(&self) -> &Limits {
        self.engine.limits()
    }

    /// Fetches what a reference points to now, and keeps it.
    pub(crate) async fn fetch(&self, reference: &ComponentRef) -> Result<Fetched, OciError> {
        self.content.fetch(reference).await
    }

    /// Looks at the component of a digest, from the content store.
    pub(crate) async fn inspect(&self, digest: &Digest) -> Result<ComponentInfo, LoadError> {
        let bytes = self.read(digest).await?;
        inspect_bytes(bytes).await.map_err(LoadError::Component)
    }

    /// Makes a program of a record. Compiles, or takes the compiled code from the engine's cache; opens the
    /// challenge's data directory.
    pub(crate) async fn load(&self, challenge: &Challenge) -> Result<Loaded, LoadError> {
        let Artifact::Component(pinned) = &challenge.artifact else {
            return Err(LoadError::Image);
        };
        let digest = pinned.component;
        let bytes = self.read(&digest).await?;
        let info = inspect_bytes(bytes.clone()).await.map_err(LoadError::Component)?;
        let granted = Granted::new(self.limits(), &challenge.resources, info.manifest.as_ref())
            .map_err(LoadError::Limit)?;
        let instances = check_instances(self.limits(), "instances", challenge.data, challenge.instances)
            .map_err(LoadError::Limit)?;
        let spec = ProgramSpec {
            slug: challenge.slug.clone(),
            digest,
            data_dir: match challenge.data {
                DataMode::None => None,
                DataMode::Exclusive => Some(self.data_dir(challenge)),
            },
            env: challenge.env.clone(),
            instances,
            memory: granted.memory,
            disk: granted.disk,
            route_deadline: granted.route_deadline,
            weights_deadline: granted.weights_deadline,
        };
        let program = self
            .engine
            .load(bytes, spec)
            .await
            .map_err(LoadError::Component)?;
        let rules = info.manifest.map(|manifest| manifest.routes).unwrap_or_default();
        Ok(Loaded {
            program: Arc::new(program),
            rules,
        })
    }

    /// Outlives the record: deleting a challenge keeps its data.
    fn data_dir(&self, challenge: &Challenge) -> PathBuf {
        self.state_dir
            .join("challenges")
            .join(challenge.slug.as_str())
            .join("data")
    }

    async fn read(&self, digest: &Digest) -> Result<Bytes, LoadError> {
        let found = self.content.read(digest).await.map_err(LoadError::Content)?;
        found.ok_or(LoadError::Missing(*digest))
    }
}

/// Validating a large component takes a while, so not on a thread that serves others.
pub(crate) async fn inspect_bytes(bytes: Bytes) -> Result<ComponentInfo, ComponentError> {
    let looking = tokio::task::spawn_blocking(move || inspect(&bytes));
    looking
        .await
        .map_err(|error| ComponentError::Host(error.to_string()))?
}
