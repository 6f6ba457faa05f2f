//! Keys of who signs components: read from files, and used.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use platform_domain::{Digest, KeyName};
use platform_oci::Attached;
use platform_signatures::{
    Payload, PrivateKey, PrivateKeyFile, PublicKey, SealError, Trusted, limits::MAX_KEY_PEM,
};
use zeroize::Zeroizing;

/// In the environment only: others see a command line. The second is cosign's.
const PASSWORDS: [&str; 2] = ["PLATFORM_KEY_PASSWORD", "COSIGN_PASSWORD"];

/// The public keys of these files.
pub(crate) fn trusted<'a>(
    files: impl IntoIterator<Item = (&'a KeyName, &'a PathBuf)>,
) -> anyhow::Result<Trusted> {
    let mut trusted = Trusted::default();
    for (name, path) in files {
        let unusable = || format!("the key {name} in {} cannot be used", path.display());
        let key = PublicKey::from_pem(&read(path)?).with_context(unusable)?;
        trusted.add(name.clone(), key).with_context(unusable)?;
    }
    Ok(trusted)
}

/// The private key of a file, opened with the password in the environment if it has one.
pub(crate) fn private(path: &Path) -> anyhow::Result<PrivateKey> {
    let unusable = || format!("the key in {} cannot be used", path.display());
    match PrivateKeyFile::from_pem(&read(path)?).with_context(unusable)? {
        PrivateKeyFile::Plain(key) => Ok(key),
        PrivateKeyFile::Sealed(sealed) => match password() {
            Some(password) => sealed.unseal(&password).with_context(unusable),
            None => match sealed.unseal(b"") {
                Err(SealError::Password) => anyhow::bail!(
                    "the key in {} has a password; set {}",
                    path.display(),
                    PASSWORDS.join(" or ")
                ),
                opened => opened.with_context(unusable),
            },
        },
    }
}

/// The password in the environment. One that is empty is one.
pub(crate) fn password() -> Option<Zeroizing<Vec<u8>>> {
    use std::os::unix::ffi::OsStringExt as _;
    let found = PASSWORDS.iter().find_map(std::env::var_os)?;
    Some(Zeroizing::new(found.into_vec()))
}

/// A signature of a manifest, in the form that all tools read.
pub(crate) fn signature(key: &PrivateKey, repository: &str, manifest: &Digest) -> Attached {
    let payload = Payload::new(repository, *manifest).to_bytes();
    let signature = key.sign(&payload).to_string();
    Attached::payload(payload, &signature)
}

fn read(path: &Path) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    let unreadable = || format!("cannot read the key file {}", path.display());
    let file = File::open(path).with_context(unreadable)?;
    // One byte more than is allowed is refused by who reads the key.
    let limit = MAX_KEY_PEM as u64 + 1;
    file.take(limit)
        .read_to_end(&mut bytes)
        .with_context(unreadable)?;
    Ok(bytes)
}
