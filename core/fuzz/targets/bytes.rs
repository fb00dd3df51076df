//! Searches for chunks of bytes that come out as other bytes. `core/tests/hostile` runs the same
//! cases.
#![no_main]

#[path = "../../tests/hostile/bytes.rs"]
mod bytes;

libfuzzer_sys::fuzz_target!(|script: &[u8]| bytes::run(script));
