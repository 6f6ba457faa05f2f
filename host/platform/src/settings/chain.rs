//! The subnet, how to reach it, and whose weights are submitted.

use std::{path::PathBuf, time::Duration};

use platform_domain::{BlockHash, Hotkey, MechanismId, Netuid};
use platform_keys::WalletHotkey;
use platform_timelock::BeaconConfig;
use serde::{Deserialize, Serialize, Serializer};

/// The subnet and how to reach it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Chain {
    /// `PLATFORM_CHAIN__ENDPOINT`: `ws://` or `wss://`. The first that is tried.
    #[serde(serialize_with = "one_without_secrets")]
    pub endpoint: Option<String>,
    /// More nodes of the same chain, for when that one fails.
    #[serde(serialize_with = "without_secrets")]
    pub endpoints: Vec<String>,
    /// `PLATFORM_CHAIN__NETUID`
    pub netuid: Netuid,
    /// The mechanism (sub-subnet); 0 is the main one.
    pub mechanism: MechanismId,
    /// `PLATFORM_CHAIN__WALLET`: the validator's hotkey as `WALLET/HOTKEY`, which is
    /// `~/.bittensor/wallets/WALLET/hotkeys/HOTKEY`. Without any hotkey, weights are computed and recorded but not submitted.
    pub wallet: Option<String>,
    /// `PLATFORM_CHAIN__HOTKEY_FILE`: the same by its file, plain or sealed with a passphrase.
    pub hotkey_file: Option<PathBuf>,
    /// What opens a sealed file. Without it, whoever starts the host at a terminal is asked.
    pub hotkey_passphrase_file: Option<PathBuf>,
    /// The hotkey by its seed: a file with 64 hexadecimal digits or a phrase.
    pub hotkey_seed_file: Option<PathBuf>,
    /// The hotkey whose weights are submitted, when the one above is its proxy only.
    pub proxy_for: Option<Hotkey>,
    /// Refuse a node whose genesis hash is another.
    pub genesis: Option<BlockHash>,
    /// The deadline of one RPC.
    pub rpc_timeout_ms: u64,
    /// The beacon that commits are sealed to: drand's quicknet, but on a test node.
    pub beacon: BeaconConfig,
}

impl Default for Chain {
    fn default() -> Self {
        Self {
            endpoint: None,
            endpoints: Vec::new(),
            netuid: Netuid(0),
            mechanism: MechanismId(0),
            wallet: None,
            hotkey_file: None,
            hotkey_passphrase_file: None,
            hotkey_seed_file: None,
            proxy_for: None,
            genesis: None,
            rpc_timeout_ms: 15_000,
            beacon: BeaconConfig::default(),
        }
    }
}

impl Chain {
    /// Every node, in the order in which they are tried.
    pub fn nodes(&self) -> Vec<String> {
        self.endpoint.iter().chain(&self.endpoints).cloned().collect()
    }

    /// The deadline of one RPC.
    pub const fn rpc_timeout(&self) -> Duration {
        Duration::from_millis(self.rpc_timeout_ms)
    }

    /// What is wrong with it: the key, and why.
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        let nodes = self.nodes();
        if let Some(wrong) = nodes.iter().find(|url| !is_websocket(url)) {
            let key = if self.endpoint.as_ref() == Some(wrong) {
                "chain.endpoint"
            } else {
                "chain.endpoints"
            };
            return Err((key, "must begin with ws:// or wss://".to_owned()));
        }
        if self.rpc_timeout_ms == 0 {
            return Err(("chain.rpc_timeout_ms", "must be at least 1".to_owned()));
        }
        if !nodes.is_empty() && self.netuid == Netuid(0) {
            let reason = "must be set with an endpoint; 0 is the root network, which takes no weights";
            return Err(("chain.netuid", reason.to_owned()));
        }
        let hotkeys = [
            ("wallet", self.wallet.is_some()),
            ("hotkey_file", self.hotkey_file.is_some()),
            ("hotkey_seed_file", self.hotkey_seed_file.is_some()),
        ];
        let given: Vec<&str> = hotkeys
            .iter()
            .filter(|(_, given)| *given)
            .map(|(name, _)| *name)
            .collect();
        if let [first, second, ..] = given.as_slice() {
            return Err((
                "chain.hotkey_file",
                format!("there are two hotkeys, {first} and {second}; keep one"),
            ));
        }
        if !given.is_empty() && nodes.is_empty() {
            let given = given.join(", ");
            return Err(("chain.endpoint", format!("must be set when there is a {given}")));
        }
        if self.hotkey_passphrase_file.is_some() && self.wallet.is_none() && self.hotkey_file.is_none() {
            let reason = "opens a wallet's hotkey, and there is neither wallet nor hotkey_file";
            return Err(("chain.hotkey_passphrase_file", reason.to_owned()));
        }
        if let Some(Err(error)) = self.wallet.as_ref().map(|wallet| wallet.parse::<WalletHotkey>()) {
            return Err(("chain.wallet", error.to_string()));
        }
        match self.beacon.build() {
            Ok(_) => Ok(()),
            Err(error) => Err(("chain.beacon", platform_domain::with_causes(&error))),
        }
    }
}

fn is_websocket(url: &str) -> bool {
    url.starts_with("ws://") || url.starts_with("wss://")
}

/// Providers of nodes put keys into user names, paths and queries: only scheme and host are shown.
fn shown(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let hidden = if rest.trim_end_matches('/') == host {
        ""
    } else {
        "/…"
    };
    format!("{scheme}://{host}{hidden}")
}

fn one_without_secrets<S: Serializer>(endpoint: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    endpoint.as_deref().map(shown).serialize(serializer)
}

fn without_secrets<S: Serializer>(endpoints: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(endpoints.iter().map(|url| shown(url)))
}
