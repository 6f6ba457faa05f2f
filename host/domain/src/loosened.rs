//! What an operator may allow one container beyond what all may. A short list, so that each entry can be explained.

use std::{fmt, str::FromStr};

use crate::text::serde_as_text;

/// One thing that is not as hard as usual. The text form is what an operator writes and reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Loosened {
    /// `writable-root`: it may write beside its volumes and `/tmp`, onto the engine's disk without a limit.
    WritableRoot,
    /// `exec-tmp`: what it writes to `/tmp` may be run: for compilers and just-in-time libraries.
    ExecTmp,
    /// `root-user`: it runs as root where its image says so, without any of root's abilities.
    RootUser,
    /// `egress`: its network reaches the world, and whatever of the engine's own network is not protected otherwise.
    Egress,
    /// `cap-chown`: changing owners of files, for images that arrange their volume as root.
    CapChown,
    /// `cap-dac-override`: reading and writing whatever file it can see.
    CapDacOverride,
    /// `cap-fowner`: changing files of other users of its own.
    CapFowner,
    /// `cap-kill`: signals to processes of other users of its own.
    CapKill,
    /// `cap-setgid`: becoming another group, for images that begin as root and become someone else.
    CapSetgid,
    /// `cap-setuid`: becoming another user, for the same images.
    CapSetuid,
}

/// The text names nothing that can be allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a container may be allowed {}; nothing else", Loosened::ALL.map(Loosened::as_str).join(", "))]
pub struct LoosenedError;

impl Loosened {
    /// All of them, in order.
    pub const ALL: [Self; 10] = [
        Self::WritableRoot,
        Self::ExecTmp,
        Self::RootUser,
        Self::Egress,
        Self::CapChown,
        Self::CapDacOverride,
        Self::CapFowner,
        Self::CapKill,
        Self::CapSetgid,
        Self::CapSetuid,
    ];

    /// The text form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WritableRoot => "writable-root",
            Self::ExecTmp => "exec-tmp",
            Self::RootUser => "root-user",
            Self::Egress => "egress",
            Self::CapChown => "cap-chown",
            Self::CapDacOverride => "cap-dac-override",
            Self::CapFowner => "cap-fowner",
            Self::CapKill => "cap-kill",
            Self::CapSetgid => "cap-setgid",
            Self::CapSetuid => "cap-setuid",
        }
    }
}

impl FromStr for Loosened {
    type Err = LoosenedError;

    fn from_str(text: &str) -> Result<Self, LoosenedError> {
        let found = Self::ALL.into_iter().find(|one| one.as_str() == text);
        found.ok_or(LoosenedError)
    }
}

impl fmt::Display for Loosened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

serde_as_text!(Loosened);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_allowed_is_a_closed_list() {
        for one in Loosened::ALL {
            assert_eq!(one.to_string().parse(), Ok(one));
        }
        for never in [
            "privileged",
            "cap-sys-admin",
            "cap-net-raw",
            "CHOWN",
            "unconfined",
            "",
        ] {
            assert_eq!(never.parse::<Loosened>(), Err(LoosenedError), "{never}");
        }
        assert!(LoosenedError.to_string().contains("writable-root, exec-tmp"));
    }
}
