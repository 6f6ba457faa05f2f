//! The content store and the images on engines as the operator handles them: what there is and for whom, and removing what
//! nobody needs.

mod images;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use platform_domain::{Artifact, ByteSize, Challenge, ComponentRef, Digest, Slug, with_causes};
use platform_fleet::{CollectedImages, FetchedImage, Unreached};
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
    /// What engines have because this host had them fetch it, and the challenges that want it.
    pub images: Vec<(FetchedImage, BTreeSet<Slug>)>,
}

/// What was removed, or would be.
#[derive(Debug)]
pub struct Cleared {
    /// From the content store.
    pub content: Collected,
    /// From engines.
    pub images: CollectedImages,
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
        let fetched = self.loader().containers().fleet().fetched_images().await;
        let wanted = self.images().await?;
        let images = fetched
            .map_err(RegistryError::Engine)?
            .into_iter()
            .map(|fetched| {
                // Of jobs it is known by which name they asked for it.
                let names = fetched.image.moving().into_iter().chain([fetched.image.clone()]);
                let of = names.filter_map(|name| wanted.get(&name)).flatten();
                let of = of.cloned().collect();
                (fetched, of)
            });
        Ok(KeptContent {
            quota: content.quota(),
            contents: contents.collect(),
            images: images.collect(),
        })
    }

    /// Removes from the content store what no challenge is pinned to, and from engines the images that this host had fetched and
    /// no challenge wants, but for what was fetched a moment ago. With `dry_run` only tells what that would be.
    pub async fn content_collect(&self, dry_run: bool) -> Result<Cleared, RegistryError> {
        let content = self.collect_components(dry_run).await?;
        let wanted = self.images().await?.into_keys().collect();
        let images = self
            .loader()
            .containers()
            .fleet()
            .collect_images(&wanted, dry_run);
        Ok(Cleared {
            content,
            images: images.await.map_err(RegistryError::Engine)?,
        })
    }

    async fn collect_components(&self, dry_run: bool) -> Result<Collected, RegistryError> {
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
            match self.content_collect(false).await {
                Ok(cleared) => {
                    for Unreached { server, why } in cleared.images.unreached {
                        let server = server.map_or_else(|| "its own".to_owned(), |id| id.to_string());
                        tracing::warn!(
                            gpu_server.id = %server, error = %with_causes(&why),
                            "An engine cannot be cleared of images that nobody wants"
                        );
                    }
                }
                Err(error) => {
                    tracing::error!(error = %with_causes(&error), "The content store cannot be collected");
                }
            }
        }
    }

    /// Fetches what a reference points to now. When there is no room, makes some and tries once more.
    pub(crate) async fn fetch(&self, reference: &ComponentRef) -> Result<Fetched, RegistryError> {
        let fetched = match self.loader().fetch(reference).await {
            Err(OciError::StoreFull { .. }) => {
                self.collect_components(false).await?;
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
