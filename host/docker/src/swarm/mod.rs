//! A challenge as a service of a swarm, for engines that are managers: the swarm finds a machine with the GPUs.
//!
//! One replica, never restarted by the swarm, closed as far as its API allows: what that lacks is among the warnings of
//! [`Engine::create_service`]. Its volumes are on the machine of this engine, so one that has any runs there and nowhere else. It is
//! reached from its [network](network).

mod ending;
mod network;
mod nodes;
mod observed;
mod secrets;
mod slugs;
mod task;
mod task_seen;

use bollard::{models::ServiceCreateResponse, query_parameters::ListServicesOptions};
use serde::de::DeserializeOwned;

use crate::{
    ContainerSpec, Created, Engine, EngineError, Image, Kind, Owner, PullAs, SpecError, Swarm, User,
    labels::filter,
    limits::{CHANGE, QUESTION},
    prepare::Files,
    refusal::Subject,
    spec::check_name,
};

pub use network::Span;
pub use nodes::SwarmNode;
pub use observed::ObservedService;
pub use task_seen::ServiceTask;

/// A container as a service.
#[derive(Clone, Debug)]
pub struct ServiceSpec {
    /// The container. GPUs only by number: a swarm knows no others.
    pub container: ContainerSpec,
    /// On which machines it may run: `node.labels.gpu==a100`.
    pub constraints: Vec<String>,
    /// What its GPUs are called among the generic resources of the machines: `NVIDIA-GPU`.
    pub gpu_kind: String,
    /// How many there are of it.
    pub copies: Copies,
}

/// How many containers a service has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copies {
    /// One, which nobody starts again when it has ended.
    One,
    /// One on each machine, started again whenever it has ended.
    Everywhere,
}

impl ServiceSpec {
    /// Refuses what a container may have and a service may not.
    pub fn check(&self) -> Result<(), SpecError> {
        self.container.check()?;
        task::check(self)
    }
}

impl Engine {
    /// What a service of this engine is not kept from, in a few words each.
    pub fn service_gaps(&self) -> impl Iterator<Item = &'static str> {
        task::gaps(self.minor()).map(|(short, _)| short)
    }

    /// Makes a service with its secrets; the swarm starts it by itself. Its network must be there: see
    /// [`Engine::ensure_swarm_network`]. `credentials` are handed to the machine that fetches the image.
    pub async fn create_service(
        &self,
        spec: &ServiceSpec,
        image: &Image,
        credentials: Option<&PullAs>,
    ) -> Result<Created, EngineError> {
        let container = &spec.container;
        let plan = container.plan(image)?;
        task::check(spec)?;
        let subject = Subject::Swarm(&container.name);
        let home = self.home(container, image, plan.user()).await?;
        let secrets = self.make_secrets(container, plan.user()).await?;
        let request = task::service(spec, home, image, plan, secrets)?;
        let path = "/services/create";
        let made: Result<ServiceCreateResponse, _> =
            self.post(CHANGE, path, &request, credentials, subject).await;
        match made {
            Ok(made) => {
                let mut warnings = made.warnings.unwrap_or_default();
                warnings.extend(task::gaps(self.minor()).map(|(_, long)| long.to_owned()));
                let id = made.id.unwrap_or_default();
                Ok(Created { id, warnings })
            }
            // Whoever has the name keeps the secrets, too.
            Err(error @ EngineError::NameTaken(_)) => Err(error),
            Err(error) => {
                drop(self.remove_secrets(&container.owner, &container.name).await);
                Err(error)
            }
        }
    }

    /// Makes its volumes on this machine and gives them to their user, as for a container. Gives the machine, on which it has to
    /// run then.
    async fn home(
        &self,
        container: &ContainerSpec,
        image: &Image,
        user: &User,
    ) -> Result<Option<String>, EngineError> {
        if container.volumes.is_empty() {
            return Ok(None);
        }
        let Swarm::Manager { node } = self.swarm().await? else {
            let message = "it is not the manager of a swarm any more".to_owned();
            return Err(EngineError::Engine { status: 503, message });
        };
        for volume in container.volumes.keys() {
            self.ensure_volume(&container.owner, &container.slug, volume)
                .await?;
        }
        let mut without = container.clone();
        without.secrets.clear();
        self.prepare(&without, image, user, &Files::default()).await?;
        Ok(Some(node))
    }

    /// What a service is, and how its newest task does.
    pub async fn inspect_service(&self, name: &str) -> Result<ObservedService, EngineError> {
        check_name(name, "the name of a service")?;
        let subject = Subject::Swarm(name);
        let found = self.get(&format!("/services/{name}"), subject).await?;
        let tasks = self.tasks("service", name).await?;
        Ok(observed::observed(found, tasks))
    }

    /// Tasks by a filter of the engine.
    async fn tasks<T: DeserializeOwned>(&self, filter: &str, value: &str) -> Result<Vec<T>, EngineError> {
        check_name(value, "the name of a service")?;
        // The JSON of the filter, in the alphabet of a query.
        let path = format!("/tasks?filters=%7B%22{filter}%22%3A%5B%22{value}%22%5D%7D");
        self.get(&path, Subject::Swarm(value)).await
    }

    /// The names of all services of this owner.
    pub async fn list_services(&self, owner: &Owner) -> Result<Vec<String>, EngineError> {
        let docker = self.docker().await?;
        let options = ListServicesOptions {
            filters: Some(filter(owner, Some(Kind::Challenge))),
            ..ListServicesOptions::default()
        };
        let listed = self
            .within(QUESTION, Subject::Engine, docker.list_services(Some(options)))
            .await?;
        Ok(listed
            .into_iter()
            .filter_map(|service| service.spec?.name)
            .collect())
    }
}
