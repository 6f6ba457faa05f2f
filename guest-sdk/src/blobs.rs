//! Bytes under names, for uploads and datasets that are too large for the [`database`](crate::database). The host keeps
//! them.
//!
//! A blob is there as a whole or not at all, and it never changes: a name can be given to another one. It is written and
//! read step by step, so it need not fit into memory.
//!
//! ```
//! # use platform_guest_sdk::{prelude::*, testing::Harness};
//! # struct Datasets;
//! # #[challenge(name = "datasets")]
//! # impl Datasets {
//! #     #[any]
//! #     fn any(_: &Request) -> Result<()> { Ok(()) }
//! # }
//! # fn main() -> Result<()> {
//! # let environment = Harness::<Datasets>::new().environment();
//! use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
//!
//! let blobs = environment.blobs()?;
//! let info = blobs.put("7/map", b"...")?;
//! assert_eq!((info.size, &info.sha256_hex()[..8]), (3, "ab5df625"));
//! assert_eq!(blobs.get("7/map")?, Some(b"...".to_vec()));
//!
//! // Nothing of it is there before it is finished. Each write is a step of the host, so small ones are collected.
//! let mut upload = BufWriter::new(blobs.upload()?);
//! for city in 0..1000 {
//!     writeln!(upload, "{city}")?;
//! }
//! upload.into_inner()?.finish("7/cities")?;
//!
//! let cities = BufReader::new(blobs.download("7/cities")?);
//! assert_eq!(cities.lines().last().transpose()?, Some("999".to_owned()));
//!
//! let names: Vec<String> = blobs.all("7/").map(|info| Ok(info?.name)).collect::<Result<_>>()?;
//! assert_eq!(names, ["7/cities", "7/map"]);
//! assert!(blobs.delete("7/map")?);
//! # Ok(())
//! # }
//! ```

#[cfg(target_family = "wasm")]
mod component;
mod download;
mod error;
mod info;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod native;
mod upload;

pub use download::Download;
pub use error::BlobError;
pub use info::BlobInfo;
pub use upload::Upload;

#[cfg(target_family = "wasm")]
use component as border;
#[cfg(not(target_family = "wasm"))]
use native as border;

use crate::{Environment, pages::pages};

/// Bytes of a blob's name.
pub const MAX_NAME_BYTES: usize = 512;
/// Blobs of one page of a listing.
pub const MAX_LISTED: u32 = 1_000;
/// Uploads and downloads that a call has open.
pub const MAX_OPEN: usize = 16;
/// Bytes that are written or read in one step.
pub const MAX_STEP: usize = 1 << 20;

/// The challenge's blobs, each by a name of 1 to [`MAX_NAME_BYTES`] bytes. See the [module](self) for how they are used.
#[derive(Debug)]
pub struct Blobs {
    inner: border::Blobs,
}

impl Blobs {
    pub(crate) fn open(environment: &Environment) -> Result<Self, BlobError> {
        let inner = border::Blobs::open(environment)?;
        Ok(Self { inner })
    }

    /// Begins to write a blob. A call has [`MAX_OPEN`] uploads and downloads open at most.
    pub fn upload(&self) -> Result<Upload, BlobError> {
        self.inner.upload().map(Upload::new)
    }

    /// Opens a blob to read it; without one of this name it is [`BlobError::NotFound`].
    pub fn download(&self, name: &str) -> Result<Download, BlobError> {
        let (inner, info) = self.inner.download(name)?;
        Ok(Download::new(inner, info))
    }

    /// Stores a blob that is in memory, in place of the one that had the name.
    pub fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> Result<BlobInfo, BlobError> {
        let mut upload = self.upload()?;
        upload.add(bytes.as_ref())?;
        upload.finish(name)
    }

    /// A whole blob, if there is one: for those that fit into memory.
    pub fn get(&self, name: &str) -> Result<Option<Vec<u8>>, BlobError> {
        match self.download(name) {
            Ok(download) => download.whole().map(Some),
            Err(BlobError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What is known of a blob, if there is one.
    pub fn stat(&self, name: &str) -> Result<Option<BlobInfo>, BlobError> {
        self.inner.stat(name)
    }

    /// Blobs whose names begin with `prefix` and come after `after`, in the order of their bytes; at most
    /// [`MAX_LISTED`].
    pub fn list(&self, prefix: &str, after: Option<&str>, most: u32) -> Result<Vec<BlobInfo>, BlobError> {
        self.inner.list(prefix, after, most)
    }

    /// All blobs whose names begin with `prefix`, page by page: what is stored meanwhile may be among them or not.
    pub fn all(&self, prefix: &str) -> impl Iterator<Item = Result<BlobInfo, BlobError>> {
        pages(move |last: Option<&BlobInfo>| {
            self.list(prefix, last.map(|info| info.name.as_str()), MAX_LISTED)
        })
    }

    /// Removes a blob, and says whether there was one. Whoever reads it goes on.
    pub fn delete(&self, name: &str) -> Result<bool, BlobError> {
        self.inner.delete(name)
    }
}
