//! What we write on what is ours. Whatever has not our owner's label is left alone.

use std::{collections::BTreeMap, collections::HashMap, fmt, str::FromStr};

use platform_domain::Slug;

/// The host that made it: two hosts on one engine leave each other's things alone.
pub const OWNER: &str = "platform.owner";
/// What it is: see [`Kind`].
pub const COMPONENT: &str = "platform.component";
/// Which challenge it belongs to.
pub const SLUG: &str = "platform.challenge.slug";
/// The challenge's own version.
pub const VERSION: &str = "platform.challenge.version";
/// The digest of everything that was wanted of the container.
pub const SPEC: &str = "platform.spec";
/// The name of the container that a volume is removed with.
pub const OF: &str = "platform.of";
/// When it may be removed at the latest, in seconds since 1970; only jobs and what they need have it.
pub const UNTIL: &str = "platform.until";
/// Labels of others may not begin like this.
pub(crate) const PREFIX: &str = "platform.";

/// Which host something belongs to: made once, kept in its database.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner(String);

/// The text is no owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an owner has 1 to 64 of a-z, 0-9 and -")]
pub struct OwnerError;

/// What something of ours is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A challenge, which runs until it is stopped.
    Challenge,
    /// Something that ends by itself or at its deadline.
    Job,
    /// Never started: it fills volumes, and is removed at once.
    Helper,
    /// In the network of a challenge, for whoever reaches it over its engine. Runs as long as that does.
    Relay,
}

impl Owner {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Owner {
    type Err = OwnerError;

    fn from_str(text: &str) -> Result<Self, OwnerError> {
        let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        match (1..=64).contains(&text.len()) && text.bytes().all(plain) {
            true => Ok(Self(text.to_owned())),
            false => Err(OwnerError),
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Kind {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Challenge, Self::Job, Self::Helper, Self::Relay];

    /// As the label has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Challenge => "challenge",
            Self::Job => "job",
            Self::Helper => "helper",
            Self::Relay => "relay",
        }
    }
}

/// What everything of ours has.
pub(crate) fn ours(owner: &Owner, kind: Kind, slug: &Slug) -> BTreeMap<String, String> {
    [
        (OWNER, owner.as_str()),
        (COMPONENT, kind.as_str()),
        (SLUG, slug.as_str()),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// Whether something has our owner's label.
pub(crate) fn is_ours(labels: &HashMap<String, String>, owner: &Owner) -> bool {
    labels.get(OWNER).is_some_and(|found| found == owner.as_str())
}

/// What an engine is asked to list.
pub(crate) fn filter(owner: &Owner, kind: Option<Kind>) -> HashMap<String, Vec<String>> {
    let mut wanted = vec![format!("{OWNER}={owner}")];
    wanted.extend(kind.map(|kind| format!("{COMPONENT}={}", kind.as_str())));
    HashMap::from([("label".to_owned(), wanted)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_a_short_plain_word() {
        assert!("host-1".parse::<Owner>().is_ok());
        for bad in ["", "Host", "a b", "a=b", &"a".repeat(65)] {
            assert_eq!(bad.parse::<Owner>(), Err(OwnerError), "{bad}");
        }
    }
}
