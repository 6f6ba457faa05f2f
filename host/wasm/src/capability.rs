//! What the host offers beyond WASI. Each interface is one module: its types, what a call keeps of it, how it is linked.
//! It is linked for a component that imports it and was granted it, and for no other.

mod blobs;
mod config;
mod crypto;
mod gpu_jobs;
mod http;
mod jobs;
mod kv;
mod logging;
mod metagraph;
pub(crate) mod open;
mod secrets;
mod sqlite;
mod values;

use std::collections::BTreeSet;

use platform_domain::Grant;
use wasmtime::component::Linker;

use crate::{ComponentError, state::CallState};

/// What an import asks for, by its name without the version.
pub(crate) fn asked(interface: &str) -> Option<Grant> {
    Grant::ALL
        .into_iter()
        .find(|grant| grant.interface() == interface)
}

/// The name under which an interface is linked, with the one version of it that there is.
pub(crate) const fn linked_as(grant: Grant) -> &'static str {
    match grant {
        Grant::Sqlite => sqlite::INTERFACE,
        Grant::Kv => kv::INTERFACE,
        Grant::Blobs => blobs::INTERFACE,
        Grant::Crypto => crypto::INTERFACE,
        Grant::Metagraph => metagraph::INTERFACE,
        Grant::OutgoingHttp => http::INTERFACE,
        Grant::Config => config::INTERFACE,
        Grant::Secrets => secrets::INTERFACE,
        Grant::Logging => logging::INTERFACE,
        Grant::Jobs => jobs::INTERFACE,
        Grant::GpuJobs => gpu_jobs::INTERFACE,
    }
}

/// All that a component asks for, by the names of its imports.
pub(crate) fn all_asked(imports: &[String]) -> BTreeSet<Grant> {
    let interface = |name: &String| asked(name.split('@').next().unwrap_or(name));
    imports.iter().filter_map(interface).collect()
}

/// Refuses what is asked for and not granted, by its name.
pub(crate) fn check(asked: &BTreeSet<Grant>, granted: &BTreeSet<Grant>) -> Result<(), ComponentError> {
    match asked.difference(granted).next() {
        None => Ok(()),
        Some(&grant) => Err(ComponentError::NotGranted(grant)),
    }
}

/// Links these interfaces, and what requests are made of for whoever has any.
pub(crate) fn link(
    linker: &mut Linker<CallState>,
    grants: &BTreeSet<Grant>,
    http: bool,
) -> wasmtime::Result<()> {
    if http {
        http::link_types(linker)?;
    }
    for grant in grants {
        match grant {
            Grant::Sqlite => sqlite::link(linker)?,
            Grant::Kv => kv::link(linker)?,
            Grant::Blobs => blobs::link(linker)?,
            Grant::Crypto => crypto::link(linker)?,
            Grant::Metagraph => metagraph::link(linker)?,
            Grant::OutgoingHttp => http::link(linker)?,
            Grant::Config => config::link(linker)?,
            Grant::Secrets => secrets::link(linker)?,
            Grant::Logging => logging::link(linker)?,
            Grant::Jobs => jobs::link(linker)?,
            Grant::GpuJobs => gpu_jobs::link(linker)?,
        }
    }
    Ok(())
}
