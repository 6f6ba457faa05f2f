//! `platform key generate` and `platform sign`.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use platform_domain::ComponentRef;
use platform_signatures::{Algorithm, PrivateKey};

use crate::{
    keys,
    output::Output,
    registries::{self, RegistryArgs},
};

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a pair of keys: NAME.key to sign with, NAME.pub for those who trust it.
    ///
    /// The private key is sealed with the password in PLATFORM_KEY_PASSWORD, as `cosign generate-key-pair` does it; cosign
    /// and this program read each other's. An empty password seals nothing.
    ///
    /// Example: PLATFORM_KEY_PASSWORD=… platform key generate alice
    Generate {
        /// Where to, without the ending.
        #[arg(value_name = "NAME")]
        name: PathBuf,
        /// What kind of key.
        #[arg(long, value_enum, default_value_t = Kind::EcdsaP256)]
        kind: Kind,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    EcdsaP256,
    Ed25519,
}

#[derive(Debug, Args)]
pub(crate) struct SignArgs {
    #[arg(help = "What to sign: oci:DIR[:TAG][@DIGEST] or HOST/NAME[:TAG][@DIGEST]")]
    reference: ComponentRef,
    /// The private key; its password is in PLATFORM_KEY_PASSWORD or COSIGN_PASSWORD.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    #[command(flatten)]
    registry: RegistryArgs,
}

pub(crate) fn key(command: KeyCommand, output: Output) -> anyhow::Result<()> {
    let KeyCommand::Generate { name, kind } = command;
    let password = keys::password().context("PLATFORM_KEY_PASSWORD is not set; set it, empty for none")?;
    let key = PrivateKey::generate(match kind {
        Kind::EcdsaP256 => Algorithm::P256,
        Kind::Ed25519 => Algorithm::Ed25519,
    })?;
    let (private, public) = (ending(&name, "key"), ending(&name, "pub"));
    let public_key = key.public();
    let sealed = key.to_sealed_pem(&password)?;
    write_new(&public, public_key.to_pem().as_bytes(), 0o644)?;
    if let Err(error) = write_new(&private, sealed.as_bytes(), 0o600) {
        // Half a pair is of no use, and would be in the way.
        drop(fs::remove_file(&public));
        return Err(error);
    }
    let fingerprint = public_key.fingerprint().to_string();
    let answer = serde_json::json!({
        "private_key": private,
        "public_key": public,
        "fingerprint": fingerprint,
    });
    output.show(&answer, |_| {
        format!(
            "private    {}\npublic     {}\nkey id     {fingerprint}",
            private.display(),
            public.display()
        )
    })
}

pub(crate) async fn sign(args: SignArgs, output: Output) -> anyhow::Result<()> {
    let SignArgs {
        reference,
        key,
        registry,
    } = args;
    let key = keys::private(&key)?;
    let registries = registries::of_command(&registry, &reference)?;
    output.progress(&format!("signing {reference}"));
    let signer = |repository: &str, manifest: &_| keys::signature(&key, repository, manifest);
    let manifest = registries.sign(&reference, &signer).await?;
    let fingerprint = key.public().fingerprint().to_string();
    let answer = serde_json::json!({
        "reference": reference,
        "manifest_digest": manifest,
        "fingerprint": fingerprint,
    });
    output.show(&answer, |_| {
        format!("manifest   {manifest}\nsigned by  {fingerprint}")
    })
}

fn ending(name: &Path, ending: &str) -> PathBuf {
    let mut name = name.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// A key that is there stays: what it signed could not be signed again.
fn write_new(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let unwritable = || format!("cannot write {}", path.display());
    let mut new = OpenOptions::new();
    let file = new.write(true).create_new(true).mode(mode).open(path);
    let mut file = file.with_context(unwritable)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        drop(fs::remove_file(path));
    }
    written.with_context(unwritable)
}
