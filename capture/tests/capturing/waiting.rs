//! Waiting for what takes its time, without depending on how long.

use std::thread;
use std::time::{Duration, Instant};

use capbuf::{CaptureBuffer, ReadOptions, SampleFormat, Segment, Span};
use capbuf_capture::{Capture, State};

/// Nothing takes a fraction of this; a machine that is busy elsewhere may.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Waits for a condition.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < DEADLINE, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Waits for a state of a capture.
pub(crate) fn wait_for_state(capture: &Capture, what: &str, is_it: impl Fn(&State) -> bool) {
    let began = Instant::now();
    while !is_it(&capture.state()) {
        assert!(began.elapsed() < DEADLINE, "waited in vain: {what}, but it is {}", capture.state());
        thread::sleep(Duration::from_millis(2));
    }
}

/// Reads frames by their numbers, once they are there.
pub(crate) fn read_frames(buffer: &CaptureBuffer, frames: std::ops::Range<u64>) -> Segment {
    buffer.read_with(Span::Frames(frames), &ReadOptions::new().wait(DEADLINE)).expect("frames that come")
}

/// The samples of a segment as floats.
pub(crate) fn floats(buffer: &CaptureBuffer, frames: std::ops::Range<u64>) -> Vec<f32> {
    let options = ReadOptions::new().wait(DEADLINE).format(SampleFormat::F32);
    let segment = buffer.read_with(Span::Frames(frames), &options).expect("frames that come");
    segment.samples().get::<f32>().expect("floats were asked for").to_vec()
}
