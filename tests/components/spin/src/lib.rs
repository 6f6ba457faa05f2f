//! Never comes back: it computes, or it sleeps.

use std::{thread::sleep, time::Duration};

use platform_guest_sdk::prelude::*;

struct Spin;

#[challenge(name = "spin", data = none)]
impl Spin {
    #[get("/spin")]
    fn spin(_: &Request) -> Result<()> {
        compute()
    }

    #[get("/sleep")]
    fn sleep(_: &Request) -> Result<()> {
        loop {
            sleep(Duration::from_secs(3600));
        }
    }

    /// The one that works: a call that was ended must not spoil the next.
    #[get("/fine")]
    fn fine(_: &Request) -> Result<&'static str> {
        Ok("fine")
    }

    #[weights]
    fn weights(_: &WeightsContext) -> Result<Weights> {
        compute()
    }
}

fn compute() -> ! {
    let mut number = 0_u64;
    loop {
        number = std::hint::black_box(number.wrapping_add(1));
    }
}
