//! Hotkeys that sign: sr25519 key pairs, the files the Bittensor wallet keeps them in, and the one text a
//! miner signs to speak to a challenge; and the signatures of others. Coldkeys are not for this host.

mod file;
mod keypair;
mod private_file;
mod request;
mod sealed;
mod signatures;
mod source;
mod wallet;

pub use file::KEY_FILE_MAX_BYTES;
pub use keypair::{KeyError, Keypair, SignatureError, parse_signature, verify};
pub use request::{
    HOTKEY_HEADER, NONCE_HEADER, Nonce, NonceError, SECOND_REQUEST_PREFIX, SIGNATURE_HEADER,
    SIGNED_REQUEST_PREFIX, Scheme, SignedRequest, TIMESTAMP_HEADER, VERSION_HEADER,
};
pub use signatures::{verify_ed25519, verify_sr25519};
pub use source::{KeySource, PASSPHRASE_MAX_BYTES, SEED_FILE_MAX_BYTES, no_passphrase};
pub use wallet::{WalletHotkey, WalletHotkeyError};
