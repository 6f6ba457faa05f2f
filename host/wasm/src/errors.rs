//! What a guest reads of an error of a stream: its words. The library gives a backtrace besides, where the process is told
//! to have some, and that is the host's own.

use wasmtime::component::{HasData, Resource, ResourceTable};
use wasmtime_wasi_io::{
    bindings::wasi::io::error::{Host, HostError},
    streams::Error,
};

/// The resources of a call, for `wasi:io/error`.
pub(crate) struct Errors<'a>(pub(crate) &'a mut ResourceTable);

/// Marks them in a linker.
pub(crate) struct StreamErrors;

impl HasData for StreamErrors {
    type Data<'a> = Errors<'a>;
}

impl Host for Errors<'_> {}

impl HostError for Errors<'_> {
    fn drop(&mut self, error: Resource<Error>) -> wasmtime::Result<()> {
        self.0.delete(error)?;
        Ok(())
    }

    fn to_debug_string(&mut self, error: Resource<Error>) -> wasmtime::Result<String> {
        Ok(format!("{:#}", self.0.get(&error)?))
    }
}
