//! Whatever is given to the C interface that the header allows, or that can be checked: an error, and never a panic or a crash.
//!
//! What the fuzzer in `fuzz` does for hours, here in bounds: scripts that are the same in every run.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::panic)]

mod body;

#[test]
fn no_made_up_arguments_bring_a_panic_to_the_boundary() {
    let mut state = 1_u64;
    let mut next = move || {
        // SplitMix64: as good as it needs to be, and the same everywhere.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    for number in 0..3000 {
        let script: Vec<u8> = (0..next() % 1500).map(|_| next() as u8).collect();
        let outcome = std::panic::catch_unwind(|| body::run(&script));
        assert!(outcome.is_ok(), "case {number} failed; its script is {script:?}");
    }
}
