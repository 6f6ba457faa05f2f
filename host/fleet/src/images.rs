//! Images on engines, fetched when they are needed. What this host had an engine fetch is written down; all others are somebody
//! else's.

use platform_docker::{Engine, EngineError, Image, PullAs, PullProgress};
use platform_domain::{GpuRequest, GpuServerId, ImageRef};
use platform_store::fetched_images::{self, FetchedImage};

use crate::{
    Engines, Fleet, FleetError, Wish,
    leasing::now,
    names::{digest_of, pinned},
};

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
            self.engines().touch(server.as_ref(), image).await?;
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
            true => self.engines().touch(server.as_ref(), &image).await?,
            false => self.engines().note(server.as_ref(), &image).await?,
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
        let pull_as = async {
            tracing::info!(challenge.slug = %wish.slug, image = %wish.image, "The image is fetched");
            wish.pull_as.clone()
        };
        self.engines().fetch(server, engine, &wish.image, pull_as).await
    }

    /// What engines have because this host had them fetch it.
    pub async fn fetched_images(&self) -> Result<Vec<FetchedImage>, FleetError> {
        Ok(self.store().read("fetched_images", fetched_images::list).await?)
    }
}

impl Engines {
    /// An image as an engine has it, or fetches it from its registry, which is written down: it may be removed when nobody wants it
    /// any more. Who fetches is asked only then.
    pub async fn fetch(
        &self,
        server: Option<&GpuServerId>,
        engine: &Engine,
        image: &ImageRef,
        pull_as: impl Future<Output = Option<PullAs>>,
    ) -> Result<Image, FleetError> {
        match engine.image(image).await {
            Err(EngineError::ImageMissing(_)) => {}
            found => {
                let found = found?;
                self.touch(server, &pinned(image, &found)).await?;
                return Ok(found);
            }
        }
        let fetched = engine.pull(image, pull_as.await.as_ref(), |_| ()).await?;
        self.note(server, &pinned(image, &fetched)).await?;
        Ok(fetched)
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
