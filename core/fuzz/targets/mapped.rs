//! Looks for scripts that do harm: the same cases as `core/tests/hostile` makes up, found by what they reach.
#![no_main]

#[path = "../../tests/hostile/body.rs"]
mod body;

use std::path::Path;
use std::sync::LazyLock;

use tempfile::TempDir;

/// Left behind when the fuzzer ends, as it ends by `exit`; empty, as each case removes its domain.
static BASE: LazyLock<TempDir> = LazyLock::new(|| {
    let shared_memory = Path::new("/dev/shm");
    let all = if shared_memory.is_dir() { shared_memory.to_owned() } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix("capbuf-fuzz-").tempdir_in(all).expect("a folder of its own")
});

libfuzzer_sys::fuzz_target!(|script: &[u8]| body::run(script, BASE.path()));
