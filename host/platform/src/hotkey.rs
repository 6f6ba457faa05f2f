//! The hotkey that signs weights: where the configuration says it is, and what opens it.

use std::{
    env,
    io::{self, IsTerminal as _},
    path::PathBuf,
};

use anyhow::Context as _;
use platform_chain::Submitter;
use platform_domain::SecretValue;
use platform_keys::{KeyError, KeySource, Keypair, WalletHotkey};

use crate::settings;

/// The seed itself, where there is no file for it. Others see a command line, so it is not a flag.
const SEED: &str = "PLATFORM_HOTKEY_SEED";

/// Who signs, and whose weights. `None` when no hotkey is configured.
pub(crate) fn submitter(chain: &settings::Chain) -> anyhow::Result<Option<Submitter>> {
    let Some(source) = source(chain)? else {
        anyhow::ensure!(
            chain.proxy_for.is_none(),
            "chain.proxy_for names whose weights are submitted, and there is no hotkey to sign for it"
        );
        return Ok(None);
    };
    let key = load(&source)?;
    let real = chain.proxy_for.filter(|real| *real != key.hotkey());
    Ok(Some(Submitter { key, real }))
}

/// Loads it; asks for the passphrase of a sealed file if somebody is there.
fn load(source: &KeySource) -> anyhow::Result<Keypair> {
    let named = match source {
        KeySource::File { path, .. } | KeySource::SeedFile(path) => path.display().to_string(),
        KeySource::Seed(_) => SEED.to_owned(),
    };
    source
        .load(|| ask(&named))
        .with_context(|| format!("the hotkey in {named} cannot be used"))
}

fn source(chain: &settings::Chain) -> anyhow::Result<Option<KeySource>> {
    let passphrase = chain.hotkey_passphrase_file.clone();
    let file = |path: PathBuf| KeySource::File {
        path,
        passphrase: passphrase.clone(),
    };
    let configured = match (&chain.wallet, &chain.hotkey_file, &chain.hotkey_seed_file) {
        (Some(wallet), ..) => {
            let home =
                env::home_dir().context("chain.wallet is below the home directory, and there is none")?;
            let hotkey: WalletHotkey = wallet.parse().context("chain.wallet")?;
            Some(file(hotkey.path(&home)))
        }
        (_, Some(path), _) => Some(file(path.clone())),
        (.., Some(path)) => Some(KeySource::SeedFile(path.clone())),
        (None, None, None) => None,
    };
    match (configured, seed()) {
        (Some(_), Some(_)) => {
            anyhow::bail!("there are two hotkeys, one in {SEED} and one in the configuration; keep one")
        }
        (None, Some(seed)) => Ok(Some(KeySource::Seed(seed))),
        (configured, None) => Ok(configured),
    }
}

fn seed() -> Option<SecretValue> {
    use std::os::unix::ffi::OsStringExt as _;
    let seed = env::var_os(SEED)?.into_vec();
    (!seed.is_empty()).then(|| SecretValue::new(seed))
}

fn ask(file: &str) -> Result<SecretValue, KeyError> {
    if !io::stdin().is_terminal() {
        return Err(KeyError::NoPassphrase);
    }
    let typed = rpassword::prompt_password(format!("passphrase of {file}: "));
    typed
        .map(|text| SecretValue::new(text.into_bytes()))
        .map_err(|_| KeyError::NoPassphrase)
}
