//! How many files this process may have open. Systems start a process with a small limit (often 1024) for the
//! sake of old programs, and let it take more. A connection is a file, and so are the data directory and the
//! lock of every challenge that is being called, so this host takes what it is allowed.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit as far as this process may, and says how far that is. A system that refuses leaves it as it
/// was: the host then serves fewer at once.
pub(crate) fn raise_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => tracing::info!(
            files.before = current,
            files.now = maximum,
            "open files are limited to this many"
        ),
        Err(error) => {
            tracing::warn!(files.now = current, error = %error, "the limit of open files cannot be raised")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_what_the_system_allows() {
        raise_limit();
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert_eq!(current, maximum);
    }
}
