//! One bridge network for each challenge: nobody else is in it.

use std::collections::HashMap;

use bollard::{
    models::{NetworkCreateRequest, NetworkInspect},
    query_parameters::InspectNetworkOptions,
};
use platform_domain::Slug;

use crate::{
    Engine, EngineError, Kind, Outside, Owner,
    labels::{is_ours, ours},
    limits::{CHANGE, QUESTION},
    refusal::Subject,
    spec::check_name,
};

/// Whether packets leave with the machine's address, so that answers come back.
const MASQUERADE: &str = "com.docker.network.bridge.enable_ip_masquerade";
/// Whether containers of one network reach each other.
const AMONG_THEMSELVES: &str = "com.docker.network.bridge.enable_icc";
const LOCAL: &str = "local";
const SWARM: &str = "swarm";

impl Engine {
    /// Makes the network of a challenge, or sees that it is as it should be. One of ours that is otherwise is made anew, as long as
    /// nobody is in it; another's is refused.
    pub async fn ensure_network(
        &self,
        owner: &Owner,
        slug: &Slug,
        name: &str,
        outside: Outside,
    ) -> Result<(), EngineError> {
        self.ensure_network_in(owner, slug, name, outside, LOCAL).await
    }

    /// The same for a service of a swarm: known to all of its machines, and on each a bridge of its own, so that a service is reached
    /// like a container by whoever is on the same machine.
    pub async fn ensure_swarm_network(
        &self,
        owner: &Owner,
        slug: &Slug,
        name: &str,
        outside: Outside,
    ) -> Result<(), EngineError> {
        self.ensure_network_in(owner, slug, name, outside, SWARM).await
    }

    async fn ensure_network_in(
        &self,
        owner: &Owner,
        slug: &Slug,
        name: &str,
        outside: Outside,
        scope: &str,
    ) -> Result<(), EngineError> {
        check_name(name, "the name of a network")?;
        match self.network(name).await {
            Err(EngineError::NotFound(_)) => {}
            Err(error) => return Err(error),
            Ok(found) if !is_ours(found.labels.as_ref().unwrap_or(&HashMap::new()), owner) => {
                return Err(EngineError::NotOurs(format!("the network {name}")));
            }
            Ok(found) if is(&found, outside, scope) => return Ok(()),
            Ok(_) => self.remove_network(owner, name).await?,
        }
        let yes = |yes: bool| if yes { "true" } else { "false" }.to_owned();
        let request = NetworkCreateRequest {
            name: name.to_owned(),
            driver: Some("bridge".to_owned()),
            scope: Some(scope.to_owned()),
            internal: Some(outside == Outside::Closed),
            attachable: Some(false),
            labels: Some(ours(owner, Kind::Challenge, slug).into_iter().collect()),
            options: Some(HashMap::from([
                (MASQUERADE.to_owned(), yes(outside == Outside::Open)),
                (AMONG_THEMSELVES.to_owned(), yes(false)),
            ])),
            ..NetworkCreateRequest::default()
        };
        let docker = self.docker().await?;
        let made = docker.create_network(request);
        self.within(CHANGE, Subject::Network(name), made).await.map(drop)
    }

    /// Removes a network of ours; one that is not there is no error.
    pub async fn remove_network(&self, owner: &Owner, name: &str) -> Result<(), EngineError> {
        check_name(name, "the name of a network")?;
        let found = match self.network(name).await {
            Err(EngineError::NotFound(_)) => return Ok(()),
            found => found?,
        };
        if !is_ours(&found.labels.unwrap_or_default(), owner) {
            return Err(EngineError::NotOurs(format!("the network {name}")));
        }
        let docker = self.docker().await?;
        let removed = docker.remove_network(name);
        match self.within(CHANGE, Subject::Network(name), removed).await {
            Err(EngineError::NotFound(_)) => Ok(()),
            removed => removed,
        }
    }

    async fn network(&self, name: &str) -> Result<NetworkInspect, EngineError> {
        let docker = self.docker().await?;
        let asked = docker.inspect_network(name, None::<InspectNetworkOptions>);
        self.within(QUESTION, Subject::Network(name), asked).await
    }
}

fn is(network: &NetworkInspect, outside: Outside, scope: &str) -> bool {
    let masquerade = network
        .options
        .as_ref()
        .and_then(|options| options.get(MASQUERADE));
    let masquerade = masquerade.is_none_or(|value| value == "true");
    network.driver.as_deref() == Some("bridge")
        && network.scope.as_deref() == Some(scope)
        && network.internal == Some(outside == Outside::Closed)
        && masquerade == (outside == Outside::Open)
}
