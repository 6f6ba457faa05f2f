//! A challenge as a service of a swarm, for engines that are managers: the swarm finds a machine with the GPUs.
//!
//! One replica, never restarted by the swarm, closed as far as its API allows: what that lacks is among the warnings of
//! [`Engine::create_service`]. Whose its volumes are nobody can arrange from here: that is the image's affair. Its network is
//! a bridge on the machine where it runs, so it is reached by its address from there.

mod observed;
mod secrets;
mod task;

use bollard::{models::ServiceCreateResponse, query_parameters::ListServicesOptions};

use crate::{
    ContainerSpec, Created, Engine, EngineError, Image, Kind, Owner, PullAs,
    labels::{filter, is_ours},
    limits::{CHANGE, QUESTION},
    refusal::Subject,
    spec::check_name,
};

pub use observed::{ObservedService, ServiceTask};

/// A container as a service.
#[derive(Clone, Debug)]
pub struct ServiceSpec {
    /// The container. GPUs only by number: a swarm knows no others.
    pub container: ContainerSpec,
    /// On which machines it may run: `node.labels.gpu==a100`.
    pub constraints: Vec<String>,
    /// What its GPUs are called among the generic resources of the machines: `NVIDIA-GPU`.
    pub gpu_kind: String,
}

impl Engine {
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
        let secrets = self.make_secrets(container, plan.user()).await?;
        let request = task::service(spec, image, plan, secrets)?;
        let path = "/services/create";
        let made: Result<ServiceCreateResponse, _> =
            self.post(CHANGE, path, &request, credentials, subject).await;
        match made {
            Ok(made) => {
                let mut warnings = made.warnings.unwrap_or_default();
                warnings.extend(task::not_enforced(spec, self.minor()).map(str::to_owned));
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

    /// What a service is, and how its newest task does.
    pub async fn inspect_service(&self, name: &str) -> Result<ObservedService, EngineError> {
        check_name(name, "the name of a service")?;
        let subject = Subject::Swarm(name);
        let found = self.get(&format!("/services/{name}"), subject).await?;
        // The JSON of the filter, in the alphabet of a query.
        let path = format!("/tasks?filters=%7B%22service%22%3A%5B%22{name}%22%5D%7D");
        let tasks = self.get(&path, subject).await?;
        Ok(observed::observed(found, tasks))
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

    /// Removes a service of ours with its secrets; one that is not there is no error. The machine where it ran stops its container a
    /// moment later.
    pub async fn remove_service(&self, owner: &Owner, name: &str) -> Result<(), EngineError> {
        match self.inspect_service(name).await {
            Err(EngineError::NotFound(_)) => {}
            Err(error) => return Err(error),
            Ok(found) if !is_ours(&found.labels, owner) => {
                return Err(EngineError::NotOurs(format!("the service {name}")));
            }
            Ok(_) => {
                let docker = self.docker().await?;
                let removed = docker.delete_service(name);
                match self.within(CHANGE, Subject::Swarm(name), removed).await {
                    Ok(()) | Err(EngineError::NotFound(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        self.remove_secrets(owner, name).await
    }
}
