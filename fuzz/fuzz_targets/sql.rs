//! See `src/sql.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|steps: Vec<platform_fuzz::sql::Step>| platform_fuzz::sql::check(steps));
