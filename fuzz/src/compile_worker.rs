//! The compiling process of the host in the fuzz targets.

use std::process::ExitCode;

fn main() -> ExitCode {
    platform_wasm::compile_worker()
}
