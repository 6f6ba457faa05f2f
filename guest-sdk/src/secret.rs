//! What the operator set for the challenge to read, and nobody else.
//!
//! ```
//! use platform_guest_sdk::{prelude::*, testing::{Harness, get}};
//!
//! struct Judge;
//!
//! #[challenge(name = "judge", secrets("SALT"))]
//! impl Judge {
//!     #[get("/salted")]
//!     fn salted(request: &Request) -> Result<String> {
//!         let salt = request.environment().secret("SALT")?;
//!         Ok(format!("{} characters of salt", salt.text()?.len()))
//!     }
//! }
//!
//! let judge = Harness::<Judge>::new();
//! assert_eq!(judge.send(get("/salted")).status(), 500);
//! let judge = judge.secret("SALT", "hunter2");
//! assert_eq!(judge.send(get("/salted")).text(), "7 characters of salt");
//! ```

use std::fmt;

use crate::{Environment, Error, Result};

/// The value of a secret. Silent in `Debug`: whoever shows it calls [`Secret::reveal`] or [`Secret::text`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// The bytes.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }

    /// The bytes as text.
    pub fn text(&self) -> Result<&str> {
        std::str::from_utf8(&self.0).map_err(|_| Error::internal("a secret is not valid UTF-8"))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Environment {
    /// A secret that the operator has to set. The challenge asks for it with `secrets("NAME")`.
    pub fn secret(&self, name: &str) -> Result<Secret> {
        self.secret_if_set(name)
            .ok_or_else(|| Error::internal(format!("the secret {name} is not set, or not asked for")))
    }

    /// One that the operator may leave out.
    pub fn secret_if_set(&self, name: &str) -> Option<Secret> {
        self.get_secret(name).map(Secret)
    }

    #[cfg(target_family = "wasm")]
    fn get_secret(&self, name: &str) -> Option<Vec<u8>> {
        crate::database::component::wit::platform::challenge::secrets::get(name)
    }

    #[cfg(not(target_family = "wasm"))]
    fn get_secret(&self, name: &str) -> Option<Vec<u8>> {
        self.given.secrets.get(name).map(|secret| secret.0.clone())
    }

    /// With this secret, as if an operator had set it.
    #[cfg(not(target_family = "wasm"))]
    pub(crate) fn set_secret(&mut self, name: &str, value: Vec<u8>) {
        self.given.secrets.insert(name.to_owned(), Secret(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_itself_to_who_asks_alone() {
        let mut environment = Environment::default();
        environment.set_secret("SALT", b"hunter2".to_vec());
        environment.set_secret("BYTES", vec![0xff]);
        let salt = environment.secret("SALT").unwrap();
        assert_eq!(
            (salt.text().unwrap(), salt.reveal()),
            ("hunter2", &b"hunter2"[..])
        );
        assert!(!format!("{salt:?} {environment:?}").contains("hunter2"));
        let error = environment.secret("PEPPER").unwrap_err();
        assert!(error.message().contains("PEPPER"), "{error}");
        assert_eq!(environment.secret_if_set("PEPPER"), None);
        assert!(environment.secret("BYTES").unwrap().text().is_err());
    }
}
