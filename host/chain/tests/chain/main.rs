//! The client against a node on loopback, over the real wire.

#[cfg(test)]
mod faults;
#[cfg(test)]
mod follow;
#[cfg(test)]
mod node;
#[cfg(test)]
mod reads;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod unreachable;
#[cfg(test)]
mod upgrade;
