//! Runs a challenge without Wasm and without a host, for the author's own tests: requests go through the same
//! router to the same handlers.
//!
//! ```
//! use platform_guest_sdk::{prelude::*, testing::{Harness, get, post}};
//!
//! struct Greeter;
//!
//! #[challenge(name = "greeter", version = "1.0.0")]
//! impl Greeter {
//!     #[get("/hello/{name}")]
//!     fn hello(request: &Request) -> Result<String> {
//!         let greeting: String = request.environment().config_or("GREETING", "Hello".into())?;
//!         Ok(format!("{greeting}, {}!", request.param::<String>("name")?))
//!     }
//!
//!     #[post("/visits", signed)]
//!     fn visit(request: &Request) -> Result<(u16, String)> {
//!         Ok((201, request.signed_caller()?.hotkey.clone()))
//!     }
//! }
//!
//! let greeter = Harness::<Greeter>::new().config("GREETING", "Moin");
//! assert_eq!(greeter.send(get("/hello/Ada")).text(), "Moin, Ada!");
//! assert_eq!(greeter.send(get("/goodbye")).status(), 404);
//! assert_eq!(greeter.send(get("/visits")).status(), 405);
//! assert_eq!(greeter.send(post("/visits")).status(), 401);
//! assert_eq!(greeter.send(post("/visits").caller("5Alice", None)).status(), 201);
//! ```

mod config;
pub(crate) mod directory;
mod keypair;
mod subnet;

use std::{marker::PhantomData, path::Path, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Caller, Challenge, Environment, Error, Request, Response, Result, Weights, WeightsContext,
    database::border::{Call, Store},
    http::{HttpError, Outgoing},
    router,
};
use config::Declared;
use directory::Directory;
pub use keypair::Keypair;
pub use subnet::Subnet;

/// A challenge under test: its configuration, a database of its own to which the migrations were applied, no blobs yet
/// and, with `data = exclusive`, an empty directory of its own that stands for `/data`. All of it goes when the harness
/// does. A subnet and the answers of other servers are there when the test says so.
#[derive(Debug)]
pub struct Harness<C> {
    environment: Environment,
    declared: Declared,
    database: Arc<Store>,
    _own_directory: Option<Directory>,
    challenge: PhantomData<C>,
}

/// A request to be sent.
#[derive(Clone, Debug)]
pub struct TestRequest(Request);

/// The answer a client would see, and for an error what the challenge said.
#[derive(Debug)]
pub struct Answer {
    response: Response,
    error: Option<Error>,
}

/// A request without a body.
pub fn get(target: &str) -> TestRequest {
    request("GET", target)
}

/// A request to which a body may be given.
pub fn post(target: &str) -> TestRequest {
    request("POST", target)
}

/// A request with any method. The target is a path with an optional query.
pub fn request(method: &str, target: &str) -> TestRequest {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query.to_owned())),
        None => (target, None),
    };
    let (method, path) = (method.to_owned(), path.to_owned());
    TestRequest(Request {
        id: "test".into(),
        method,
        path,
        query,
        ..Request::default()
    })
}

impl TestRequest {
    /// With this value as a JSON body.
    ///
    /// # Panics
    /// When JSON cannot express it.
    #[must_use]
    #[expect(clippy::panic, reason = "a test that is wrong shall fail")]
    pub fn json(self, value: &impl Serialize) -> Self {
        let body = serde_json::to_vec(value).unwrap_or_else(|error| panic!("the test's body: {error}"));
        self.header("content-type", "application/json").body(body)
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.0.body = body.into();
        self
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.0.headers.push((name.to_ascii_lowercase(), value.into()));
        self
    }

    /// As if the host had verified this hotkey's signature.
    #[must_use]
    pub fn caller(mut self, hotkey: &str, uid: Option<u16>) -> Self {
        self.0.caller = Some(Caller {
            hotkey: hotkey.to_owned(),
            uid,
        });
        self
    }
}

impl<C: Challenge> Harness<C> {
    /// Without configuration but for the defaults of what `config(...)` declares.
    ///
    /// # Panics
    /// When the directory cannot be made, or a migration fails.
    #[must_use]
    #[expect(
        clippy::panic,
        clippy::new_without_default,
        reason = "a test that cannot run shall fail"
    )]
    pub fn new() -> Self {
        let own_directory = C::DATA.then(|| {
            let made = Directory::new();
            made.unwrap_or_else(|error| panic!("the data directory: {error}"))
        });
        let database = Store::new(C::MIGRATIONS).unwrap_or_else(|error| panic!("{error}"));
        let mut environment = Environment::default();
        environment.data_dir = own_directory
            .as_ref()
            .map(|directory| directory.path().to_owned());
        let manifest = Declared::of(C::MANIFEST);
        let declared = manifest.unwrap_or_else(|error| panic!("the manifest: {error}"));
        for (name, text) in declared.defaults() {
            environment.set(name, text);
        }
        environment.given.network.outbound.clone_from(&declared.outbound);
        Self {
            environment,
            declared,
            database,
            _own_directory: own_directory,
            challenge: PhantomData,
        }
    }

    /// With this configuration value, as an operator would write it.
    ///
    /// # Panics
    /// When the host would refuse it, because of what `config(...)` declares.
    #[must_use]
    #[expect(clippy::panic, reason = "a test that is wrong shall fail")]
    pub fn config(mut self, name: &str, value: impl Into<String>) -> Self {
        let value = value.into();
        if let Err(reason) = self.declared.check(name, &value) {
            panic!("{name}: {reason}");
        }
        self.environment.set(name, value);
        self
    }

    /// With this subnet for every call, and for the moments that are made later. Without one it was not read yet.
    #[must_use]
    pub fn subnet(mut self, subnet: Subnet) -> Self {
        self.environment.given.subnet = Some(Arc::new(subnet));
        self
    }

    /// With this function in place of all servers. It is asked for what the host would send: a server that `outbound(...)`
    /// does not name is [refused](HttpError::Refused).
    #[must_use]
    pub fn answering(
        mut self,
        answer: impl Fn(&Outgoing) -> Result<Response, HttpError> + Send + Sync + 'static,
    ) -> Self {
        self.environment.given.network.answering = Some(Arc::new(answer));
        self
    }

    /// With this function in place of the host's engine: it runs every job at once when it is handed in.
    #[must_use]
    pub fn running(
        mut self,
        run: impl Fn(&crate::jobs::Job) -> Result<crate::jobs::Outcome, crate::jobs::JobError>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        self.environment.given.jobs = crate::jobs::Runner::new(run);
        self
    }

    /// With this secret, as an operator would set it.
    ///
    /// # Panics
    /// When the challenge does not ask for it: the host would not let it read that.
    #[must_use]
    #[expect(clippy::panic, reason = "a test that is wrong shall fail")]
    pub fn secret(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        let manifest: serde_json::Value = serde_json::from_str(C::MANIFEST).unwrap_or_default();
        let asked = manifest.get("secrets").and_then(serde_json::Value::as_array);
        if !asked.is_some_and(|asked| asked.iter().any(|asked| asked == name)) {
            panic!("the challenge does not ask for the secret {name}: add it to its secrets(...)");
        }
        self.environment.set_secret(name, value.into());
        self
    }

    /// With this directory, which is left alone afterwards.
    #[must_use]
    pub fn data_dir(mut self, path: &Path) -> Self {
        self.environment.data_dir = Some(path.to_owned());
        self
    }

    /// What a call has: for a test that looks at the database, the blobs or the files itself.
    pub fn environment(&self) -> Environment {
        let mut environment = self.environment.clone();
        environment.call = Some(Call::of(&self.database));
        environment
    }

    /// Sends a request through the router.
    pub fn send(&self, request: TestRequest) -> Answer {
        let request = Request {
            environment: self.environment(),
            ..request.0
        };
        match router::serve::<C>(request) {
            Ok(response) => Answer {
                response,
                error: None,
            },
            Err(error) => Answer {
                response: error.to_response(),
                error: Some(error),
            },
        }
    }

    /// A moment to ask weights for, at the block of the subnet if there is one; change what matters to the test.
    pub fn moment(&self) -> WeightsContext {
        let mut moment = WeightsContext {
            environment: self.environment(),
            ..WeightsContext::default()
        };
        if let Some(subnet) = &self.environment.given.subnet {
            (moment.netuid, moment.block) = (subnet.netuid, subnet.block.number);
            moment.block_hash = subnet.block.hash;
        }
        moment
    }

    /// Asks for weights.
    pub fn weights(&self, moment: &WeightsContext) -> Result<Weights> {
        let weights = C::WEIGHTS.ok_or_else(|| Error::internal("the challenge has no #[weights]"))?;
        weights(moment)
    }
}

impl Answer {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.response.status()
    }

    /// Status, headers and body, as the client reads them.
    pub fn response(&self) -> &Response {
        &self.response
    }

    /// The error that the handler returned, with the text that the client does not see of a 500.
    pub fn error(&self) -> Option<&Error> {
        self.error.as_ref()
    }

    /// The body as text.
    ///
    /// # Panics
    /// When it is not.
    #[expect(clippy::panic, reason = "a test that finds something else shall fail")]
    pub fn text(&self) -> &str {
        std::str::from_utf8(self.response.body()).unwrap_or_else(|error| panic!("the body: {error}"))
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is not.
    #[expect(clippy::panic, reason = "a test that finds something else shall fail")]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        let read = serde_json::from_slice(self.response.body());
        read.unwrap_or_else(|error| panic!("{error} in {}", String::from_utf8_lossy(self.response.body())))
    }
}
