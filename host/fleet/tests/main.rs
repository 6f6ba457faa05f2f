//! Containers of challenges on a real engine: started, found again, replaced, lost, cleared up.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "../../docker/tests/authority.rs"]
mod authority;
#[path = "../../oci/tests/docker_registry.rs"]
mod docker_registry;
#[expect(dead_code, reason = "what the tests of the crate need of it is more")]
#[path = "../../docker/tests/engine.rs"]
mod engine;
mod faults;
mod gpus;
mod images;
mod lives;
mod moves;
mod outages;
mod relays;
mod scene;
mod servers;
mod swarm;
