//! The crate at its public border: a real engine, a real database, and challenges that try to get more than they may.

#[cfg(test)]
#[expect(dead_code, reason = "one without a password only tests of artifacts need")]
#[path = "../../oci/tests/docker_registry.rs"]
mod docker_registry;
#[cfg(test)]
#[expect(dead_code, reason = "some of it only the tests of the engine's client need")]
#[path = "../../docker/tests/engine.rs"]
mod engine;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod gpus;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod judging;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod registries;
#[cfg(test)]
mod restarts;
#[cfg(test)]
mod rooms;
#[cfg(test)]
mod servers;
