//! The smallest honest challenge: it reads one header and answers with a line, and pays a subnet's worth of
//! hotkeys. What it costs beyond this is the host's, so speed is measured with it.

use platform_guest_sdk::prelude::*;

struct Hello;

/// As many as a subnet has; a line each.
const HOTKEYS: &str = include_str!("hotkeys.txt");

#[challenge(name = "hello", data = none)]
impl Hello {
    #[get("/hello")]
    fn hello(request: &Request) -> Result<String> {
        let name = request.header("x-name").unwrap_or("stranger");
        Ok(format!("hello, {name}"))
    }

    #[weights]
    fn weights(_: &WeightsContext) -> Result<Weights> {
        Weights::from_scores(
            HOTKEYS
                .lines()
                .zip(1_u32..)
                .map(|(hotkey, place)| (hotkey, f64::from(place))),
        )
    }
}
