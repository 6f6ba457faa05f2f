//! Epochs on a test node over WebSockets, with a ledger on disk and no challenge: the operator's fixed vector is what they pay.

// The attribute tells the linter that helpers between the tests may unwrap.
#[cfg(test)]
mod last_good;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod rehearsal;
#[cfg(test)]
mod scene;
#[cfg(test)]
mod sealed;
#[cfg(test)]
mod told;
