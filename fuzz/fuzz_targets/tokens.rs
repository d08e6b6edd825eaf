//! See `mosaik_runtime::fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mosaik_runtime::fuzz::run("tokens", bytes));
