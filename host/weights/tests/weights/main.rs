//! The behaviour of the whole pipeline at its public border.

#[cfg(test)]
mod adversary;
#[cfg(test)]
mod agreement;
#[cfg(test)]
mod given;
#[cfg(test)]
mod model;
#[cfg(test)]
mod offline;
#[cfg(test)]
mod policies;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod random;
#[cfg(test)]
mod sources;
#[cfg(test)]
mod subnet_rules;
