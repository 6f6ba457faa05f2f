//! Challenges in containers, through the doors that people have: registered, asked, changed, lost, stopped; on a real engine.

mod answers;
mod gate;
mod kills;
mod lives;
mod neighbours;
mod outage;
mod private_registry;
pub(crate) mod scene;
mod swarm;
mod trouble;
