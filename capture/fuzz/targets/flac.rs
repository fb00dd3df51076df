//! Fuzzes the reader of FLAC files, from the seeds of that kind.
#![no_main]

use std::panic::{catch_unwind, set_hook};
use std::sync::Once;

static HOOK: Once = Once::new();

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // Panics of the decoder are caught, which the hook of the fuzzer does not allow.
    HOOK.call_once(|| set_hook(Box::new(|_| {})));
    if catch_unwind(|| capbuf_capture::count_frames(bytes)).is_err() {
        std::process::abort();
    }
});
