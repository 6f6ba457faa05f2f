//! The behaviour of the whole pipeline at its public border.

#[cfg(test)]
mod adversary;
#[cfg(test)]
mod given;
#[cfg(test)]
mod offline;
#[cfg(test)]
mod policies;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod subnet_rules;
