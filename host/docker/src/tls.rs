//! Certificates for engines over TCP. Only the authority that was handed in is believed, none of the system's: an engine's
//! certificate is made by whoever runs it.

use std::{fmt, sync::Arc};

use platform_domain::UnixSeconds;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use crate::expiry::ends_at;

/// Whom we believe and who we are. Silent in `Debug`; the key is nowhere to be read.
#[derive(Clone)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
    ends_at: Option<UnixSeconds>,
}

/// Why certificates cannot be used. Nothing of them is in the text.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// No certificate in it, or something else.
    #[error("the authority's certificate is not in PEM")]
    Authority,
    /// No certificate in it, or something else.
    #[error("our certificate is not in PEM")]
    Certificate,
    /// No key in it, or one in a form that is not known, or one that is sealed with a passphrase.
    #[error("the key of our certificate is not an open private key in PEM")]
    Key,
    /// They do not belong together, or are of a kind that is not known.
    #[error("certificate and key cannot be used")]
    Unusable(#[source] rustls::Error),
}

impl ClientTls {
    /// From PEM: the certificates of the authority, our certificate with those between, its private key.
    pub fn from_pem(authority: &[u8], certificate: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for root in certificates(authority).ok_or(TlsError::Authority)? {
            roots.add(root).map_err(|_| TlsError::Authority)?;
        }
        let chain = certificates(certificate).ok_or(TlsError::Certificate)?;
        let ends_at = chain.first().and_then(|certificate| ends_at(certificate));
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::Key)?;
        // The provider is named, so that none has to be installed for the whole process.
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Unusable)?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .map_err(TlsError::Unusable)?;
        let config = Arc::new(config);
        Ok(Self { config, ends_at })
    }

    /// When our certificate ends, where that can be read.
    pub const fn ends_at(&self) -> Option<UnixSeconds> {
        self.ends_at
    }

    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }
}

/// All of them, and at least one.
fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    all.ok().filter(|all| !all.is_empty())
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientTls(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Endpoint, EndpointError};

    fn pems() -> [String; 3] {
        let made = rcgen::generate_simple_self_signed(["engine".to_owned()]).unwrap();
        let certificate = made.cert.pem();
        [certificate.clone(), certificate, made.signing_key.serialize_pem()]
    }

    #[test]
    fn certificates_are_read_from_pem_and_never_shown() {
        let [authority, certificate, key] = pems();
        let tls = ClientTls::from_pem(authority.as_bytes(), certificate.as_bytes(), key.as_bytes()).unwrap();
        let endpoint = Endpoint::new(&"tcp://[::1]:2376".parse().unwrap(), Some(tls.clone())).unwrap();
        assert_eq!(endpoint.to_string(), "tcp://[::1]:2376");
        assert!(format!("{endpoint:?}").contains("ClientTls(…)"));
        let unused = Endpoint::new(&"unix:///run/docker.sock".parse().unwrap(), Some(tls));
        assert_eq!(unused.unwrap_err(), EndpointError::UnusedCertificates);
    }

    #[test]
    fn what_is_no_certificate_is_refused_without_being_shown() {
        let [authority, certificate, key] = pems();
        let [_, _, other] = pems();
        let bad = "-----BEGIN SECRET-----\nhunter2\n-----END SECRET-----\n";
        let (a, c, k) = (authority.as_str(), certificate.as_str(), key.as_str());
        for (authority, certificate, key, expected) in [
            (bad, c, k, "authority"),
            ("", c, k, "authority"),
            (a, bad, k, "our certificate"),
            (a, c, bad, "the key"),
            (a, c, "", "the key"),
            (a, c, other.as_str(), "cannot be used"),
        ] {
            let error = ClientTls::from_pem(authority.as_bytes(), certificate.as_bytes(), key.as_bytes());
            let error = error.unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
            assert!(!format!("{error:?}").contains("hunter2"));
        }
    }
}
