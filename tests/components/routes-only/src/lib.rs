//! Serves miners and takes no part in the emission.

use platform_guest_sdk::prelude::*;

struct RoutesOnly;

#[challenge(name = "routes-only", data = none)]
impl RoutesOnly {
    #[get("/")]
    fn index(_: &Request) -> Result<&'static str> {
        Ok("routes only")
    }
}
