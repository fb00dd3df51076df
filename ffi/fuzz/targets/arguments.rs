//! Searches for arguments that cause a panic or a crash, with the cases of `ffi/tests/arguments`.
#![no_main]

#[path = "../../tests/arguments/case/mod.rs"]
mod case;

libfuzzer_sys::fuzz_target!(|script: &[u8]| case::run(script));
