//! Challenges in containers, through the doors that people have: registered, asked, changed, lost, stopped; on a real engine.

mod answers;
mod gate;
pub(crate) mod images;
mod kills;
mod lives;
mod neighbours;
mod outage;
mod private_registry;
mod purge;
mod registry_gate;
mod said;
pub(crate) mod scene;
mod stats;
mod swarm;
mod trouble;
