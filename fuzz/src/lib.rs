//! Fuzz targets at the borders where strangers speak: miners' requests and their signatures, guests' answers, what a component says of
//! itself, what it asks of its database, texts that people write. Each is driven through the door that strangers use, and what comes out is
//! compared with a model that is written here once more, without a look at the code that it judges.
//!
//! `cargo xtask fuzz` runs them; what they are for is in each module, `fuzz_targets/` only has their entry points.

pub mod claim;
pub mod manifest;
mod private;
pub mod request;
pub mod response;
mod served;
pub mod sql;
pub mod text;
mod words;

pub use served::compile_if_asked;
