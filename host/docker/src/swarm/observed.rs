//! What a service is, as its swarm sees it.

use std::{collections::HashMap, net::IpAddr};

use bollard::models::{Service, Task, TaskState};
use platform_domain::{Digest, Slug};
use serde::Deserialize;

use crate::{SLUG, SPEC, limits::MESSAGE_CHARS, text::shown};

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
        /// Whether there is a machine for it, which is fetching the image or starting it.
        placed: bool,
        /// In the swarm's words; empty where it says nothing.
        why: String,
    },
    /// Runs.
    Running {
        /// The machine, by its id in the swarm.
        node: String,
        /// The container there, by its id on that machine's engine.
        container: String,
        /// Its address in a network over all machines; only the machine itself tells one in a bridge.
        address: Option<IpAddr>,
    },
    /// Ended, or could not be started.
    Ended {
        /// What the program said, if it ran.
        code: Option<i64>,
        /// In the swarm's words.
        why: String,
    },
}

/// A task with what the library leaves out.
#[derive(Deserialize)]
pub(super) struct SeenTask {
    #[serde(flatten)]
    task: Task,
    #[serde(rename = "NetworksAttachments", default)]
    networks: Option<Vec<Attachment>>,
}

#[derive(Deserialize)]
struct Attachment {
    /// `10.0.1.9/24`.
    #[serde(rename = "Addresses", default)]
    addresses: Option<Vec<String>>,
}

impl ObservedService {
    /// Which challenge it belongs to.
    pub fn slug(&self) -> Option<Slug> {
        self.labels.get(SLUG)?.parse().ok()
    }
}

pub(super) fn observed(service: Service, mut tasks: Vec<SeenTask>) -> ObservedService {
    let spec = service.spec.unwrap_or_default();
    let labels = spec.labels.unwrap_or_default();
    // Written so that text is ordered like time.
    tasks.sort_by(|one, other| one.task.created_at.cmp(&other.task.created_at));
    ObservedService {
        id: service.id.unwrap_or_default(),
        name: spec.name.unwrap_or_default(),
        spec: labels.get(SPEC).and_then(|digest| digest.parse().ok()),
        labels,
        task: tasks.pop().map_or(NOWHERE, task),
    }
}

/// Its swarm has not looked at it yet.
const NOWHERE: ServiceTask = ServiceTask::Waiting {
    placed: false,
    why: String::new(),
};

fn task(SeenTask { task, networks }: SeenTask) -> ServiceTask {
    let status = task.status.unwrap_or_default();
    let why = shown(&status.err.unwrap_or_default(), MESSAGE_CHARS);
    let container = status.container_status.unwrap_or_default();
    match status.state {
        Some(TaskState::RUNNING) => ServiceTask::Running {
            node: task.node_id.unwrap_or_default(),
            container: container.container_id.unwrap_or_default(),
            address: networks.into_iter().flatten().find_map(address),
        },
        Some(
            TaskState::COMPLETE
            | TaskState::SHUTDOWN
            | TaskState::FAILED
            | TaskState::REJECTED
            | TaskState::REMOVE
            | TaskState::ORPHANED,
        ) => ServiceTask::Ended {
            code: container
                .container_id
                .filter(|id| !id.is_empty())
                .and(container.exit_code),
            why,
        },
        _ => ServiceTask::Waiting {
            placed: task.node_id.is_some_and(|node| !node.is_empty()),
            why,
        },
    }
}

fn address(attachment: Attachment) -> Option<IpAddr> {
    let first = attachment.addresses?.into_iter().next()?;
    first.split('/').next()?.parse().ok()
}
