//! What the operator may set: a TOML file, then `PLATFORM_A__B` from the environment, then flags, each over
//! the one before. Unknown keys are refused, and nothing is bound before all of it is valid.

use std::{
    collections::{BTreeMap, HashMap},
    ffi::OsString,
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use config::{Environment, File, FileFormat};
use platform_domain::ByteSize;
use platform_oci::{
    RegistrySettings,
    limits::{MAX_COMPONENT, QUOTA},
};
use platform_runtime::BreakerPolicy;
use platform_wasm::{LimitError, Limits};
use serde::{Deserialize, Serialize};

mod chain;
mod docker;
mod epoch;
mod jobs;
mod public;
mod trust;

pub use chain::Chain;
pub use docker::Docker;
pub use epoch::{Epoch, Primary};
pub use jobs::Jobs;
pub use public::{Callers, Public, TlsFiles, for_operators};
pub use trust::{Tags, Trust};

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
    /// Whose signed requests count.
    pub callers: Callers,
    /// The subnet; without an endpoint the host serves miners and submits nothing.
    pub chain: Chain,
    /// When and how weights are computed.
    pub epoch: Epoch,
    /// Whose word counts for challenges that this host cannot run.
    pub primary: Primary,
    /// When a challenge that fails is left alone.
    pub breaker: Breaker,
    /// What challenges and their calls may use; `docs/limits.md` has each with its reason and ceiling.
    pub limits: Limits,
    /// What is sealed for challenges.
    pub secrets: Secrets,
    /// The engine for containers.
    pub docker: Docker,
    /// What challenges may hand in to be run in containers.
    pub jobs: Jobs,
    /// The host's copy of components.
    pub store: Store,
    /// What components must show to run.
    pub trust: Trust,
    /// Tags that may move.
    pub tags: Tags,
    /// Registries that want credentials, or are spoken to in another way than usual; by `HOST[:PORT]`.
    pub registries: BTreeMap<String, RegistrySettings>,
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

/// When the routes of a challenge that crashes or times out are refused, and for how long. The reasons are with
/// [`BreakerPolicy`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Breaker {
    /// Fewer crashes and time-outs never open it: 1 to 1000.
    pub failures: u32,
    /// For how long calls are counted, at most an hour.
    pub window_ms: u64,
    /// It does not open before calls were counted for so long, at most the window.
    pub watch_ms: u64,
    /// How long it is open the first time, at most a minute.
    pub first_backoff_ms: u64,
    /// Each further time it is open for twice as long, up to this; at most an hour.
    pub longest_backoff_ms: u64,
}

/// What is sealed for challenges.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Secrets {
    /// `PLATFORM_SECRETS__KEY_FILE`: the key that seals them; created with the first secret as `secrets.key` in the state
    /// directory when not set.
    pub key_file: Option<PathBuf>,
}

/// The host's copy of components.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Store {
    /// `PLATFORM_STORE__QUOTA`: what it may hold, at least one component of the largest size. What does not fit after a
    /// collection is not fetched.
    pub quota: ByteSize,
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
    /// The file is missing, or not this user's to read.
    #[error("the configuration file {} cannot be read", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that is not TOML, a key that is not known, a value of the wrong type.
    #[error("the configuration is not valid")]
    Invalid(#[from] config::ConfigError),
    /// A limit out of its range.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// A value out of its range.
    #[error("{key}: {reason}")]
    Value {
        /// The key as in the file, or the variable's name.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Variables with our prefix that are not configuration: the command line's own.
const NOT_CONFIGURATION: [&str; 9] = [
    "PLATFORM_HOTKEY_SEED",
    "PLATFORM_OPERATOR",
    "PLATFORM_KEY_PASSWORD",
    "PLATFORM_CONFIG",
    "PLATFORM_ADMIN_URL",
    "PLATFORM_ADMIN_TOKEN_FILE",
    "PLATFORM_REGISTRY_USERNAME",
    "PLATFORM_REGISTRY_PASSWORD",
    "PLATFORM_REGISTRY_CA_FILE",
];
const PREFIX: &str = "PLATFORM_";

impl Default for Config {
    fn default() -> Self {
        Self {
            state_dir: "platform-state".into(),
            admin: Admin::default(),
            public: Public::default(),
            callers: Callers::default(),
            chain: Chain::default(),
            epoch: Epoch::default(),
            primary: Primary::default(),
            breaker: Breaker::default(),
            limits: Limits::default(),
            secrets: Secrets::default(),
            docker: Docker::default(),
            jobs: Jobs::default(),
            store: Store::default(),
            trust: Trust::default(),
            tags: Tags::default(),
            registries: BTreeMap::new(),
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

impl Default for Breaker {
    fn default() -> Self {
        let BreakerPolicy {
            failures,
            window,
            watch,
            first_backoff,
            longest_backoff,
        } = BreakerPolicy::default();
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self {
            failures,
            window_ms: millis(window),
            watch_ms: millis(watch),
            first_backoff_ms: millis(first_backoff),
            longest_backoff_ms: millis(longest_backoff),
        }
    }
}

impl Breaker {
    /// The same for the runtime.
    pub const fn policy(&self) -> BreakerPolicy {
        BreakerPolicy {
            failures: self.failures,
            window: Duration::from_millis(self.window_ms),
            watch: Duration::from_millis(self.watch_ms),
            first_backoff: Duration::from_millis(self.first_backoff_ms),
            longest_backoff: Duration::from_millis(self.longest_backoff_ms),
        }
    }
}

impl Default for Store {
    fn default() -> Self {
        Self { quota: QUOTA }
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
        file: Option<&Path>,
        environment: HashMap<OsString, OsString>,
        flags: Vec<(&str, String)>,
    ) -> Result<Self, ConfigError> {
        let mut builder = config::Config::builder();
        if let Some(path) = file {
            // `config` would call whatever it cannot read "not found".
            fs::read(path).map_err(|source| ConfigError::File {
                path: path.to_owned(),
                source,
            })?;
            builder = builder.add_source(File::from(path).format(FileFormat::Toml));
        }
        let environment = Environment::with_prefix("PLATFORM")
            .prefix_separator("_")
            .separator("__")
            .source(Some(variables(environment)?));
        builder = builder.add_source(environment);
        for (key, value) in flags {
            builder = builder.set_override(key, value)?;
        }
        let loaded: Self = builder.build()?.try_deserialize()?;
        loaded.check()?;
        Ok(loaded)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let refuse = |key: &str, reason: &str| {
            Err(ConfigError::Value {
                key: key.to_owned(),
                reason: reason.to_owned(),
            })
        };
        if self.state_dir.as_os_str().is_empty() {
            return refuse("state_dir", "must not be empty");
        }
        if self.epoch.poll_ms == 0 || self.epoch.collect_seconds == 0 {
            return refuse("epoch.poll_ms, epoch.collect_seconds", "must be at least 1");
        }
        if self.epoch.sink_alarm_percent > 100 {
            return refuse("epoch.sink_alarm_percent", "must be at most 100, which is never");
        }
        self.limits.check()?;
        if let Err((key, reason)) = self.docker.check() {
            return refuse(key, reason);
        }
        if let Err((key, reason)) = self.jobs.check() {
            return refuse(key, &reason);
        }
        if let Err((key, reason)) = self.callers.check() {
            return refuse(key, reason);
        }
        if let Err((key, reason)) = self.chain.check() {
            return refuse(key, &reason);
        }
        if let Err((key, reason)) = self.primary.check() {
            return refuse(key, &reason);
        }
        if self.store.quota.0 < MAX_COMPONENT {
            return refuse("store.quota", "must be at least 64MiB, the largest component");
        }
        if let Some(key) = self.trust.unknown() {
            return refuse(
                "trust.policy",
                &format!("names the key {key}, which is not under [trust.keys]"),
            );
        }
        if let Err(error) = self.breaker.policy().check() {
            return refuse(&format!("breaker.{}", error.key), &error.to_string());
        }
        for (registry, settings) in &self.registries {
            if let Err((key, reason)) = settings.check(registry) {
                let key = format!("registries.{registry:?}.{key}");
                return refuse(key.trim_end_matches('.'), reason);
            }
        }
        tracing_subscriber::EnvFilter::try_new(&self.log.filter)
            .map(|_| ())
            .map_err(|error| ConfigError::Value {
                key: "log.filter".to_owned(),
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

    /// Where the key of secrets is.
    pub fn secrets_key_file(&self) -> PathBuf {
        let named = self.secrets.key_file.clone();
        named.unwrap_or_else(|| self.state_dir.join("secrets.key"))
    }
}

/// The variables that are configuration, as texts.
fn variables(environment: HashMap<OsString, OsString>) -> Result<HashMap<String, String>, ConfigError> {
    let ours = environment.into_iter().filter_map(|(name, value)| {
        let name = name.into_string().ok()?;
        let ours = name.starts_with(PREFIX) && !NOT_CONFIGURATION.contains(&name.as_str());
        ours.then_some((name, value))
    });
    ours.map(|(name, value)| match value.into_string() {
        Ok(value) => Ok((name, value)),
        Err(_) => Err(ConfigError::Value {
            key: name,
            reason: "is not valid UTF-8".to_owned(),
        }),
    })
    .collect()
}

#[cfg(test)]
mod tests;
