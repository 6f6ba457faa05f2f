//! When what was left behind may be removed. Only labels of ours depend on it.

use std::time::{Duration, SystemTime};

use platform_domain::UnixSeconds;

use crate::limits::{CHANGE, UPLOAD};

/// So much later.
pub(crate) fn after(time: Duration) -> UnixSeconds {
    UnixSeconds(
        UnixSeconds::from(SystemTime::now())
            .0
            .saturating_add(time.as_secs()),
    )
}

/// When whoever is making something now has ended or given up.
pub(crate) fn soon() -> UnixSeconds {
    after(UPLOAD + 4 * CHANGE)
}
