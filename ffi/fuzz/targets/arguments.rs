//! Looks for arguments that bring a panic or a crash: the same cases as `ffi/tests/arguments` makes up.
#![no_main]

#[path = "../../tests/arguments/body.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|script: &[u8]| body::run(script));
