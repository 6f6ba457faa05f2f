//! What `#[challenge]` makes of an author's type.

use crate::{Handler, Route, WeightsFunction};

/// A challenge. `#[challenge]` implements it; nobody else needs to.
pub trait Challenge {
    /// The JSON of the custom section `platform:manifest`.
    const MANIFEST: &'static str;
    /// Whether it keeps files in `/data`.
    const DATA: bool;
    /// The migrations of its database, in order.
    const MIGRATIONS: &'static [&'static str];
    /// The declared routes, in order.
    const ROUTES: &'static [Route];
    /// What serves every method and path; then there are no declared routes.
    const ANY: Option<Handler>;
    /// What answers for weights.
    const WEIGHTS: Option<WeightsFunction>;
}
