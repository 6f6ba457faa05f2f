//! What a container may take of the host when it is asked for weights. For its routes, the limits are with the client side.

use std::time::Duration;

/// How long it may take. The platform before this one tried three times for ten seconds.
pub const CONTAINER_WEIGHTS_TIME: Duration = Duration::from_secs(30);
/// Bytes of an answer: 4096 hotkeys with all digits that a number can have, and as much again for whatever else it says.
pub const CONTAINER_WEIGHTS_BYTES: usize = 1024 * 1024;
