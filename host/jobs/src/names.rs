//! What all that a job has on an engine is called, so that whatever is left of one is found by its name alone.

use platform_docker::Owner;
use platform_domain::{Digest, JobId, Slug};

/// The name of its container; all else of it on the engine begins so. Two hosts may have challenges and jobs of the same names.
pub(crate) fn container_name(owner: &Owner, slug: &Slug, id: &JobId) -> String {
    let mut host = Digest::of(owner.as_str().as_bytes()).hex();
    host.truncate(8);
    format!("{PREFIX}{slug}-{host}-{id}")
}

/// The network of a job that may reach the world.
pub(crate) fn network_name(container: &str) -> String {
    format!("{container}.net")
}

/// What containers of jobs are called.
pub(crate) const PREFIX: &str = "job-";
