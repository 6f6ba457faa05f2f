//! Which images jobs may run. A rule is compared part by part with a reference that was parsed, never as a text with a text:
//! `r.example/team` allows `r.example/team/job` and neither `r.example/team-evil/job` nor `evil.example/r.example/team/job`.

use std::{fmt, str::FromStr};

use platform_domain::{ComponentRef, Digest, ImageRef};

use crate::limits::IMAGE_BYTES;

/// Images of one registry, below a path, or one image alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRule {
    registry: String,
    path: Vec<String>,
    /// With one of these the path is an image's whole name.
    tag: Option<String>,
    digest: Option<Digest>,
}

/// All rules of a host; an image that one of them allows is allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageRules(Vec<ImageRule>);

/// The text is no rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a rule is HOST/PATH for all images there, or HOST/NAME:TAG or HOST/NAME@DIGEST for one; all in lower case"
)]
pub struct ImageRuleError;

/// A reference, taken apart.
struct Parts {
    registry: String,
    path: Vec<String>,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl ImageRule {
    fn allows(&self, image: &Parts) -> bool {
        let Self {
            registry,
            path,
            tag,
            digest,
        } = self;
        let whole = image.path == *path;
        *registry == image.registry
            && image.path.starts_with(path)
            && match (digest, tag) {
                (Some(digest), _) => whole && image.digest == Some(*digest),
                // A digest beside the tag is what would run, whatever the tag says.
                (None, Some(tag)) => whole && image.tag.as_ref() == Some(tag) && image.digest.is_none(),
                (None, None) => true,
            }
    }
}

impl ImageRules {
    /// Of all of these.
    pub fn new(rules: Vec<ImageRule>) -> Self {
        Self(rules)
    }

    /// Whether nothing is allowed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a job may run it.
    pub fn allow(&self, image: &ImageRef) -> bool {
        let parts = parts(&image.to_string());
        parts.is_some_and(|parts| self.0.iter().any(|rule| rule.allows(&parts)))
    }
}

/// Nothing that an engine could read in another way than we do.
fn parts(text: &str) -> Option<Parts> {
    let parsed = text.parse().ok()?;
    let ComponentRef::Registry {
        registry,
        repository,
        tag,
        digest,
    } = parsed
    else {
        return None;
    };
    let upper = registry.bytes().any(|c| c.is_ascii_uppercase());
    (text.len() <= IMAGE_BYTES && !upper && !text.contains("://")).then(|| Parts {
        registry,
        path: repository.split('/').map(str::to_owned).collect(),
        tag,
        digest,
    })
}

/// Whether a text can be the image of a job at all.
pub(crate) fn is_plain(image: &ImageRef) -> bool {
    parts(&image.to_string()).is_some()
}

impl FromStr for ImageRule {
    type Err = ImageRuleError;

    fn from_str(text: &str) -> Result<Self, ImageRuleError> {
        let text = text.strip_suffix('/').unwrap_or(text);
        let Parts {
            registry,
            path,
            tag,
            digest,
        } = parts(text).ok_or(ImageRuleError)?;
        Ok(Self {
            registry,
            path,
            tag,
            digest,
        })
    }
}

impl fmt::Display for ImageRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.path.join("/"))?;
        self.tag.iter().try_for_each(|tag| write!(f, ":{tag}"))?;
        self.digest.iter().try_for_each(|digest| write!(f, "@{digest}"))
    }
}

#[cfg(test)]
mod tests;
