//! The network of a challenge that is a service of a swarm: nobody is in it but the challenge and those of the host's own that reach
//! it.
//!
//! A network over all machines is entered by each machine of its own, and what a machine is in is part of the machine. Swarm looks
//! at all tasks of a machine that changes, takes one with a GPU by its name for one that the machine has not any more, and ends it:
//! "assigned node no longer meets constraints" (`HasResource` in swarmkit's `constraint_enforcer.go`, where it should be its
//! opposite). A swarm of one machine needs no such network, and gets a bridge, with which no machine changes. With more machines,
//! something of the host has to be in the network on each of them before the challenge comes.

use std::{collections::HashMap, time::Duration};

use bollard::models::{Network, NetworkCreateRequest};
use platform_domain::Slug;
use tokio::time::{Instant, sleep};

use crate::{
    Engine, EngineError, Kind, Outside, Owner,
    labels::ours,
    limits::{CHANGE, TASKS_END},
    network::{AMONG_THEMSELVES, MASQUERADE},
    refusal::Subject,
    spec::check_name,
};

/// How far a network of a swarm reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// A bridge on the machine where its containers are.
    OneMachine,
    /// All machines of the swarm.
    AllMachines,
}

/// Before a network that is in use is tried again.
const PAUSE: Duration = Duration::from_millis(200);
const SWARM: &str = "swarm";

impl Engine {
    /// Makes the network of a challenge's service, or sees that it is as it should be. One of ours that is otherwise is made anew, as
    /// long as nobody is in it; another's is refused. Containers of this engine may be in it, too.
    pub async fn ensure_swarm_network(
        &self,
        owner: &Owner,
        slug: &Slug,
        name: &str,
        (outside, span): (Outside, Span),
    ) -> Result<(), EngineError> {
        check_name(name, "the name of a network")?;
        let found = self.own_networks(owner, name).await?;
        match found.first() {
            None => {}
            Some(first) if is(first, outside, span) => return Ok(()),
            Some(_) => self.remove_network(owner, name).await?,
        }
        let yes = |yes: bool| if yes { "true" } else { "false" }.to_owned();
        let bridge = HashMap::from([
            (MASQUERADE.to_owned(), yes(outside == Outside::Open)),
            // Whoever reaches the challenge is in its network.
            (AMONG_THEMSELVES.to_owned(), yes(true)),
        ]);
        let request = NetworkCreateRequest {
            name: name.to_owned(),
            driver: Some(span.driver().to_owned()),
            scope: Some(SWARM.to_owned()),
            internal: Some(outside == Outside::Closed),
            attachable: Some(true),
            labels: Some(ours(owner, Kind::Challenge, slug).into_iter().collect()),
            options: (span == Span::OneMachine).then_some(bridge),
            ..NetworkCreateRequest::default()
        };
        let docker = self.docker().await?;
        let made = docker.create_network(request);
        self.within(CHANGE, Subject::Network(name), made).await?;
        Ok(())
    }

    /// Removes a network of ours; one that is not there is no error. Waits for tasks that are about to leave it, and until the engine
    /// itself has forgotten it: another one of the same name would be taken for it.
    pub async fn remove_swarm_network(&self, owner: &Owner, name: &str) -> Result<(), EngineError> {
        let by = Instant::now() + TASKS_END;
        loop {
            match self.remove_network(owner, name).await {
                Err(EngineError::InUse(_)) if Instant::now() < by => {}
                removed => removed?,
            }
            if self.own_networks(owner, name).await?.is_empty() {
                return Ok(());
            }
            if Instant::now() >= by {
                return Err(EngineError::InUse(format!("the network {name}")));
            }
            sleep(PAUSE).await;
        }
    }
}

impl Span {
    const fn driver(self) -> &'static str {
        match self {
            Self::OneMachine => "bridge",
            Self::AllMachines => "overlay",
        }
    }
}

fn is(network: &Network, outside: Outside, span: Span) -> bool {
    network.driver.as_deref() == Some(span.driver())
        && network.scope.as_deref() == Some(SWARM)
        && network.internal == Some(outside == Outside::Closed)
        && network.attachable == Some(true)
}
