//! Images that nobody wants any more are removed from engines, if this host had them fetched.

use std::collections::BTreeSet;

use platform_docker::{Engine, EngineError, Image};
use platform_domain::{ByteSize, GpuServerId, ImageRef, UnixSeconds};
use platform_store::fetched_images::{self, FetchedImage};

use crate::{Fleet, FleetError, Unreached, leasing::now, limits::IMAGE_GRACE};

/// An image that is not wanted any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnwantedImage {
    /// On which server; `None`: the host's own engine.
    pub server: Option<GpuServerId>,
    /// By its digest.
    pub image: ImageRef,
    /// What it takes of the engine's disk, with layers that others may share.
    pub size: ByteSize,
}

/// What was removed, or would be, as far as engines could be reached.
#[derive(Debug, Default)]
pub struct CollectedImages {
    /// By engine and name.
    pub removed: Vec<UnwantedImage>,
    /// Where there may be more.
    pub unreached: Vec<Unreached>,
}

impl Fleet {
    /// Removes images that this host had fetched and that are not among the wanted ones, but for those that were asked for a
    /// moment ago. Never by force: one of which there is a container stays. With `dry_run` only tells what that would be.
    pub async fn collect_images(
        &self,
        wanted: &BTreeSet<ImageRef>,
        dry_run: bool,
    ) -> Result<CollectedImages, FleetError> {
        let old = UnixSeconds(now().0.saturating_sub(IMAGE_GRACE.as_secs()));
        let unwanted = |fetched: &FetchedImage| !wanted.contains(&fetched.image) && fetched.at <= old;
        let fetched = self.fetched_images().await?.into_iter().filter(unwanted);
        let fetched: Vec<_> = fetched.collect();
        let mut collected = CollectedImages::default();
        for (server, engine) in self.places().await? {
            let here: Vec<_> = fetched.iter().filter(|image| image.server == server).collect();
            if here.is_empty() {
                continue;
            }
            let cleared = match engine {
                Ok(engine) => {
                    self.collect_engine(&engine, wanted, &here, dry_run, &mut collected.removed)
                        .await
                }
                Err(why) => Err(why),
            };
            if let Err(why) = cleared {
                collected.unreached.push(Unreached { server, why });
            }
        }
        Ok(collected)
    }

    async fn collect_engine(
        &self,
        engine: &Engine,
        wanted: &BTreeSet<ImageRef>,
        fetched: &[&FetchedImage],
        dry_run: bool,
        removed: &mut Vec<UnwantedImage>,
    ) -> Result<(), FleetError> {
        // The same image may be wanted by another name.
        let mut ids = BTreeSet::new();
        for image in wanted {
            ids.extend(id(engine, image).await?);
        }
        for fetched in fetched {
            let Some(named) = fetched.image.by_digest() else {
                continue;
            };
            let found = match engine.image(&named).await {
                Err(EngineError::ImageMissing(_)) => {
                    if !dry_run {
                        self.forget(fetched).await?;
                    }
                    continue;
                }
                found => found?,
            };
            if ids.contains(&found.id) {
                continue;
            }
            if !dry_run && !remove(engine, &fetched.image, &named, &found).await? {
                continue;
            }
            removed.push(UnwantedImage {
                server: fetched.server.clone(),
                image: named,
                size: found.size,
            });
            if !dry_run {
                tracing::info!(image = %fetched.image, "An image that nobody wants is removed");
                self.forget(fetched).await?;
            }
        }
        Ok(())
    }

    async fn forget(&self, fetched: &FetchedImage) -> Result<(), FleetError> {
        let fetched = fetched.clone();
        let forgotten = self.store().write("fetched_image_forget", move |connection| {
            fetched_images::forget(connection, &fetched)
        });
        Ok(forgotten.await?)
    }
}

/// The names that this host gave it, one after the other; the engine removes the image with the last name that it has. Whether it
/// did.
async fn remove(
    engine: &Engine,
    tagged: &ImageRef,
    named: &ImageRef,
    found: &Image,
) -> Result<bool, FleetError> {
    let mut names = Vec::new();
    if let Some(tag) = tagged.moving().filter(|tag| tag.tag().is_some())
        && id(engine, &tag).await?.as_ref() == Some(&found.id)
    {
        names.push(tag);
    }
    names.push(named.clone());
    for name in names {
        match engine.remove_image(&name).await {
            // With its last tag an engine forgets the digest too.
            Ok(()) | Err(EngineError::ImageMissing(_)) => {}
            // There is a container of it, or another image on top of it.
            Err(EngineError::InUse(_) | EngineError::Engine { status: 409, .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(true)
}

async fn id(engine: &Engine, image: &ImageRef) -> Result<Option<String>, FleetError> {
    match engine.image(image).await {
        Ok(found) => Ok(Some(found.id)),
        Err(EngineError::ImageMissing(_) | EngineError::WrongArchitecture { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
