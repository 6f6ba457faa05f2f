//! Pesters the host: cheap calls without end, timers without end, more random bytes than anyone needs, writes of one
//! byte and of many megabytes. The path says with what. Written against the interfaces themselves, because the standard library asks for little.

wit_bindgen::generate!({ path: "../../../wit/0.1.0", world: "routes-only" });

use exports::platform::challenge::routes::{Error, Guest, Request, Response};
use wasip2::{
    cli::{environment::get_environment, stdout::get_stdout},
    clocks::monotonic_clock::{now, subscribe_duration, subscribe_instant},
    filesystem::preopens::get_directories,
    io::poll::{Pollable, poll},
    random::random::get_random_bytes,
};

struct Pester;

const MILLISECOND: u64 = 1_000_000;
const HOUR: u64 = 3_600_000 * MILLISECOND;

impl Guest for Pester {
    fn handle_route(request: Request) -> Result<Response, Error> {
        let mut body = b"fine".to_vec();
        match request.path.as_str() {
            // Each of these is over in no time, and the next one comes at once.
            "/clock" => for_ever(|| {
                now();
            }),
            "/random" => for_ever(|| drop(get_random_bytes(32))),
            "/random-most" => for_ever(|| drop(get_random_bytes(64 << 10))),
            // Waits, but never for long.
            "/naps" => for_ever(|| subscribe_duration(MILLISECOND).block()),
            // Timers that nobody waits for.
            "/timers" => for_ever(|| std::mem::forget(subscribe_duration(HOUR))),
            "/random-huge" => drop(get_random_bytes(1 << 30)),
            "/random-absurd" => drop(get_random_bytes(u64::MAX)),
            // Beyond the end of time.
            "/timer-absurd" => {
                subscribe_duration(u64::MAX).block();
                subscribe_instant(u64::MAX).block();
            }
            "/poll-none" => drop(poll(&[])),
            "/poll-many" => {
                let timers: Vec<_> = (0..400).map(|_| subscribe_duration(HOUR)).collect();
                poll(&timers.iter().collect::<Vec<_>>());
            }
            // One that is ready, named again and again.
            "/poll-same" => poll_same(5_000),
            "/poll-lent" => poll_same(100_000),
            "/poll-most" => poll_same(10_000_000),
            "/environment" => for_ever(|| drop(get_environment())),
            "/write-tiny" => {
                let stdout = get_stdout();
                for_ever(|| drop(stdout.write(b"x")));
            }
            "/write-lines" => {
                let stdout = get_stdout();
                for_ever(|| drop(stdout.write(b"\n")));
            }
            // Nobody asks first how much may be written.
            "/write-huge" => drop(get_stdout().write(&vec![b'x'; 64 << 20])),
            "/write-at-once" => drop(get_stdout().blocking_write_and_flush(&vec![b'x'; 1 << 20])),
            "/write-zeroes" => drop(get_stdout().write_zeroes(u64::MAX)),
            "/preopens" => {
                let names: Vec<_> = get_directories().into_iter().map(|(_, name)| name).collect();
                body = names.join(" ").into_bytes();
            }
            "/fine" => {}
            _ => return Err(Error::NotFound("see the source".to_owned())),
        }
        Ok(Response {
            status: 200,
            headers: Vec::new(),
            body,
        })
    }
}

fn for_ever(pester: impl Fn()) {
    loop {
        pester();
    }
}

fn poll_same(times: usize) {
    let ready: Pollable = subscribe_duration(0);
    let list = vec![&ready; times];
    for_ever(|| drop(poll(&list)));
}

export!(Pester);
