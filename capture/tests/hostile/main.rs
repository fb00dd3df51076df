//! Arbitrary strings as locators: parsed as what they name, or refused in one printable line.
//!
//! A bounded, deterministic run of the fuzzer in `capture/fuzz`.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

mod locator;

/// The parts of locators, which reach more code than random letters.
const PARTS: [&[u8]; 24] = [
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
fn generated_strings_are_parsed_or_refused_readably() {
    let mut numbers = fastrand::Rng::with_seed(7);
    for _ in 0..50_000 {
        let parts = numbers.usize(..8);
        let text: Vec<u8> = (0..parts).flat_map(|_| PARTS[numbers.usize(..PARTS.len())]).copied().collect();
        let outcome = std::panic::catch_unwind(|| locator::run(&text));
        assert!(outcome.is_ok(), "{:?}", String::from_utf8_lossy(&text));
    }
}
