//! An authority of certificates for engines and for hosts, as an operator makes one.

use platform_admin_types::ClientCertificates;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};

pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    pub(crate) fn certificate(&self) -> String {
        self.0.pem()
    }

    /// Certificate and key of an engine at this name.
    pub(crate) fn server(&self, name: &str) -> [String; 2] {
        self.signed(name, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// What a host is known by.
    pub(crate) fn client(&self) -> ClientCertificates {
        let [certificate, key] = self.signed("host", ExtendedKeyUsagePurpose::ClientAuth);
        ClientCertificates {
            authority: self.certificate(),
            certificate,
            key,
        }
    }

    fn signed(&self, name: &str, purpose: ExtendedKeyUsagePurpose) -> [String; 2] {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.extended_key_usages = vec![purpose];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        [certificate.pem(), key.serialize_pem()]
    }
}
