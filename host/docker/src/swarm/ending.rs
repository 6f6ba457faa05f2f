//! Taking services away with all that is theirs alone.

use std::time::Duration;

use bollard::models::{Task, TaskState};
use tokio::time::{Instant, sleep};

use crate::{
    Engine, EngineError, Owner, Swarm,
    labels::is_ours,
    limits::{CHANGE, TASKS_END},
    refusal::Subject,
};

/// Between two looks whether tasks have ended.
const PAUSE: Duration = Duration::from_millis(100);

impl Engine {
    /// Removes a service of ours with its secrets, and waits until the machine where it ran has ended its container, so that its
    /// GPUs are free, and until this machine has removed it, so that its volumes are. One that is not there is no error. A machine that is out of reach is not waited for without end.
    pub async fn remove_service(&self, owner: &Owner, name: &str) -> Result<(), EngineError> {
        match self.inspect_service(name).await {
            Err(EngineError::NotFound(_)) => {}
            Err(error) => return Err(error),
            Ok(found) if !is_ours(&found.labels, owner) => {
                return Err(EngineError::NotOurs(format!("the service {name}")));
            }
            Ok(found) => {
                let tasks: Vec<Task> = self.tasks("service", name).await?;
                let docker = self.docker().await?;
                let removed = docker.delete_service(name);
                match self.within(CHANGE, Subject::Swarm(name), removed).await {
                    Ok(()) | Err(EngineError::NotFound(_)) => {}
                    Err(error) => return Err(error),
                }
                self.tasks_end(name, &found.id).await?;
                self.containers_go(tasks).await?;
            }
        }
        self.remove_secrets(owner, name).await
    }

    /// Waits until this machine's agent has removed what has ended here.
    async fn containers_go(&self, tasks: Vec<Task>) -> Result<(), EngineError> {
        let by = Instant::now() + TASKS_END;
        let container = |task: Task| task.status?.container_status?.container_id;
        let all = tasks.into_iter().filter_map(container);
        for id in all.filter(|id| !id.is_empty()) {
            while Instant::now() < by {
                match self.inspect(&id).await {
                    Ok(_) => sleep(PAUSE).await,
                    Err(EngineError::NotFound(_)) => break,
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    async fn tasks_end(&self, name: &str, id: &str) -> Result<(), EngineError> {
        let by = Instant::now() + TASKS_END;
        loop {
            // By the beginning of their names: nobody can ask for those of a service that is gone.
            let tasks: Vec<Task> = self.tasks("name", name).await?;
            let of_it = |task: &&Task| task.service_id.as_deref() == Some(id) && may_run(task);
            let left: Vec<&Task> = tasks.iter().filter(of_it).collect();
            if left.is_empty() {
                return Ok(());
            }
            if Instant::now() >= by {
                let Swarm::Manager { node } = self.swarm().await? else {
                    return Ok(());
                };
                // What is here can be waited for; what another machine does that is gone nobody knows.
                return match left.iter().any(|task| task.node_id.as_ref() == Some(&node)) {
                    true => Err(EngineError::InUse(format!("the service {name}"))),
                    false => Ok(()),
                };
            }
            sleep(PAUSE).await;
        }
    }
}

/// Whether there may be a container of it.
fn may_run(task: &Task) -> bool {
    let state = task.status.as_ref().and_then(|status| status.state);
    !matches!(
        state,
        None | Some(
            TaskState::NEW
                | TaskState::PENDING
                | TaskState::COMPLETE
                | TaskState::SHUTDOWN
                | TaskState::FAILED
                | TaskState::REJECTED
                | TaskState::REMOVE
                | TaskState::ORPHANED
        )
    )
}
