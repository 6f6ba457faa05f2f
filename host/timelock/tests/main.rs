//! Beacons and their pulses, sealing and opening, payloads, and the round of the reveal.

#[cfg(test)]
mod beacons;
#[cfg(test)]
mod given;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod model;
#[cfg(test)]
mod payloads;
#[cfg(test)]
mod pulses;
#[cfg(test)]
mod schedules;
#[cfg(test)]
mod sealing;
