//! How a service does, by its newest task.

use std::net::IpAddr;

use bollard::models::{Task, TaskState};
use serde::Deserialize;

use crate::{limits::MESSAGE_CHARS, text::shown};

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
    pub(super) task: Task,
    #[serde(rename = "NetworksAttachments", default)]
    networks: Option<Vec<Attachment>>,
}

#[derive(Deserialize)]
struct Attachment {
    /// `10.0.1.9/24`.
    #[serde(rename = "Addresses", default)]
    addresses: Option<Vec<String>>,
}

/// Its swarm has not looked at it yet.
pub(super) const NOWHERE: ServiceTask = ServiceTask::Waiting {
    placed: false,
    why: String::new(),
};

pub(super) fn task(SeenTask { task, networks }: SeenTask) -> ServiceTask {
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
