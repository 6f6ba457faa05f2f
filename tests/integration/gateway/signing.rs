//! Requests that a miner signed, as bytes.

use platform_domain::{Digest, UnixSeconds};
use platform_keys::{Keypair, Nonce, Scheme, SignedRequest};

use crate::{epochs::NETUID, signed::now};

/// What is signed, and what is not.
pub(crate) struct Signing<'a> {
    pub(crate) key: &'a Keypair,
    pub(crate) scheme: Scheme<'a>,
    pub(crate) slug: &'a str,
    pub(crate) method: &'a str,
    pub(crate) target: String,
    pub(crate) body: &'a [u8],
    pub(crate) nonce: Nonce,
    /// Header lines beside those of the signature, each with its end.
    pub(crate) more: &'a str,
}

impl<'a> Signing<'a> {
    /// A `POST` to this path of a challenge, by the second scheme.
    pub(crate) fn new(key: &'a Keypair, slug: &'a str, path: &str, body: &'a [u8]) -> Self {
        Self {
            key,
            scheme: Scheme::Second,
            slug,
            method: "POST",
            target: format!("/challenges/{slug}{path}"),
            body,
            nonce: Nonce::generate().unwrap(),
            more: "",
        }
    }

    /// Without the body, and without the lines that say how long it is.
    pub(crate) fn head(&self) -> String {
        let slug = self.slug.parse().unwrap();
        let signed = SignedRequest {
            scheme: self.scheme,
            netuid: NETUID,
            slug: &slug,
            method: self.method,
            target: &self.target,
            hotkey: self.key.hotkey(),
            nonce: &self.nonce,
            timestamp: UnixSeconds(now()),
            body: Digest::of(self.body),
        };
        let lines = signed
            .headers(self.key)
            .map(|(name, value)| format!("{name}: {value}\r\n"));
        let (method, target, more) = (self.method, &self.target, self.more);
        format!(
            "{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{}{more}",
            lines.concat()
        )
    }

    /// The whole request.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let head = format!("{}Content-Length: {}\r\n\r\n", self.head(), self.body.len());
        [head.as_bytes(), self.body].concat()
    }
}
