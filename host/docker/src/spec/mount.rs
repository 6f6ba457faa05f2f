//! Where in a container a volume may be.

use std::{fmt, str::FromStr};

use crate::limits::MOUNT_POINT;

/// An absolute path without `.`, `..` and empty parts, away from what kernel, engine and host put into a container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MountPoint(String);

/// Why a volume cannot be there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MountPointError {
    /// Not absolute, not normal, too long, or with characters that need quoting.
    #[error(
        "a mount point is an absolute path of A-Z a-z 0-9 . _ - and /, without . and .. and // in it, and has at most {MOUNT_POINT} bytes"
    )]
    Shape,
    /// Over or under something that is not the image's.
    #[error("nothing may be mounted over or under {0}")]
    Reserved(&'static str),
}

/// Of the kernel, of the engine, of this host. NVIDIA's runtime gives GPUs to whoever mounts something at the right place
/// in `/var/run`.
const RESERVED: [&str; 7] = ["/proc", "/sys", "/dev", "/run", "/var/run", "/tmp", "/etc/hosts"];

impl MountPoint {
    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether one is the other or inside it.
fn is_within(inner: &str, outer: &str) -> bool {
    let rest = inner.strip_prefix(outer);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl FromStr for MountPoint {
    type Err = MountPointError;

    fn from_str(text: &str) -> Result<Self, MountPointError> {
        let plain = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
        let is_part = |part: &str| !matches!(part, "" | "." | "..") && part.bytes().all(plain);
        let parts = text.strip_prefix('/').ok_or(MountPointError::Shape)?;
        if text.len() > MOUNT_POINT || !parts.split('/').all(is_part) {
            return Err(MountPointError::Shape);
        }
        let near = |reserved: &&str| is_within(text, reserved) || is_within(reserved, text);
        match RESERVED.into_iter().find(near) {
            Some(reserved) => Err(MountPointError::Reserved(reserved)),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for MountPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_is_where_it_hides_nothing_of_the_host() {
        for good in [
            "/data",
            "/var/lib/app",
            "/opt/run/secrets",
            "/processed",
            "/devices",
            "/a.b/c_d-e",
        ] {
            assert_eq!(good.parse::<MountPoint>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "/",
            "data",
            "/data/",
            "//data",
            "/data//x",
            "/data/.",
            "/data/../etc",
            "/..",
            "/a b",
            "/a,b",
            "/a:b",
            "/a\n",
            "/ä",
            "/a\\b",
            &format!("/{}", "a".repeat(MOUNT_POINT)),
        ] {
            assert_eq!(bad.parse::<MountPoint>(), Err(MountPointError::Shape), "{bad:?}");
        }
        for (bad, near) in [
            ("/proc", "/proc"),
            ("/proc/sys", "/proc"),
            ("/sys/fs/cgroup", "/sys"),
            ("/dev/shm", "/dev"),
            ("/run", "/run"),
            ("/run/secrets", "/run"),
            ("/run/secrets/platform/x", "/run"),
            ("/var/run/nvidia-container-devices/0", "/var/run"),
            ("/var", "/var/run"),
            ("/tmp", "/tmp"),
            ("/tmp/x", "/tmp"),
            ("/etc", "/etc/hosts"),
        ] {
            assert_eq!(
                bad.parse::<MountPoint>(),
                Err(MountPointError::Reserved(near)),
                "{bad}"
            );
        }
    }
}
