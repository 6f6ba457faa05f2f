//! What becomes of a service.

use std::net::IpAddr;

use platform_docker::{Engine, EngineError, ServiceTask};
use tokio::time::{Instant, sleep};

use crate::{
    FleetError, Running,
    limits::{FETCH_TIME, PLACE_TIME, READY_PAUSE, READY_QUESTION},
    ready::{Program, last_words},
};

/// The container of a service that runs.
pub(super) struct Placed {
    pub(super) node: String,
    pub(super) container: String,
    pub(super) address: Option<IpAddr>,
}

/// Waits until a service runs. Fails soon when its swarm has no machine for it, and at once when it has ended.
pub(super) async fn placed(engine: &Engine, service: &str) -> Result<Placed, FleetError> {
    let begun = Instant::now();
    loop {
        match seen(engine, service).await? {
            ServiceTask::Running {
                node,
                container,
                address,
            } => {
                return Ok(Placed {
                    node,
                    container,
                    address,
                });
            }
            ServiceTask::Waiting { placed: false, why } if begun.elapsed() >= PLACE_TIME => {
                return Err(FleetError::NoMachine {
                    within: PLACE_TIME,
                    why,
                });
            }
            ServiceTask::Waiting { .. } if begun.elapsed() >= FETCH_TIME => {
                return Err(FleetError::NeverReady {
                    within: FETCH_TIME,
                    why: "its machine has not started it".to_owned(),
                    said: String::new(),
                });
            }
            ServiceTask::Waiting { .. } => sleep(READY_PAUSE).await,
            ServiceTask::Ended { code, why } => return Err(ended(engine, service, code, why).await),
        }
    }
}

/// The address of a service's container on the manager's own machine, which one that has ended has not any more.
pub(super) async fn address(engine: &Engine, service: &str, container: &str) -> Result<IpAddr, FleetError> {
    let by = Instant::now() + READY_QUESTION;
    loop {
        let found = match engine.inspect(container).await {
            Err(EngineError::NotFound(_)) => None,
            found => found?.address,
        };
        match found {
            Some(address) => return Ok(address),
            None if Instant::now() >= by => return Err(FleetError::NoAddress),
            // Its swarm may not know yet that it has ended.
            None => still_runs(engine, service).await?,
        }
        sleep(READY_PAUSE).await;
    }
}

/// Whether a service does what it did.
pub(crate) async fn look(engine: &Engine, running: &Running, service: &str) -> Result<(), FleetError> {
    match seen(engine, service).await? {
        ServiceTask::Running { container, .. } if container == running.container => Ok(()),
        // Somebody has changed it, so that its swarm started it anew.
        ServiceTask::Running { .. } | ServiceTask::Waiting { .. } => Err(FleetError::Moved),
        ServiceTask::Ended { code, why } => Err(ended(engine, service, code, why).await),
    }
}

/// Fails when a service has ended.
pub(crate) async fn still_runs(engine: &Engine, service: &str) -> Result<(), FleetError> {
    match seen(engine, service).await? {
        ServiceTask::Running { .. } => Ok(()),
        ServiceTask::Waiting { .. } => Err(FleetError::Moved),
        ServiceTask::Ended { code, why } => Err(ended(engine, service, code, why).await),
    }
}

async fn seen(engine: &Engine, service: &str) -> Result<ServiceTask, FleetError> {
    match engine.inspect_service(service).await {
        Err(EngineError::NotFound(_)) => Err(FleetError::Gone),
        seen => Ok(seen?.task),
    }
}

async fn ended(engine: &Engine, service: &str, code: Option<i64>, why: String) -> FleetError {
    match code {
        Some(code) => FleetError::Ended {
            code,
            oom: false,
            said: last_words(engine, Program::Service(service)).await,
        },
        None => FleetError::EndedBySwarm(why),
    }
}
