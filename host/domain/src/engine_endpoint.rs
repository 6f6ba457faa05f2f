//! Where the container engine of a server is spoken to. Whoever speaks to an engine is root on its machine, so there is no way
//! to it in the clear.

use std::{fmt, path::Path, str::FromStr};

use crate::{
    DestinationError, Host,
    destination::read_authority,
    limits::{MAX_ENDPOINT, MAX_SOCKET_PATH, MAX_SSH_USER},
    text::serde_as_text,
};

/// The three ways to an engine. The text forms are `unix:///run/docker.sock`, `tcp://HOST:PORT` and `ssh://USER@HOST[:PORT]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EngineEndpoint {
    /// A socket of this machine.
    Unix(SocketPath),
    /// Over TLS, always, and both sides show certificates.
    Tls {
        /// Who is connected to, and whom its certificate is for.
        host: Host,
        /// Where it listens.
        port: u16,
    },
    /// Through a shell of that machine, whose `docker` passes on what is said.
    Ssh {
        /// Who logs in.
        user: SshUser,
        /// Where.
        host: Host,
        /// 22 where none was written.
        port: u16,
    },
}

/// The absolute path of a socket, in the one form that names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketPath(String);

/// A name that no program takes for anything but a user.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SshUser(String);

/// Why a text is no endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineEndpointError {
    /// Longer than any of them.
    #[error("an endpoint has {MAX_ENDPOINT} bytes at most")]
    TooLong,
    /// None of the three.
    #[error("an endpoint begins with unix://, tcp:// or ssh://, as in unix:///var/run/docker.sock")]
    Scheme,
    /// `http://`
    #[error(
        "an engine is not spoken to in the clear, because whoever can speak to it is root on its machine; write tcp://HOST:PORT, which is always TLS, or ssh://USER@HOST"
    )]
    InClear,
    /// `https://`
    #[error("an engine over TLS is written tcp://HOST:PORT")]
    Https,
    /// Relative, or with more than one way to write it.
    #[error(
        "a socket is an absolute path of {MAX_SOCKET_PATH} bytes at most, without empty parts, . and .., as in unix:///var/run/docker.sock"
    )]
    Socket,
    /// More than host and port.
    #[error("only user, host and port are given: no path, no query and no fragment")]
    Path,
    /// Engines have no port of their own: 2376 is a habit.
    #[error("the port is missing, as in tcp://gpu1.example:2376")]
    NoPort,
    /// `ssh://HOST`
    #[error("the user is missing, as in ssh://docker@gpu1.example")]
    NoUser,
    /// A user's name with other letters, or `tcp://USER@HOST`.
    #[error(
        "a user is given with ssh:// alone; the name begins with a letter or _, consists of A-Z a-z 0-9 . _ - and has {MAX_SSH_USER} bytes at most"
    )]
    User,
    /// `ssh://USER:PASSWORD@HOST`
    #[error("an endpoint has no password; who logs in over SSH has a key")]
    Password,
    /// The host or the port.
    #[error(transparent)]
    Destination(#[from] DestinationError),
}

impl SocketPath {
    /// As a path.
    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }

    fn parse(text: &str) -> Result<Self, EngineEndpointError> {
        let parts = text.strip_prefix('/').ok_or(EngineEndpointError::Socket)?;
        let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(char::is_control);
        match text.len() <= MAX_SOCKET_PATH && parts.split('/').all(plain) {
            true => Ok(Self(text.to_owned())),
            false => Err(EngineEndpointError::Socket),
        }
    }
}

impl SshUser {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What begins with a hyphen would be an option of `ssh`.
    fn parse(text: &str) -> Result<Self, EngineEndpointError> {
        let first = text
            .bytes()
            .next()
            .is_some_and(|c| c.is_ascii_alphabetic() || c == b'_');
        let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
        match first && text.len() <= MAX_SSH_USER && text.bytes().all(plain) {
            true => Ok(Self(text.to_owned())),
            false => Err(EngineEndpointError::User),
        }
    }
}

impl EngineEndpoint {
    /// Where SSH listens.
    pub const SSH_PORT: u16 = 22;

    /// Whether certificates and a key are needed to speak to it.
    pub const fn needs_tls(&self) -> bool {
        matches!(self, Self::Tls { .. })
    }
}

impl FromStr for EngineEndpoint {
    type Err = EngineEndpointError;

    fn from_str(text: &str) -> Result<Self, EngineEndpointError> {
        if text.len() > MAX_ENDPOINT {
            return Err(EngineEndpointError::TooLong);
        }
        let (scheme, rest) = text.split_once("://").ok_or(EngineEndpointError::Scheme)?;
        match scheme.to_ascii_lowercase().as_str() {
            "unix" => SocketPath::parse(rest).map(Self::Unix),
            "tcp" => {
                if rest.contains('@') {
                    return Err(EngineEndpointError::User);
                }
                let (host, port) = authority(rest)?;
                let port = port.ok_or(EngineEndpointError::NoPort)?;
                Ok(Self::Tls { host, port })
            }
            "ssh" => {
                let (user, rest) = rest.split_once('@').ok_or(EngineEndpointError::NoUser)?;
                if user.contains(':') {
                    return Err(EngineEndpointError::Password);
                }
                let user = SshUser::parse(user)?;
                let (host, port) = authority(rest)?;
                let port = port.unwrap_or(Self::SSH_PORT);
                Ok(Self::Ssh { user, host, port })
            }
            "http" => Err(EngineEndpointError::InClear),
            "https" => Err(EngineEndpointError::Https),
            _ => Err(EngineEndpointError::Scheme),
        }
    }
}

fn authority(text: &str) -> Result<(Host, Option<u16>), EngineEndpointError> {
    if text.contains(['/', '?', '#', '\\']) {
        return Err(EngineEndpointError::Path);
    }
    // A host is an argument of `ssh`, where a hyphen begins an option.
    if text.starts_with('-') {
        return Err(DestinationError::Host.into());
    }
    Ok(read_authority(text)?)
}

impl fmt::Display for EngineEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(SocketPath(path)) => write!(f, "unix://{path}"),
            Self::Tls { host, port } => write!(f, "tcp://{host}:{port}"),
            Self::Ssh {
                user: SshUser(user),
                host,
                port: Self::SSH_PORT,
            } => write!(f, "ssh://{user}@{host}"),
            Self::Ssh {
                user: SshUser(user),
                host,
                port,
            } => write!(f, "ssh://{user}@{host}:{port}"),
        }
    }
}

serde_as_text!(EngineEndpoint);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_written_as_it_is_read() {
        for (text, written) in [
            ("unix:///var/run/docker.sock", "unix:///var/run/docker.sock"),
            (
                "UNIX:///run/user/1000/podman.sock",
                "unix:///run/user/1000/podman.sock",
            ),
            ("tcp://GPU1.example:2376", "tcp://gpu1.example:2376"),
            ("tcp://10.0.0.7:2376", "tcp://10.0.0.7:2376"),
            ("tcp://[fd00::7]:2376", "tcp://[fd00::7]:2376"),
            ("ssh://docker@gpu1", "ssh://docker@gpu1"),
            ("ssh://docker@gpu1:22", "ssh://docker@gpu1"),
            ("ssh://_run.er-2@[fd00::7]:2222", "ssh://_run.er-2@[fd00::7]:2222"),
        ] {
            let endpoint: EngineEndpoint = text.parse().unwrap();
            assert_eq!(endpoint.to_string(), written);
            assert_eq!(written.parse::<EngineEndpoint>().unwrap(), endpoint);
            let json = serde_json::to_string(&endpoint).unwrap();
            assert_eq!(json, format!("{written:?}"));
            assert_eq!(serde_json::from_str::<EngineEndpoint>(&json).unwrap(), endpoint);
            assert_eq!(endpoint.needs_tls(), written.starts_with("tcp:"));
        }
    }

    #[test]
    fn what_is_no_way_to_an_engine_is_refused_with_its_reason() {
        use EngineEndpointError::{
            Destination, Https, InClear, NoPort, NoUser, Password, Path, Scheme, Socket, TooLong, User,
        };
        let long = format!("unix:///{}", "a".repeat(MAX_SOCKET_PATH));
        let longer = "a".repeat(MAX_ENDPOINT + 1);
        let who = format!("ssh://{}@gpu1", "a".repeat(MAX_SSH_USER + 1));
        for (text, expected) in [
            ("", Scheme),
            ("/var/run/docker.sock", Scheme),
            ("gpu1:2376", Scheme),
            ("npipe:////./pipe/docker_engine", Scheme),
            ("fd://", Scheme),
            ("http://gpu1:2375", InClear),
            ("HTTP://gpu1:2375", InClear),
            ("https://gpu1:2376", Https),
            ("unix://docker.sock", Socket),
            ("unix://", Socket),
            ("unix:///", Socket),
            ("unix:////run/docker.sock", Socket),
            ("unix:///run/../docker.sock", Socket),
            ("unix:///run/./docker.sock", Socket),
            ("unix:///run/docker.sock/", Socket),
            ("unix:///run/docker\n.sock", Socket),
            ("unix:///run/docker\0.sock", Socket),
            (&long, Socket),
            (&longer, TooLong),
            ("tcp://gpu1", NoPort),
            ("tcp://gpu1:2376/", Path),
            ("tcp://gpu1:2376?x", Path),
            ("tcp://me@gpu1:2376", User),
            ("tcp://:2376", Destination(DestinationError::Host)),
            ("tcp://2130706433:2376", Destination(DestinationError::Host)),
            ("tcp://-x:2376", Destination(DestinationError::Host)),
            ("tcp://gpu1:0", Destination(DestinationError::Port)),
            ("ssh://gpu1", NoUser),
            ("ssh://me:word@gpu1", Password),
            ("ssh://@gpu1", User),
            ("ssh://-oProxyCommand@gpu1", User),
            ("ssh://m e@gpu1", User),
            (&who, User),
            ("ssh://me@-gpu1", Destination(DestinationError::Host)),
            ("ssh://me@you@gpu1", Destination(DestinationError::User)),
            ("ssh://me@gpu1/run/docker.sock", Path),
        ] {
            assert_eq!(text.parse::<EngineEndpoint>(), Err(expected), "{text}");
        }
        assert!(InClear.to_string().contains("root"), "it says why");
    }
}
