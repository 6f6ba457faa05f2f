//! What an image is called: engines and registries have their own ways.

use platform_docker::Image;
use platform_domain::{Digest, ImageRef};

/// An image by its digest, as far as a registry gave it one.
pub(crate) fn pinned(image: &ImageRef, found: &Image) -> ImageRef {
    let digest = image.digest().or_else(|| digest_of(image, found));
    digest.map_or_else(|| image.clone(), |digest| image.pinned(digest))
}

/// The digest that a registry gave it in the repository that the reference names. Engines leave out the name of Docker's own
/// registry.
pub(crate) fn digest_of(image: &ImageRef, found: &Image) -> Option<Digest> {
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
    use platform_domain::ByteSize;

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
