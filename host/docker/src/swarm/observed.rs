//! What a service is, as its swarm sees it.

use std::collections::HashMap;

use bollard::models::{Service, Task, TaskState};
use platform_domain::Digest;

use crate::{SPEC, limits::MESSAGE_CHARS, text::shown};

/// A service of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedService {
    /// Its id in the swarm.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What was wanted of it when it was made.
    pub spec: Option<Digest>,
    /// All of its labels.
    pub labels: HashMap<String, String>,
    /// How it does.
    pub task: ServiceTask,
}

/// How a service does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceTask {
    /// Not yet started: no machine has what it needs, or one is fetching the image.
    Waiting {
        /// In the swarm's words; empty where it says nothing.
        why: String,
    },
    /// Runs.
    Running {
        /// The machine, by its id in the swarm.
        node: String,
        /// The container there, by its id on that machine's engine.
        container: String,
    },
    /// Ended, or could not be started.
    Ended {
        /// What the program said, if it ran.
        code: Option<i64>,
        /// In the swarm's words.
        why: String,
    },
}

pub(super) fn observed(service: Service, mut tasks: Vec<Task>) -> ObservedService {
    let spec = service.spec.unwrap_or_default();
    let labels = spec.labels.unwrap_or_default();
    // Written so that text is ordered like time.
    tasks.sort_by(|one, other| one.created_at.cmp(&other.created_at));
    ObservedService {
        id: service.id.unwrap_or_default(),
        name: spec.name.unwrap_or_default(),
        spec: labels.get(SPEC).and_then(|digest| digest.parse().ok()),
        labels,
        task: tasks
            .pop()
            .map_or(ServiceTask::Waiting { why: String::new() }, task),
    }
}

fn task(task: Task) -> ServiceTask {
    let status = task.status.unwrap_or_default();
    let why = shown(&status.err.unwrap_or_default(), MESSAGE_CHARS);
    let container = status.container_status.unwrap_or_default();
    match status.state {
        Some(TaskState::RUNNING) => ServiceTask::Running {
            node: task.node_id.unwrap_or_default(),
            container: container.container_id.unwrap_or_default(),
        },
        Some(
            TaskState::COMPLETE
            | TaskState::SHUTDOWN
            | TaskState::FAILED
            | TaskState::REJECTED
            | TaskState::REMOVE
            | TaskState::ORPHANED,
        ) => ServiceTask::Ended {
            code: container.container_id.and(container.exit_code),
            why,
        },
        _ => ServiceTask::Waiting { why },
    }
}
