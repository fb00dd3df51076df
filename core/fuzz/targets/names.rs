//! Looks for names of sources that show a secret: the same cases as `core/tests/hostile` makes up.
#![no_main]

#[path = "../../tests/hostile/names.rs"]
mod names;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| names::run(bytes));
