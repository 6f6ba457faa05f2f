//! Secrets of challenges: set, listed without their values, removed, and opened for the one program that gets them.
//!
//! The key is read from its file whenever it is needed and kept nowhere: a file that was put right works at once, and one
//! that is gone is noticed by the next start and not by the next restart of the host.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use platform_domain::{
    Artifact, Challenge, PlainToken, Secret, SecretName, SecretUse, SecretValue, Slug, TokenHash, UnixSeconds,
};
use platform_store::{Connection, Store, StoreError, challenges, gpu_servers, secrets, tokens};
use platform_vault::{Key, KeyError};

use crate::{
    FieldError, Registry, RegistryError,
    limits::{MAX_SECRET_BYTES, MAX_SECRETS},
    reconciler::now,
};

/// Why a secret cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// There is no key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// It was sealed with another key than the file has.
    #[error("the secret {name} was sealed with the key {sealed}, and {file} holds the key {found}")]
    OtherKey {
        /// Which secret.
        name: SecretName,
        /// The id of the key it was sealed with.
        sealed: String,
        /// The key file.
        file: PathBuf,
        /// The id of the key in it.
        found: String,
    },
    /// Its row is not what was written.
    #[error("the secret {0} is damaged in the database")]
    Damaged(SecretName),
    /// The challenge was registered by a version of the host that did not keep it, or its row is damaged.
    #[error("the token of the challenge is not kept, or damaged; delete the challenge and register it again")]
    NoToken,
    /// Its row cannot even be read, or the database failed.
    #[error("the secrets cannot be read from the database")]
    Store(#[from] StoreError),
}

/// A secret as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptSecret {
    /// What it is called.
    pub name: SecretName,
    /// What becomes of it.
    pub usage: SecretUse,
    /// Whether the manifest asks for it.
    pub asked: bool,
    /// When it was set.
    pub set_at: UnixSeconds,
}

/// By which a container knows the host.
pub(crate) struct Tokens {
    pub(crate) current: PlainToken,
    /// The one before the last rotation, and the last second in which it counts.
    pub(crate) previous: Option<(PlainToken, UnixSeconds)>,
}

/// Opens secrets. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Opener {
    store: Store,
    key_file: Arc<Path>,
}

impl Opener {
    pub(crate) fn new(store: Store, key_file: PathBuf) -> Self {
        Self {
            store,
            key_file: key_file.into(),
        }
    }

    /// What has the key.
    pub(crate) fn key_file(&self) -> Arc<Path> {
        Arc::clone(&self.key_file)
    }

    /// All secrets of a challenge. One that cannot be opened is an error: a challenge without it would do something else
    /// than it is meant to.
    pub(crate) async fn open(&self, slug: &Slug) -> Result<Vec<Secret>, SecretError> {
        let (slug, key_file) = (slug.clone(), self.key_file.clone());
        self.store
            .read("secrets_open", move |connection| {
                let rows = secrets::of(connection, &slug)?;
                if rows.is_empty() {
                    return Ok(Vec::new());
                }
                let key = Key::read(&key_file)?;
                rows.into_iter().map(|row| open(&key, &key_file, row)).collect()
            })
            .await
    }

    /// The tokens by which a container knows the host.
    pub(crate) async fn token(&self, slug: &Slug) -> Result<Tokens, SecretError> {
        let (slug, key_file) = (slug.clone(), self.key_file.clone());
        self.store
            .read("token_open", move |connection| {
                let row = tokens::get(connection, &slug)?.ok_or(SecretError::NoToken)?;
                let key = Key::read(&key_file)?;
                let open = |sealed: &[u8], found: &str| match key.unseal(&token_purpose(&slug), sealed) {
                    Ok(value) => Ok(PlainToken::from_text(&String::from_utf8_lossy(value.reveal()))),
                    Err(_) if found != key.id() => Err(SecretError::OtherKey {
                        name: TOKEN.parse().map_err(|_| SecretError::NoToken)?,
                        sealed: found.escape_debug().take(16).collect(),
                        file: key_file.to_path_buf(),
                        found: key.id(),
                    }),
                    Err(_) => Err(SecretError::NoToken),
                };
                // One that cannot be opened any more is as good as over.
                let previous = row.previous.and_then(|previous| {
                    let token = open(&previous.sealed, &previous.key_id).ok()?;
                    Some((token, previous.until))
                });
                Ok(Tokens {
                    current: open(&row.sealed, &row.key_id)?,
                    previous: previous.filter(|(_, until)| *until >= now()),
                })
            })
            .await
    }

    /// Keeps the token of a challenge; the one `before`, by its hash, counts until then.
    pub(crate) fn keep_token(
        &self,
        connection: &Connection,
        slug: &Slug,
        token: &PlainToken,
        before: Option<(TokenHash, UnixSeconds)>,
    ) -> Result<(), SecretError> {
        let key = to_seal(connection, &self.key_file)?;
        let value = SecretValue::new(token.reveal().as_bytes().to_vec());
        let kept = match before {
            Some(_) => tokens::get(connection, slug)?,
            None => None,
        };
        let previous = kept
            .zip(before)
            .map(|(kept, (hash, until))| tokens::PreviousToken {
                sealed: kept.sealed,
                key_id: kept.key_id,
                hash: Some(hash),
                until,
            });
        let row = tokens::TokenRow {
            sealed: key.seal(&token_purpose(slug), &value)?,
            key_id: key.id(),
            previous,
        };
        Ok(tokens::put(connection, slug, &row)?)
    }
}

/// The key to seal with. One that is not there is made where nothing is lost by that, for nothing was sealed with it.
pub(crate) fn to_seal(connection: &Connection, key_file: &Path) -> Result<Key, SecretError> {
    match Key::read(key_file) {
        Err(KeyError::Missing(_)) if !any_sealed(connection)? => Ok(Key::make(key_file)?),
        read => Ok(read?),
    }
}

fn any_sealed(connection: &Connection) -> Result<bool, StoreError> {
    Ok(secrets::any(connection)? || tokens::any(connection)? || gpu_servers::any_tls(connection)?)
}

impl Registry {
    /// Seals a secret for a challenge, in place of the one of its name. A challenge that runs is started with it; what
    /// was begun before ends as it began.
    pub async fn secret_set(&self, slug: &Slug, secret: Secret) -> Result<KeptSecret, RegistryError> {
        check(&secret)?;
        let (key, wake) = (slug.clone(), self.wake());
        let key_file = self.opener().key_file.clone();
        let (kept, wake) = self
            .store()
            .write("secret_set", move |connection| {
                let challenge = challenges::get(connection, &key)?.ok_or(RegistryError::NotFound(key))?;
                if matches!(challenge.artifact, Artifact::Image(_)) && secret.usage != SecretUse::Reveal {
                    let reason = "a container reads its secrets as files, and sends its own requests";
                    return Err(RegistryError::Field(FieldError::new("inject", reason)));
                }
                let rows = secrets::of(connection, &challenge.slug).map_err(SecretError::Store)?;
                fits(&secret, &rows)?;
                let row = seal(&to_seal(connection, &key_file)?, &challenge.slug, secret)?;
                secrets::put(connection, &row)?;
                Ok((kept(&challenge, row), wake))
            })
            .await?;
        tracing::info!(challenge.slug = %slug, secret.name = %kept.name, "The secret is set");
        self.settle(slug, wake).await;
        Ok(kept)
    }

    /// Forgets a secret. A challenge that runs is started without it.
    pub async fn secret_remove(&self, slug: &Slug, name: &SecretName) -> Result<(), RegistryError> {
        let (key, of, wake) = (name.clone(), slug.clone(), self.wake());
        let wake = self
            .store()
            .write("secret_remove", move |connection| {
                if challenges::get(connection, &of)?.is_none() {
                    return Err(RegistryError::NotFound(of));
                }
                match secrets::delete(connection, &of, &key)? {
                    true => Ok(wake),
                    false => Err(RegistryError::NoSecret(of, key)),
                }
            })
            .await?;
        tracing::info!(challenge.slug = %slug, secret.name = %name, "The secret is removed");
        self.settle(slug, wake).await;
        Ok(())
    }

    /// What a challenge was given, by name, and what it asks for besides.
    pub async fn secret_list(
        &self,
        slug: &Slug,
    ) -> Result<(Vec<KeptSecret>, BTreeSet<SecretName>), RegistryError> {
        let key = slug.clone();
        self.store()
            .read("secret_list", move |connection| {
                let challenge = challenges::get(connection, &key)?.ok_or(RegistryError::NotFound(key))?;
                let rows = secrets::of(connection, &challenge.slug).map_err(SecretError::Store)?;
                let missing = missing(&challenge, rows.iter().map(|row| &row.name));
                Ok((
                    rows.into_iter().map(|row| kept(&challenge, row)).collect(),
                    missing,
                ))
            })
            .await
    }

    /// What a challenge asks for and was not given.
    pub async fn secrets_missing(
        &self,
        challenge: &Challenge,
    ) -> Result<BTreeSet<SecretName>, RegistryError> {
        if challenge.secrets.is_empty() {
            return Ok(BTreeSet::new());
        }
        let slug = challenge.slug.clone();
        let names = self.store().read("secrets_missing", move |connection| {
            secrets::names(connection, &slug)
        });
        let names = names.await.map_err(RegistryError::Store)?;
        Ok(missing(challenge, names.iter()))
    }
}

fn missing<'a>(challenge: &Challenge, set: impl Iterator<Item = &'a SecretName>) -> BTreeSet<SecretName> {
    let set: BTreeSet<_> = set.collect();
    let asked = challenge.secrets.iter().filter_map(|name| name.parse().ok());
    asked.filter(|name| !set.contains(name)).collect()
}

/// Whether the secret alone is acceptable. No refusal shows the value.
fn check(secret: &Secret) -> Result<(), FieldError> {
    let size = secret.value.reveal().len();
    if !(1..=MAX_SECRET_BYTES).contains(&size) {
        let reason = format!("a secret has 1 to {MAX_SECRET_BYTES} bytes, this has {size}");
        return Err(FieldError::new("value", reason));
    }
    match &secret.usage {
        SecretUse::Inject(injection) if injection.header().fill(&secret.value).is_none() => {
            let reason = "a header carries printable ASCII only; is there a line end after the value?";
            Err(FieldError::new("value", reason))
        }
        SecretUse::Inject(_) | SecretUse::Reveal => Ok(()),
    }
}

/// Whether it is acceptable beside the others of its challenge.
fn fits(secret: &Secret, rows: &[secrets::SecretRow]) -> Result<(), FieldError> {
    let others = || rows.iter().filter(|row| row.name != secret.name);
    if others().count() >= MAX_SECRETS {
        let reason = format!("at most {MAX_SECRETS} secrets for a challenge");
        return Err(FieldError::new("name", reason));
    }
    let SecretUse::Inject(ours) = &secret.usage else {
        return Ok(());
    };
    let collides = |row: &&secrets::SecretRow| match &row.usage {
        SecretUse::Inject(theirs) => ours.collides(theirs),
        SecretUse::Reveal => false,
    };
    match others().find(collides) {
        None => Ok(()),
        Some(row) => {
            let reason = format!("{} is sent in the same header to the same hosts", row.name);
            Err(FieldError::new("inject", reason))
        }
    }
}

fn kept(challenge: &Challenge, row: secrets::SecretRow) -> KeptSecret {
    KeptSecret {
        asked: challenge.secrets.contains(row.name.as_str()),
        name: row.name,
        usage: row.usage,
        set_at: row.set_at,
    }
}

fn seal(key: &Key, slug: &Slug, secret: Secret) -> Result<secrets::SecretRow, SecretError> {
    let Secret { name, usage, value } = secret;
    Ok(secrets::SecretRow {
        sealed: key.seal(&purpose(slug, &name, &usage), &value)?,
        key_id: key.id(),
        slug: slug.clone(),
        name,
        usage,
        set_at: now(),
    })
}

fn open(key: &Key, key_file: &Path, row: secrets::SecretRow) -> Result<Secret, SecretError> {
    let purpose = purpose(&row.slug, &row.name, &row.usage);
    let secrets::SecretRow {
        name, usage, key_id, ..
    } = row;
    let found = key.id();
    match key.unseal(&purpose, &row.sealed) {
        Ok(value) => Ok(Secret { name, usage, value }),
        Err(_) if key_id != found => Err(SecretError::OtherKey {
            name,
            sealed: key_id.escape_debug().take(16).collect(),
            file: key_file.to_owned(),
            found,
        }),
        Err(_) => Err(SecretError::Damaged(name)),
    }
}

/// What a token is called where secrets are spoken of.
const TOKEN: &str = "challenge-token";

/// What a token is sealed for.
fn token_purpose(slug: &Slug) -> Vec<u8> {
    format!("platform token\0{slug}").into_bytes()
}

/// What a value is sealed for: who writes into the database makes of a secret neither another challenge's, nor one under
/// another name, nor one that the challenge may read or that goes elsewhere. No part has a zero in it.
fn purpose(slug: &Slug, name: &SecretName, usage: &SecretUse) -> Vec<u8> {
    let usage = match usage {
        SecretUse::Reveal => "reveal".to_owned(),
        SecretUse::Inject(injection) => format!("inject\0{}\0{}", injection.to(), injection.header()),
    };
    format!("platform secret\0{slug}\0{name}\0{usage}").into_bytes()
}
