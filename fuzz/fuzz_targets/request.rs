//! See `src/request.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: platform_fuzz::compile_if_asked(),
    |case: platform_fuzz::request::Case| platform_fuzz::request::check(&case)
);
