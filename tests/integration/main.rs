//! What the parts do together, through the doors that users have: the program, the admin API, the public proxy
//! and the chain's RPC.

#[cfg(test)]
mod admin;
#[cfg(test)]
mod answers;
#[cfg(test)]
mod architecture;
#[cfg(test)]
mod artifacts;
#[cfg(test)]
mod bad_days;
#[cfg(test)]
mod between_hosts;
#[cfg(test)]
mod boot;
#[cfg(test)]
mod breaker;
#[cfg(test)]
mod busy;
#[cfg(test)]
mod command_line;
#[cfg(test)]
mod containers;
#[cfg(test)]
mod content;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod crash_artifacts;
#[cfg(test)]
mod crash_registry;
#[cfg(test)]
mod crash_state;
#[cfg(test)]
mod disk;
#[cfg(test)]
#[path = "../../host/docker/tests/engine.rs"]
#[expect(dead_code, reason = "what the tests of the crate need of it is more")]
mod docker_engine;
#[cfg(test)]
#[path = "../../host/oci/tests/docker_registry.rs"]
mod docker_registry;
#[cfg(test)]
mod epochs;
#[cfg(test)]
mod games;
#[cfg(test)]
mod gateway;
#[cfg(test)]
mod gpu_servers;
#[cfg(test)]
mod guest_log;
#[cfg(test)]
mod guides;
#[cfg(test)]
mod hostile_components;
#[cfg(test)]
mod hostile_matrix;
#[cfg(test)]
mod jobs;
#[cfg(test)]
mod keeping;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod limit_tests;
#[cfg(test)]
mod limits_document;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod metagraph;
#[cfg(test)]
mod migrating;
#[cfg(test)]
mod miners_guide;
#[cfg(test)]
mod outbound;
#[cfg(test)]
mod public;
#[cfg(test)]
mod python;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod serve;
#[cfg(test)]
mod signed;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod trust;
#[cfg(test)]
mod versions;
#[cfg(test)]
mod wire;
#[cfg(test)]
mod wkg;
