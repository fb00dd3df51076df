//! Searches for names of sources that display a secret. `core/tests/hostile` runs the same cases.
#![no_main]

#[path = "../../tests/hostile/names.rs"]
mod names;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| names::run(bytes));
