//! Where an engine is, and who may go there.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use platform_domain::{EngineEndpoint, Host};

use crate::tls::ClientTls;

/// The way to an engine. `Display` gives the text form of [`EngineEndpoint`]; certificates are never shown.
#[derive(Clone, Debug)]
pub enum Endpoint {
    /// `unix:///path`: a socket of this machine.
    Unix(PathBuf),
    /// `tcp://host:port`, over TLS with certificates on both sides.
    Tls {
        /// Name or address, without brackets.
        host: String,
        /// Where it listens; by custom 2376.
        port: u16,
        /// Whom we believe and who we are.
        tls: ClientTls,
    },
    /// `ssh://user@host[:port]`: the system's `ssh` with its own configuration and keys, and Docker's command line over there.
    Ssh {
        /// Who logs in.
        user: String,
        /// Name or address, or an alias of `ssh_config`.
        host: String,
        /// Where it listens, if not where the configuration says.
        port: Option<u16>,
        /// A file in place of the user's own `ssh_config`: keys, known hosts, ways over other machines.
        config: Option<PathBuf>,
    },
}

/// Why there is no way to an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Plain TCP.
    #[error(
        "whoever reaches an engine is root on its machine, so tcp:// is only for TLS with client certificates: \
         give the authority's certificate, ours and its key"
    )]
    PlainTcp,
    /// Certificates that nothing would look at.
    #[error("certificates are for tcp:// only")]
    UnusedCertificates,
}

impl Endpoint {
    /// Certificates are for `tcp://`, which is refused without them.
    pub fn new(endpoint: &EngineEndpoint, tls: Option<ClientTls>) -> Result<Self, EndpointError> {
        match (endpoint, tls) {
            (EngineEndpoint::Unix(path), None) => Ok(Self::Unix(path.as_path().to_owned())),
            (EngineEndpoint::Tls { host, port }, Some(tls)) => Ok(Self::Tls {
                host: bare(host),
                port: *port,
                tls,
            }),
            (EngineEndpoint::Ssh { user, host, port }, None) => Ok(Self::Ssh {
                user: user.as_str().to_owned(),
                host: bare(host),
                // The usual one is not said: `ssh_config` may know better for an alias.
                port: Some(*port).filter(|port| *port != EngineEndpoint::SSH_PORT),
                config: None,
            }),
            (EngineEndpoint::Tls { .. }, None) => Err(EndpointError::PlainTcp),
            (EngineEndpoint::Unix(_) | EngineEndpoint::Ssh { .. }, Some(_)) => {
                Err(EndpointError::UnusedCertificates)
            }
        }
    }

    /// With a configuration of `ssh` of one's own, which the other kinds have no use for.
    #[must_use]
    pub fn with_ssh_config(mut self, file: &Path) -> Self {
        if let Self::Ssh { config, .. } = &mut self {
            *config = Some(file.to_owned());
        }
        self
    }

    /// Whether the engine is on this machine, so that its containers' addresses can be reached from here.
    pub const fn is_local(&self) -> bool {
        matches!(self, Self::Unix(_))
    }
}

/// As programs take it: an address has brackets only beside a port.
fn bare(host: &Host) -> String {
    let host = host.to_string();
    host.trim_start_matches('[').trim_end_matches(']').to_owned()
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tls { host, port, .. } => write!(f, "tcp://{}:{port}", bracketed(host)),
            Self::Ssh { user, host, port, .. } => {
                write!(f, "ssh://{user}@{}", bracketed(host))?;
                port.iter().try_for_each(|port| write!(f, ":{port}"))
            }
        }
    }
}

fn bracketed(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_to_an_engine_is_shown_as_it_was_written() {
        let plain = Endpoint::new(&"tcp://127.0.0.1:2375".parse().unwrap(), None);
        assert_eq!(plain.unwrap_err(), EndpointError::PlainTcp);
        for text in [
            "unix:///run/docker.sock",
            "ssh://a.b@10.0.0.7:2222",
            "ssh://a@[fd00::80]",
        ] {
            let endpoint = Endpoint::new(&text.parse().unwrap(), None).unwrap();
            assert_eq!(endpoint.to_string(), text);
            assert_eq!(endpoint.is_local(), text.starts_with("unix"));
        }
    }
}
