//! Keys and values, for a challenge that needs no SQL. They are in the same database, with the same quota.
//!
//! ```
//! # use platform_guest_sdk::{prelude::*, testing::Harness};
//! # struct Scores;
//! # #[challenge(name = "scores")]
//! # impl Scores {
//! #     #[any]
//! #     fn any(_: &Request) -> Result<()> { Ok(()) }
//! # }
//! # fn main() -> Result<()> {
//! # let environment = Harness::<Scores>::new().environment();
//! let rounds = environment.bucket("rounds")?;
//! rounds.set("7/map", b"...")?;
//! rounds.set_json("7/best", &42)?;
//! assert_eq!(rounds.get_json::<u64>("7/best")?, Some(42));
//!
//! // All of it, or nothing: here only if nobody else has changed what was read.
//! let old = rounds.get("7/best")?;
//! let done = rounds.apply([Change::check("7/best", old.as_deref()), Change::set("7/best", "41")])?;
//! assert!(done);
//!
//! let keys: Vec<String> = rounds.keys("7/").collect::<Result<_, _>>()?;
//! assert_eq!(keys, ["7/best", "7/map"]);
//! # Ok(())
//! # }
//! ```

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Environment,
    database::{ConversionError, DatabaseError, border},
    pages::pages,
};

/// Bytes of a bucket's name.
pub const MAX_BUCKET_BYTES: usize = 64;
/// Bytes of a key.
pub const MAX_KEY_BYTES: usize = 512;
/// Changes of one batch.
pub const MAX_CHANGES: usize = 1_000;
/// Keys of one page of a listing.
pub const MAX_LISTED: u32 = 1_000;

/// Keys of one kind, by a name of 1 to [`MAX_BUCKET_BYTES`] bytes. A key has 1 to [`MAX_KEY_BYTES`].
#[derive(Debug)]
pub struct Bucket {
    inner: border::Bucket,
}

/// One part of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The key has this value afterwards.
    Set(String, Vec<u8>),
    /// The key is gone afterwards.
    Delete(String),
    /// The batch only happens if the key has this value when its turn comes, or with none if there is no such key.
    Check(String, Option<Vec<u8>>),
}

impl Bucket {
    pub(crate) fn open(environment: &Environment, name: &str) -> Result<Self, DatabaseError> {
        let inner = border::Bucket::open(environment, name)?;
        Ok(Self { inner })
    }

    /// The value of a key, if there is one.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, DatabaseError> {
        self.inner.get(key)
    }

    /// The same for a value that is JSON.
    pub fn get_json<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, DatabaseError> {
        let Some(value) = self.get(key)? else {
            return Ok(None);
        };
        serde_json::from_slice(&value).map(Some).map_err(of_key(key))
    }

    /// Gives a key a value.
    pub fn set(&self, key: &str, value: impl AsRef<[u8]>) -> Result<(), DatabaseError> {
        self.inner.set(key, value.as_ref())
    }

    /// The same with a value as JSON.
    pub fn set_json(&self, key: &str, value: &(impl Serialize + ?Sized)) -> Result<(), DatabaseError> {
        self.set(key, serde_json::to_vec(value).map_err(of_key(key))?)
    }

    /// Removes a key, and says whether there was one.
    pub fn delete(&self, key: &str) -> Result<bool, DatabaseError> {
        self.inner.delete(key)
    }

    /// Keys that begin with `prefix` and come after `after`, in the order of their bytes; at most [`MAX_LISTED`].
    pub fn list(&self, prefix: &str, after: Option<&str>, most: u32) -> Result<Vec<String>, DatabaseError> {
        self.inner.list(prefix, after, most)
    }

    /// All keys that begin with `prefix`, page by page: what is written meanwhile may be among them or not.
    pub fn keys(&self, prefix: &str) -> impl Iterator<Item = Result<String, DatabaseError>> {
        pages(move |last: Option<&String>| self.list(prefix, last.map(String::as_str), MAX_LISTED))
    }

    /// Does all of it, at most [`MAX_CHANGES`], or nothing; false when a [`Change::Check`] does not hold.
    pub fn apply(&self, changes: impl Into<Vec<Change>>) -> Result<bool, DatabaseError> {
        self.inner.apply(changes.into())
    }
}

impl Change {
    /// The key has this value afterwards.
    pub fn set(key: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        Self::Set(key.into(), value.into())
    }

    /// The key is gone afterwards.
    pub fn delete(key: impl Into<String>) -> Self {
        Self::Delete(key.into())
    }

    /// The batch only happens if the key has this value, or with none if there is no such key.
    pub fn check(key: impl Into<String>, value: Option<&[u8]>) -> Self {
        Self::Check(key.into(), value.map(<[u8]>::to_vec))
    }
}

fn of_key(key: &str) -> impl FnOnce(serde_json::Error) -> DatabaseError {
    move |error| ConversionError::from(error).at(format!("the key {key:?}"))
}
