//! Fuzzes the parser of locators, with the checks of `capture/tests/hostile`.
#![no_main]

#[path = "../../tests/hostile/locator.rs"]
mod locator;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| locator::run(bytes));
