//! The key pair itself and the signature scheme: sr25519 as Substrate uses it.

use std::{fmt, io, path::PathBuf};

use platform_domain::Hotkey;
use schnorrkel::{ExpansionMode, MiniSecretKey, PublicKey, SecretKey, Signature};
use sha2::Sha512;
use zeroize::Zeroizing;

/// A hotkey with its secret, which is wiped from memory when it is dropped. `Debug` shows the address only.
#[derive(Clone)]
pub struct Keypair {
    pair: schnorrkel::Keypair,
    /// Known unless the pair came from an expanded private key; a key file keeps it.
    seed: Option<MiniSecretKey>,
}

/// Why there is no key pair. No variant carries any part of a secret.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not a BIP39 phrase.
    #[error("the phrase is not an English BIP39 mnemonic")]
    Phrase,
    /// The operating system gave no random bytes.
    #[error("the system's random generator failed")]
    Random,
    /// The file cannot be read.
    #[error("the key file cannot be read")]
    Read(#[source] io::Error),
    /// The file cannot be written.
    #[error("the key file cannot be written")]
    Write(#[source] io::Error),
    /// There is a file already; it is never overwritten.
    #[error("there is a file already, and a key is never overwritten")]
    Exists,
    /// The named file cannot be read.
    #[error("{} cannot be read", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The named file may be read or written by others.
    #[error("{} may be read or written by others; run: chmod 600 {}", .0.display(), .0.display())]
    Exposed(PathBuf),
    /// The named file is longer than what it should hold ever is.
    #[error("{} is longer than a key, a passphrase or a seed can be; is it the right file?", .0.display())]
    TooLong(PathBuf),
    /// The file is encrypted, by the named method.
    #[error(
        "the key file is encrypted ({0}), which is not read here; let the wallet write it anew, as a plain file of \
         mode 0600 or with a passphrase in its present form"
    )]
    Encrypted(&'static str),
    /// The file is sealed, and there is no passphrase, or an empty one.
    #[error(
        "the key file is sealed with a passphrase, and none is given; put it into a file of mode 0600 and name that"
    )]
    NoPassphrase,
    /// It is another passphrase, or the file is damaged: nobody can tell these apart.
    #[error("the passphrase is wrong, or the key file is damaged")]
    Passphrase,
    /// Making a key of a passphrase takes more memory than there is.
    #[error("opening a sealed key file takes 512 MiB of memory for some seconds, and there is not so much")]
    Memory,
    /// Neither a seed nor a phrase.
    #[error("a seed is 64 hexadecimal digits, 0x before them is optional, or an English BIP39 phrase")]
    Seed,
    /// Too long, or not a JSON object.
    #[error("the key file is not a wallet's JSON key file")]
    Format,
    /// The named field is there but does not have its form.
    #[error("the key file's field {0} is malformed")]
    Field(&'static str),
    /// A key of another scheme: the wallet's number for it.
    #[error("the key file's cryptoType is {0}; only sr25519, which is 1, can sign here")]
    Scheme(u64),
    /// Neither phrase, seed nor private key: a public key file.
    #[error("the key file has no secret")]
    NoSecret,
    /// The secret belongs to another address than the file says.
    #[error("the key file is for {stated} but its secret belongs to {derived}")]
    Mismatch {
        /// The file's address.
        stated: Hotkey,
        /// The secret's address.
        derived: Hotkey,
    },
}

/// The text is not a signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signature is 128 hexadecimal digits, 0x before them is optional")]
pub struct SignatureError;

/// The signing context of Substrate's `sp_core::sr25519`.
const CONTEXT: &[u8] = b"substrate";
/// The rounds of BIP39; Substrate differs only in what it stretches: the entropy, not the words.
const PHRASE_ROUNDS: u32 = 2048;
const PHRASE_SALT: &[u8] = b"mnemonic";

impl Keypair {
    /// Expands a 32-byte seed as Substrate does.
    #[expect(
        clippy::expect_used,
        reason = "a mini secret is any 32 bytes, which the type proves"
    )]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let seed = Zeroizing::new(seed);
        let seed = MiniSecretKey::from_bytes(seed.as_slice()).expect("32 bytes");
        let pair = seed.expand_to_keypair(ExpansionMode::Ed25519);
        let seed = Some(seed);
        Self { pair, seed }
    }

    /// Reads an English BIP39 phrase, without a password.
    pub fn from_phrase(phrase: &str) -> Result<Self, KeyError> {
        let mnemonic = bip39::Mnemonic::parse_normalized(phrase).map_err(|_| KeyError::Phrase)?;
        let mnemonic = Zeroizing::new(mnemonic);
        let (entropy, length) = mnemonic.to_entropy_array();
        let entropy = Zeroizing::new(entropy);
        let entropy = entropy.get(..length).ok_or(KeyError::Phrase)?;
        let mut stretched = Zeroizing::new([0; 32]);
        pbkdf2::pbkdf2_hmac::<Sha512>(entropy, PHRASE_SALT, PHRASE_ROUNDS, stretched.as_mut_slice());
        Ok(Self::from_seed(*stretched))
    }

    /// Takes an expanded private key in schnorrkel's canonical form, the wallet's `privateKey`.
    pub(crate) fn from_private_key(bytes: &[u8; 64]) -> Option<Self> {
        let pair = SecretKey::from_bytes(bytes).ok()?.to_keypair();
        Some(Self { pair, seed: None })
    }

    /// Makes a new key from the system's random generator.
    pub fn generate() -> Result<Self, KeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut_slice()).map_err(|_| KeyError::Random)?;
        Ok(Self::from_seed(*seed))
    }

    /// The public key.
    pub fn hotkey(&self) -> Hotkey {
        Hotkey::from_bytes(self.pair.public.to_bytes())
    }

    /// Signs a message. Signatures are randomised: two of the same message differ.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.pair.sign_simple(CONTEXT, message).to_bytes()
    }

    pub(crate) const fn seed(&self) -> Option<&MiniSecretKey> {
        self.seed.as_ref()
    }

    pub(crate) fn private_key(&self) -> Zeroizing<[u8; 64]> {
        Zeroizing::new(self.pair.secret.to_bytes())
    }
}

impl fmt::Debug for Keypair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keypair({})", self.hotkey())
    }
}

/// Whether `hotkey` signed exactly `message`. The `<Bytes>…</Bytes>` wrapping of browser wallets is not
/// tried: a message has one form here.
pub fn verify(hotkey: &Hotkey, message: &[u8], signature: &[u8; 64]) -> bool {
    let key = PublicKey::from_bytes(hotkey.as_bytes());
    let signature = Signature::from_bytes(signature);
    match (key, signature) {
        (Ok(key), Ok(signature)) => key.verify_simple(CONTEXT, message, &signature).is_ok(),
        _ => false,
    }
}

/// Reads a signature from its hexadecimal form.
pub fn parse_signature(text: &str) -> Result<[u8; 64], SignatureError> {
    let mut bytes = [0; 64];
    let digits = text.strip_prefix("0x").unwrap_or(text);
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| SignatureError)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHRASE: &str = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";

    #[test]
    fn a_phrase_gives_the_key_that_the_wallet_gives() {
        let key = Keypair::from_phrase(PHRASE).unwrap();
        assert_eq!(
            key.hotkey().to_string(),
            "5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV"
        );
        assert_eq!(
            hex::encode(key.hotkey().as_bytes()),
            "46ebddef8cd9bb167dc30878d7113b7e168e6f0646beffd77d69d39bad76b47a"
        );
        assert_eq!(
            hex::encode(key.seed().unwrap().to_bytes()),
            "fac7959dbfe72f052e5a0c3c8d6530f202b02fd8f9f5ca3580ec8deb7797479e"
        );
        assert_eq!(
            hex::encode(*key.private_key()),
            "05d65584630d16cd4af6d0bec10f34bb504a5dcb62dba2122d49f5a663763d0a\
             fd190cce74df356432b410bd64682309d6dedb27c76845daf388557cbac3ca34"
        );
        let from_seed = Keypair::from_seed(key.seed().unwrap().to_bytes());
        assert_eq!(from_seed.hotkey(), key.hotkey());
    }

    #[test]
    fn a_phrase_with_a_wrong_word_or_checksum_is_refused() {
        let doubled = format!("{PHRASE} {PHRASE} walk");
        for bad in [
            "",
            "walk",
            &PHRASE.replace("walk", "wolk"),
            &PHRASE.replace("walk", "zoo"),
            &doubled,
        ] {
            assert!(
                matches!(Keypair::from_phrase(bad), Err(KeyError::Phrase)),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_signature_holds_for_its_key_and_message_only() {
        let key = Keypair::generate().unwrap();
        let signature = key.sign(b"message");
        assert!(verify(&key.hotkey(), b"message", &signature));
        assert!(!verify(&key.hotkey(), b"massage", &signature));
        assert!(!verify(&key.hotkey(), b"<Bytes>message</Bytes>", &signature));
        assert!(!verify(
            &Keypair::generate().unwrap().hotkey(),
            b"message",
            &signature
        ));
        assert!(!verify(&Hotkey::from_bytes([0xff; 32]), b"message", &signature));
        let mut flipped = signature;
        flipped[7] ^= 1;
        assert!(!verify(&key.hotkey(), b"message", &flipped));
        assert!(!verify(&key.hotkey(), b"message", &[0; 64]));
    }

    #[test]
    fn a_signature_is_read_with_and_without_0x() {
        let digits = "ab".repeat(64);
        assert_eq!(parse_signature(&digits), Ok([0xab; 64]));
        assert_eq!(parse_signature(&format!("0x{digits}")), Ok([0xab; 64]));
        for bad in [
            "",
            "0x",
            &digits[1..],
            &format!("{digits}00"),
            &format!("0x0x{digits}"),
            &"zz".repeat(64),
        ] {
            assert_eq!(parse_signature(bad), Err(SignatureError), "{bad}");
        }
    }

    #[test]
    fn a_secret_is_never_printed() {
        let key = Keypair::from_seed([7; 32]);
        assert_eq!(format!("{key:?}"), format!("Keypair({})", key.hotkey()));
    }
}
