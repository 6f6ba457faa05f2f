//! What runs now: a challenge's target, whichever way it runs, and the immutable table of all of them.
//! The reconciler is the only writer; everyone else reads a snapshot. No store, no HTTP.

mod body;
mod breaker;
mod container;
mod error;
mod guarded;
mod health;
mod incidents;
mod limits;
mod policy;
mod report;
mod routes;
mod snapshot;
mod target;
mod weights_board;

pub use body::ResponseBody;
pub use container::{Container, Opened, WebSocket};
pub use error::{CallError, STARTING_RETRY};
pub use guarded::Guarded;
pub use health::Health;
pub use incidents::{Incident, MAX_INCIDENTS};
pub use limits::{CONTAINER_WEIGHTS_BYTES, CONTAINER_WEIGHTS_TIME};
pub use platform_wasm::{BodyError, RequestBody};
pub use policy::{BreakerPolicy, PolicyError};
pub use report::{BreakerMemory, BreakerReport, BreakerState};
pub use routes::{About, Route, RoutePublisher, RouteReader, RouteTable, route_channel};
pub use snapshot::{
    MetagraphPublisher, MetagraphReader, Publisher, PublisherGone, Reader, metagraph_channel,
};
pub use target::{Bodies, Entrance, Target};
pub use weights_board::{ToldWeights, WeightsBoard, WeightsPublisher, WeightsReader, weights_channel};
