//! How far out of its network a container gets, and what the kernel calls what it may be allowed.

use platform_domain::Loosened;

/// How far out of its network a container gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    /// Nowhere but to the engine's machine itself, which reaches it by its address. Whatever listens on all addresses of that machine
    /// can be reached: that is for its firewall.
    Closed,
    /// Wherever the engine's machine gets: also to its neighbours, and to what a cloud tells its machines (169.254.169.254).
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
