//! See `src/response.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|case: platform_fuzz::response::Case| platform_fuzz::response::check(&case));
