//! See `src/response.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: platform_fuzz::compile_if_asked(),
    |case: platform_fuzz::response::Case| platform_fuzz::response::check(&case)
);
