//! See `src/request.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|case: platform_fuzz::request::Case| platform_fuzz::request::check(&case));
