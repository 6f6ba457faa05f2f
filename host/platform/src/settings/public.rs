//! The public listener, and whose signatures count there.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    num::NonZeroU32,
    path::PathBuf,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use platform_domain::Uid;
use platform_gateway::{Limits, Rate};
use platform_keys::SIGNED_REQUEST_PREFIX;
use platform_listener::{Options, Tls, TlsError};
use serde::{Deserialize, Serialize};

/// The public listener.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Public {
    /// `PLATFORM_PUBLIC__LISTEN`; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Certificate and key; without them the listener speaks no TLS, and a proxy in front does.
    pub tls: Option<TlsFiles>,
    /// Connections at the same time; more wait to be accepted.
    pub connections: usize,
    /// Connections of one address at the same time; more are closed at once. Trusted proxies may have any number.
    pub connections_per_address: usize,
    /// The largest request body in bytes that is held in memory; a declared route may allow less.
    pub max_body_bytes: usize,
    /// The largest request body in bytes that a challenge reads piece by piece, if it declares a route for that.
    pub max_streamed_body_bytes: usize,
    /// The largest signed request body in bytes, if a challenge that reads piece by piece declares a route for that. It is kept
    /// on disk until it was read.
    pub max_upload_bytes: usize,
    /// Bytes on disk for all such bodies at one time.
    pub spool_bytes: u64,
    /// Networks of proxies in front of the host. Their `X-Forwarded-For`, `-Proto` and `-Host` are believed, nobody else's, and
    /// they may ask as often as they like.
    pub trusted_proxies: Vec<IpNet>,
    /// How many requests a second one address may make, on the long run.
    pub address_per_second: NonZeroU32,
    /// How many at one moment.
    pub address_burst: NonZeroU32,
    /// How many of one address are answered at the same time.
    pub address_at_once: u32,
    /// How many signed requests a second one hotkey may make, on the long run.
    pub hotkey_per_second: NonZeroU32,
    /// How many at one moment.
    pub hotkey_burst: NonZeroU32,
    /// How many of one hotkey are answered at the same time.
    pub hotkey_at_once: u32,
}

/// What the listener shows to those who speak TLS. Both files are read anew when they change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsFiles {
    /// PEM: the certificate, and after it those up to an authority that clients know.
    pub certificate_file: PathBuf,
    /// PEM: its private key.
    pub key_file: PathBuf,
}

/// Whose signed requests count.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Callers {
    /// Only of hotkeys that are registered in the subnet. Not set: if `chain.endpoint` is.
    pub require_registered: Option<bool>,
    /// Never of these UIDs: by default that of the subnet's owner, which no miner has.
    pub blocked_uids: BTreeSet<Uid>,
    /// Whether signatures of the first version, which do not cover the query, are accepted.
    pub version_1: bool,
    /// What the signed text of the first version begins with, without a colon.
    pub version_1_prefix: String,
}

impl Default for Public {
    fn default() -> Self {
        let (limits, options) = (Limits::default(), Options::default());
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8081)),
            tls: None,
            connections: options.connections,
            connections_per_address: options.connections_per_network,
            max_body_bytes: limits.max_body,
            max_streamed_body_bytes: limits.max_streamed_body,
            max_upload_bytes: limits.max_upload,
            spool_bytes: limits.spool,
            // What is on this machine is the operator's.
            trusted_proxies: vec![
                Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8).into(),
                Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128).into(),
            ],
            address_per_second: limits.address_rate.per_second,
            address_burst: limits.address_rate.burst,
            address_at_once: limits.address_at_once,
            hotkey_per_second: limits.hotkey_rate.per_second,
            hotkey_burst: limits.hotkey_rate.burst,
            hotkey_at_once: limits.hotkey_at_once,
        }
    }
}

impl Public {
    /// The same for the gateway.
    pub fn limits(&self) -> Limits {
        let rate = |per_second, burst| Rate { per_second, burst };
        Limits {
            max_body: self.max_body_bytes,
            max_streamed_body: self.max_streamed_body_bytes,
            max_upload: self.max_upload_bytes,
            spool: self.spool_bytes,
            address_rate: rate(self.address_per_second, self.address_burst),
            address_at_once: self.address_at_once,
            hotkey_rate: rate(self.hotkey_per_second, self.hotkey_burst),
            hotkey_at_once: self.hotkey_at_once,
            ..Limits::default()
        }
    }
}

impl Public {
    /// The same for the listener. Reads certificate and key.
    pub fn options(&self) -> Result<Options, TlsError> {
        let open = |files: &TlsFiles| Tls::open(&files.certificate_file, &files.key_file);
        Ok(Options {
            tls: self.tls.as_ref().map(open).transpose()?,
            connections: self.connections,
            connections_per_network: self.connections_per_address,
            exempt: self.trusted_proxies.clone(),
            ..Options::default()
        })
    }
}

impl Default for Callers {
    fn default() -> Self {
        Self {
            require_registered: None,
            blocked_uids: BTreeSet::from([Uid(0)]),
            version_1: true,
            version_1_prefix: SIGNED_REQUEST_PREFIX.to_owned(),
        }
    }
}

impl Callers {
    /// What is wrong with it: the key, and why.
    pub(super) fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let prefix = &self.version_1_prefix;
        let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
        if prefix.is_empty() || prefix.len() > 64 || !prefix.bytes().all(plain) {
            return Err(("callers.version_1_prefix", "has 1 to 64 of A-Z a-z 0-9 . _ -"));
        }
        Ok(())
    }

    /// The same for the gateway.
    pub fn of_gateway(&self, has_chain: bool) -> platform_gateway::Callers {
        platform_gateway::Callers {
            first_prefix: self.version_1.then(|| self.version_1_prefix.clone()),
            require_registered: self.require_registered.unwrap_or(has_chain),
            blocked_uids: self.blocked_uids.clone(),
        }
    }
}

/// The private listener is for this machine and for whoever its operator lets near: nobody there is counted.
pub fn for_operators() -> Options {
    let options = Options::default();
    Options {
        connections_per_network: options.connections,
        ..options
    }
}
