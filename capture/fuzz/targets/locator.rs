//! Looks for strings that are understood as a source and should not be, or that are refused unreadably: the same cases as
//! `capture/tests/hostile` makes up.
#![no_main]

#[path = "../../tests/hostile/locator.rs"]
mod locator;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| locator::run(bytes));
