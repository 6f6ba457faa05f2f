//! The client side of challenges that speak HTTP over the network: containers. Takes a request that the public side has
//! checked, sends it as it is, and hands the answer back piece by piece while it arrives. Believes nothing that the other
//! side says, and holds nothing of what passes.

mod body;
mod client;
mod dial;
mod error;
mod exchange;
mod head;
mod json;
mod limits;
mod relay;
mod request;
mod resolver;
mod sending;
mod upgrade;
mod wire;

pub use body::UpstreamBody;
pub use client::Upstream;
pub use dial::{Dial, Dialing, Duplex};
pub use error::{BoxError, NotAllowed, UpstreamError, Violation};
pub use limits::Limits;
pub use relay::{Relayed, relay};
pub use upgrade::{Tunnel, Upgrade};
