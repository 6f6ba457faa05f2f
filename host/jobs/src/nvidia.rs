//! What of GPUs is not allowed: more than the operator set, and to speak to NVIDIA's runtime behind the host's back.

use std::collections::BTreeMap;

use platform_domain::GpuRequest;

use crate::{Ceilings, Refused};

/// What NVIDIA's runtime does is decided by variables: which devices, and parts of the machine beside them, a container sees.
const NVIDIA: &str = "NVIDIA_";
/// The one of them that only says which libraries a container finds for what it has.
const LIBRARIES: &str = "NVIDIA_DRIVER_CAPABILITIES";
/// Characters of a name that are shown.
const SHOWN: usize = 64;

pub(crate) fn judge(
    ceilings: &Ceilings,
    gpus: Option<&GpuRequest>,
    env: &BTreeMap<String, String>,
) -> Result<(), Refused> {
    let most = ceilings.gpus;
    match gpus.map(GpuRequest::count) {
        Some(_) if most == 0 => return Err(Refused::NoGpus),
        Some(asked) if asked > most => return Err(Refused::Gpus { asked, most }),
        _ => {}
    }
    let mut names = env.keys();
    match names.find(|name| name.starts_with(NVIDIA) && *name != LIBRARIES) {
        Some(name) => Err(Refused::Variable(name.chars().take(SHOWN).collect())),
        None => Ok(()),
    }
}
