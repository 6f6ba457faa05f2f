//! Making, starting, stopping and removing containers. Everything but looking checks first that the container is ours.

use std::time::Duration;

use bollard::{
    models::{ContainerCreateBody, ContainerCreateResponse},
    query_parameters::{
        ListContainersOptions, RestartContainerOptions, StartContainerOptions, StopContainerOptions,
    },
};
use platform_domain::UnixSeconds;

use crate::{
    ContainerSpec, Engine, EngineError, Image, Kind, Observed, Owner, UNTIL,
    clock::soon,
    labels::filter,
    limits::{CHANGE, MAX_GRACE, QUESTION},
    observed::observed,
    prepare::Files,
    refusal::Subject,
    spec::check_name,
    volume::Bound,
};

/// The name that an engine gave what was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// Its id.
    pub id: String,
    /// What the engine thinks of what was wanted; not an error.
    pub warnings: Vec<String>,
}

impl Engine {
    /// Makes a container with its volumes and secrets, and does not start it. Its network must be there. When anything fails,
    /// nothing is left but volumes with data.
    pub async fn create(&self, spec: &ContainerSpec, image: &Image) -> Result<Created, EngineError> {
        self.create_with(spec, image, None, &Files::default()).await
    }

    /// The same, to be removed by anybody after a moment, and with files in its volumes.
    pub(crate) async fn create_with(
        &self,
        spec: &ContainerSpec,
        image: &Image,
        until: Option<UnixSeconds>,
        files: &Files<'_>,
    ) -> Result<Created, EngineError> {
        let mut plan = spec.plan(image)?;
        if let Some(UnixSeconds(until)) = until {
            let labels = plan.body.labels.get_or_insert_default();
            labels.insert(UNTIL.to_owned(), until.to_string());
        }
        let warnings = self.make(spec, plan.body.clone()).await?;
        match self.prepare(spec, image, &plan.user, files).await {
            Ok(()) => Ok(warnings),
            Err(error) => {
                // What failed first is what counts.
                drop(self.remove(&spec.owner, &spec.name).await);
                Err(error)
            }
        }
    }

    async fn make(&self, spec: &ContainerSpec, body: ContainerCreateBody) -> Result<Created, EngineError> {
        // Whoever comes second must not touch what the first one has.
        match self.inspect(&spec.name).await {
            Err(EngineError::NotFound(_)) => {}
            Ok(_) => return Err(EngineError::NameTaken(spec.name.clone())),
            Err(error) => return Err(error),
        }
        for volume in spec.volumes.keys() {
            self.ensure_volume(&spec.owner, &spec.slug, volume).await?;
        }
        if let Some(secrets) = spec.secrets_volume() {
            // Left behind by a host that was killed; what was in it is not given to this one.
            self.remove_volume(&spec.owner, &secrets).await?;
            let bound = Bound {
                of: &spec.name,
                until: soon().0,
            };
            let of = (spec.kind, &spec.slug);
            self.make_bound_volume(&spec.owner, of, &secrets, bound).await?;
        }
        let path = format!("/containers/create?name={}", spec.name);
        let subject = Subject::Container(&spec.name);
        let made: Result<ContainerCreateResponse, _> = self.post(CHANGE, &path, &body, None, subject).await;
        match made {
            Ok(made) => Ok(Created {
                id: made.id,
                warnings: made.warnings,
            }),
            Err(error) => {
                if let Some(secrets) = spec.secrets_volume() {
                    drop(self.remove_volume(&spec.owner, &secrets).await);
                }
                Err(error)
            }
        }
    }

    /// Starts a container of ours; one that runs stays as it is.
    pub async fn start(&self, owner: &Owner, container: &str) -> Result<(), EngineError> {
        self.own(owner, container).await?;
        let docker = self.docker().await?;
        let started = docker.start_container(container, None::<StartContainerOptions>);
        self.within(CHANGE, Subject::Container(container), started).await
    }

    /// Asks a container of ours to end, and ends it after the grace period, of two minutes at most.
    pub async fn stop(&self, owner: &Owner, container: &str, grace: Duration) -> Result<(), EngineError> {
        self.own(owner, container).await?;
        let (grace, seconds) = bounded(grace);
        let docker = self.docker().await?;
        let options = StopContainerOptions {
            t: Some(seconds),
            signal: None,
        };
        let stopped = docker.stop_container(container, Some(options));
        self.within(grace + CHANGE, Subject::Container(container), stopped)
            .await
    }

    /// Stops and starts a container of ours.
    pub async fn restart(&self, owner: &Owner, container: &str, grace: Duration) -> Result<(), EngineError> {
        self.own(owner, container).await?;
        let (grace, seconds) = bounded(grace);
        let docker = self.docker().await?;
        let options = RestartContainerOptions {
            t: Some(seconds),
            signal: None,
        };
        let restarted = docker.restart_container(container, Some(options));
        self.within(grace + CHANGE, Subject::Container(container), restarted)
            .await
    }

    /// What a container is, by name or id, whoever it belongs to.
    pub async fn inspect(&self, container: &str) -> Result<Observed, EngineError> {
        check_name(container, "the name of a container")?;
        let path = format!("/containers/{container}/json");
        let found = self.get(&path, Subject::Container(container)).await?;
        Ok(observed(found))
    }

    /// The names of all containers of this owner and kind, running or not.
    pub async fn list(&self, owner: &Owner, kind: Kind) -> Result<Vec<String>, EngineError> {
        let docker = self.docker().await?;
        let options = ListContainersOptions {
            all: true,
            filters: Some(filter(owner, Some(kind))),
            ..ListContainersOptions::default()
        };
        let listed = docker.list_containers(Some(options));
        let listed = self.within(QUESTION, Subject::Engine, listed).await?;
        let name = |names: Option<Vec<String>>| names.and_then(|names| names.into_iter().next());
        let names = listed.into_iter().filter_map(|one| name(one.names));
        Ok(names
            .map(|name| name.trim_start_matches('/').to_owned())
            .collect())
    }

    /// The container, if it is ours.
    pub(crate) async fn own(&self, owner: &Owner, container: &str) -> Result<Observed, EngineError> {
        let found = self.inspect(container).await?;
        match found.is_of(owner) {
            true => Ok(found),
            false => Err(EngineError::NotOurs(format!("the container {container}"))),
        }
    }
}

fn bounded(grace: Duration) -> (Duration, i32) {
    let grace = grace.min(MAX_GRACE);
    (grace, i32::try_from(grace.as_secs()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_given_more_than_two_minutes_to_end() {
        for (asked, given) in [(0, 0), (10, 10), (120, 120), (3600, 120), (u64::MAX, 120)] {
            let (grace, seconds) = bounded(Duration::from_secs(asked));
            assert_eq!((grace, seconds), (Duration::from_secs(given), given as i32));
        }
    }
}
