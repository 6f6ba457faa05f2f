//! Epochs on a test node over WebSockets, with a ledger on disk and no challenge: the operator's fixed vector is what they pay.

mod last_good;
mod limits;
mod rehearsal;
mod scene;
mod sealed;
mod told;
