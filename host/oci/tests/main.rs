//! The crate at its public border: real layouts on disk, a real registry process, and servers that lie.

#[cfg(test)]
mod archives;
#[cfg(test)]
mod collecting;
#[cfg(test)]
mod docker_registry;
#[cfg(test)]
mod given;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod layouts;
#[cfg(test)]
mod pulling;
#[cfg(test)]
mod registry;
#[cfg(test)]
mod server;
#[cfg(test)]
mod skopeo;
#[cfg(test)]
mod spoiled;
