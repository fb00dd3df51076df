//! Runs a [`StallDetector`] until standard input ends, then prints each stall: `START_NS END_NS`.
//!
//! A test freezes this process as a stalled machine would freeze a test.

use std::io::{self, Read as _, Write as _};

use capbuf_tests::StallDetector;

fn main() -> io::Result<()> {
    let detector = StallDetector::start()?;
    let mut out = io::stdout().lock();
    writeln!(out, "watching")?;
    io::stdin().read_to_end(&mut Vec::new())?;
    for stall in detector.stalls() {
        writeln!(out, "{} {}", stall.start_utc_ns, stall.end_utc_ns)?;
    }
    Ok(())
}
