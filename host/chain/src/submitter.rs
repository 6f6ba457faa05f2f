//! Who sets weights, and who signs for them.

use std::fmt;

use platform_domain::Hotkey;
use platform_keys::Keypair;

/// Who signs, and for whom.
#[derive(Clone)]
pub struct Submitter {
    /// Signs, and spends its nonce.
    pub key: Keypair,
    /// The hotkey whose weights they are when the key is only its proxy (`Proxy.proxy`); `None` when the key is the hotkey.
    pub real: Option<Hotkey>,
}

/// A [`Submitter`] without the secret: enough to look whether the chain would take its weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Whose weights they are.
    pub hotkey: Hotkey,
    /// Who signs for it as its proxy.
    pub proxy: Option<Hotkey>,
}

impl Submitter {
    /// A hotkey that signs for itself.
    pub const fn itself(key: Keypair) -> Self {
        Self { key, real: None }
    }

    /// Whose weights they are.
    pub fn hotkey(&self) -> Hotkey {
        self.real.unwrap_or_else(|| self.key.hotkey())
    }
}

impl From<Keypair> for Submitter {
    fn from(key: Keypair) -> Self {
        Self::itself(key)
    }
}

impl From<&Submitter> for Account {
    fn from(submitter: &Submitter) -> Self {
        let (hotkey, signer) = (submitter.hotkey(), submitter.key.hotkey());
        let proxy = submitter.real.is_some().then_some(signer);
        Self { hotkey, proxy }
    }
}

impl From<Hotkey> for Account {
    fn from(hotkey: Hotkey) -> Self {
        let proxy = None;
        Self { hotkey, proxy }
    }
}

impl fmt::Debug for Submitter {
    /// Addresses only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let account = Account::from(self);
        f.debug_struct("Submitter")
            .field("hotkey", &account.hotkey)
            .field("proxy", &account.proxy)
            .finish()
    }
}
