//! How far out of its network a container gets, and what the kernel calls what it may be allowed.

use platform_domain::Loosened;

/// How far out of its network a container gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    /// Nowhere but to the engine's machine itself, which reaches it by its address.
    Closed,
    /// The same, but a port of the engine's machine can lead in. What it sends out on its own has no way back.
    Published,
    /// Wherever the engine's machine gets.
    Open,
}

/// The capability as the kernel calls it, without `CAP_`.
pub(crate) const fn capability(of: Loosened) -> Option<&'static str> {
    match of {
        Loosened::WritableRoot | Loosened::ExecTmp | Loosened::RootUser | Loosened::Egress => None,
        Loosened::CapChown => Some("CHOWN"),
        Loosened::CapDacOverride => Some("DAC_OVERRIDE"),
        Loosened::CapFowner => Some("FOWNER"),
        Loosened::CapKill => Some("KILL"),
        Loosened::CapSetgid => Some("SETGID"),
        Loosened::CapSetuid => Some("SETUID"),
    }
}
