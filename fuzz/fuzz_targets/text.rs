//! See `src/text.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| platform_fuzz::text::check(text));
