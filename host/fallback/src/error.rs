//! Why a document is none, or does not count.

use std::time::Duration;

use platform_domain::{EpochId, Hotkey};

/// Why something is no document of this kind.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// Larger than any.
    #[error("it has more than {} bytes", crate::limits::MAX_DOCUMENT)]
    TooLarge,
    /// Not the JSON that it should be.
    #[error("it is not the JSON of signed weights")]
    Json(#[source] serde_json::Error),
    /// More entries than a challenge may answer with.
    #[error("it has {0} entries, {max} are allowed", max = crate::limits::MAX_ENTRIES)]
    Entries(usize),
    /// It counts epochs in no way that there is.
    #[error("its numbering is neither tempo nor every/N")]
    Numbering,
    /// A hotkey or UID twice, or out of order.
    #[error("its entries are not in order, or one is there twice")]
    Order,
    /// A score that is none, or written otherwise than this host would write it.
    #[error("the score of {0} is not a finite number that is not negative, in its shortest form")]
    Score(Hotkey),
    /// The signature is not 64 bytes in hexadecimal.
    #[error("its signature is not 0x and 128 hexadecimal digits")]
    Signature,
}

/// Why a document does not count here and now.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It is none.
    #[error("what the other host tells cannot be read")]
    Document(#[from] DocumentError),
    /// Somebody else signed it.
    #[error(
        "it is signed by {found}, not by {expected}; correct the hotkey of the primary, or ask who answers there"
    )]
    Signer {
        /// Who it says it is by.
        found: Hotkey,
        /// Who is asked.
        expected: Hotkey,
    },
    /// The signature is not one of this document.
    #[error("its signature is wrong; it was changed on its way, or somebody else answers there")]
    Signature,
    /// It is about another chain, subnet, mechanism or challenge, or about the vector of all.
    #[error("it is about another {0}")]
    About(&'static str),
    /// Its epochs are counted in another way, so that their numbers say nothing here.
    #[error(
        "its epochs are counted as {found} and those of this host as {expected}; give both hosts the same schedule"
    )]
    Numbering {
        /// How the other host counts.
        found: String,
        /// How this one does.
        expected: String,
    },
    /// Of an epoch that is too long ago, or has not begun.
    #[error("it is of epoch {found}, and it is epoch {current}")]
    Epoch {
        /// Its epoch.
        found: EpochId,
        /// That of this host.
        current: EpochId,
    },
    /// Computed too long ago.
    #[error("it was computed {0:?} ago, which is too long")]
    Old(Duration),
    /// Computed later than now.
    #[error("it was computed {0:?} from now; compare the clocks")]
    Future(Duration),
    /// It says itself that it is over.
    #[error("it has expired")]
    Expired,
    /// It says that it holds for longer than anything may.
    #[error("it says that it holds for {0:?}, which is too long")]
    Life(Duration),
}
