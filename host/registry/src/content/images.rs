//! Which images stay on engines.

use std::collections::{BTreeMap, BTreeSet};

use platform_domain::{Artifact, Challenge, ImageRef, Slug};
use platform_store::{StoreError, challenges, jobs, versions};

use crate::{Registry, RegistryError};

impl Registry {
    /// The images that stay: what every challenge has, the newest of its history, and those that its jobs asked for last.
    pub(super) async fn images(&self) -> Result<BTreeMap<ImageRef, BTreeSet<Slug>>, RegistryError> {
        let read = self.store().read("image_roots", |connection| {
            let histories = [versions::images(connection)?, jobs::images(connection)?];
            Ok::<_, StoreError>((challenges::list(connection)?, histories))
        });
        let (challenges, histories) = read.await?;
        let keep = self.loader().containers().keep_images();
        Ok(wanted(challenges, histories, keep))
    }
}

/// A history has the images of each challenge one after the other, the newest first.
fn wanted(
    challenges: Vec<Challenge>,
    histories: [Vec<(Slug, ImageRef)>; 2],
    keep: usize,
) -> BTreeMap<ImageRef, BTreeSet<Slug>> {
    let mut wanted: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for history in histories {
        let mut newest: BTreeMap<Slug, BTreeSet<ImageRef>> = BTreeMap::new();
        for (slug, image) in history {
            let images = newest.entry(slug).or_default();
            if images.len() < keep {
                images.insert(image);
            }
        }
        for (slug, images) in newest {
            for image in images {
                wanted.entry(image).or_default().insert(slug.clone());
            }
        }
    }
    for challenge in challenges {
        let own = match challenge.artifact {
            Artifact::Image(image) => Some(image),
            Artifact::Component(_) => None,
        };
        for image in own.into_iter().chain(challenge.fallback) {
            wanted.entry(image).or_default().insert(challenge.slug.clone());
        }
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::tests::component;

    #[test]
    fn the_newest_images_of_a_challenge_and_of_its_jobs_stay_with_what_it_has_and_falls_back_to() {
        let image = |text: &str| text.parse::<ImageRef>().unwrap();
        let challenge = |slug: &str, artifact, fallback| Challenge {
            artifact,
            fallback,
            ..component(slug)
        };
        let tours = challenge("tours", Artifact::Image(image("r.example/tours:1")), None);
        let mut tsp = component("tsp");
        tsp.fallback = Some(image("r.example/tsp:1"));
        let history = [
            ("tours", "r.example/tours:3"),
            ("tours", "r.example/tours:2"),
            ("tours", "r.example/tours:3"),
            ("tours", "r.example/tours:1"),
            ("tours", "r.example/tours:0"),
            ("other", "r.example/tours:2"),
        ];
        let history = history.map(|(slug, text)| (slug.parse().unwrap(), image(text)));
        let jobs = ["scorer:9", "scorer:8", "scorer:7"];
        let jobs = jobs.map(|text| ("tsp".parse().unwrap(), image(&format!("r.example/{text}"))));
        let wanted = wanted(vec![tours, tsp], [history.into(), jobs.into()], 2);
        let shown: Vec<_> = wanted
            .iter()
            .map(|(image, slugs)| format!("{image} {}", slugs.len()))
            .collect();
        assert_eq!(
            shown,
            [
                "r.example/scorer:8 1",
                "r.example/scorer:9 1",
                "r.example/tours:1 1",
                "r.example/tours:2 2",
                "r.example/tours:3 1",
                "r.example/tsp:1 1"
            ]
        );
    }
}
