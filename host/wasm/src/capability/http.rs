//! `wasi:http/outgoing-handler`: requests to hosts that the operator allows.
//!
//! The types and their functions are the library's. What is sent, where and how long, is ours: see
//! [`outgoing`](crate::outgoing).

use wasmtime::component::Linker;
use wasmtime_wasi_http::{
    WasiHttp,
    p2::bindings::{
        LinkOptions,
        http::{outgoing_handler, types},
    },
};

use crate::state::CallState;

pub(super) fn link(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    let options = LinkOptions::default();
    outgoing_handler::add_to_linker::<_, WasiHttp>(linker, CallState::http)?;
    types::add_to_linker::<_, WasiHttp>(linker, &options.into(), CallState::http)
}
