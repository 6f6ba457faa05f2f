//! The text a miner signs so that a challenge may know who calls. The gateway, the command line and the
//! demonstration all build it here. There are two schemes, and a request says by [`VERSION_HEADER`] which it uses.
//!
//! The first is that of the platform this host replaces. Only `path` may contain the delimiter. Four fields without a
//! colon stand on either side of it, so no two requests have the same text. The query is not part of it.
//!
//! ```text
//! platform-upload-v1:{netuid}:{slug}:{METHOD}:{path}:{hotkey}:{nonce}:{timestamp}:{sha256hex(body)}
//! ```
//!
//! The second covers the query too. Each field has a line, and none can contain the end of one.
//!
//! ```text
//! platform-request-v2
//! {netuid}
//! {slug}
//! {METHOD}
//! {path and query}
//! {hotkey}
//! {nonce}
//! {timestamp}
//! {sha256hex(body)}
//! ```

use std::{fmt, str::FromStr};

use platform_domain::{Digest, Hotkey, Netuid, Slug, UnixSeconds};

use crate::{KeyError, Keypair, verify};

/// Names what is signed, so that no other signature of the same key can be taken for one of these.
pub const SIGNED_REQUEST_PREFIX: &str = "platform-upload-v1";
/// The same for the second scheme.
pub const SECOND_REQUEST_PREFIX: &str = "platform-request-v2";
/// Carries the caller's SS58 address.
pub const HOTKEY_HEADER: &str = "x-hotkey";
/// Carries the signature, hexadecimal, with or without `0x`.
pub const SIGNATURE_HEADER: &str = "x-signature";
/// Carries the [`Nonce`].
pub const NONCE_HEADER: &str = "x-nonce";
/// Carries the whole seconds since 1970-01-01 UTC.
pub const TIMESTAMP_HEADER: &str = "x-timestamp";
/// Carries `2` when it is the second scheme; absent or `1` for the first.
pub const VERSION_HEADER: &str = "x-signature-version";

/// How a request becomes the text that is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme<'a> {
    /// Fields between colons, without the query, after this prefix: [`SIGNED_REQUEST_PREFIX`], or what an operator has
    /// agreed upon with miners that were there before.
    First {
        /// Without a colon.
        prefix: &'a str,
    },
    /// A line for each field, with the query.
    Second,
}

/// A request as its signature sees it.
#[derive(Clone, Copy, Debug)]
pub struct SignedRequest<'a> {
    /// Which text is signed.
    pub scheme: Scheme<'a>,
    /// The subnet the host serves.
    pub netuid: Netuid,
    /// The challenge.
    pub slug: &'a Slug,
    /// The HTTP method in upper case.
    pub method: &'a str,
    /// Public path and query as the client writes them into the request line, not decoded:
    /// `/challenges/tsp/submissions?round=7`.
    pub target: &'a str,
    /// Who signs.
    pub hotkey: Hotkey,
    /// Makes this request different from every other.
    pub nonce: &'a Nonce,
    /// When it is signed.
    pub timestamp: UnixSeconds,
    /// The SHA-256 of the whole body.
    pub body: Digest,
}

/// A text that a caller uses once: 8 to 128 of `A-Z a-z 0-9 . _ -`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nonce(String);

/// The text is not a nonce.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a nonce is {} to {} of A-Z a-z 0-9 . _ -", Nonce::MIN_LEN, Nonce::MAX_LEN)]
pub struct NonceError;

impl Scheme<'_> {
    /// The first one as it is used everywhere.
    pub const FIRST: Scheme<'static> = Scheme::First {
        prefix: SIGNED_REQUEST_PREFIX,
    };

    /// What [`VERSION_HEADER`] says of it.
    pub const fn version(&self) -> &'static str {
        match self {
            Self::First { .. } => "1",
            Self::Second => "2",
        }
    }
}

impl SignedRequest<'_> {
    /// The bytes to sign.
    pub fn canonical(&self) -> Vec<u8> {
        let Self {
            scheme,
            netuid,
            slug,
            method,
            target,
            hotkey,
            nonce,
            timestamp,
            body,
        } = self;
        let body = body.hex();
        let text = match scheme {
            Scheme::First { prefix } => {
                let path = target.split_once('?').map_or(*target, |(path, _)| path);
                format!("{prefix}:{netuid}:{slug}:{method}:{path}:{hotkey}:{nonce}:{timestamp}:{body}")
            }
            Scheme::Second => format!(
                "{SECOND_REQUEST_PREFIX}\n{netuid}\n{slug}\n{method}\n{target}\n{hotkey}\n{nonce}\n{timestamp}\n{body}"
            ),
        };
        text.into_bytes()
    }

    /// Whether `self.hotkey` made this signature.
    pub fn verify(&self, signature: &[u8; 64]) -> bool {
        verify(&self.hotkey, &self.canonical(), signature)
    }

    /// Signs, and gives the headers to send. The key's own address takes the place of `self.hotkey`.
    pub fn headers(&self, keypair: &Keypair) -> [(&'static str, String); 5] {
        let hotkey = keypair.hotkey();
        let signature = keypair.sign(&Self { hotkey, ..*self }.canonical());
        [
            (HOTKEY_HEADER, hotkey.to_string()),
            (SIGNATURE_HEADER, format!("0x{}", hex::encode(signature))),
            (NONCE_HEADER, self.nonce.to_string()),
            (TIMESTAMP_HEADER, self.timestamp.to_string()),
            (VERSION_HEADER, self.scheme.version().to_owned()),
        ]
    }
}

impl Nonce {
    /// Fewer characters would repeat by chance.
    pub const MIN_LEN: usize = 8;
    /// More than any scheme needs.
    pub const MAX_LEN: usize = 128;

    /// Makes one of 128 random bits.
    pub fn generate() -> Result<Self, KeyError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|_| KeyError::Random)?;
        Ok(Self(hex::encode(bytes)))
    }

    /// The nonce as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Nonce {
    type Err = NonceError;

    fn from_str(text: &str) -> Result<Self, NonceError> {
        let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
        if (Self::MIN_LEN..=Self::MAX_LEN).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NonceError)
        }
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
