//! How the host is known to an engine over TCP: kept sealed, as secrets are.

use std::fmt;

use platform_docker::{ClientTls, TlsError};
use platform_domain::{GpuServerId, SecretValue};
use platform_store::gpu_servers::GpuServerTls;
use platform_vault::{Key, KeyError};
use serde::{Deserialize, Serialize};

/// Three files in PEM. Silent in `Debug`.
#[derive(Clone, Serialize, Deserialize)]
pub struct TlsFiles {
    /// The authority that the engine's certificate is of.
    pub authority: String,
    /// The host's certificate, with those between.
    pub certificate: String,
    /// The key of it.
    pub key: String,
}

impl TlsFiles {
    /// Whether they can be used at all.
    pub fn read(&self) -> Result<ClientTls, TlsError> {
        ClientTls::from_pem(
            self.authority.as_bytes(),
            self.certificate.as_bytes(),
            self.key.as_bytes(),
        )
    }

    /// For the database.
    pub fn seal(&self, key: &Key, server: &GpuServerId) -> Result<GpuServerTls, KeyError> {
        // Three texts are always written.
        let text = serde_json::to_vec(self).unwrap_or_default();
        Ok(GpuServerTls {
            sealed: key.seal(&purpose(server), &SecretValue::new(text))?,
            key_id: key.id(),
        })
    }

    /// From the database; `None` when it was sealed with another key, for another server, or is damaged.
    pub fn open(key: &Key, server: &GpuServerId, row: &GpuServerTls) -> Option<Self> {
        let value = key.unseal(&purpose(server), &row.sealed).ok()?;
        serde_json::from_slice(value.reveal()).ok()
    }
}

/// Certificates of one server are none of another's, whoever writes into the database.
fn purpose(server: &GpuServerId) -> Vec<u8> {
    format!("platform gpu server tls\0{server}").into_bytes()
}

impl fmt::Debug for TlsFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsFiles(…)")
    }
}
