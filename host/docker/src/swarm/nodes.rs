//! The machines of a swarm, as far as somebody who puts a service there has to know them.

use std::collections::{BTreeMap, BTreeSet};

use bollard::models::{
    GenericResources, GenericResourcesInner, Node, NodeSpecAvailabilityEnum, NodeState, SystemInfo, Task,
    TaskState,
};

use crate::{
    Engine, EngineError, Swarm,
    describe::swarm,
    limits::{LIST, TEXT_CHARS},
    refusal::Subject,
    text::shown,
};

/// A machine of a swarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwarmNode {
    /// Its id in the swarm.
    pub id: String,
    /// Whether it is there and takes tasks.
    pub ready: bool,
    /// What an operator wrote on it (`docker node update --label-add`).
    pub labels: BTreeMap<String, String>,
    /// What its generic resources are called: `NVIDIA-GPU`.
    pub resources: BTreeSet<String>,
}

impl Engine {
    /// What the engine is in a swarm now.
    pub async fn swarm(&self) -> Result<Swarm, EngineError> {
        let info: SystemInfo = self.get("/info", Subject::Engine).await?;
        Ok(info.swarm.map_or(Swarm::Inactive, swarm))
    }

    /// The machines of the swarm whose manager this is.
    pub async fn nodes(&self) -> Result<Vec<SwarmNode>, EngineError> {
        let nodes: Vec<Node> = self.get("/nodes", Subject::Engine).await?;
        Ok(nodes.into_iter().map(node).collect())
    }
}

impl Engine {
    /// The machines, by their ids, on which a service has a container that runs.
    pub async fn machines_of(&self, service: &str) -> Result<BTreeSet<String>, EngineError> {
        let tasks: Vec<Task> = self.tasks("service", service).await?;
        let runs = |task: &Task| {
            let state = task.status.as_ref().and_then(|status| status.state);
            state == Some(TaskState::RUNNING)
        };
        Ok(tasks
            .into_iter()
            .filter(runs)
            .filter_map(|task| task.node_id)
            .collect())
    }
}

fn node(node: Node) -> SwarmNode {
    let spec = node.spec.unwrap_or_default();
    let state = node.status.and_then(|status| status.state);
    let resources = node.description.and_then(|told| told.resources);
    let short = |text: String| shown(&text, TEXT_CHARS);
    let labels = spec.labels.unwrap_or_default().into_iter().take(LIST);
    SwarmNode {
        id: short(node.id.unwrap_or_default()),
        ready: state == Some(NodeState::READY) && spec.availability == Some(NodeSpecAvailabilityEnum::ACTIVE),
        labels: labels.map(|(name, value)| (short(name), short(value))).collect(),
        resources: kinds(resources.and_then(|it| it.generic_resources).unwrap_or_default()),
    }
}

fn kinds(resources: GenericResources) -> BTreeSet<String> {
    let kind = |one: GenericResourcesInner| {
        let GenericResourcesInner {
            named_resource_spec: named,
            discrete_resource_spec: counted,
        } = one;
        let kind = named.and_then(|it| it.kind);
        kind.or_else(|| counted.and_then(|it| it.kind))
    };
    let all = resources.into_iter().filter_map(kind);
    let short = all.map(|text| shown(&text, TEXT_CHARS));
    short.collect::<BTreeSet<_>>().into_iter().take(LIST).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_machine_is_known_by_its_state_its_labels_and_what_it_has() {
        let told = json!({
            "ID": "n1",
            "Spec": { "Labels": { "platform.gpu-kind": "a100" }, "Availability": "active" },
            "Status": { "State": "ready" },
            "Description": { "Resources": { "GenericResources": [
                { "NamedResourceSpec": { "Kind": "NVIDIA-GPU", "Value": "GPU-1" } },
                { "NamedResourceSpec": { "Kind": "NVIDIA-GPU", "Value": "GPU-2" } },
                { "DiscreteResourceSpec": { "Kind": "SSD", "Value": 3 } },
            ] } },
        });
        let seen = node(serde_json::from_value(told.clone()).unwrap());
        assert!(seen.ready);
        assert_eq!(seen.labels["platform.gpu-kind"], "a100");
        assert_eq!(Vec::from_iter(seen.resources), ["NVIDIA-GPU", "SSD"]);
        for (at, value) in [("Availability", "drain"), ("State", "down")] {
            let mut told = told.clone();
            let place = if at == "State" { "Status" } else { "Spec" };
            told[place][at] = value.into();
            assert!(!node(serde_json::from_value(told).unwrap()).ready, "{value}");
        }
    }
}
