//! The crate from outside, with small guests made from text.

// The attribute tells the linter that helpers between the tests may unwrap.
#[cfg(test)]
mod cache;
#[cfg(test)]
mod calls;
#[cfg(test)]
mod compiling;
#[cfg(test)]
mod config;
#[cfg(test)]
mod crypto;
#[cfg(test)]
mod database;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod guests;
#[cfg(test)]
mod host;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod inspect;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod logging;
#[cfg(test)]
mod metagraph;
#[cfg(test)]
mod outgoing;
#[cfg(test)]
mod outgoing_rows;
#[cfg(test)]
mod python;
#[cfg(test)]
mod queue;
#[cfg(test)]
mod ranges;
#[cfg(test)]
mod secrets;
#[cfg(test)]
#[path = "../../../state/tests/state/small_disk.rs"]
mod small_disk;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod surveyor;
#[cfg(test)]
mod warm;
#[cfg(test)]
mod worker;
#[cfg(test)]
mod world;
