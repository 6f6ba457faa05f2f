//! Where the Bittensor wallet keeps a hotkey.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

/// A hotkey by the names of its wallet and of itself, as `wallet/hotkey`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletHotkey {
    wallet: String,
    hotkey: String,
}

/// Why a text does not name a wallet's hotkey.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WalletHotkeyError {
    /// Not two names.
    #[error("a hotkey of a wallet is written wallet/hotkey, such as default/default")]
    Shape,
    /// A name that would lead elsewhere, or that no file can have.
    #[error(
        "the names of a wallet and of a hotkey have no separators, are not . or .., and have 1 to 255 bytes"
    )]
    Name,
    /// The public half of a hotkey.
    #[error("a name that ends in {PUBLIC} is that of a public key, which cannot sign; leave the ending out")]
    Public,
}

/// What the wallet puts behind the name of a hotkey for its public half.
const PUBLIC: &str = "pub.txt";
/// The longest name of a file.
const NAME_MAX: usize = 255;

impl WalletHotkey {
    /// The key file below a home directory: `.bittensor/wallets/<wallet>/hotkeys/<hotkey>`.
    pub fn path(&self, home: &Path) -> PathBuf {
        let wallets = home.join(".bittensor").join("wallets");
        wallets.join(&self.wallet).join("hotkeys").join(&self.hotkey)
    }
}

impl FromStr for WalletHotkey {
    type Err = WalletHotkeyError;

    fn from_str(text: &str) -> Result<Self, WalletHotkeyError> {
        let (wallet, hotkey) = text.split_once('/').ok_or(WalletHotkeyError::Shape)?;
        let is_name = |name: &str| {
            let stays = !matches!(name, "" | "." | "..") && name.len() <= NAME_MAX;
            stays && !name.contains(|c: char| matches!(c, '/' | '\\') || c.is_control())
        };
        if !is_name(wallet) || !is_name(hotkey) {
            return Err(WalletHotkeyError::Name);
        }
        if hotkey.ends_with(PUBLIC) {
            return Err(WalletHotkeyError::Public);
        }
        let (wallet, hotkey) = (wallet.to_owned(), hotkey.to_owned());
        Ok(Self { wallet, hotkey })
    }
}

impl fmt::Display for WalletHotkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.wallet, self.hotkey)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_the_file_where_the_wallet_keeps_it() {
        let hotkey: WalletHotkey = "my wallet/validator-1".parse().unwrap();
        assert_eq!(
            hotkey.path(Path::new("/home/op")),
            Path::new("/home/op/.bittensor/wallets/my wallet/hotkeys/validator-1")
        );
        assert_eq!(hotkey.to_string(), "my wallet/validator-1");
    }

    #[test]
    fn a_name_that_leads_elsewhere_or_to_a_public_key_is_refused() {
        let long = format!("default/{}", "x".repeat(256));
        for (text, error) in [
            ("default", WalletHotkeyError::Shape),
            ("", WalletHotkeyError::Shape),
            ("/default", WalletHotkeyError::Name),
            ("default/", WalletHotkeyError::Name),
            ("../default", WalletHotkeyError::Name),
            ("default/..", WalletHotkeyError::Name),
            ("a/b/c", WalletHotkeyError::Name),
            ("a\\b/c", WalletHotkeyError::Name),
            ("a/b\0", WalletHotkeyError::Name),
            (&long, WalletHotkeyError::Name),
            ("default/defaultpub.txt", WalletHotkeyError::Public),
        ] {
            assert_eq!(text.parse::<WalletHotkey>(), Err(error), "{text:?}");
        }
        assert!(
            format!("default/{}", "x".repeat(255))
                .parse::<WalletHotkey>()
                .is_ok()
        );
    }

    proptest::proptest! {
        #[test]
        fn no_name_leads_out_of_the_wallets(text in "[./\\\\a-z\\pC]{0,12}") {
            if let Ok(hotkey) = text.parse::<WalletHotkey>() {
                let path = hotkey.path(Path::new("/h"));
                let parts: Vec<_> = path.components().collect();
                proptest::prop_assert_eq!(parts.len(), 7);
                let plain = parts[1..].iter().all(|part| matches!(part, std::path::Component::Normal(_)));
                proptest::prop_assert!(plain);
            }
        }
    }
}
