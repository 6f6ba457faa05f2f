//! Images that a command needs on an engine: fetched first, while somebody looks on, so that what follows takes a moment. Only
//! then is anything registered or changed: whoever interrupts before has changed nothing.

mod shown;

use platform_admin_types::{
    ChallengeView, Client, ClientError, PatchChallenge, PullImage, RollBackChallenge,
};
use platform_domain::{ComponentRef, ImageRef, Resources, Slug};

use crate::output::Output;

use self::shown::Shown;

/// Who fetches, and for whom that is shown.
#[derive(Clone, Copy)]
pub(super) struct Fetching<'a> {
    pub(super) client: &'a Client,
    pub(super) output: Output,
}

impl Fetching<'_> {
    /// Has an image fetched to where a challenge with these resources would run, and gives it by its digest. Where there is no such
    /// place, what is asked next says so better, or does not need one.
    pub(super) async fn with(self, resources: &Resources, image: ImageRef) -> Result<ImageRef, ClientError> {
        let pull = PullImage {
            image: image.clone(),
            resources: Some(resources.clone()),
            challenge: None,
        };
        self.output.progress(&format!(
            "fetching {image}, as far as the engine does not have it"
        ));
        let mut shown = Shown::new(self.output);
        let fetched = self
            .client
            .image_pull(&pull, |progress| shown.show(progress))
            .await;
        shown.end();
        match fetched {
            Err(ClientError::Refused { code, .. }) if code == "no_place" => Ok(image),
            fetched => fetched,
        }
    }

    /// What a challenge is to be updated to, if that is an image of a container of the host.
    pub(super) async fn update(self, slug: &Slug, to: ComponentRef) -> anyhow::Result<ComponentRef> {
        let before = self.client.challenge_get(slug).await?;
        match (is_here(&before), to.to_string().parse()) {
            (true, Ok(image)) if before.image.is_some() => {
                let image = self.with(&before.resources, image).await?;
                Ok(image.to_string().parse()?)
            }
            _ => Ok(to),
        }
    }

    /// What a challenge is to go back to, which its engine may have removed since.
    pub(super) async fn roll_back(self, slug: &Slug, back: &RollBackChallenge) -> anyhow::Result<()> {
        let before = self.client.challenge_get(slug).await?;
        let Some(current) = before.image.as_ref().filter(|_| is_here(&before)) else {
            return Ok(());
        };
        let history = self.client.challenge_versions(slug).await?.versions;
        let mut history = history.into_iter().filter(|version| match back.to {
            Some(to) => version.manifest_digest == Some(to),
            None => version.manifest_digest != current.digest(),
        });
        // The host looks for it in the same way, and says what is wrong.
        let found = history.find_map(|version| {
            let image: ImageRef = version.reference.to_string().parse().ok()?;
            Some(image.pinned(version.manifest_digest?))
        });
        if let Some(image) = found {
            self.with(&before.resources, image).await?;
        }
        Ok(())
    }

    /// What a challenge needs to become active.
    pub(super) async fn activate(self, slug: &Slug) -> anyhow::Result<()> {
        let before = self.client.challenge_get(slug).await?;
        if let Some(image) = runs(&before, None, None) {
            self.with(&before.resources, image).await?;
        }
        Ok(())
    }

    /// What a challenge is to run after a change, where the change says another place or another image.
    pub(super) async fn patch(self, slug: &Slug, patch: &mut PatchChallenge) -> anyhow::Result<()> {
        if patch.resources.is_none() && patch.fallback_image.is_none() {
            return Ok(());
        }
        let before = self.client.challenge_get(slug).await?;
        let fallback = patch.fallback_image.clone();
        let Some(image) = runs(&before, patch.resources.as_ref(), fallback) else {
            return Ok(());
        };
        let resources = patch.resources.as_ref().unwrap_or(&before.resources);
        let image = self.with(resources, image).await?;
        if let Some(Some(fallback)) = &mut patch.fallback_image {
            *fallback = image;
        }
        Ok(())
    }

    /// What the tag of a challenge that follows it leads to.
    pub(super) async fn look(self, slug: &Slug) -> anyhow::Result<()> {
        let before = self.client.challenge_get(slug).await?;
        let tag = before.image.as_ref().and_then(ImageRef::moving);
        if let Some(tag) = tag.filter(|_| before.follow && is_here(&before)) {
            self.with(&before.resources, tag).await?;
        }
        Ok(())
    }
}

/// Whether the host runs it, and nobody else.
fn is_here(view: &ChallengeView) -> bool {
    view.serving.address.is_none()
}

/// The image of which its container is made, if it runs in one, with these changes.
fn runs(
    view: &ChallengeView,
    resources: Option<&Resources>,
    fallback: Option<Option<ImageRef>>,
) -> Option<ImageRef> {
    let resources = resources.unwrap_or(&view.resources);
    let fallback = fallback.unwrap_or_else(|| view.fallback_image.clone());
    let falls_back = fallback.filter(|_| resources.gpu.is_some());
    view.image.clone().or(falls_back).filter(|_| is_here(view))
}
