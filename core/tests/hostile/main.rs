//! Hostile input: damaged files, arbitrary chunks of bytes, arbitrary names. Errors are fine;
//! panics, crashes and contradictory reads are not.
//!
//! A bounded run of the fuzzers in `core/fuzz`: their seeds, and generated scripts that are the
//! same in every run.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::panic)]

mod bytes;
mod case;
mod damage;
mod forms;
mod names;

use std::path::Path;

/// Runs cases in a temporary folder, and names the one that fails.
fn run(cases: impl Iterator<Item = (String, Vec<u8>)>) {
    // As in production, and fast enough for thousands of files.
    let shared_memory = Path::new("/dev/shm");
    let base = if shared_memory.is_dir() { tempfile::tempdir_in(shared_memory) } else { tempfile::tempdir() };
    let base = base.unwrap();
    for (name, script) in cases {
        let outcome = std::panic::catch_unwind(|| case::run(&script, base.path()));
        assert!(outcome.is_ok(), "{name} failed; its script is {script:?}");
    }
}

/// `SplitMix64`.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// Runs 500 generated scripts. Four tests call it, to run in parallel.
fn run_generated(seed: u64) {
    const CASES: usize = 500;
    let mut numbers = Numbers(seed);
    run((0..CASES).map(|number| {
        let len = 40 + (numbers.next() % 400) as usize;
        (format!("case {number} of seed {seed}"), (0..len).map(|_| numbers.next() as u8).collect())
    }));
}

#[test]
fn scripts_of_seed_1_do_no_harm() {
    run_generated(1);
}

#[test]
fn scripts_of_seed_2_do_no_harm() {
    run_generated(2);
}

#[test]
fn scripts_of_seed_3_do_no_harm() {
    run_generated(3);
}

#[test]
fn scripts_of_seed_4_do_no_harm() {
    run_generated(4);
}

#[test]
fn scripts_found_by_the_fuzzer_do_no_harm() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    run(files.into_iter().map(|path| (path.display().to_string(), std::fs::read(&path).unwrap())));
}

/// `cases` generated scripts of less than `max_bytes` each.
fn scripts(seed: u64, cases: usize, max_bytes: u64) -> impl Iterator<Item = Vec<u8>> {
    let mut numbers = Numbers(seed);
    (0..cases).map(move |_| (0..numbers.next() % max_bytes).map(|_| numbers.next() as u8).collect())
}

#[test]
fn byte_chunks_of_any_size_yield_whole_frames_in_order() {
    scripts(5, 3000, 80).for_each(|script| bytes::run(&script));
}

#[test]
fn names_show_no_secret_and_refusals_are_readable() {
    // Mostly letters with a meaning in URLs.
    const LETTERS: &[u8] = b"@:/?&;#=%3dD.a \n\xff";
    for script in scripts(6, 20_000, 60) {
        let letters =
            script.iter().map(|byte| if *byte < 200 { LETTERS[*byte as usize % LETTERS.len()] } else { *byte });
        names::run(&letters.collect::<Vec<_>>());
    }
}
