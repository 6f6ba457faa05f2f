//! The border of the component: the types of the WIT package and ours, and the exports. Only in Wasm.

pub use routes::platform::challenge::types as wit;

use crate::{Caller, Challenge, Environment, Error, Request, Response, WeightsContext, router};

// One module an export. A challenge with both gets both: the two worlds are united when the component is made.

#[doc(hidden)]
pub mod routes {
    wit_bindgen::generate!({
        path: "../wit/0.1.0",
        world: "routes-only",
        pub_export_macro: true,
    });
}

#[doc(hidden)]
pub mod weights {
    wit_bindgen::generate!({
        path: "../wit/0.1.0",
        world: "weights-only",
        pub_export_macro: true,
        with: { "platform:challenge/types@0.1.0": crate::component::routes::platform::challenge::types },
    });
}

/// The export `handle-route` of a challenge.
pub fn handle_route<C: Challenge>(request: wit::Request) -> Result<wit::Response, wit::Error> {
    let caller = request.caller.map(|caller| Caller {
        hotkey: caller.hotkey,
        uid: caller.uid,
    });
    let request = Request {
        id: request.id,
        method: request.method,
        path: request.path,
        query: request.query,
        headers: request.headers,
        body: request.body,
        caller,
        parameters: Vec::new(),
        environment: Environment::of_this_call(C::DATA),
    };
    let response = match router::serve::<C>(request) {
        Ok(response) => response,
        Err(error) if is_case_of_the_contract(error.status()) => return Err(error.into()),
        Err(error) => error.to_response(),
    };
    let Response {
        status,
        headers,
        body,
    } = response;
    Ok(wit::Response {
        status,
        headers,
        body,
    })
}

/// The export `get-weights` of a challenge.
pub fn get_weights<C: Challenge>(context: wit::EpochContext) -> Result<Vec<wit::Weight>, wit::Error> {
    let Ok(block_hash) = context.block_hash.try_into() else {
        return Err(Error::internal("the host's block hash has not 32 bytes").into());
    };
    let context = WeightsContext {
        netuid: context.netuid,
        epoch: context.epoch,
        block: context.block,
        block_hash,
        unix_seconds: context.unix_seconds,
        environment: Environment::of_this_call(C::DATA),
    };
    let weights = C::WEIGHTS.ok_or_else(|| Error::internal("the challenge has no #[weights]"))?;
    let entries = weights(&context)?.into_entries().into_iter();
    Ok(entries
        .map(|(hotkey, score)| wit::Weight { hotkey, score })
        .collect())
}

fn is_case_of_the_contract(status: u16) -> bool {
    matches!(status, 400 | 401 | 404 | 500 | 503)
}

/// Of the other statuses only `get-weights` asks, which has no HTTP answer: the nearest case is as good.
impl From<Error> for wit::Error {
    fn from(error: Error) -> Self {
        let text = error.message().to_owned();
        match error.status() {
            401 => Self::Unauthorized(text),
            404 => Self::NotFound(text),
            503 => Self::Busy(text),
            400..=499 => Self::BadRequest(text),
            _ => Self::Internal(text),
        }
    }
}

/// Exports the routes or the weights of a challenge.
#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    (routes, $challenge:ty) => {
        const _: () = {
            struct Component;
            impl $crate::component::routes::exports::platform::challenge::routes::Guest for Component {
                fn handle_route(
                    request: $crate::component::wit::Request,
                ) -> ::core::result::Result<$crate::component::wit::Response, $crate::component::wit::Error>
                {
                    $crate::component::handle_route::<$challenge>(request)
                }
            }
    $crate::component::routes::export!(Component with_types_in $crate::component::routes);
        };
    };
    (weights, $challenge:ty) => {
        const _: () = {
            struct Component;
            impl $crate::component::weights::exports::platform::challenge::weights::Guest for Component {
                fn get_weights(
                    context: $crate::component::wit::EpochContext,
                ) -> ::core::result::Result<
                    ::std::vec::Vec<$crate::component::wit::Weight>,
                    $crate::component::wit::Error,
                > {
                    $crate::component::get_weights::<$challenge>(context)
                }
            }
    $crate::component::weights::export!(Component with_types_in $crate::component::weights);
        };
    };
}
