//! The Bittensor wallet's plain hotkey file: a JSON object of hexadecimal texts, any of which may be absent,
//! null or of another type. A file that is encrypted is refused by name; of those, the sealed one is opened where
//! there is a passphrase, in [`KeySource::load`](crate::KeySource::load).

use std::{
    fs::{File, OpenOptions, remove_file},
    io::{ErrorKind, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use platform_domain::Hotkey;
use serde_json::{Map, Value, json};
use zeroize::{Zeroize as _, Zeroizing};

use crate::{KeyError, Keypair, sealed};

/// A key file has half a kilobyte; what is larger is something else.
pub const KEY_FILE_MAX_BYTES: usize = 16 * 1024;

/// The first bytes of the forms that earlier wallets encrypted keys in, and their names.
const ENCRYPTED: [(&[u8], &str); 2] = [(b"$ANSIBLE_VAULT", "Ansible vault"), (b"gAAAAA", "Fernet")];
/// The wallet's `cryptoType` of sr25519.
const SR25519: u64 = 1;

/// The file's fields, wiped when they are dropped.
struct Fields(Map<String, Value>);

impl Keypair {
    /// Reads a wallet's hotkey file. The secret is the first there is of `secretPhrase`, `secretSeed` and
    /// `privateKey`, and must belong to the file's `ss58Address`.
    pub fn from_file(path: &Path) -> Result<Self, KeyError> {
        let mut content = Zeroizing::new(Vec::with_capacity(KEY_FILE_MAX_BYTES + 1));
        let limit = u64::try_from(KEY_FILE_MAX_BYTES)
            .unwrap_or(u64::MAX)
            .saturating_add(1);
        let file = File::open(path).map_err(KeyError::Read)?;
        file.take(limit)
            .read_to_end(&mut content)
            .map_err(KeyError::Read)?;
        Self::from_json(&content)
    }

    pub(crate) fn from_json(content: &[u8]) -> Result<Self, KeyError> {
        if content.starts_with(sealed::MAGIC) {
            return Err(KeyError::NoPassphrase);
        }
        if let Some((_, name)) = ENCRYPTED.iter().find(|(magic, _)| content.starts_with(magic)) {
            return Err(KeyError::Encrypted(name));
        }
        if content.len() > KEY_FILE_MAX_BYTES {
            return Err(KeyError::Format);
        }
        // The parser's own error quotes what it read, which may be the secret.
        let fields = Fields(serde_json::from_slice(content).map_err(|_| KeyError::Format)?);
        if let Some(scheme) = fields
            .0
            .get("cryptoType")
            .and_then(Value::as_u64)
            .filter(|it| *it != SR25519)
        {
            return Err(KeyError::Scheme(scheme));
        }
        let keypair = fields.secret()?;
        let derived = keypair.hotkey();
        match fields.text("ss58Address").map(str::parse::<Hotkey>) {
            None => Ok(keypair),
            Some(Ok(stated)) if stated == derived => Ok(keypair),
            Some(Ok(stated)) => Err(KeyError::Mismatch { stated, derived }),
            Some(Err(_)) => Err(KeyError::Field("ss58Address")),
        }
    }

    /// Writes a hotkey file that the wallet can read, of mode 0600. An existing file is never touched.
    pub fn write_new_file(&self, path: &Path) -> Result<(), KeyError> {
        let content = Zeroizing::new(self.to_json());
        let mut options = OpenOptions::new();
        let opened = options.write(true).create_new(true).mode(0o600).open(path);
        let mut file = opened.map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => KeyError::Exists,
            _ => KeyError::Write(error),
        })?;
        let written = file.write_all(content.as_bytes()).and_then(|()| file.sync_all());
        written.map_err(|error| {
            // Half a key is worse than none, and the file is ours: it did not exist before.
            drop(remove_file(path));
            KeyError::Write(error)
        })
    }

    fn to_json(&self) -> String {
        let public = hex_text(self.hotkey().as_bytes());
        // No `cryptoType`: earlier wallets expect every value to be a text.
        let mut fields = Fields(Map::new());
        fields.0.insert("accountId".into(), json!(public));
        fields.0.insert("publicKey".into(), json!(public));
        fields.0.insert(
            "privateKey".into(),
            Value::String(hex_text(self.private_key().as_slice())),
        );
        if let Some(seed) = self.seed() {
            fields
                .0
                .insert("secretSeed".into(), Value::String(hex_text(seed.as_bytes())));
        }
        fields.0.insert("ss58Address".into(), json!(self.hotkey()));
        // Keys are texts and values are JSON already: this cannot fail.
        serde_json::to_string(&fields.0).unwrap_or_default()
    }
}

impl Fields {
    /// A field's text. Empty is absent, as the wallet has it.
    fn text(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    }

    fn bytes<const N: usize>(&self, name: &'static str) -> Result<Option<Zeroizing<[u8; N]>>, KeyError> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let mut bytes = Zeroizing::new([0; N]);
        let digits = text.strip_prefix("0x").unwrap_or(text);
        hex::decode_to_slice(digits, bytes.as_mut_slice()).map_err(|_| KeyError::Field(name))?;
        Ok(Some(bytes))
    }

    fn secret(&self) -> Result<Keypair, KeyError> {
        if let Some(phrase) = self.text("secretPhrase") {
            return Keypair::from_phrase(phrase);
        }
        if let Some(seed) = self.bytes::<32>("secretSeed")? {
            return Ok(Keypair::from_seed(*seed));
        }
        let private = self.bytes::<64>("privateKey")?.ok_or(KeyError::NoSecret)?;
        Keypair::from_private_key(&private).ok_or(KeyError::Field("privateKey"))
    }
}

impl Drop for Fields {
    fn drop(&mut self) {
        for value in self.0.values_mut() {
            if let Value::String(text) = value {
                text.zeroize();
            }
        }
    }
}

fn hex_text(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const PHRASE: &str = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";
    const SEED: &str = "0xfac7959dbfe72f052e5a0c3c8d6530f202b02fd8f9f5ca3580ec8deb7797479e";
    const ADDRESS: &str = "5DfhGyQdFobKM8NsWvEeAKk5EQQgYe9AydgJ7rMB6E1EqRzV";
    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    const ALICE_PRIVATE: &str = "0x33a6f3093f158a7109f679410bef1a0c54168145e0cecb4df006c1c2fffb1f09\
                                 925a225d97aa00682d6a59b95b18780c10d7032336e88f3442b42361f4a66011";

    fn read(json: Value) -> Result<String, String> {
        let key = Keypair::from_json(json.to_string().as_bytes()).map_err(|error| error.to_string())?;
        Ok(key.hotkey().to_string())
    }

    #[test]
    fn every_form_of_the_secret_is_read_in_the_wallets_order() {
        let address = Ok(ADDRESS.to_owned());
        assert_eq!(
            read(json!({"secretPhrase": PHRASE, "ss58Address": ADDRESS})),
            address
        );
        assert_eq!(
            read(json!({"secretSeed": SEED, "cryptoType": 1, "secretPhrase": null})),
            address
        );
        assert_eq!(
            read(json!({"secretSeed": SEED.trim_start_matches("0x"), "privateKey": 7})),
            address
        );
        assert_eq!(
            read(json!({"secretPhrase": PHRASE, "secretSeed": "0x00", "privateKey": "0x"})),
            address
        );
        assert_eq!(
            read(json!({"privateKey": ALICE_PRIVATE, "ss58Address": ALICE})),
            Ok(ALICE.to_owned())
        );
    }

    #[test]
    fn a_file_that_cannot_sign_for_its_address_is_refused_with_the_reason() {
        let table = [
            (json!({"ss58Address": ADDRESS, "publicKey": "0x00"}), "no secret"),
            (json!({"secretSeed": SEED, "ss58Address": ALICE}), ADDRESS),
            (
                json!({"secretSeed": SEED, "ss58Address": "5Grwva"}),
                "ss58Address",
            ),
            (json!({"secretSeed": SEED, "cryptoType": 0}), "cryptoType is 0"),
            (json!({"secretSeed": "0x1234"}), "secretSeed"),
            (
                json!({"privateKey": format!("0x{}", "ff".repeat(64))}),
                "privateKey",
            ),
            (json!({"secretPhrase": "walk"}), "mnemonic"),
            (json!([1]), "JSON"),
        ];
        for (json, reason) in table {
            let error = read(json.clone()).unwrap_err();
            assert!(error.contains(reason), "{json}: {error}");
        }
    }

    #[test]
    fn an_encrypted_file_is_refused_by_name() {
        let sealed = Keypair::from_json(b"$NACL\0\0");
        assert!(matches!(sealed, Err(KeyError::NoPassphrase)));
        for (content, name) in [("$ANSIBLE_VAULT;1.1", "Ansible"), ("gAAAAABk", "Fernet")] {
            let error = Keypair::from_json(content.as_bytes()).unwrap_err();
            assert!(
                matches!(error, KeyError::Encrypted(it) if it.contains(name)),
                "{content}"
            );
        }
        assert!(matches!(
            Keypair::from_json(&[b' '; KEY_FILE_MAX_BYTES + 1]),
            Err(KeyError::Format)
        ));
        assert!(matches!(Keypair::from_json(b"\xff"), Err(KeyError::Format)));
    }

    #[test]
    fn an_error_shows_no_part_of_the_secret() {
        let broken = format!("{{\"secretSeed\": \"{SEED}\", \"secretSeed\": {SEED}}}");
        let error = Keypair::from_json(broken.as_bytes()).unwrap_err();
        assert!(!format!("{error:?}{error}").contains("fac7"));
    }

    #[test]
    fn a_written_file_is_private_is_read_again_and_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let alice = Keypair::from_json(json!({"privateKey": ALICE_PRIVATE}).to_string().as_bytes()).unwrap();
        for (name, key) in [("new", Keypair::generate().unwrap()), ("alice", alice)] {
            let path = dir.path().join(name);
            key.write_new_file(&path).unwrap();
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(Keypair::from_file(&path).unwrap().hotkey(), key.hotkey());
            let before = std::fs::read(&path).unwrap();
            let again = Keypair::generate().unwrap().write_new_file(&path);
            assert!(matches!(again, Err(KeyError::Exists)));
            assert_eq!(std::fs::read(&path).unwrap(), before);
        }
        let missing = dir.path().join("no/such");
        assert!(matches!(Keypair::from_file(&missing), Err(KeyError::Read(_))));
        assert!(matches!(
            Keypair::generate().unwrap().write_new_file(&missing),
            Err(KeyError::Write(_))
        ));
    }
}
