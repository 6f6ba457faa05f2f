//! What uploads need of a registry before they begin.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use oci_client::secrets::RegistryAuth;
use reqwest::{Method, StatusCode};

use super::{Call, Remote};
use crate::{OciError, auth::Challenge};

impl Remote {
    /// Whether a blob is there already.
    pub(crate) async fn has_blob(&mut self, name: &str) -> Result<bool, OciError> {
        let ask = Call::new(Method::HEAD, self.url("blobs", name)?);
        let answer = self.exchange(&ask, &[StatusCode::NOT_FOUND]).await?;
        Ok(answer.status() == StatusCode::OK)
    }

    /// Begins an upload that is not gone on with, to be asked who comes.
    pub(crate) async fn ask_to_write(&mut self) -> Result<(), OciError> {
        let mut begin = Call::new(Method::POST, self.url("blobs", "uploads/")?);
        begin.body = Some(Bytes::new());
        self.exchange(&begin, &[]).await.map(drop)
    }

    /// Refuses a registry that asks for a password in one place and for a token in another: oci-client looks at the other
    /// place, and would take the password to whatever token service is named there.
    pub(crate) async fn only_asks_for_basic(&self) -> Result<(), OciError> {
        let root = self.endpoint.url("").ok_or_else(|| self.refused("no address"))?;
        let answer = self.follow(&Call::new(Method::GET, root), None).await?;
        match Challenge::of(answer.headers()) {
            Some(Challenge::Bearer { .. }) => {
                Err(self.refused("a request for a password here and for a token there"))
            }
            _ => Ok(()),
        }
    }

    /// Whether the registry wanted to see something, and saw it.
    pub(crate) fn is_admitted(&self) -> bool {
        self.authorization.is_some()
    }

    /// What the registry wanted to see, in oci-client's words.
    pub(crate) fn shown(&self) -> Option<RegistryAuth> {
        let (scheme, shown) = self.authorization.as_ref()?.to_str().ok()?.split_once(' ')?;
        if scheme == "Bearer" {
            return Some(RegistryAuth::Bearer(shown.to_owned()));
        }
        let pair = String::from_utf8(BASE64_STANDARD.decode(shown).ok()?).ok()?;
        let (username, password) = pair.split_once(':')?;
        Some(RegistryAuth::Basic(username.to_owned(), password.to_owned()))
    }
}
