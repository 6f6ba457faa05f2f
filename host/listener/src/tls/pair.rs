//! From two files to a certificate and its key, or to what is wrong with which file.

use std::{
    fmt,
    fs::File,
    hash::{BuildHasher as _, RandomState},
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    InconsistentKeys,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject as _},
    server::ParsedCertificate,
    sign::CertifiedKey,
};
use zeroize::Zeroizing;

use crate::limits::MAX_PEM_BYTES;

/// Bytes that are made room for: more than any key has in PEM.
const READ_BYTES: usize = 64 * 1024;

/// Why a certificate cannot be shown. Says nothing of what a file with a key has.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {file}: {source}")]
    Read {
        /// Which one.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is larger than any certificate.
    #[error("{file} has more than {MAX_PEM_BYTES} bytes")]
    TooLarge {
        /// Which one.
        file: PathBuf,
    },
    /// A file is no PEM.
    #[error("{file} is not PEM, or is cut off")]
    NotPem {
        /// Which one.
        file: PathBuf,
    },
    /// There is no certificate.
    #[error("{file} has no certificate")]
    NoCertificate {
        /// The file that should have it.
        file: PathBuf,
    },
    /// A certificate cannot be used.
    #[error("certificate {number} of {file} is not valid: {source}")]
    Certificate {
        /// The file that has it.
        file: PathBuf,
        /// Which one of the chain, from 1 on.
        number: usize,
        /// What is wrong with it.
        source: rustls::Error,
    },
    /// There is no key.
    #[error("{file} has no private key in clear (PKCS #8, PKCS #1 or SEC 1)")]
    NoKey {
        /// The file that should have it.
        file: PathBuf,
    },
    /// A key cannot be used.
    #[error("the private key of {file} is not valid, or of a kind that TLS does not have")]
    Key {
        /// The file that has it.
        file: PathBuf,
    },
    /// The two do not belong together.
    #[error("the private key of {key_file} is not that of the certificate in {certificate_file}")]
    Mismatch {
        /// The file with the certificate.
        certificate_file: PathBuf,
        /// The file with the key.
        key_file: PathBuf,
    },
    /// The library refuses the host's settings.
    #[error("TLS cannot be set up: {0}")]
    Setup(rustls::Error),
}

/// Where certificate and key are.
pub(super) struct Files {
    certificate: PathBuf,
    key: PathBuf,
    /// Has a secret of this process, so a fingerprint says nothing of a key.
    hasher: RandomState,
}

/// What the two files have.
pub(super) struct Content {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
    /// Of both.
    pub(super) fingerprint: u64,
}

/// What is shown, and the fingerprint of where it is from.
pub(super) struct Pair {
    pub(super) certified: Arc<CertifiedKey>,
    pub(super) fingerprint: u64,
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries([&self.certificate, &self.key]).finish()
    }
}

impl Files {
    pub(super) fn new(certificate: PathBuf, key: PathBuf) -> Self {
        Self {
            certificate,
            key,
            hasher: RandomState::new(),
        }
    }

    pub(super) fn read(&self) -> Result<Content, TlsError> {
        let certificate = read(&self.certificate)?;
        let key = Zeroizing::new(read(&self.key)?);
        let fingerprint = self.hasher.hash_one((&certificate, &*key));
        Ok(Content {
            certificate,
            key,
            fingerprint,
        })
    }
}

impl Content {
    /// Both as they are used, when they are right and belong together.
    pub(super) fn pair(&self, files: &Files) -> Result<Pair, TlsError> {
        let chain = chain(&self.certificate, &files.certificate)?;
        let key = key(&self.key, &files.key)?;
        let certified =
            CertifiedKey::from_der(chain, key, &ring::default_provider()).map_err(|error| match error {
                rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsError::Mismatch {
                    certificate_file: files.certificate.clone(),
                    key_file: files.key.clone(),
                },
                // The certificate was read before, so this is about the key.
                _ => TlsError::Key {
                    file: files.key.clone(),
                },
            })?;
        Ok(Pair {
            certified: Arc::new(certified),
            fingerprint: self.fingerprint,
        })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let file = || path.to_owned();
    let unreadable = |source| TlsError::Read { file: file(), source };
    let mut bytes = Vec::new();
    let opened = File::open(path).map_err(unreadable)?;
    // Enough for most, so that a key is not copied while this grows.
    bytes.reserve(READ_BYTES);
    let read = opened.take(MAX_PEM_BYTES + 1).read_to_end(&mut bytes);
    let read = read.map_err(unreadable)?;
    if u64::try_from(read).is_ok_and(|read| read <= MAX_PEM_BYTES) {
        Ok(bytes)
    } else {
        Err(TlsError::TooLarge { file: file() })
    }
}

fn chain(bytes: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let file = || path.to_owned();
    let chain = CertificateDer::pem_slice_iter(bytes).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|_| TlsError::NotPem { file: file() })?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate { file: file() });
    }
    for (number, certificate) in (1..).zip(&chain) {
        ParsedCertificate::try_from(certificate).map_err(|source| TlsError::Certificate {
            file: file(),
            number,
            source,
        })?;
    }
    Ok(chain)
}

/// What the library says of text that is wrong repeats that text, so it is not passed on.
fn key(bytes: &[u8], path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let file = path.to_owned();
    PrivateKeyDer::from_pem_slice(bytes).map_err(|error| match error {
        pem::Error::NoItemsFound => TlsError::NoKey { file },
        _ => TlsError::NotPem { file },
    })
}

#[cfg(test)]
pub(super) mod tests {
    use std::fs;

    use pem_rfc7468::{LineEnding, encode_string};
    use rcgen::{CertifiedKey as Made, generate_simple_self_signed};

    use super::*;

    /// A certificate and its key.
    pub(in crate::tls) fn made() -> (String, String) {
        let Made { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (
            encode_string("CERTIFICATE", LineEnding::LF, cert.der()).unwrap(),
            encode_string("PRIVATE KEY", LineEnding::LF, &signing_key.serialize_der()).unwrap(),
        )
    }

    #[test]
    fn what_is_wrong_is_said_with_its_file_and_nothing_of_the_key() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let files = Files::new(path("chain.pem"), path("key.pem"));
        let (certificate, key) = made();
        let (_, other) = made();
        let half = &key[..key.len() / 2];
        let secret = key.lines().nth(1).unwrap();
        let no_der = encode_string("CERTIFICATE", LineEnding::LF, b"no certificate").unwrap();
        let second = format!("{certificate}{no_der}");
        let no_key = encode_string("PRIVATE KEY", LineEnding::LF, b"no key").unwrap();
        let sealed = key.replace("PRIVATE", "ENCRYPTED PRIVATE");
        let glued = key.replace("-----\n", "----");
        let large = certificate.repeat(4000);
        for (certificate, key, said) in [
            ("", &*key, "chain.pem has no certificate"),
            ("text", &key, "chain.pem has no certificate"),
            (&key, &key, "chain.pem has no certificate"),
            (&no_der, &key, "certificate 1 of "),
            (&second, &key, "certificate 2 of "),
            (&certificate[..200], &key, "chain.pem is not PEM"),
            (&large, &key, "chain.pem has more than 1048576 bytes"),
            (&certificate, "", "key.pem has no private key in clear"),
            (&certificate, &certificate, "key.pem has no private key in clear"),
            (&certificate, &sealed, "key.pem has no private key in clear"),
            (&certificate, half, "key.pem is not PEM"),
            (&certificate, &glued, "key.pem is not PEM"),
            (&certificate, &no_key, "key.pem is not valid"),
            (&certificate, &other, "is not that of the certificate in"),
        ] {
            fs::write(path("chain.pem"), certificate).unwrap();
            fs::write(path("key.pem"), key).unwrap();
            let error = files
                .read()
                .and_then(|content| content.pair(&files))
                .err()
                .unwrap();
            let text = format!("{error} {error:?}");
            assert!(text.contains(said), "{said}: {text}");
            assert!(!text.contains(secret), "{text}");
        }
        fs::write(path("chain.pem"), &certificate).unwrap();
        fs::write(path("key.pem"), &key).unwrap();
        assert!(files.read().unwrap().pair(&files).is_ok());
        fs::remove_file(path("key.pem")).unwrap();
        let error = files.read().err().unwrap().to_string();
        assert!(
            error.contains("cannot read ") && error.contains("key.pem"),
            "{error}"
        );
    }
}
