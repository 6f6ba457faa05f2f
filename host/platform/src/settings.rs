//! What the operator may set: a TOML file, then `PLATFORM_A__B` from the environment, then flags, each over
//! the one before. Unknown keys are refused, and nothing is bound before all of it is valid.

use std::{collections::HashMap, net::SocketAddr, path::PathBuf, time::Duration};

use config::{Environment, File, FileFormat};
use platform_domain::{BlockHash, MechanismId, Netuid};
use platform_weights::Policy;
use serde::{Deserialize, Serialize};

/// The whole configuration. The field docs name the environment variable where one is likely to be used.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the host keeps everything: `PLATFORM_STATE_DIR`. Created with mode 0700.
    pub state_dir: PathBuf,
    /// The private listener.
    pub admin: Admin,
    /// The public listener.
    pub public: Public,
    /// The subnet; without an endpoint the host serves miners and submits nothing.
    pub chain: Chain,
    /// When and how weights are computed.
    pub epoch: Epoch,
    /// Logging, to standard error.
    pub log: Log,
}

/// The private listener.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Admin {
    /// `PLATFORM_ADMIN__LISTEN`; port 0 picks a free one.
    pub listen: SocketAddr,
    /// `PLATFORM_ADMIN__TOKEN_FILE`: the bearer token; created on the first start as `admin.token` in the
    /// state directory when not set.
    pub token_file: Option<PathBuf>,
}

/// The public listener.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Public {
    /// `PLATFORM_PUBLIC__LISTEN`; port 0 picks a free one.
    pub listen: SocketAddr,
    /// The largest request body in bytes; a declared route may allow less.
    pub max_body_bytes: usize,
}

/// The subnet and how to reach it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Chain {
    /// `PLATFORM_CHAIN__ENDPOINT`: `ws://` or `wss://`.
    pub endpoint: Option<String>,
    /// `PLATFORM_CHAIN__NETUID`
    pub netuid: Netuid,
    /// The mechanism (sub-subnet); 0 is the main one.
    pub mechanism: MechanismId,
    /// `PLATFORM_CHAIN__HOTKEY_FILE`: the validator's hotkey in the Bittensor wallet's JSON form. Without one,
    /// weights are computed and recorded but not submitted.
    pub hotkey_file: Option<PathBuf>,
    /// Refuse a node whose genesis hash is another.
    pub genesis: Option<BlockHash>,
    /// The deadline of one RPC.
    pub rpc_timeout_ms: u64,
}

/// When and how weights are computed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Epoch {
    /// Whether an epoch begins by itself; otherwise only by `platform weights submit`.
    pub automatic: bool,
    /// Blocks per epoch; the epoch's number is the block divided by this.
    pub period_blocks: u64,
    /// `normalized` or `absolute`.
    pub policy: Policy,
    /// How long a challenge may take to answer for its weights.
    pub collect_seconds: u64,
    /// How often the chain's head is looked at.
    pub poll_ms: u64,
}

/// Logging.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// A `tracing` filter: `info`, `platform_wasm=debug,info`.
    pub filter: String,
    /// One JSON object a line instead of text.
    pub json: bool,
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file that cannot be read, a key that is not known, a value of the wrong type.
    #[error("the configuration is not valid")]
    Invalid(#[from] config::ConfigError),
    /// A value out of its range.
    #[error("{key}: {reason}")]
    Value {
        /// The key as in the file.
        key: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// Variables with our prefix that are not configuration: the command line's own.
const NOT_CONFIGURATION: [&str; 4] = [
    "PLATFORM_CONFIG",
    "PLATFORM_ADMIN_URL",
    "PLATFORM_ADMIN_TOKEN",
    "PLATFORM_ADMIN_TOKEN_FILE",
];

impl Default for Config {
    fn default() -> Self {
        Self {
            state_dir: "platform-state".into(),
            admin: Admin::default(),
            public: Public::default(),
            chain: Chain::default(),
            epoch: Epoch::default(),
            log: Log::default(),
        }
    }
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            token_file: None,
        }
    }
}

impl Default for Public {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8081)),
            max_body_bytes: 2 << 20,
        }
    }
}

impl Default for Chain {
    fn default() -> Self {
        Self {
            endpoint: None,
            netuid: Netuid(0),
            mechanism: MechanismId(0),
            hotkey_file: None,
            genesis: None,
            rpc_timeout_ms: 15_000,
        }
    }
}

impl Default for Epoch {
    fn default() -> Self {
        // 360 blocks: the usual tempo of a subnet, 72 minutes.
        Self {
            automatic: true,
            period_blocks: 360,
            policy: Policy::Normalized,
            collect_seconds: 60,
            poll_ms: 6_000,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            filter: "info".into(),
            json: false,
        }
    }
}

impl Config {
    /// Merges the file, the environment and the flags (`key.path`, value) and checks the result.
    pub fn load(
        file: Option<&std::path::Path>,
        environment: HashMap<String, String>,
        flags: Vec<(&str, String)>,
    ) -> Result<Self, ConfigError> {
        let environment = environment
            .into_iter()
            .filter(|(key, _)| !NOT_CONFIGURATION.contains(&key.as_str()))
            .collect();
        let mut builder = config::Config::builder();
        if let Some(path) = file {
            builder = builder.add_source(File::from(path).format(FileFormat::Toml));
        }
        let environment = Environment::with_prefix("PLATFORM")
            .prefix_separator("_")
            .separator("__")
            .try_parsing(true)
            .source(Some(environment));
        builder = builder.add_source(environment);
        for (key, value) in flags {
            builder = builder.set_override(key, value)?;
        }
        let loaded: Self = builder.build()?.try_deserialize()?;
        loaded.check()?;
        Ok(loaded)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let refuse = |key, reason: &str| {
            Err(ConfigError::Value {
                key,
                reason: reason.to_owned(),
            })
        };
        if self.state_dir.as_os_str().is_empty() {
            return refuse("state_dir", "must not be empty");
        }
        if self.epoch.period_blocks == 0 {
            return refuse("epoch.period_blocks", "must be at least 1");
        }
        if self.epoch.poll_ms == 0 || self.epoch.collect_seconds == 0 || self.chain.rpc_timeout_ms == 0 {
            return refuse(
                "epoch.poll_ms, epoch.collect_seconds, chain.rpc_timeout_ms",
                "must be at least 1",
            );
        }
        let endpoint = self.chain.endpoint.as_deref();
        if endpoint.is_some_and(|url| !url.starts_with("ws://") && !url.starts_with("wss://")) {
            return refuse("chain.endpoint", "must begin with ws:// or wss://");
        }
        if endpoint.is_some() && self.chain.netuid == Netuid(0) {
            return refuse(
                "chain.netuid",
                "must be set with an endpoint; 0 is the root network, which takes no weights",
            );
        }
        if self.chain.hotkey_file.is_some() && endpoint.is_none() {
            return refuse("chain.endpoint", "must be set when there is a hotkey_file");
        }
        tracing_subscriber::EnvFilter::try_new(&self.log.filter)
            .map(|_| ())
            .map_err(|error| ConfigError::Value {
                key: "log.filter",
                reason: error.to_string(),
            })
    }

    /// Where the admin token is.
    pub fn token_file(&self) -> PathBuf {
        self.admin
            .token_file
            .clone()
            .unwrap_or_else(|| self.state_dir.join("admin.token"))
    }

    /// The deadline of one RPC.
    pub const fn rpc_timeout(&self) -> Duration {
        Duration::from_millis(self.chain.rpc_timeout_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(file: &str, env: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Result<Config, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("platform.toml");
        std::fs::write(&path, file).unwrap();
        let env = env
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let flags = flags
            .iter()
            .map(|(key, value)| (*key, (*value).to_owned()))
            .collect();
        Config::load(Some(&path), env, flags).map_err(|error| match error {
            ConfigError::Invalid(source) => source.to_string(),
            other => other.to_string(),
        })
    }

    #[test]
    fn flags_win_over_the_environment_and_that_over_the_file() {
        let file =
            "[admin]\nlisten = \"127.0.0.1:1\"\n[public]\nlisten = \"127.0.0.1:1\"\n[chain]\nnetuid = 1\n";
        let env = [
            ("PLATFORM_PUBLIC__LISTEN", "127.0.0.1:2"),
            ("PLATFORM_CHAIN__NETUID", "2"),
            ("PATH", "/bin"),
        ];
        let config = load(file, &env, &[("chain.netuid", "3")]).unwrap();
        assert_eq!(config.admin.listen.port(), 1);
        assert_eq!(config.public.listen.port(), 2);
        assert_eq!(config.chain.netuid, Netuid(3));
    }

    #[test]
    fn the_defaults_listen_on_loopback_only() {
        let config = load("", &[], &[]).unwrap();
        assert_eq!(config.admin.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.public.listen.to_string(), "127.0.0.1:8081");
    }

    #[test]
    fn a_wrong_configuration_is_refused_with_the_key() {
        for (file, env, word) in [
            ("colour = 1", vec![], "colour"),
            ("[chain]\nnetid = 1", vec![], "netid"),
            ("[epoch]\nperiod_blocks = 0", vec![], "epoch.period_blocks"),
            ("[epoch]\npolicy = \"generous\"", vec![], "policy"),
            (
                "[chain]\nendpoint = \"http://x\"\nnetuid = 1",
                vec![],
                "chain.endpoint",
            ),
            ("[chain]\nendpoint = \"ws://x\"", vec![], "chain.netuid"),
            ("", vec![("PLATFORM_ADMIN__LISTEM", "127.0.0.1:2")], "listem"),
            ("", vec![("PLATFORM_CHAIN__NETUID", "x")], "netuid"),
            ("[log]\nfilter = \"a=b=c\"", vec![], "log.filter"),
        ] {
            let error = load(file, &env, &[]).unwrap_err();
            assert!(error.contains(word), "{file:?} {env:?}: {error}");
        }
    }

    #[test]
    fn the_command_lines_own_variables_are_not_configuration() {
        assert!(load("", &[("PLATFORM_ADMIN_URL", "http://127.0.0.1:1")], &[]).is_ok());
    }
}
