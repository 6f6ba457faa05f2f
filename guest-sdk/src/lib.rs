//! What a challenge author depends on.
//!
//! A challenge is a WebAssembly component that serves miners and answers, once an epoch, who has earned what.
//! This is a whole one:
//!
//! ```
//! use platform_guest_sdk::prelude::*;
//! use serde::{Deserialize, Serialize};
//!
//! struct Guess;
//!
//! #[derive(Deserialize, Serialize)]
//! struct Attempt {
//!     number: u64,
//! }
//!
//! #[challenge(name = "guess", description = "Finds a number.", data = exclusive)]
//! impl Guess {
//!     #[post("/attempts", signed, max_body = 1024)]
//!     fn attempt(request: &Request) -> Result<(u16, Json<Attempt>)> {
//!         let attempt: Attempt = request.json()?;
//!         let file = request.environment().data_dir()?.join(&request.signed_caller()?.hotkey);
//!         std::fs::write(file, attempt.number.to_string())?;
//!         Ok((201, Json(attempt)))
//!     }
//!
//!     #[weights]
//!     fn weights(context: &WeightsContext) -> Result<Weights> {
//!         let secret: u64 = context.environment().config("SECRET")?;
//!         let mut weights = Weights::new();
//!         for file in std::fs::read_dir(context.environment().data_dir()?)? {
//!             let (path, name) = file.map(|file| (file.path(), file.file_name()))?;
//!             let number: u64 = std::fs::read_to_string(path)?.parse()?;
//!             weights.push(name.to_string_lossy(), 1.0 / (1.0 + number.abs_diff(secret) as f64))?;
//!         }
//!         Ok(weights)
//!     }
//! }
//!
//! // And this tests it, without Wasm:
//! use platform_guest_sdk::testing::{Harness, post};
//!
//! let guess = Harness::<Guess>::new().config("SECRET", "7");
//! let attempt = post("/attempts").json(&Attempt { number: 8 });
//! assert_eq!(guess.send(attempt.clone()).status(), 401);
//! assert_eq!(guess.send(attempt.caller("5Alice", Some(3))).status(), 201);
//! assert_eq!(guess.weights(&guess.moment()).unwrap().entries(), [("5Alice".to_owned(), 0.5)]);
//! ```
//!
//! With `crate-type = ["cdylib"]` in its `Cargo.toml`, `cargo build --release --target wasm32-wasip2` makes the
//! component. See [`challenge`](macro@challenge) for what the attribute and its marks can say.
//!
//! - [`Request`] reads JSON, parameters, headers and the verified caller; what does not fit is answered with a
//!   400, 401 or 422 that says what is wrong.
//! - Handlers return [`Json`], text, a [`Response`], or any of them with a status: `(201, Json(value))`.
//! - [`Error`] carries a status; `?` makes any other error a 500, whose text only the operator sees.
//! - [`Environment`] has the operator's configuration, the database, the blobs and the data directory.
//! - [`Secret`] is what the operator set for the challenge alone to read.
//! - [`database`] is SQL, [`kv`] keys and values: where state belongs.
//! - [`blobs`] is bytes under names, written and read step by step: for what is too large for a database.
//! - [`metagraph`] tells who is in the subnet, [`http`] asks other servers, [`jobs`] runs containers, [`crypto`] verifies signatures and hashes.
//! - [`Weights`] refuses what the host would refuse.
//! - [`log`] writes to the challenge's log. A panic prints its message there and ends that call only.
//! - [`testing`] runs all of it natively.
//!
//! # State
//!
//! What is to last goes into the [`database`], SQLite in the host: nothing in memory survives a call. Unlike the files of
//! `data = exclusive` it is there for calls that run side by side, and one that fails leaves nothing half done. Its
//! tables come with the challenge:
//!
//! ```
//! use platform_guest_sdk::prelude::*;
//!
//! struct Scores;
//!
//! // migrations/0001_scores.sql: CREATE TABLE scores (hotkey TEXT PRIMARY KEY, score REAL NOT NULL) STRICT;
//! #[challenge(name = "scores", migrations("migrations/0001_scores.sql"), limits(database = "64MiB"))]
//! impl Scores {
//!     #[post("/scores/{score}", signed)]
//!     fn add(request: &Request) -> Result<(u16, ())> {
//!         let (hotkey, score) = (&request.signed_caller()?.hotkey, request.param::<f64>("score")?);
//!         let database = request.environment().database()?;
//!         match database.execute("INSERT INTO scores (hotkey, score) VALUES (?1, ?2)", (hotkey, score)) {
//!             Err(error) if error.is_unique() => Err(Error::conflict("one score each")),
//!             done => Ok((201, done.map(drop)?)),
//!         }
//!     }
//!
//!     #[weights]
//!     fn weights(context: &WeightsContext) -> Result<Weights> {
//!         let database = context.environment().database()?;
//!         let sql = "SELECT hotkey, score FROM scores";
//!         let scores = database.query_map(sql, [], |row| Ok((row.get::<String>("hotkey")?, row.get("score")?)))?;
//!         Weights::from_scores(scores)
//!     }
//! }
//!
//! // A test has a database too, with the migrations applied.
//! use platform_guest_sdk::testing::{Harness, post};
//!
//! let scores = Harness::<Scores>::new();
//! let alice = post("/scores/0.5").caller("5Alice", None);
//! assert_eq!(scores.send(alice.clone()).status(), 201);
//! assert_eq!(scores.send(alice).status(), 409);
//! assert_eq!(scores.weights(&scores.moment()).unwrap().entries(), [("5Alice".to_owned(), 0.5)]);
//! ```
//!
//! Uploads and datasets are too large for it. They are [`blobs`], which the host keeps as files:
//!
//! ```
//! use platform_guest_sdk::prelude::*;
//!
//! struct Models;
//!
//! #[challenge(name = "models", limits(blobs = "1GiB"))]
//! impl Models {
//!     #[put("/model", signed)]
//!     fn store(request: &Request) -> Result<(u16, String)> {
//!         let name = format!("models/{}", request.signed_caller()?.hotkey);
//!         let model = request.environment().blobs()?.put(&name, request.body())?;
//!         Ok((201, model.sha256_hex()))
//!     }
//!
//!     #[get("/model/{hotkey}")]
//!     fn model(request: &Request) -> Result<Response> {
//!         let name = format!("models/{}", request.param::<String>("hotkey")?);
//!         let model = request.environment().blobs()?.get(&name)?;
//!         let model = model.ok_or_else(|| Error::not_found("no model of this hotkey"))?;
//!         Ok(Response::new(200, model))
//!     }
//! }
//!
//! use platform_guest_sdk::testing::{Harness, get, request};
//!
//! let models = Harness::<Models>::new();
//! let model = request("PUT", "/model").body("weights").caller("5Alice", None);
//! assert_eq!(models.send(model).status(), 201);
//! assert_eq!(models.send(get("/model/5Alice")).text(), "weights");
//! assert_eq!(models.send(get("/model/5Bob")).status(), 404);
//! ```

pub mod blobs;
mod challenge;
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod component;
pub mod crypto;
pub mod database;
mod encoding;
mod environment;
mod error;
pub mod http;
pub mod jobs;
pub mod kv;
pub mod log;
pub mod metagraph;
mod pages;
mod request;
mod response;
mod router;
mod secret;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod weights;

pub use challenge::Challenge;
pub use environment::Environment;
pub use error::{Error, Result};
pub use platform_guest_sdk_macros::challenge;
pub use request::{Caller, Request};
pub use response::{IntoResponse, Json, Response};
pub use router::{Handler, Route};
pub use secret::Secret;
pub use weights::{MAX_WEIGHTS, Weights, WeightsContext, WeightsFunction};

/// Everything a challenge's file usually names.
pub mod prelude {
    pub use crate::{
        Caller, Environment, Error, IntoResponse, Json, Request, Response, Result, Secret, Weights,
        WeightsContext,
        blobs::{BlobError, BlobInfo, Blobs, Download, Upload},
        challenge,
        database::{Database, DatabaseError, OptionalExtension, Row, Transaction},
        http::HttpError,
        kv::{Bucket, Change},
        log,
        metagraph::{Metagraph, Neuron},
        named_params, params,
    };
}

/// The guide's Rust is compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../../docs/challenge-authors.md")]
struct AuthorsGuide;

/// The same of what a challenge keeps.
#[cfg(doctest)]
#[doc = include_str!("../../docs/authors/state.md")]
struct StateGuide;

/// The same of what the host does for it.
#[cfg(doctest)]
#[doc = include_str!("../../docs/authors/capabilities.md")]
struct CapabilitiesGuide;

/// And of those that speak HTTP themselves.
#[cfg(doctest)]
#[doc = include_str!("../../docs/authors/http.md")]
struct HttpGuide;

/// And of work for containers.
#[cfg(doctest)]
#[doc = include_str!("../../docs/authors/jobs.md")]
struct JobsGuide;
