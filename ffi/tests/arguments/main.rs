//! Any checkable misuse of the C interface is an error, never a panic or a crash.
//!
//! A bounded version of the fuzzer in `fuzz`: the scripts are the same in every run.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::panic)]

mod case;

#[test]
fn generated_arguments_cause_no_panic() {
    let mut state = 1_u64;
    let mut next = move || {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    for number in 0..3000 {
        let script: Vec<u8> = (0..next() % 1500).map(|_| next() as u8).collect();
        let outcome = std::panic::catch_unwind(|| case::run(&script));
        assert!(outcome.is_ok(), "case {number} failed; its script is {script:?}");
    }
}
