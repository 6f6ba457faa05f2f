//! The content store as the operator handles it: what it holds and for whom, and removing what nobody needs.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use platform_domain::{Artifact, ByteSize, Challenge, ComponentRef, Digest, Slug, with_causes};
use platform_oci::{Collected, Content, Fetched, OciError};
use platform_store::{StoreError, challenges, versions};
use platform_wasm::ComponentError;
use tokio_util::sync::CancellationToken;

use crate::{Registry, RegistryError};

/// What the content store holds.
#[derive(Clone, Debug)]
pub struct KeptContent {
    /// What it may hold.
    pub quota: ByteSize,
    /// Everything, the largest first, with the challenges that are pinned to it.
    pub contents: Vec<(Content, BTreeSet<Slug>)>,
}

/// Components are replaced a few times a day at most, and what is too much is collected when there is no room.
const COLLECT_EVERY: Duration = Duration::from_secs(6 * 3600);

impl Registry {
    /// What the content store holds and for whom.
    pub async fn content_list(&self) -> Result<KeptContent, RegistryError> {
        let content = self.loader().content();
        let contents = content.contents().await.map_err(RegistryError::Content)?;
        let mut roots = self.roots().await?;
        let contents = contents
            .into_iter()
            .map(|content| (content, roots.remove(&content.digest).unwrap_or_default()));
        Ok(KeptContent {
            quota: content.quota(),
            contents: contents.collect(),
        })
    }

    /// Removes from the content store what no challenge is pinned to, but for what was fetched a moment ago. With
    /// `dry_run` only tells what that would be.
    pub async fn content_collect(&self, dry_run: bool) -> Result<Collected, RegistryError> {
        let roots = self.roots().await?;
        let collected = self.loader().content().collect(roots.into_keys(), dry_run);
        collected.await.map_err(RegistryError::Content)
    }

    /// Collects now and then until `stop`.
    pub async fn keep_collecting(&self, stop: CancellationToken) {
        while stop
            .run_until_cancelled(tokio::time::sleep(COLLECT_EVERY))
            .await
            .is_some()
        {
            if let Err(error) = self.content_collect(false).await {
                tracing::error!(error = %with_causes(&error), "The content store cannot be collected");
            }
        }
    }

    /// Fetches what a reference points to now. When there is no room, makes some and tries once more.
    pub(crate) async fn fetch(&self, reference: &ComponentRef) -> Result<Fetched, RegistryError> {
        let fetched = match self.loader().fetch(reference).await {
            Err(OciError::StoreFull { .. }) => {
                self.content_collect(false).await?;
                self.loader().fetch(reference).await
            }
            other => other,
        };
        fetched.map_err(not_fetched)
    }

    /// What must not be removed: what every challenge is pinned to and can go back to, and whose it is.
    async fn roots(&self) -> Result<BTreeMap<Digest, BTreeSet<Slug>>, RegistryError> {
        let read = self.store().read("content_roots", |connection| {
            Ok::<_, StoreError>((challenges::list(connection)?, versions::digests(connection)?))
        });
        let (challenges, versions) = read.await?;
        let mut roots = pinned(challenges);
        for (slug, digest) in versions {
            roots.entry(digest).or_default().insert(slug);
        }
        Ok(roots)
    }
}

fn pinned(challenges: Vec<Challenge>) -> BTreeMap<Digest, BTreeSet<Slug>> {
    let mut roots: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for challenge in challenges {
        if let Artifact::Component(pinned) = challenge.artifact {
            for digest in pinned.manifest.into_iter().chain([pinned.component]) {
                roots.entry(digest).or_default().insert(challenge.slug.clone());
            }
        }
    }
    roots
}

/// What the host thinks of a component is the same before and after it was downloaded.
fn not_fetched(error: OciError) -> RegistryError {
    match error {
        OciError::Unfit(cause) => match cause.downcast::<ComponentError>() {
            Ok(refusal) => RegistryError::Component(*refusal),
            Err(other) => RegistryError::Fetch(OciError::Unfit(other)),
        },
        other => RegistryError::Fetch(other),
    }
}
