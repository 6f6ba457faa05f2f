//! What a service is, as its swarm sees it.

use std::collections::HashMap;

use bollard::models::Service;
use platform_domain::Digest;

use super::task_seen::{NOWHERE, SeenTask, ServiceTask, task};
use crate::SPEC;

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
