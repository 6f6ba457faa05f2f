//! Version 0.1.0 of the contract as wasmtime sees it, and the way from and to the vocabulary.
//!
//! Written by hand, not generated from the WIT: what goes in is borrowed, so a request is copied once, straight
//! into the guest's memory. [`Contract::find`] compares these types with those of each component when it is
//! loaded.

use platform_domain::{self as domain, EpochContext};
use wasmtime::component::{
    ComponentExportIndex, ComponentNamedList, ComponentType, InstancePre, Lift, Lower, Resource,
    types::ComponentItem,
};
use wasmtime_wasi_http::p2::bindings::http::types::{IncomingRequest, ResponseOutparam};

/// Where a program's functions are; each may be absent, and one of the first two is.
pub(crate) struct Contract {
    /// Of `wasi:http/incoming-handler`.
    pub(crate) handle: Option<ComponentExportIndex>,
    pub(crate) handle_route: Option<ComponentExportIndex>,
    pub(crate) get_weights: Option<ComponentExportIndex>,
}

pub(crate) type HandleArgs = (Resource<IncomingRequest>, Resource<ResponseOutparam>);
pub(crate) type HandleAnswer = ();
pub(crate) type HandleRouteArgs<'a> = (Request<'a>,);
pub(crate) type HandleRouteAnswer = (Result<Response, Error>,);
pub(crate) type GetWeightsArgs = (Context,);
pub(crate) type GetWeightsAnswer = (Result<Vec<Weight>, Error>,);

/// `record request`
#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct Request<'a> {
    id: &'a str,
    method: &'a str,
    path: &'a str,
    query: Option<&'a str>,
    headers: Vec<(&'a str, &'a [u8])>,
    body: &'a [u8],
    caller: Option<Caller>,
}

/// `record caller`
#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct Caller {
    hotkey: String,
    uid: Option<u16>,
}

/// `record response`
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

/// `record epoch-context`
#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct Context {
    netuid: u16,
    epoch: u64,
    block: u64,
    #[component(name = "block-hash")]
    block_hash: Vec<u8>,
    #[component(name = "unix-seconds")]
    unix_seconds: u64,
}

/// `record weight`
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct Weight {
    pub(crate) hotkey: String,
    pub(crate) score: f64,
}

/// `variant error`
#[derive(ComponentType, Lift)]
#[component(variant)]
pub(crate) enum Error {
    #[component(name = "bad-request")]
    BadRequest(String),
    #[component(name = "unauthorized")]
    Unauthorized(String),
    #[component(name = "not-found")]
    NotFound(String),
    #[component(name = "busy")]
    Busy(String),
    #[component(name = "internal")]
    Internal(String),
}

impl Contract {
    /// Finds the functions and compares their types. The text names what does not fit.
    pub(crate) fn find<T>(pre: &InstancePre<T>) -> Result<Self, String> {
        Ok(Self {
            // Any release of 0.2 is found by any other.
            handle: function::<T, HandleArgs, HandleAnswer>(
                pre,
                "wasi:http/incoming-handler@0.2.12",
                "handle",
            )?,
            handle_route: function::<T, HandleRouteArgs<'_>, HandleRouteAnswer>(
                pre,
                "platform:challenge/routes@0.1.0",
                "handle-route",
            )?,
            get_weights: function::<T, GetWeightsArgs, GetWeightsAnswer>(
                pre,
                "platform:challenge/weights@0.1.0",
                "get-weights",
            )?,
        })
    }
}

fn function<T, Args, Answer>(
    pre: &InstancePre<T>,
    interface: &str,
    name: &str,
) -> Result<Option<ComponentExportIndex>, String>
where
    T: 'static,
    Args: ComponentNamedList + Lower,
    Answer: ComponentNamedList + Lift,
{
    let component = pre.component();
    let Some(instance) = component.get_export_index(None, interface) else {
        return Ok(None);
    };
    let Some((item, index)) = component.get_export(Some(&instance), name) else {
        return Err(format!("{interface} has no function {name}"));
    };
    let ComponentItem::ComponentFunc(function) = item else {
        return Err(format!("{name} of {interface} is not a function"));
    };
    function
        .typecheck::<Args, Answer>(&pre.instance_type())
        .map_err(|error| format!("{name} of {interface} has another type: {error:#}"))?;
    Ok(Some(index))
}

impl<'a> From<&'a domain::Request> for Request<'a> {
    fn from(request: &'a domain::Request) -> Self {
        let domain::Request {
            id,
            method,
            path,
            query,
            headers,
            body,
            caller,
        } = request;
        Self {
            id,
            method,
            path,
            query: query.as_deref(),
            headers: headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_ref()))
                .collect(),
            body,
            caller: caller.as_ref().map(
                |domain::Caller {
                     hotkey,
                     uid,
                     nonce: _,
                 }| Caller {
                    hotkey: hotkey.to_string(),
                    uid: uid.map(|uid| uid.0),
                },
            ),
        }
    }
}

impl From<&EpochContext> for Context {
    fn from(context: &EpochContext) -> Self {
        let EpochContext {
            epoch,
            metagraph,
            unix_seconds,
        } = context;
        Self {
            netuid: metagraph.netuid().0,
            epoch: epoch.0,
            block: metagraph.block().0,
            block_hash: metagraph.block_hash().0.to_vec(),
            unix_seconds: unix_seconds.0,
        }
    }
}
