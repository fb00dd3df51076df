//! Searches for damage to a mapped file that does harm. `core/tests/hostile` runs the same cases.
#![no_main]

#[path = "../../tests/hostile/case/mod.rs"]
mod case;

use std::path::Path;
use std::sync::LazyLock;

use tempfile::TempDir;

/// Not removed, because the fuzzer ends by `exit`. It stays empty: each case removes its domain.
static BASE: LazyLock<TempDir> = LazyLock::new(|| {
    let shared_memory = Path::new("/dev/shm");
    let parent = if shared_memory.is_dir() { shared_memory.to_owned() } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix("capbuf-fuzz-").tempdir_in(parent).expect("a temporary folder")
});

libfuzzer_sys::fuzz_target!(|script: &[u8]| case::run(script, BASE.path()));
