//! Images on engines: fetched when they are needed, and removed when nobody wants them any more. What this host had an engine
//! fetch is written down; all others are somebody else's.

use std::collections::BTreeSet;

use platform_docker::{Engine, EngineError, Image, PullAs, PullProgress};
use platform_domain::{ByteSize, Digest, GpuRequest, GpuServerId, ImageRef, UnixSeconds};
use platform_store::fetched_images::{self, FetchedImage};

use crate::{Fleet, FleetError, Unreached, Wish, leasing::now, limits::IMAGE_GRACE};

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
    /// Fetches an image to where a challenge would run that wants these GPUs, and gives it by its digest. A tag means what its
    /// registry says now. Where that cannot be asked, or does not know it, what the engine has under this tag counts, and so does
    /// an image that was loaded or built there and comes from no registry.
    pub async fn pull(
        &self,
        gpus: Option<&GpuRequest>,
        image: &ImageRef,
        pull_as: Option<&PullAs>,
        progress: impl FnMut(PullProgress) + Send,
    ) -> Result<ImageRef, FleetError> {
        let server = match gpus {
            None => None,
            Some(wanted) => Some(self.could_lease(wanted).await?),
        };
        let engine = self.engine(server.as_ref()).await?;
        let here = match engine.image(image).await {
            Err(EngineError::ImageMissing(_)) => None,
            found => Some(found?),
        };
        if let Some(here) = &here
            && (image.digest().is_some() || digest_of(image, here).is_none())
        {
            self.touch(server.as_ref(), image).await?;
            return Ok(pinned(image, here));
        }
        let pulled = match (engine.pull(image, pull_as, progress).await, &here) {
            (Ok(pulled), _) => pulled,
            (Err(error), Some(here)) if !is_absence(&error) => {
                tracing::warn!(image = %image, error = %error, "What a tag means is not told; what the engine has of it is taken");
                here.clone()
            }
            (Err(error), _) => return Err(error.into()),
        };
        let image = pinned(image, &pulled);
        match here.is_some_and(|here| here.id == pulled.id) {
            // It may have been fetched by somebody else.
            true => self.touch(server.as_ref(), &image).await?,
            false => self.note(server.as_ref(), &image).await?,
        }
        Ok(image)
    }

    /// An image as an engine has it, or fetches it from its registry.
    pub(crate) async fn fetch(
        &self,
        server: Option<&GpuServerId>,
        engine: &Engine,
        wish: &Wish,
    ) -> Result<Image, FleetError> {
        match engine.image(&wish.image).await {
            Err(EngineError::ImageMissing(_)) => {}
            image => {
                self.touch(server, &wish.image).await?;
                return Ok(image?);
            }
        }
        tracing::info!(challenge.slug = %wish.slug, image = %wish.image, "The image is fetched");
        let image = engine.pull(&wish.image, wish.pull_as.as_ref(), |_| ()).await?;
        self.note(server, &pinned(&wish.image, &image)).await?;
        Ok(image)
    }

    /// What engines have because this host had them fetch it.
    pub async fn fetched_images(&self) -> Result<Vec<FetchedImage>, FleetError> {
        Ok(self.store().read("fetched_images", fetched_images::list).await?)
    }

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

    async fn note(&self, server: Option<&GpuServerId>, image: &ImageRef) -> Result<(), FleetError> {
        // Without a digest it cannot be told from another one later.
        let Some(fetched) = fetched(server, image) else {
            return Ok(());
        };
        let noted = self.store().write("fetched_image", move |connection| {
            fetched_images::note(connection, &fetched)
        });
        Ok(noted.await?)
    }

    async fn touch(&self, server: Option<&GpuServerId>, image: &ImageRef) -> Result<(), FleetError> {
        let Some(fetched) = fetched(server, image) else {
            return Ok(());
        };
        let touched = self.store().write("fetched_image_touch", move |connection| {
            fetched_images::touch(connection, &fetched)
        });
        Ok(touched.await.map(drop)?)
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

/// Whether the engine itself is not there.
const fn is_absence(error: &EngineError) -> bool {
    matches!(error, EngineError::Absent { .. } | EngineError::Timeout(_))
}

fn fetched(server: Option<&GpuServerId>, image: &ImageRef) -> Option<FetchedImage> {
    image.digest().map(|_| FetchedImage {
        server: server.cloned(),
        image: image.clone(),
        at: now(),
    })
}

/// An image by its digest, as far as a registry gave it one.
pub(crate) fn pinned(image: &ImageRef, found: &Image) -> ImageRef {
    let digest = image.digest().or_else(|| digest_of(image, found));
    digest.map_or_else(|| image.clone(), |digest| image.pinned(digest))
}

/// The digest that a registry gave it in the repository that the reference names. Engines leave out the name of Docker's own
/// registry.
fn digest_of(image: &ImageRef, found: &Image) -> Option<Digest> {
    let repository = image.repository();
    let short = repository.strip_prefix("docker.io/").unwrap_or(repository);
    let official = short.strip_prefix("library/").filter(|_| short != repository);
    let short = official.unwrap_or(short);
    found.repo_digests.iter().find_map(|text| {
        let (name, digest) = text.split_once('@')?;
        (name == repository || name == short).then(|| digest.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use platform_docker::Platform;

    use super::*;

    const D: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000001";

    #[test]
    fn an_image_has_the_digest_of_the_repository_that_it_was_asked_for() {
        let found = |digests: &[&str]| Image {
            id: D.into(),
            repo_digests: digests.iter().map(|name| format!("{name}@{D}")).collect(),
            user: String::new(),
            exposed_ports: Vec::new(),
            volumes: Vec::new(),
            platform: Platform {
                os: "linux".into(),
                architecture: "amd64".into(),
            },
            size: ByteSize(1),
        };
        for (image, digests, expected) in [
            ("r.example/x:1", &["r.example/x"][..], Some("r.example/x:1")),
            (
                "r.example/x",
                &["r.example/y", "r.example/x"],
                Some("r.example/x:latest"),
            ),
            ("r.example/x:1", &["r.example/y", "x"], None),
            ("r.example/x:1", &[], None),
            ("docker.io/library/x:1", &["x"], Some("docker.io/library/x:1")),
            ("docker.io/team/x:1", &["team/x"], Some("docker.io/team/x:1")),
            ("r.example/library/x:1", &["x"], None),
        ] {
            let image: ImageRef = image.parse().unwrap();
            let expected = expected.map_or(image.to_string(), |tagged| format!("{tagged}@{D}"));
            assert_eq!(pinned(&image, &found(digests)).to_string(), expected);
        }
    }
}
