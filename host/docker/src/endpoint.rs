//! Where an engine is, and who may go there.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use platform_domain::{UpstreamAddress, UpstreamAddressError};

use crate::{limits::SOCKET_PATH, tls::ClientTls};

/// The way to an engine. `Display` gives the text back that it was made of; certificates are never shown.
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
    /// `ssh://user@host[:port]`: the system's `ssh` with its own configuration and keys. Docker's command line must be there
    /// on the other side, as for Docker's own.
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

/// Why a text is no way to an engine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// None of the three.
    #[error("an engine is at unix:///path, tcp://host:port or ssh://user@host")]
    Scheme,
    /// Not from the root, with `..` in it, or longer than a socket's path can be.
    #[error("the path of a socket begins with /, has no .. and at most {SOCKET_PATH} bytes")]
    Path,
    /// Plain TCP.
    #[error(
        "whoever reaches an engine is root on its machine, so tcp:// is only for TLS with client certificates: \
         give the authority's certificate, ours and its key"
    )]
    PlainTcp,
    /// Certificates that nothing would look at.
    #[error("certificates are for tcp:// only")]
    UnusedCertificates,
    /// Host or port.
    #[error("not a host and a port")]
    Address(#[source] UpstreamAddressError),
    /// No port where one is needed.
    #[error("tcp:// needs a port; engines with TLS are at 2376 by custom")]
    NoPort,
    /// SSH without a user, or with one that would be read as an option.
    #[error("ssh:// names a user of letters, digits, . _ and -: ssh://user@host")]
    User,
}

impl Endpoint {
    /// Reads the text form. Certificates are for `tcp://`, which is refused without them.
    pub fn parse(text: &str, tls: Option<ClientTls>) -> Result<Self, EndpointError> {
        let (scheme, rest) = text.split_once("://").ok_or(EndpointError::Scheme)?;
        match (scheme, tls) {
            ("unix", None) => socket(rest),
            ("ssh", None) => ssh(rest),
            ("tcp", Some(tls)) => {
                let (host, port) = address(rest)?;
                let port = port.ok_or(EndpointError::NoPort)?;
                Ok(Self::Tls { host, port, tls })
            }
            ("tcp", None) => Err(EndpointError::PlainTcp),
            ("unix" | "ssh", Some(_)) => Err(EndpointError::UnusedCertificates),
            _ => Err(EndpointError::Scheme),
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

fn socket(path: &str) -> Result<Endpoint, EndpointError> {
    let climbs = path.split('/').any(|part| part == "..");
    let fits = path.starts_with('/') && path.len() > 1 && path.len() <= SOCKET_PATH;
    match fits && !climbs && !path.contains('\0') {
        true => Ok(Endpoint::Unix(Path::new(path).to_owned())),
        false => Err(EndpointError::Path),
    }
}

fn ssh(rest: &str) -> Result<Endpoint, EndpointError> {
    let (user, rest) = rest.split_once('@').ok_or(EndpointError::User)?;
    // They become words of a command: nothing that could be an option, and no white space.
    let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
    if user.is_empty() || user.starts_with('-') || !user.bytes().all(plain) {
        return Err(EndpointError::User);
    }
    let (host, port) = address(rest)?;
    let user = user.to_owned();
    Ok(Endpoint::Ssh {
        user,
        host,
        port,
        config: None,
    })
}

/// Host and port by the rules for addresses of challenges. Port 80 that is written stays one.
fn address(rest: &str) -> Result<(String, Option<u16>), EndpointError> {
    let address: UpstreamAddress = format!("http://{rest}").parse().map_err(EndpointError::Address)?;
    let host = address.host().to_string();
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let written = rest
        .trim_end_matches('/')
        .ends_with(&format!(":{}", address.port()));
    // `::80` in brackets ends with the bracket, so what ends like a port is one.
    Ok((host, written.then(|| address.port())))
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
    match host.contains(':') {
        true => format!("[{host}]"),
        false => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_to_an_engine_is_written_as_it_is_read() {
        for text in [
            "unix:///var/run/docker.sock",
            "ssh://root@gpu-1",
            "ssh://ops.team@10.0.0.7:2222",
            "ssh://ops@[fd00::1]:22",
            "ssh://ops@[fd00::80]",
        ] {
            let endpoint = Endpoint::parse(text, None).unwrap();
            assert_eq!(endpoint.to_string(), text);
            assert_eq!(endpoint.is_local(), text.starts_with("unix"));
        }
    }

    #[test]
    fn what_is_no_way_to_an_engine_is_refused_with_its_reason() {
        let long = format!("unix:///{}", "a".repeat(SOCKET_PATH));
        let table = [
            ("", EndpointError::Scheme),
            ("/var/run/docker.sock", EndpointError::Scheme),
            ("http://127.0.0.1:2375", EndpointError::Scheme),
            ("npipe:////./pipe/docker_engine", EndpointError::Scheme),
            ("unix://relative", EndpointError::Path),
            ("unix:///", EndpointError::Path),
            ("unix:///run/../etc/x", EndpointError::Path),
            (&long, EndpointError::Path),
            ("tcp://127.0.0.1:2375", EndpointError::PlainTcp),
            ("ssh://gpu-1", EndpointError::User),
            ("ssh://@gpu-1", EndpointError::User),
            ("ssh://-oProxyCommand=x@gpu-1", EndpointError::User),
            ("ssh://a b@gpu-1", EndpointError::User),
        ];
        for (text, expected) in table {
            assert_eq!(Endpoint::parse(text, None).unwrap_err(), expected, "{text}");
        }
        for text in [
            "ssh://a@-oProxyCommand=x",
            "ssh://a@",
            "ssh://a@h:0x",
            "ssh://a@h/path",
        ] {
            let error = Endpoint::parse(text, None).unwrap_err();
            assert!(matches!(error, EndpointError::Address(_)), "{text}: {error}");
        }
    }
}
