//! See `src/claim.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(
    init: platform_fuzz::compile_if_asked(),
    |case: platform_fuzz::claim::Case| platform_fuzz::claim::check(&case)
);
