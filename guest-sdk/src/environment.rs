//! What the host gives a challenge: the operator's configuration, the database, the blobs, the subnet, other servers and,
//! when it asked, a directory.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use serde::de::DeserializeOwned;

#[cfg(not(target_family = "wasm"))]
use {
    crate::{database::border::Call, http::native::Network, testing::Subnet},
    std::sync::Arc,
};

use crate::{
    Error, Result,
    blobs::{BlobError, Blobs},
    database::{Database, DatabaseError},
    http::Client,
    kv::Bucket,
    metagraph::Metagraph,
};

/// The configuration, the database, the blobs, the subnet, other servers and the data directory of a call.
///
/// It is a value and not a global, so that tests of an author run side by side with different ones.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// Asked for when they are first needed: most calls never need them, and none should pay for them.
    variables: OnceLock<BTreeMap<String, String>>,
    pub(crate) data_dir: Option<PathBuf>,
    /// What a test gave instead of the host.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) call: Option<Arc<Call>>,
    /// The same of what is beside it.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) given: Given,
}

/// What a test says of the world.
#[cfg(not(target_family = "wasm"))]
#[derive(Clone, Debug, Default)]
pub(crate) struct Given {
    pub(crate) subnet: Option<Arc<Subnet>>,
    pub(crate) network: Network,
    pub(crate) secrets: BTreeMap<String, crate::Secret>,
    pub(crate) jobs: crate::jobs::Runner,
}

impl Environment {
    /// A configuration value as it was written.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.variables.get_or_init(given).get(name).map(String::as_str)
    }

    /// A required configuration value: its text read as JSON, or else taken as a string. `3600` is a number,
    /// `{"a":1}` a map, `lisbon` a string.
    ///
    /// Errors name the variable and never show its value, which may be a secret.
    pub fn config<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let Some(text) = self.text(name) else {
            return Err(Error::internal(format!("the configuration lacks {name}")));
        };
        let read = serde_json::from_str(text);
        read.or_else(|_| serde_json::from_value(serde_json::Value::from(text)))
            .map_err(|_| {
                let expected = std::any::type_name::<T>();
                Error::internal(format!("the configuration's {name} is not a valid {expected}"))
            })
    }

    /// The same with a value for when it is absent. One that is there and wrong is still an error.
    pub fn config_or<T: DeserializeOwned>(&self, name: &str, default: T) -> Result<T> {
        match self.text(name) {
            None => Ok(default),
            Some(_) => self.config(name),
        }
    }

    /// The challenge's database; to open it costs nothing. Natively there is one in what a
    /// [`Harness`](crate::testing::Harness) gives, and nowhere else.
    pub fn database(&self) -> Result<Database, DatabaseError> {
        Database::open(self)
    }

    /// The challenge's keys and values of this kind, in the same database. The bucket need not be made.
    pub fn bucket(&self, name: &str) -> Result<Bucket, DatabaseError> {
        Bucket::open(self, name)
    }

    /// The challenge's blobs: bytes under names, too large for the database. Natively there are some where there is a
    /// database.
    pub fn blobs(&self) -> Result<Blobs, BlobError> {
        Blobs::open(self)
    }

    /// Who is in the subnet, at the block that this call sees. Natively there is what
    /// [`Harness::subnet`](crate::testing::Harness) was given.
    pub fn metagraph(&self) -> Metagraph {
        Metagraph::open(self)
    }

    /// Sends requests to the servers that `outbound(...)` names and the operator allows. Natively
    /// [`Harness::answering`](crate::testing::Harness) answers.
    pub fn http(&self) -> Client {
        Client::open(self)
    }

    /// Where the challenge keeps files: `/data` in the host. Only with `data = exclusive`.
    pub fn data_dir(&self) -> Result<&Path> {
        let undeclared = || Error::internal("no data directory: the challenge must state data = exclusive");
        self.data_dir.as_deref().ok_or_else(undeclared)
    }

    /// What the host gave this call.
    #[cfg(target_family = "wasm")]
    pub(crate) fn of_this_call(data: bool) -> Self {
        Self {
            variables: OnceLock::new(),
            data_dir: data.then(|| PathBuf::from("/data")),
        }
    }

    /// With this value for this name.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn set(&mut self, name: &str, value: String) {
        self.variables.get_or_init(given);
        if let Some(variables) = self.variables.get_mut() {
            variables.insert(name.to_owned(), value);
        }
    }
}

/// What the host gave this instance.
#[cfg(target_family = "wasm")]
fn given() -> BTreeMap<String, String> {
    let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
    std::env::vars_os()
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

/// Tests say what there is.
#[cfg(not(target_family = "wasm"))]
fn given() -> BTreeMap<String, String> {
    BTreeMap::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(value: &str) -> Environment {
        let mut environment = Environment::default();
        environment.set("NAME", value.to_owned());
        environment
    }

    #[test]
    fn a_value_is_json_or_else_text() {
        assert_eq!(with("3600").config::<u64>("NAME").unwrap(), 3600);
        assert_eq!(with("3600").config::<String>("NAME").unwrap(), "3600");
        assert_eq!(with("lisbon").config::<String>("NAME").unwrap(), "lisbon");
        assert_eq!(with("[1,2]").config::<Vec<u8>>("NAME").unwrap(), [1, 2]);
        assert_eq!(Environment::default().config_or("NAME", 7).unwrap(), 7);
    }

    #[test]
    fn an_error_names_the_variable_and_hides_the_value() {
        let error = with("s3cret").config::<u64>("NAME").unwrap_err().to_string();
        assert!(error.contains("NAME") && !error.contains("s3cret"), "{error}");
        assert!(with("x").config_or("NAME", 7).is_err());
        assert!(
            Environment::default()
                .config::<u64>("NAME")
                .unwrap_err()
                .message()
                .contains("lacks NAME")
        );
    }
}
