//! Requests to other servers: a small client that waits for each answer.
//!
//! A challenge reaches the hosts that it names with `outbound(...)` and that its operator allows, and no others.
//!
//! ```
//! use platform_guest_sdk::{http, prelude::*, testing::{Harness, get}};
//! use serde::{Deserialize, Serialize};
//!
//! struct Judge;
//!
//! #[derive(Deserialize, Serialize)]
//! struct Verdict {
//!     score: f64,
//! }
//!
//! #[challenge(name = "judge", outbound("https://api.example.com"), secrets("API_KEY"))]
//! impl Judge {
//!     #[get("/verdicts/{id}")]
//!     fn verdict(request: &Request) -> Result<Json<Verdict>> {
//!         let (environment, id) = (request.environment(), request.param::<u32>("id")?);
//!         let url = format!("https://api.example.com/verdicts/{id}");
//!         let key = environment.secret("API_KEY")?;
//!         let bearer = format!("Bearer {}", key.text()?);
//!         let answer = environment.http().get(url).header("authorization", bearer).send();
//!         match answer {
//!             Ok(answer) if answer.status() == 200 => Ok(Json(answer.json()?)),
//!             Ok(answer) => Err(Error::internal(format!("the judge answers {}", answer.status()))),
//!             Err(http::HttpError::TimedOut(_)) => Err(Error::busy("the judge takes its time")),
//!             Err(error) => Err(error.into()),
//!         }
//!     }
//! }
//!
//! // A test says what is answered; no test reaches the network.
//! let judge = Harness::<Judge>::new().secret("API_KEY", "secret").answering(|request| {
//!     assert_eq!(request.header("authorization"), Some("Bearer secret"));
//!     match request.url() {
//!         "https://api.example.com/verdicts/7" => Ok(Response::new(200, r#"{"score":0.5}"#)),
//!         _ => Err(http::HttpError::TimedOut("HTTP-response-timeout".into())),
//!     }
//! });
//! assert_eq!(judge.send(get("/verdicts/7")).json::<Verdict>().score, 0.5);
//! assert_eq!(judge.send(get("/verdicts/8")).status(), 503);
//! ```
//!
//! A status such as 404 is an answer and no error. Redirects are answers too: nobody follows them. There are no cookies, and
//! no connections that are kept. How many requests a call may send, how large and how long is the operator's limit
//! (`http_*`); the time of the call goes on while it waits.

#[cfg(target_family = "wasm")]
mod component;
mod error;
#[cfg(not(target_family = "wasm"))]
pub(crate) mod native;
mod outgoing;
mod request;
mod response;
mod url;

#[cfg(target_family = "wasm")]
use component as border;
#[cfg(not(target_family = "wasm"))]
use native as border;

pub use error::HttpError;
pub use outgoing::Outgoing;
pub use request::Request;
pub use response::{MAX_TEXT_BYTES, Response};

use crate::Environment;

/// What sends requests. To take one costs nothing.
#[derive(Clone, Debug)]
pub struct Client {
    inner: border::Client,
}

impl Client {
    pub(crate) fn open(environment: &Environment) -> Self {
        let inner = border::Client::open(environment);
        Self { inner }
    }

    /// A request with this method for this URL: scheme, host, perhaps a port, path and query.
    pub fn request(&self, method: &str, url: impl Into<String>) -> Request {
        Request::new(self.inner.clone(), method, url.into())
    }

    /// Asks for something.
    pub fn get(&self, url: impl Into<String>) -> Request {
        self.request("GET", url)
    }

    /// Asks for the head of something.
    pub fn head(&self, url: impl Into<String>) -> Request {
        self.request("HEAD", url)
    }

    /// Hands something in.
    pub fn post(&self, url: impl Into<String>) -> Request {
        self.request("POST", url)
    }

    /// Puts something in its place.
    pub fn put(&self, url: impl Into<String>) -> Request {
        self.request("PUT", url)
    }

    /// Changes a part of something.
    pub fn patch(&self, url: impl Into<String>) -> Request {
        self.request("PATCH", url)
    }

    /// Removes something.
    pub fn delete(&self, url: impl Into<String>) -> Request {
        self.request("DELETE", url)
    }
}
