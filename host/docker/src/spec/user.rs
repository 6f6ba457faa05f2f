//! Who a container runs as. Never root, unless an operator allows it: an image that names nobody runs as
//! [`User::NOBODY`], whom its volumes are given to.

use std::{fmt, str::FromStr};

use platform_domain::Loosened;

use super::{ContainerSpec, SpecError};
use crate::{Image, limits::TEXT_CHARS};

/// A user of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum User {
    /// By number, with a group. Volumes and secrets are given to it.
    Id {
        /// The user.
        uid: u32,
        /// The group.
        gid: u32,
    },
    /// By a name that only the image knows the number of. Its volumes are as the image arranges them, and its secrets can be
    /// read by everybody in the container.
    Named(String),
}

/// The text is no user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a user is UID or UID:GID in numbers, or a name of the image")]
pub struct UserError;

impl User {
    /// Who stands in for root: the number that images without a shell use for nobody in particular.
    pub const NOBODY: Self = Self::Id {
        uid: 65_532,
        gid: 65_532,
    };
    /// Root, without any of root's abilities.
    pub const ROOT: Self = Self::Id { uid: 0, gid: 0 };

    fn is_root(&self) -> bool {
        match self {
            Self::Id { uid, .. } => *uid == 0,
            Self::Named(name) => name.split(':').next() == Some("root"),
        }
    }
}

impl FromStr for User {
    type Err = UserError;

    fn from_str(text: &str) -> Result<Self, UserError> {
        let (user, group) = match text.split_once(':') {
            Some((user, group)) => (user, Some(group)),
            None => (text, None),
        };
        let number = |text: &str| text.parse::<u32>().ok().filter(|_| !text.starts_with('+'));
        match (number(user), group.map(number)) {
            (Some(uid), None) => return Ok(Self::Id { uid, gid: uid }),
            (Some(uid), Some(Some(gid))) => return Ok(Self::Id { uid, gid }),
            _ => {}
        }
        let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-' | b':');
        let named = !user.is_empty() && text.len() <= TEXT_CHARS && text.bytes().all(plain);
        match named {
            true => Ok(Self::Named(text.to_owned())),
            false => Err(UserError),
        }
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id { uid, gid } => write!(f, "{uid}:{gid}"),
            Self::Named(name) => f.write_str(name),
        }
    }
}

/// What is wanted wins over what the image says; root is neither, unless it is allowed.
pub(super) fn decided(spec: &ContainerSpec, image: &Image) -> Result<User, SpecError> {
    let root_allowed = spec.loosened.contains(&Loosened::RootUser);
    if let Some(user) = &spec.user {
        return match user.is_root() && !root_allowed {
            true => Err(SpecError::Root),
            false => Ok(user.clone()),
        };
    }
    let own = match image.user.trim() {
        "" => User::ROOT,
        own => own.parse().map_err(|_| SpecError::ImageUser)?,
    };
    Ok(match own.is_root() {
        false => own,
        true if root_allowed => User::ROOT,
        true => User::NOBODY,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_a_number_or_a_name() {
        for (text, shown, root) in [
            ("1000", "1000:1000", false),
            ("1000:50", "1000:50", false),
            ("0", "0:0", true),
            ("00:5", "0:5", true),
            ("root", "root", true),
            ("root:1000", "root:1000", true),
            ("app:app", "app:app", false),
            ("1000:app", "1000:app", false),
        ] {
            let user: User = text.parse().unwrap();
            assert_eq!(
                (user.to_string().as_str(), user.is_root()),
                (shown, root),
                "{text}"
            );
        }
        for bad in ["", ":1", "a b", "a/b", "-\n", &"a".repeat(TEXT_CHARS + 1)] {
            assert_eq!(bad.parse::<User>(), Err(UserError), "{bad:?}");
        }
    }
}
