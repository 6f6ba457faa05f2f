//! `wasi:http`: requests to hosts that the operator allows, and what requests and answers are made of.
//!
//! The types and their functions are the library's. What is sent, where and how long, is ours: see
//! [`outgoing`](crate::outgoing).

use wasmtime::{
    StoreContextMut,
    component::{Linker, Resource},
};
use wasmtime_wasi_http::{
    Error, WasiHttp,
    p2::bindings::{
        LinkOptions,
        http::{
            outgoing_handler,
            types::{self, ErrorCode},
        },
    },
};
use wasmtime_wasi_io::streams::Error as StreamError;

use crate::state::CallState;

/// The two as the library links them; a guest may have been built for any release of 0.2.
pub(super) const INTERFACE: &str = "wasi:http/outgoing-handler@0.2.12";
const TYPES: &str = "wasi:http/types@0.2.12";

/// The types come besides, for they are also of use to whoever only answers.
pub(super) fn link(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    outgoing_handler::add_to_linker::<_, WasiHttp>(linker, CallState::http)
}

pub(crate) fn link_types(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    let options = LinkOptions::default();
    types::add_to_linker::<_, WasiHttp>(linker, &options.into(), CallState::http)?;
    // The library finds no code in the errors of bodies.
    linker.allow_shadowing(true);
    let mut to = linker.instance(TYPES)?;
    to.func_wrap(
        "http-error-code",
        |mut store: StoreContextMut<'_, CallState>, (error,): (Resource<StreamError>,)| {
            let error = store.data_mut().resources().get(&error)?;
            Ok((error_code(error),))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Why a body has ended before its end.
fn error_code(error: &StreamError) -> Option<ErrorCode> {
    if let Some(code) = error.downcast_ref::<ErrorCode>() {
        return Some(code.clone());
    }
    Some(match error.downcast_ref::<Error>()? {
        Error::HttpResponseBodySize(size) => ErrorCode::HttpResponseBodySize(*size),
        Error::HttpResponseTimeout => ErrorCode::HttpResponseTimeout,
        Error::HttpResponseIncomplete => ErrorCode::HttpResponseIncomplete,
        Error::HttpProtocolError => ErrorCode::HttpProtocolError,
        Error::ConnectionReadTimeout => ErrorCode::ConnectionReadTimeout,
        Error::ConnectionTerminated => ErrorCode::ConnectionTerminated,
        _ => ErrorCode::InternalError(None),
    })
}
