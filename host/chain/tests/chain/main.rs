//! The client against a node on loopback, over the real wire.

#[cfg(test)]
mod commits;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod follow;
#[cfg(test)]
mod node;
#[cfg(test)]
mod pool;
#[cfg(test)]
mod preflights;
#[cfg(test)]
mod proxies;
#[cfg(test)]
mod reads;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod reveals;
#[cfg(test)]
mod sealed;
#[cfg(test)]
mod secrecy;
#[cfg(test)]
mod timing;
#[cfg(test)]
mod unreachable;
#[cfg(test)]
mod upgrade;
