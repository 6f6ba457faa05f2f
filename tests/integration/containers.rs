//! Challenges in containers, through the doors that people have: registered, asked, changed, lost, stopped; on a real engine.

mod commands;
mod gate;
mod images;
mod lives;
pub(crate) mod scene;
mod trouble;
