//! The program `platform`.

use std::{process::ExitCode, time::Duration};

use tikv_jemallocator::Jemalloc;
use tokio::runtime::Builder;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// How often a worker looks for timers and sockets, in polls. A guest that computes is polled for 10 ms at a
/// time; with tokio's default of 61 a busy one would delay everybody's timers by half a second.
const EVENT_INTERVAL: u32 = 7;
/// A guest that is stopped in the middle of a file operation may hold its thread until its deadline.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);

fn main() -> std::io::Result<ExitCode> {
    // Before there are threads: they would cost the compiling process memory that it is short of.
    if let Some(code) = platform_host::compile_worker() {
        return Ok(code);
    }
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .event_interval(EVENT_INTERVAL)
        .build()?;
    let code = runtime.block_on(platform_host::run());
    runtime.shutdown_timeout(SHUTDOWN_GRACE);
    Ok(code)
}
