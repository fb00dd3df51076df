//! Looks for a way to cut bytes that brings out others: the same cases as `core/tests/hostile` makes up.
#![no_main]

#[path = "../../tests/hostile/bytes.rs"]
mod bytes;

libfuzzer_sys::fuzz_target!(|script: &[u8]| bytes::run(script));
