//! Interrupts statements that are late where SQLite does not ask whether to go on. Counting a table is one instruction,
//! whatever the table has: with the progress handler alone, ten counts of 62 MiB took a quarter of a second beyond their
//! deadline, and of the 16 GiB that a database may have it would be a minute.
//!
//! What no interrupt reaches either: a DELETE of all rows and a DROP give back the pages of their table one by one, some
//! 70 ms for 62 MiB, and a function goes through its value; `functions.rs` has those that would take long.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    thread,
};

use rusqlite::InterruptHandle;

use crate::{limits::OVERDUE_EVERY, watch::Watch};

/// The connections of all databases of this process. A thread looks after them while there are any: to tell it of each
/// statement would cost more than most statements do.
static OPEN: Mutex<Open> = Mutex::new(Open {
    connections: Vec::new(),
    looked_after: false,
});

struct Open {
    connections: Vec<(Weak<Watch>, InterruptHandle)>,
    looked_after: bool,
}

/// From now on whatever is late on this connection is interrupted.
pub(crate) fn look_after(watch: &Arc<Watch>, connection: InterruptHandle) {
    let mut open = open();
    open.connections.push((Arc::downgrade(watch), connection));
    if open.looked_after {
        return;
    }
    let thread = thread::Builder::new().name("late-sql".to_owned()).spawn(look);
    match thread {
        Ok(_) => open.looked_after = true,
        // The next connection tries again.
        Err(error) => tracing::error!(%error, "nothing interrupts statements that are late"),
    }
}

fn look() {
    loop {
        thread::sleep(OVERDUE_EVERY);
        let mut open = open();
        open.connections.retain(|(watch, connection)| {
            let watch = watch.upgrade();
            watch.is_some_and(|watch| {
                watch.interrupt_if_late(|| connection.interrupt());
                true
            })
        });
        if open.connections.is_empty() {
            open.looked_after = false;
            return;
        }
    }
}

fn open() -> MutexGuard<'static, Open> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}
