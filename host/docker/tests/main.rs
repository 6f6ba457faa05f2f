//! The crate at its public border, against a real engine: what it makes, what that can do, and what is left of it.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod authority;
#[cfg(test)]
mod describing;
#[cfg(test)]
mod dial;
#[cfg(test)]
mod dial_hostile;
#[cfg(test)]
#[path = "../../oci/tests/docker_registry.rs"]
mod docker_registry;
#[cfg(test)]
#[expect(dead_code, reason = "what the tests of other crates need of it is more")]
mod engine;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod http;
#[cfg(test)]
mod images;
#[cfg(test)]
mod jobs;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod silence;
#[cfg(test)]
mod ssh;
#[cfg(test)]
mod swarm;
#[cfg(test)]
mod tls;
