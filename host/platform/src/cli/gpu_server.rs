//! `platform gpu-server`: what can be asked about servers with GPUs, and what can be said of them.

use std::{path::PathBuf, str::FromStr};

use clap::{Args, Subcommand};
use platform_domain::{EngineEndpoint, GpuList, GpuServerId, Labels, LabelsError, LeaseMode};

#[derive(Debug, Subcommand)]
pub(crate) enum GpuServerCommand {
    /// Register a server whose engine runs containers with GPUs. It is not spoken to yet: ask for its health then.
    ///
    /// An engine is root on its machine, so there is no way to it in the clear: a socket of this machine, TCP with TLS and
    /// certificates on both sides, or SSH with the keys of the host's user. The certificates are sealed with the host's key
    /// file before they are stored, and shown by no command.
    ///
    /// Example: platform gpu-server add local --endpoint unix:///run/docker.sock --gpus a100:2
    ///
    /// Example: platform gpu-server add gpu-1 --endpoint tcp://gpu-1.example:2376 --gpus a100:4,h100:2 --tls-ca ca.pem
    /// --tls-cert host-cert.pem --tls-key host-key.pem --label zone=eu
    ///
    /// Example: platform gpu-server add gpu-2 --endpoint ssh://docker@gpu-2.example --gpus rtx-4090:1 --lease "shared(2)"
    Add(AddArgs),
    /// List every server, with what is free of it.
    List,
    /// Show one server, and who holds its GPUs. Its engine is not asked.
    Show {
        /// The server.
        id: GpuServerId,
    },
    /// Change what is said of a server; what is not named stays as it is.
    ///
    /// While challenges hold GPUs of it, its endpoint stays, and so do the GPUs that they hold.
    ///
    /// Example: platform gpu-server set gpu-1 --gpus a100:8 --label zone=eu --label nvlink=yes
    Set(SetArgs),
    /// Let containers be started there.
    Enable {
        /// The server.
        id: GpuServerId,
    },
    /// Let no container be started there any more; those that run go on.
    Disable {
        /// The server.
        id: GpuServerId,
    },
    /// Ask its engine now: what it is, what it has, and whether that fits what was said of it.
    ///
    /// A server that does not answer twice in a row is lost: nothing is started there, and what its challenges hold there has
    /// expired. One that answers is found. Exits with 1 when the engine cannot be used.
    Health {
        /// The server.
        id: GpuServerId,
    },
    /// Forget a server and its certificates. Refused while challenges hold GPUs of it.
    Remove {
        /// The server.
        id: GpuServerId,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// The name for people: letters, digits, . _ and -.
    pub(crate) id: GpuServerId,
    /// Where its engine is: unix:///PATH, tcp://HOST:PORT (TLS) or ssh://USER@HOST[:PORT].
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: EngineEndpoint,
    /// What it has, in the order in which the engine counts: a100:4,h100:2 are six, numbers 0 to 5.
    #[arg(long, value_name = "KIND[:N],…")]
    pub(crate) gpus: GpuList,
    /// Register it without letting containers be started there.
    #[arg(long)]
    pub(crate) disabled: bool,
    #[command(flatten)]
    pub(crate) fields: GpuServerFields,
}

#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// The server.
    pub(crate) id: GpuServerId,
    /// Where its engine is.
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Option<EngineEndpoint>,
    /// What it has. Replaces all of them.
    #[arg(long, value_name = "KIND[:N],…")]
    pub(crate) gpus: Option<GpuList>,
    #[command(flatten)]
    pub(crate) fields: GpuServerFields,
}

/// What can be said when a server is added and later.
#[derive(Debug, Args)]
pub(crate) struct GpuServerFields {
    /// How many challenges may hold one GPU at a time: exclusive, or shared(N), N from 2 to 16 [default: exclusive].
    ///
    /// Nothing keeps those who share a GPU from taking each other's memory on it but themselves.
    #[arg(long, value_name = "MODE")]
    pub(crate) lease: Option<LeaseMode>,
    /// What challenges may want of their server, KEY=VALUE; repeat for more. Replaces all of them; none for no label.
    #[arg(long = "label", value_name = "KEY=VALUE")]
    pub(crate) labels: Vec<LabelArg>,
    /// A sentence for people; empty for none.
    #[arg(long)]
    pub(crate) description: Option<String>,
    #[command(flatten)]
    pub(crate) tls: TlsArgs,
}

/// Three files in PEM, read here and sent to the host.
#[derive(Debug, Args)]
pub(crate) struct TlsArgs {
    /// The certificate of the authority that the engine's is of, PEM. For tcp:// alone, as the next two.
    #[arg(long, value_name = "FILE", requires_all = ["tls_cert", "tls_key"])]
    pub(crate) tls_ca: Option<PathBuf>,
    /// The certificate by which the engine knows this host, PEM.
    #[arg(long, value_name = "FILE", requires_all = ["tls_ca", "tls_key"])]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key of that, PEM, without a passphrase.
    #[arg(long, value_name = "FILE", requires_all = ["tls_ca", "tls_cert"])]
    pub(crate) tls_key: Option<PathBuf>,
}

/// One label of a list, or the word for an empty one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LabelArg {
    Nothing,
    Pair(String),
}

impl LabelArg {
    /// The labels, if there are any or none are wanted.
    pub(crate) fn all(list: &[Self]) -> Result<Option<Labels>, LabelsError> {
        let pairs = list.iter().filter_map(|label| match label {
            Self::Nothing => None,
            Self::Pair(pair) => Some(pair.as_str()),
        });
        let pairs: Vec<_> = pairs.collect();
        let labels = (!list.is_empty()).then(|| pairs.join(",").parse());
        labels.transpose()
    }
}

impl FromStr for LabelArg {
    type Err = LabelsError;

    fn from_str(text: &str) -> Result<Self, LabelsError> {
        match text {
            "none" => Ok(Self::Nothing),
            pair => {
                // Also several at once, as they are shown.
                let _checked: Labels = pair.parse()?;
                Ok(Self::Pair(pair.to_owned()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_a_list_that_can_be_absent_or_empty() {
        let all = |list: &[&str]| {
            let list: Vec<_> = list.iter().map(|text| text.parse().unwrap()).collect();
            LabelArg::all(&list).map(|labels| labels.map(|labels| labels.to_string()))
        };
        assert_eq!(all(&[]), Ok(None));
        assert_eq!(all(&["none"]), Ok(Some(String::new())));
        assert_eq!(all(&["zone=eu", "rack=7"]), Ok(Some("rack=7,zone=eu".to_owned())));
        assert_eq!(all(&["zone=eu", "zone=us"]), Err(LabelsError::Repeated));
        assert_eq!("zone".parse::<LabelArg>(), Err(LabelsError::Pair));
    }
}
