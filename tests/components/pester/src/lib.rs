//! Pesters the host: cheap calls without end, timers without end, more random bytes than anyone needs. The path
//! says with what. Written against the interfaces themselves, because the standard library asks for little.

wit_bindgen::generate!({
    path: "../../../wit/0.1.0",
    inline: r"
        package test:pester;

        world pester {
            include platform:challenge/routes-only@0.1.0;
            import wasi:clocks/monotonic-clock@0.2.0;
            import wasi:random/random@0.2.0;
        }

        package wasi:io@0.2.0 {
            interface poll {
                resource pollable {
                    ready: func() -> bool;
                    block: func();
                }
                poll: func(in: list<borrow<pollable>>) -> list<u32>;
            }
        }

        package wasi:clocks@0.2.0 {
            interface monotonic-clock {
                use wasi:io/poll@0.2.0.{pollable};
                type instant = u64;
                type duration = u64;
                now: func() -> instant;
                resolution: func() -> duration;
                subscribe-instant: func(when: instant) -> pollable;
                subscribe-duration: func(when: duration) -> pollable;
            }
        }

        package wasi:random@0.2.0 {
            interface random {
                get-random-bytes: func(len: u64) -> list<u8>;
                get-random-u64: func() -> u64;
            }
        }
    ",
    world: "test:pester/pester",
    generate_all,
});

use exports::platform::challenge::routes::{Error, Guest, Request, Response};
use wasi::{
    clocks::monotonic_clock::{now, subscribe_duration},
    random::random::get_random_bytes,
};

struct Pester;

const MILLISECOND: u64 = 1_000_000;
const HOUR: u64 = 3_600_000 * MILLISECOND;

impl Guest for Pester {
    fn handle_route(request: Request) -> Result<Response, Error> {
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
            "/fine" => {}
            _ => return Err(Error::NotFound("see the source".to_owned())),
        }
        Ok(Response {
            status: 200,
            headers: Vec::new(),
            body: b"fine".to_vec(),
        })
    }
}

fn for_ever(pester: impl Fn()) {
    loop {
        pester();
    }
}

export!(Pester);
