//! Ends every call in another bad way: a panic, an abort, an exit, a stack overflow.

use platform_guest_sdk::prelude::*;

struct Trap;

#[challenge(name = "trap", data = none)]
impl Trap {
    #[get("/panic")]
    fn panic(_: &Request) -> Result<()> {
        panic!("the route panics on purpose");
    }

    #[get("/abort")]
    fn abort(_: &Request) -> Result<()> {
        std::process::abort();
    }

    #[get("/exit/{code}")]
    fn exit(request: &Request) -> Result<()> {
        std::process::exit(request.param("code")?);
    }

    #[get("/overflow")]
    fn overflow(_: &Request) -> Result<String> {
        Ok(deeper(0).to_string())
    }

    #[get("/recurse")]
    fn recurse(request: &Request) -> Result<String> {
        Ok(branching(request.body().len() as u64).to_string())
    }

    /// The one that works: a trap must not spoil the next call.
    #[get("/fine")]
    fn fine(_: &Request) -> Result<&'static str> {
        Ok("fine")
    }

    #[weights]
    fn weights(_: &WeightsContext) -> Result<Weights> {
        panic!("the weights panic on purpose");
    }
}

/// Uses no memory of the guest, only frames of the host.
#[inline(never)]
fn branching(depth: u64) -> u64 {
    if depth == u64::MAX {
        0
    } else {
        branching(depth + 1) ^ branching(depth ^ 7).rotate_left(3)
    }
}

fn deeper(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 64]);
    if depth == u64::MAX {
        0
    } else {
        deeper(depth + 1) + frame.iter().sum::<u64>()
    }
}
