//! The crate at its public border: real layouts on disk, a real registry process, and servers that lie.

#[cfg(test)]
mod archives;
#[cfg(test)]
mod attacks;
#[cfg(test)]
mod collecting;
#[cfg(test)]
mod credentials;
#[cfg(test)]
mod docker;
#[cfg(test)]
mod docker_registry;
#[cfg(test)]
mod given;
#[cfg(test)]
mod guarded;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod layouts;
#[cfg(test)]
mod pulling;
#[cfg(test)]
mod registry;
#[cfg(test)]
mod retries;
#[cfg(test)]
mod server;
#[cfg(test)]
mod signing;
#[cfg(test)]
mod skopeo;
#[cfg(test)]
mod spoiled;
#[cfg(test)]
mod strange_signatures;
