//! Whether a component may run: by what the operator wants it to show, and what it shows. Signatures are those that the
//! content store has, so a host decides the same with and without a network.

use std::collections::BTreeSet;

use platform_domain::{Artifact, Challenge, KeyName, PinnedComponent, TrustPolicy, with_causes};
use platform_oci::{ContentStore, Fetched, OciError, Signers};

use crate::{FieldError, RegistryError, load::LoadError};

/// What keeps a component from running, whatever it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// The policy is `pinned`.
    #[error(
        "its reference names no digest; register it as NAME@sha256:… with the digest of the manifest that you know"
    )]
    NotPinned,
    /// The policy is `signed-by(…)`.
    #[error(
        "it is not signed by {} (signed by known keys: {}); have it signed and update the challenge to the same reference",
        list(.wanted, " or "),
        list(.found, ", ")
    )]
    NotSigned {
        /// Whose signature would do.
        wanted: BTreeSet<KeyName>,
        /// Who of those that the host knows signed it.
        found: BTreeSet<KeyName>,
    },
}

/// What a component must show, and what it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// What is wanted of it.
    pub policy: TrustPolicy,
    /// Whether that is wanted of every challenge.
    pub is_default: bool,
    /// Who of those that the host knows signed it.
    pub signed_by: BTreeSet<KeyName>,
    /// Why there may be more.
    pub unread: Option<String>,
}

/// What is wanted of components.
#[derive(Clone)]
pub(crate) struct Trust {
    /// Of those of challenges of which nothing else is wanted.
    default: TrustPolicy,
    content: ContentStore,
}

impl Trust {
    pub(crate) fn new(default: TrustPolicy, content: ContentStore) -> Self {
        Self { default, content }
    }

    /// Whether a component may run. The outer error is of the host's own disk.
    async fn check(
        &self,
        wanted: Option<&TrustPolicy>,
        pinned: &PinnedComponent,
    ) -> Result<Result<(), Untrusted>, OciError> {
        let wanted = match wanted.unwrap_or(&self.default) {
            TrustPolicy::Any => return Ok(Ok(())),
            TrustPolicy::Pinned if pinned.reference.digest().is_some() => return Ok(Ok(())),
            TrustPolicy::Pinned => return Ok(Err(Untrusted::NotPinned)),
            TrustPolicy::SignedBy(wanted) => wanted,
        };
        let Signers { keys: found, unread } = self.signers(pinned).await?;
        if !found.is_disjoint(wanted) {
            return Ok(Ok(()));
        }
        // The one that is wanted may be among those.
        if let Some(unread) = unread {
            return Err(unread);
        }
        let wanted = wanted.clone();
        Ok(Err(Untrusted::NotSigned { wanted, found }))
    }

    /// The same for what is about to be started.
    pub(crate) async fn check_start(
        &self,
        wanted: Option<&TrustPolicy>,
        pinned: &PinnedComponent,
    ) -> Result<(), LoadError> {
        let checked = self.check(wanted, pinned).await.map_err(LoadError::Content)?;
        checked.map_err(LoadError::Untrusted)
    }

    /// The same for what was fetched a moment ago. A signature that could not be read may be the one that is wanted.
    pub(crate) async fn check_fetched(
        &self,
        wanted: Option<&TrustPolicy>,
        fetched: &mut Fetched,
    ) -> Result<(), RegistryError> {
        let checked = self.check(wanted, &fetched.pinned).await;
        match (checked.map_err(RegistryError::Content)?, fetched.unread.take()) {
            (Err(Untrusted::NotSigned { .. }), Some(unread)) => Err(RegistryError::Fetch(unread)),
            (checked, _) => checked.map_err(RegistryError::Untrusted),
        }
    }

    /// What a challenge's component shows; a container shows nothing.
    pub(crate) async fn shown(&self, challenge: &Challenge) -> Option<Shown> {
        let Artifact::Component(pinned) = &challenge.artifact else {
            return None;
        };
        // What is shown for information is no reason to fail.
        let (signed_by, unread) = match self.signers(pinned).await {
            Ok(Signers { keys, unread }) => (keys, unread),
            Err(error) => (BTreeSet::new(), Some(error)),
        };
        Some(Shown {
            policy: challenge.trust.clone().unwrap_or_else(|| self.default.clone()),
            is_default: challenge.trust.is_none(),
            signed_by,
            unread: unread.map(|error| with_causes(&error)),
        })
    }

    /// Whether the host knows the keys of which one is wanted.
    pub(crate) fn known(&self, policy: Option<&TrustPolicy>) -> Result<(), FieldError> {
        let Some(TrustPolicy::SignedBy(keys)) = policy else {
            return Ok(());
        };
        match keys.iter().find(|key| !self.content.knows(key)) {
            None => Ok(()),
            Some(key) => {
                let reason = format!("the host knows no key {key}; name its file under [trust.keys]");
                Err(FieldError::new("trust", reason))
            }
        }
    }

    async fn signers(&self, pinned: &PinnedComponent) -> Result<Signers, OciError> {
        match &pinned.manifest {
            Some(manifest) => self.content.signers(manifest).await,
            // A bare file has nothing beside it.
            None => Ok(Signers {
                keys: BTreeSet::new(),
                unread: None,
            }),
        }
    }
}

fn list(keys: &BTreeSet<KeyName>, between: &str) -> String {
    let keys: Vec<_> = keys.iter().map(KeyName::as_str).collect();
    if keys.is_empty() {
        return "none".to_owned();
    }
    keys.join(between)
}
