//! The process that compiles, for this crate's own tests. A host brings itself instead.

fn main() -> std::process::ExitCode {
    platform_wasm::compile_worker()
}
