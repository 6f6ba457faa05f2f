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

/// How many of so many connections there may be: the rest of the files is for challenges, the chain and operators.
pub(crate) fn leave_room(connections: usize) -> usize {
    let allowed = getrlimit(Resource::Nofile).current;
    let half = allowed.and_then(|files| usize::try_from(files / 2).ok());
    match half {
        Some(half) if half < connections => {
            tracing::warn!(
                connections = half,
                wanted = connections,
                "the system allows too few open files for so many connections"
            );
            half
        }
        _ => connections,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_take_half_of_the_files_and_no_more() {
        let files = getrlimit(Resource::Nofile).current.unwrap();
        assert_eq!(leave_room(1), 1);
        assert_eq!(u64::try_from(leave_room(usize::MAX)).unwrap(), files / 2);
    }

    #[test]
    fn the_limit_is_what_the_system_allows() {
        raise_limit();
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert_eq!(current, maximum);
    }
}
