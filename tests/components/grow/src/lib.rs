//! Takes memory until it is refused.

use platform_guest_sdk::prelude::*;

struct Grow;

const STEP: usize = 1 << 20;

#[challenge(name = "grow", data = none)]
impl Grow {
    /// Says how many MiB it was given.
    #[get("/")]
    fn grow(_: &Request) -> Result<String> {
        let mut taken: Vec<Vec<u8>> = Vec::new();
        loop {
            let mut step = Vec::new();
            if taken.try_reserve(1).is_err() || step.try_reserve_exact(STEP).is_err() {
                let count = taken.len();
                // Or there would be no room for the answer.
                drop(taken);
                return Ok(count.to_string());
            }
            step.resize(STEP, 1);
            taken.push(std::hint::black_box(step));
        }
    }

    /// Does not look whether it is refused, as most programs.
    #[weights]
    fn weights(_: &WeightsContext) -> Result<Weights> {
        let mut taken = Vec::new();
        loop {
            taken.push(std::hint::black_box(vec![1_u8; STEP]));
        }
    }
}
