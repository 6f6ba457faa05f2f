//! A real registry process that does not let everybody in.

use std::{fs, path::PathBuf};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use crate::docker_registry::Registry;

/// `ann` with the password `opensesame`, as `htpasswd -B` writes it.
const HTPASSWD: &str = "ann:$2y$05$abcdefghijklmnopqrstuuQbLfdQZSxZ9gjhA5V9o8Tyc6aQRO0Qi\n";

/// What the registry wants of who comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wants {
    /// That they are `ann`, with the password `opensesame`.
    pub(crate) password: bool,
    /// TLS, with a certificate of an authority of its own.
    pub(crate) tls: bool,
}

pub(crate) struct Guarded {
    /// `127.0.0.1:PORT`.
    pub(crate) address: String,
    /// The certificate of its authority, if it speaks TLS.
    pub(crate) ca_file: PathBuf,
    _registry: Registry,
}

impl Guarded {
    pub(crate) fn start(wants: Wants) -> Self {
        let dir = TempDir::new().unwrap();
        let file = |name: &str, content: &str| {
            let path = dir.path().join(name);
            fs::write(&path, content).unwrap();
            path
        };
        let (mut more, mut ca_file) = (String::new(), PathBuf::new());
        if wants.tls {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            ca_file = file(
                "ca.pem",
                &pem("CERTIFICATE", params.self_signed(&key).unwrap().der()),
            );
            let issuer = Issuer::new(params, key);
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
            let certificate = file(
                "own.pem",
                &pem("CERTIFICATE", params.signed_by(&key, &issuer).unwrap().der()),
            );
            let key = file("own.key", &pem("PRIVATE KEY", &key.serialize_der()));
            let (certificate, key) = (certificate.display(), key.display());
            more += &format!("  tls:\n    certificate: {certificate}\n    key: {key}\n");
        }
        if wants.password {
            let path = file("htpasswd", HTPASSWD);
            more += &format!(
                "auth:\n  htpasswd:\n    realm: test\n    path: {}\n",
                path.display()
            );
        }
        let registry = Registry::start_in(dir, &more);
        Self {
            address: registry.address.clone(),
            ca_file,
            _registry: registry,
        }
    }
}

fn pem(kind: &str, der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    format!("-----BEGIN {kind}-----\n{text}\n-----END {kind}-----\n")
}
