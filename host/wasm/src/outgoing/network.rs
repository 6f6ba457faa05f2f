//! The world as the host reaches it: names, connections, TLS.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr, ToSocketAddrs as _},
    sync::Arc,
    time::Duration,
};

use rustls::{
    AlertDescription, ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::OnceCell,
    task::spawn_blocking,
    time::{Instant, timeout_at},
};
use tokio_rustls::TlsConnector;
use wasmtime_wasi_http::Error;

use super::{address::is_public, places::Place};
use platform_domain::{Destination, Host, HttpScheme};

/// What stands in the place of the world for a test; nothing does otherwise.
#[derive(Clone, Default)]
pub struct Network {
    /// Gives the addresses of a name, in the place of the system's resolver.
    pub names: Option<Names>,
    /// Leads a connection to another address after it was checked.
    pub routes: Option<Routes>,
    /// Certificates that are trusted, in DER, in the place of the system's.
    pub roots: Option<Vec<Vec<u8>>>,
}

/// The addresses of a name.
pub type Names = Arc<dyn Fn(&str) -> Vec<IpAddr> + Send + Sync>;
/// Where a connection goes.
pub type Routes = Arc<dyn Fn(SocketAddr) -> SocketAddr + Send + Sync>;

/// A connection, in the clear or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// What every connection of an engine needs.
pub(super) struct World {
    network: Network,
    tls: OnceCell<Arc<ClientConfig>>,
}

impl World {
    pub(super) fn new(network: Network) -> Self {
        Self {
            network,
            tls: OnceCell::new(),
        }
    }

    /// Connects to exactly the addresses that were checked; a name is looked up once. One address that is not open
    /// closes the name: whoever gives out such names has not only good ones.
    pub(super) async fn connect(
        &self,
        to: &Destination,
        is_open: impl Fn(IpAddr) -> bool,
        place: &Arc<Place>,
        until: Instant,
    ) -> Result<Box<dyn Stream>, Error> {
        let addresses = match &to.host {
            Host::Ip(address) => vec![*address],
            Host::Name(name) => {
                let found = timeout_at(until, self.resolve(name.clone(), place.clone())).await;
                found.map_err(|_| Error::DnsTimeout)??
            }
        };
        // That name is this machine, whatever a resolver says: secrets are sent to it in clear.
        let is_local = matches!(&to.host, Host::Name(name) if name == "localhost");
        let is_world = |address: IpAddr| !is_local && is_public(address);
        if !addresses
            .iter()
            .all(|address| is_world(*address) || is_open(*address))
        {
            return Err(Error::DestinationIpProhibited);
        }
        let stream = self.dial(&addresses, to.port, until).await?;
        match to.scheme {
            HttpScheme::Http => Ok(Box::new(stream)),
            HttpScheme::Https => {
                let secured = timeout_at(until, self.secure(&to.host, stream)).await;
                secured.map_err(|_| Error::ConnectionTimeout)?
            }
        }
    }

    /// The lookup cannot be stopped, so it keeps its place until it has ended.
    async fn resolve(&self, name: String, place: Arc<Place>) -> Result<Vec<IpAddr>, Error> {
        let names = self.network.names.clone();
        let look = move || {
            let found = match names {
                Some(names) => Ok(names(&name)),
                None => (name.as_str(), 0)
                    .to_socket_addrs()
                    .map(|found| found.map(|address| address.ip()).collect()),
            };
            drop(place);
            found
        };
        let found: io::Result<Vec<_>> = spawn_blocking(look).await.map_err(io::Error::other).flatten();
        match found {
            Ok(addresses) if !addresses.is_empty() => Ok(addresses),
            Ok(_) | Err(_) => Err(Error::DnsError {
                rcode: None,
                info_code: None,
            }),
        }
    }

    /// One after the other; each has its part of the time, so that one that does not answer leaves some to the next.
    async fn dial(&self, addresses: &[IpAddr], port: u16, until: Instant) -> Result<TcpStream, Error> {
        let mut last = Error::ConnectionTimeout;
        let attempts = addresses.iter().take(ATTEMPTS);
        let mut left = u32::try_from(attempts.len()).unwrap_or(1);
        for address in attempts {
            let address = SocketAddr::new(*address, port);
            let to = self
                .network
                .routes
                .as_ref()
                .map_or(address, |routes| routes(address));
            let part = until.saturating_duration_since(Instant::now()) / left.max(1);
            last = match timeout_at(Instant::now() + part, TcpStream::connect(to)).await {
                Ok(Ok(stream)) => {
                    // Slower without; nothing else.
                    drop(stream.set_nodelay(true));
                    return Ok(stream);
                }
                Ok(Err(error)) => unreached(&error),
                Err(_) => Error::ConnectionTimeout,
            };
            left = left.saturating_sub(1);
        }
        Err(last)
    }

    async fn secure(&self, host: &Host, stream: TcpStream) -> Result<Box<dyn Stream>, Error> {
        let name = match host {
            Host::Ip(address) => ServerName::from(*address),
            Host::Name(name) => {
                ServerName::try_from(name.clone()).map_err(|_| Error::HttpRequestUriInvalid)?
            }
        };
        let client = self.tls.get_or_try_init(|| self.client()).await?;
        let connector = TlsConnector::from(client.clone());
        match connector.connect(name, stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(insecure(&error)),
        }
    }

    /// Reading what the system trusts takes some milliseconds, so it is done once, and only where somebody needs it.
    async fn client(&self) -> Result<Arc<ClientConfig>, Error> {
        let given = self.network.roots.clone();
        let load = move || match given {
            Some(given) => given.into_iter().map(CertificateDer::from).collect(),
            None => rustls_native_certs::load_native_certs().certs,
        };
        let trusted: Vec<_> = spawn_blocking(load)
            .await
            .map_err(|_| Error::ConfigurationError)?;
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(trusted);
        if roots.is_empty() {
            tracing::error!(
                "the system has no certificates to trust, so no server is reached over TLS; install ca-certificates"
            );
            return Err(Error::ConfigurationError);
        }
        let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|_| Error::ConfigurationError)?;
        let mut client = client.with_root_certificates(roots).with_no_client_auth();
        client.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(client))
    }
}

/// Addresses of a name that are tried.
const ATTEMPTS: usize = 4;

fn unreached(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Error::ConnectionRefused,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Error::DestinationIpUnroutable,
        io::ErrorKind::TimedOut => Error::ConnectionTimeout,
        _ => Error::DestinationUnavailable,
    }
}

fn insecure(error: &io::Error) -> Error {
    let cause = error
        .get_ref()
        .and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented) => {
            Error::TlsCertificateError
        }
        Some(rustls::Error::AlertReceived(alert)) => Error::TlsAlertReceived {
            alert_id: Some(u8::from(AlertDescription::clone(alert))),
            alert_message: None,
        },
        Some(_) => Error::TlsProtocolError,
        None => Error::ConnectionTerminated,
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { names, routes, roots } = self;
        let given = names.is_some() || routes.is_some() || roots.is_some();
        f.write_str(if given { "Network(of a test)" } else { "Network" })
    }
}

/// The earlier of a time from now and a time.
pub(super) fn within(time: Duration, until: Instant) -> Instant {
    Instant::now()
        .checked_add(time)
        .map_or(until, |end| end.min(until))
}
