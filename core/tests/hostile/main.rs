//! Whatever stands in a buffer's file, in the bytes that are written, in a source's name: an error, and never a panic, a crash, or a
//! read that contradicts itself.
//!
//! What the fuzzer in `core/fuzz` does for hours, here in bounds: its seeds, and scripts that are the same in every run.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::panic)]

mod body;
mod bytes;
mod damage;
mod names;

use std::path::Path;

/// Runs cases in a folder of their own; tells which one failed.
fn run(cases: impl Iterator<Item = (String, Vec<u8>)>) {
    // Real ones lie in shared memory: a thousand files a second are no matter there.
    let shared_memory = Path::new("/dev/shm");
    let base = if shared_memory.is_dir() { tempfile::tempdir_in(shared_memory) } else { tempfile::tempdir() };
    let base = base.unwrap();
    for (name, script) in cases {
        let outcome = std::panic::catch_unwind(|| body::run(&script, base.path()));
        assert!(outcome.is_ok(), "{name} failed; its script is {script:?}");
    }
}

/// `SplitMix64`: as good as it needs to be, and the same everywhere.
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

/// Four tests, so that they run beside one another.
fn made_up(seed: u64) {
    const CASES: usize = 500;
    let mut numbers = Numbers(seed);
    run((0..CASES).map(|number| {
        let len = 40 + (numbers.next() % 400) as usize;
        (format!("case {number} of seed {seed}"), (0..len).map(|_| numbers.next() as u8).collect())
    }));
}

#[test]
fn no_script_of_the_first_seed_does_harm() {
    made_up(1);
}

#[test]
fn no_script_of_the_second_seed_does_harm() {
    made_up(2);
}

#[test]
fn no_script_of_the_third_seed_does_harm() {
    made_up(3);
}

#[test]
fn no_script_of_the_fourth_seed_does_harm() {
    made_up(4);
}

#[test]
fn no_script_that_the_fuzzer_found_does_harm() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    run(files.into_iter().map(|path| (path.display().to_string(), std::fs::read(&path).unwrap())));
}

/// Scripts that are the same in every run, of up to so many bytes.
fn scripts(seed: u64, cases: usize, most: u64) -> impl Iterator<Item = Vec<u8>> {
    let mut numbers = Numbers(seed);
    (0..cases).map(move |_| (0..numbers.next() % most).map(|_| numbers.next() as u8).collect())
}

#[test]
fn however_bytes_are_cut_whole_frames_come_out_in_order() {
    scripts(5, 3000, 80).for_each(|script| bytes::run(&script));
}

#[test]
fn no_name_of_a_source_shows_a_secret_or_is_refused_unreadably() {
    // Letters that mean something in a URL come up often.
    const LETTERS: &[u8] = b"@:/?&;#=%3dD.a \n\xff";
    for script in scripts(6, 20_000, 60) {
        let letters =
            script.iter().map(|byte| if *byte < 200 { LETTERS[*byte as usize % LETTERS.len()] } else { *byte });
        names::run(&letters.collect::<Vec<_>>());
    }
}
