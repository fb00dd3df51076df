//! Whatever string is given for a source: it is understood as what it says, or refused in a readable line.
//!
//! What the fuzzer in `capture/fuzz` does for hours, here in bounds: strings that are the same in every run.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

mod locator;

/// What a locator is made of; strings of these get further than strings of letters.
const PIECES: [&[u8]; 24] = [
    b"tone:",
    b"file:",
    b"device:",
    b"default",
    b"alsa:",
    b"rtsp:",
    b"https://",
    b"udp:",
    b"//",
    b"position:",
    b"?loop",
    b"440",
    b"-1",
    b"1e999",
    b"NaN",
    b"inf",
    b"a",
    b"@",
    b":",
    b"/",
    b"?token=",
    b" ",
    b"\n",
    b"\xff",
];

#[test]
fn no_made_up_string_is_taken_for_a_source_that_it_does_not_name() {
    let mut numbers = fastrand::Rng::with_seed(7);
    for _ in 0..50_000 {
        let pieces = numbers.usize(..8);
        let text: Vec<u8> = (0..pieces).flat_map(|_| PIECES[numbers.usize(..PIECES.len())]).copied().collect();
        let outcome = std::panic::catch_unwind(|| locator::run(&text));
        assert!(outcome.is_ok(), "{:?}", String::from_utf8_lossy(&text));
    }
}
