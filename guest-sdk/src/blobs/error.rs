//! Why something failed with a blob.

use std::{fmt, io};

/// A failure of the blobs. `?` makes it an [internal](crate::Error::internal) error, so a handler looks at those that a
/// caller is to hear of: [`NotFound`](Self::NotFound) is often a 404.
///
/// Inside an [`io::Error`] it is whole: [`io::Error::downcast`] gets it back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BlobError {
    /// There is no blob of this name.
    NotFound,
    /// All blobs together have what they may.
    Full,
    /// A name that is none, too much at once, or something that has ended.
    Misuse(String),
    /// The host could not do it.
    Failed(String),
}

impl fmt::Display for BlobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("there is no such blob"),
            Self::Full => f.write_str("the blobs have as many bytes as they may"),
            Self::Misuse(message) | Self::Failed(message) => write!(f, "the blobs: {message}"),
        }
    }
}

impl std::error::Error for BlobError {}

/// For [`Read`](io::Read), [`Write`](io::Write) and [`Seek`](io::Seek).
impl From<BlobError> for io::Error {
    fn from(error: BlobError) -> Self {
        let kind = match error {
            BlobError::NotFound => io::ErrorKind::NotFound,
            BlobError::Full => io::ErrorKind::StorageFull,
            BlobError::Misuse(_) | BlobError::Failed(_) => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}
