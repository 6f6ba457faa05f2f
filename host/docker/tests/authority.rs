//! Authorities of certificates, and engines over TCP with certificates of theirs.

use std::{fs, net::IpAddr, path::Path};

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType};

/// Where engines of tests are.
pub(crate) const HERE: &str = "127.0.0.1";

/// An authority, and its certificate.
pub(crate) struct Authority(Issuer<'static, KeyPair>, pub(crate) String);

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self(Issuer::new(params, key), pem)
    }

    /// Certificate and key of a host.
    pub(crate) fn client(&self) -> (String, String) {
        self.issue(ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn issue(&self, usage: ExtendedKeyUsagePurpose) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.extended_key_usages = vec![usage];
        params.subject_alt_names = vec![SanType::IpAddress(HERE.parse::<IpAddr>().unwrap())];
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// The options of an engine that lets in whom this authority knows, at a port that is free. `dir` has its files.
    pub(crate) fn options(&self, dir: &Path) -> Vec<String> {
        let (certificate, key) = self.issue(ExtendedKeyUsagePurpose::ServerAuth);
        let mut options = ["--host", "tcp://127.0.0.1:0", "--tlsverify"]
            .map(str::to_owned)
            .to_vec();
        for (name, pem) in [
            ("tlscacert", &self.1),
            ("tlscert", &certificate),
            ("tlskey", &key),
        ] {
            let file = dir.join(name);
            fs::write(&file, pem).unwrap();
            options.push(format!("--{name}={}", file.display()));
        }
        options
    }
}
