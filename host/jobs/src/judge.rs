//! From what is asked for to a container, or why not. Whatever is beyond what is allowed is refused by its name, never cut.

use std::time::Duration;

use platform_docker::{ContainerLimits, ContainerSpec, Kind};
use platform_domain::{ByteSize, GpuRequest, Loosened, Slug};

use crate::{
    JobNetwork, JobRequest, JobsConfig, Refused,
    images::is_plain,
    limits::{INPUT_BYTES, INPUTS, JOB_MEMORY, JOB_MILLI_CPUS, JOB_PIDS, JOB_TIMEOUT},
    names::{container_name, network_name},
    nvidia,
};

/// What labels of challenges begin with on an engine. Programs that look at labels of all containers, proxies for instance,
/// find nothing of theirs.
const LABEL: &str = "job.";
/// What labels of the host begin with.
const OURS: &str = "platform.";

/// A job that may run.
#[derive(Debug)]
pub(crate) struct Judged {
    /// Without the GPUs that it gets when its turn has come.
    pub(crate) container: ContainerSpec,
    pub(crate) timeout: Duration,
    pub(crate) gpus: Option<GpuRequest>,
}

/// All but what is in the archives.
pub(crate) fn judge(config: &JobsConfig, slug: &Slug, request: &JobRequest) -> Result<Judged, Refused> {
    let JobRequest {
        image,
        command,
        workdir,
        env,
        labels,
        limits,
        gpus,
        network,
        inputs,
        ..
    } = request;
    if !is_plain(image) {
        return Err(Refused::ImageName);
    }
    if !config.images.allow(image) {
        return Err(Refused::Image);
    }
    if command.is_empty() {
        return Err(Refused::NoCommand);
    }
    let ceilings = &config.ceilings;
    nvidia::judge(ceilings, gpus.as_ref(), env)?;
    let memory = limits
        .memory
        .unwrap_or(ByteSize(JOB_MEMORY.min(ceilings.memory.0)));
    if memory > ceilings.memory {
        let most = ceilings.memory;
        return Err(Refused::Memory { asked: memory, most });
    }
    let most = ceilings.timeout.as_secs();
    let asked = request.timeout_seconds.unwrap_or(JOB_TIMEOUT.as_secs().min(most));
    if !(1..=most).contains(&asked) {
        return Err(Refused::Timeout { asked, most });
    }
    if inputs.len() > INPUTS {
        return Err(Refused::Mounts);
    }
    if request.input_bytes() > INPUT_BYTES {
        return Err(Refused::MountBytes);
    }
    let name = container_name(&config.owner, slug, &request.id(slug));
    let mut container = ContainerSpec::new(config.owner.clone(), Kind::Job, slug.clone(), name.clone());
    if *network == JobNetwork::World {
        if !config.network.contains(slug) {
            return Err(Refused::Network);
        }
        container.network = Some(network_name(&name));
        container.loosened.insert(Loosened::Egress);
    }
    container.limits = ContainerLimits {
        memory,
        // The engine's own, which is little and counts as memory.
        shm: None,
        milli_cpus: within(
            "cpus, in thousandths,",
            limits.milli_cpus,
            JOB_MILLI_CPUS,
            ceilings.milli_cpus,
        )?,
        pids: within("pids_limit", limits.pids, JOB_PIDS, ceilings.pids)?,
    };
    for (name, value) in labels {
        // Refused in the words of the engine's side, before the name has another beginning.
        if name.is_empty() || name.to_ascii_lowercase().starts_with(OURS) {
            let name = name.chars().take(64).collect();
            return Err(platform_docker::SpecError::Label(name).into());
        }
        container.labels.insert(format!("{LABEL}{name}"), value.clone());
    }
    container.command = Some(command.clone());
    container.workdir.clone_from(workdir);
    container.env.clone_from(env);
    container.check()?;
    let timeout = Duration::from_secs(asked);
    Ok(Judged {
        container,
        timeout,
        gpus: gpus.clone(),
    })
}

fn within(what: &'static str, asked: Option<u32>, usual: u32, most: u32) -> Result<u32, Refused> {
    let asked = asked.unwrap_or(usual.min(most));
    match asked <= most {
        true => Ok(asked),
        false => Err(Refused::Beyond {
            what,
            asked: asked.into(),
            most: most.into(),
        }),
    }
}
