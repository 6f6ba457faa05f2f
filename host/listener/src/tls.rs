//! The certificate that the host shows, and its key: read from files, and read again when they change, so that a renewal needs no
//! restart. New connections use the new pair, and those that are there go on.

mod pair;

use std::{fmt, path::PathBuf, sync::Arc};

use rustls::{
    ServerConfig,
    crypto::ring,
    server::{ClientHello, NoServerSessionStorage, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use tokio::{sync::watch, time::MissedTickBehavior};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use self::pair::{Files, Pair};
use crate::limits::CERTIFICATE_LOOK;

pub use self::pair::TlsError;

/// What is offered in the handshake, the better one first.
const PROTOCOLS: [&[u8]; 2] = [HTTP2, b"http/1.1"];
/// HTTP/2 in the handshake.
pub(crate) const HTTP2: &[u8] = b"h2";

/// A certificate and its key, of which clones share one and the same.
#[derive(Clone)]
pub struct Tls {
    files: Arc<Files>,
    pair: watch::Sender<Arc<Pair>>,
    config: Arc<ServerConfig>,
}

/// Never the key.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tls").field(&self.files).finish()
    }
}

/// A fingerprint of what the files have, as far as they can be read, and whether it was taken.
type Looked = (Option<u64>, Result<bool, TlsError>);

/// Shows the pair of the moment.
struct Current(watch::Receiver<Arc<Pair>>);

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Current")
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.borrow().certified))
    }
}

impl Tls {
    /// Reads both files, which are PEM: the chain with the host's own certificate first, and its private key in clear.
    pub fn open(
        certificate_file: impl Into<PathBuf>,
        key_file: impl Into<PathBuf>,
    ) -> Result<Self, TlsError> {
        let files = Files::new(certificate_file.into(), key_file.into());
        let pair = files.read()?.pair(&files)?;
        let (pair, current) = watch::channel(Arc::new(pair));
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(TlsError::Setup)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Current(current)));
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
        // A session that is taken up again shows no certificate: after a change of keys it would go on with the old one's word.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self {
            files: Arc::new(files),
            pair,
            config: Arc::new(config),
        })
    }

    /// Reads both files and takes them when both are right and not what is served already; says whether it took them. What is
    /// wrong changes nothing.
    pub fn reload(&self) -> Result<bool, TlsError> {
        self.look().1
    }

    fn look(&self) -> Looked {
        let content = match self.files.read() {
            Ok(content) => content,
            Err(error) => return (None, Err(error)),
        };
        let fingerprint = content.fingerprint;
        if self.pair.borrow().fingerprint == fingerprint {
            return (Some(fingerprint), Ok(false));
        }
        let taken = content.pair(&self.files).map(|pair| {
            self.pair.send_replace(Arc::new(pair));
            true
        });
        (Some(fingerprint), taken)
    }

    /// Looks every few seconds until `stop`, and says in the log what changed. A pair that is wrong is told of once.
    pub async fn keep_fresh(self, stop: CancellationToken) {
        let mut turns = tokio::time::interval(CERTIFICATE_LOOK);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = None;
        loop {
            tokio::select! {
                _ = turns.tick() => {}
                () = stop.cancelled() => return,
            }
            let it = self.clone();
            // Files may be on a disk that is far away.
            match tokio::task::spawn_blocking(move || it.look()).await {
                Ok(looked) => _ = self.tell(looked, &mut told),
                Err(error) => tracing::error!(error = %error, "cannot look at the certificate"),
            }
        }
    }

    /// Says whether there was anything to say.
    fn tell(&self, (content, taken): Looked, told: &mut Option<(Option<u64>, String)>) -> bool {
        match taken {
            Ok(taken) => {
                *told = None;
                if taken {
                    tracing::info!(files = ?self.files, "new connections use a new certificate");
                }
                taken
            }
            Err(error) => {
                let wrong = Some((content, error.to_string()));
                let new = *told != wrong;
                if new {
                    tracing::warn!(error = %error, "the certificate changed and is not taken, the old one stays");
                    *told = wrong;
                }
                new
            }
        }
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{pair::tests::made, *};

    #[test]
    fn what_is_wrong_is_told_once_until_it_changes() {
        let directory = tempfile::tempdir().unwrap();
        let [chain, key] = ["chain.pem", "key.pem"].map(|name| directory.path().join(name));
        let write = |pair: &(String, String)| {
            fs::write(&chain, &pair.0).unwrap();
            fs::write(&key, &pair.1).unwrap();
        };
        let (first, second, third) = (made(), made(), made());
        write(&first);
        let tls = Tls::open(&chain, &key).unwrap();
        let mut told = None;
        let mut tells = || tls.tell(tls.look(), &mut told);
        assert!(!tells());
        write(&(first.0.clone(), second.1.clone()));
        assert!(tells() && !tells());
        // As wrong as before, and another.
        write(&(first.0.clone(), third.1));
        assert!(tells() && !tells());
        fs::remove_file(&chain).unwrap();
        assert!(tells() && !tells());
        write(&first);
        assert!(!tells(), "what is served is there again");
        write(&second);
        assert!(tells() && !tells());
    }
}
