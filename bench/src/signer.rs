//! Signed requests, as bytes to be sent: signing is a miner's work, and done before a clock runs.

use std::fmt::Write as _;

use anyhow::Result;
use platform_domain::{Digest, Netuid, Slug, UnixSeconds};
use platform_keys::{Keypair, Nonce, Scheme, SignedRequest};

/// Of a host without a chain, as all hosts here are.
const NETUID: Netuid = Netuid(0);

/// One hotkey and the challenge that it speaks to.
pub(crate) struct Signer {
    keypair: Keypair,
    slug: Slug,
}

impl Signer {
    pub(crate) fn new(slug: &Slug) -> Result<Self> {
        Ok(Self {
            keypair: Keypair::generate()?,
            slug: slug.clone(),
        })
    }

    /// The head of a request whose body of this length has this digest, signed by the second scheme with a nonce of its own.
    pub(crate) fn head(&self, method: &str, path: &str, length: usize, body: Digest) -> Result<String> {
        let target = format!("/challenges/{}{path}", self.slug);
        let request = SignedRequest {
            scheme: Scheme::Second,
            netuid: NETUID,
            slug: &self.slug,
            method,
            target: &target,
            hotkey: self.keypair.hotkey(),
            nonce: &Nonce::generate()?,
            timestamp: UnixSeconds(std::time::UNIX_EPOCH.elapsed()?.as_secs()),
            body,
        };
        let mut head = format!("{method} {target} HTTP/1.1\r\nhost: x\r\nx-name: miner\r\n");
        for (name, value) in request.headers(&self.keypair) {
            write!(head, "{name}: {value}\r\n")?;
        }
        write!(head, "content-length: {length}\r\n\r\n")?;
        Ok(head)
    }
}
