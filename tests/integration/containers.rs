//! Challenges in containers, through the doors that people have: registered, asked, changed, lost, stopped; on a real engine.

mod gate;
mod images;
mod lives;
mod purge;
mod said;
pub(crate) mod scene;
mod stats;
mod trouble;
