//! What a swarm is told of where a challenge may run. All the rest is for its scheduler.

use std::collections::BTreeSet;

use platform_docker::{Span, SwarmNode};

use crate::{FleetError, Wish};

/// The label of a machine that says which GPUs it has, in the words of challenges: `a100`.
const KIND_LABEL: &str = "platform.gpu-kind";

/// Where a service may run, and what its GPUs are called there.
pub(super) struct Placing {
    pub(super) constraints: Vec<String>,
    pub(super) gpu_kind: String,
    pub(super) span: Span,
}

impl Placing {
    /// A kind of GPU is for the swarm to find as soon as one of its machines says which it has; until then it is the whole server's, as
    /// its record says.
    pub(super) fn of(wish: &Wish, nodes: &[SwarmNode]) -> Result<Self, FleetError> {
        let labelled = nodes.iter().any(|node| node.labels.contains_key(KIND_LABEL));
        let wanted = wish.resources.gpu.as_ref().and_then(|gpu| gpu.kind());
        let kind = wanted.filter(|_| labelled);
        Ok(Self {
            constraints: kind
                .map(|kind| format!("node.labels.{KIND_LABEL}=={kind}"))
                .into_iter()
                .collect(),
            gpu_kind: gpu_kind(nodes)?,
            span: match nodes {
                [] | [_] => Span::OneMachine,
                _ => Span::AllMachines,
            },
        })
    }
}

/// What GPUs are called among the generic resources of the machines, when they have one name.
fn gpu_kind(nodes: &[SwarmNode]) -> Result<String, FleetError> {
    let all = nodes.iter().flat_map(|node| &node.resources);
    let told: BTreeSet<&String> = all
        .filter(|kind| kind.to_ascii_lowercase().contains("gpu"))
        .collect();
    match Vec::from_iter(&told).as_slice() {
        [kind] => Ok((**kind).clone()),
        _ => Err(FleetError::NoGpuName(told.into_iter().cloned().collect())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(resources: &[&str], labels: &[(&str, &str)]) -> SwarmNode {
        let labels = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        SwarmNode {
            id: "n".to_owned(),
            ready: true,
            labels: labels.collect(),
            resources: resources.iter().map(|kind| (*kind).to_owned()).collect(),
        }
    }

    #[test]
    fn gpus_have_one_name_in_a_swarm_or_the_operator_is_told() {
        let table: [(&[SwarmNode], Result<&str, &str>); 4] = [
            (&[node(&["NVIDIA-GPU", "SSD"], &[])], Ok("NVIDIA-GPU")),
            (&[node(&[], &[]), node(&["gpu"], &[])], Ok("gpu")),
            (&[node(&["SSD"], &[])], Err("tell of no GPUs")),
            (
                &[node(&["NVIDIA-GPU"], &[]), node(&["gpu"], &[])],
                Err("several names: NVIDIA-GPU, gpu"),
            ),
        ];
        for (nodes, expected) in table {
            match (gpu_kind(nodes), expected) {
                (Ok(kind), Ok(expected)) => assert_eq!(kind, expected),
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
                (found, _) => panic!("{found:?}, and {expected:?}"),
            }
        }
    }
}
