//! Why a nonce cannot be used, and why there is no memory of them.

use std::{io, path::PathBuf, time::Duration};

/// Why a nonce is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NonceError {
    /// It was used before.
    #[error("nonce already used")]
    Used,
    /// The signature's last second has passed, by a clock that has been ahead of what it is now.
    #[error("stale signature")]
    Stale,
    /// This key has used as many as a key may.
    #[error("too many signed requests by this hotkey")]
    TooFast {
        /// When it may use another.
        retry_after: Duration,
    },
    /// The keys that the subnet does not know have used as many as they may together.
    #[error("too many signed requests at this time")]
    Full {
        /// When they may use another.
        retry_after: Duration,
    },
    /// More wait than can be written in reasonable time.
    #[error("too many signed requests at this time")]
    Overloaded,
    /// The disk does not take it. A nonce that cannot be remembered is not accepted.
    #[error("nonces cannot be remembered at this time")]
    Unavailable,
}

/// Why nonces cannot be remembered.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file.
    #[error("the file {} cannot be used", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The database in it.
    #[error("the database of nonces {} cannot be used; it can be removed when no request that was signed in the last ten minutes matters", path.display())]
    Database {
        /// Which.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// Of a later host.
    #[error("the database of nonces {} was made by a newer version of this program", path.display())]
    Newer {
        /// Which.
        path: PathBuf,
    },
    /// The system gives no thread.
    #[error("no thread for the database of nonces")]
    Thread(#[source] io::Error),
}
