//! See `src/manifest.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|json: &[u8]| platform_fuzz::manifest::check(json));
