//! Waiting for conditions, without assertions on how long they take.

use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use capbuf::{CaptureBuffer, ReadOptions, SampleFormat, Segment, Span};
use capbuf_capture::{Capture, State};

pub(crate) use wait::{DEADLINE, wait_until};

#[path = "../support/wait.rs"]
mod wait;

/// Waits for a state of a capture.
pub(crate) fn wait_for_state(capture: &Capture, what: &str, is_it: impl Fn(&State) -> bool) {
    let began = Instant::now();
    while !is_it(&capture.state()) {
        assert!(began.elapsed() < DEADLINE, "waited in vain: {what}, but it is {}", capture.state());
        thread::sleep(Duration::from_millis(2));
    }
}

/// Reads frames by number, and waits for them.
pub(crate) fn read_frames(buffer: &CaptureBuffer, frames: std::ops::Range<u64>) -> Segment {
    buffer.read_with(Span::Frames(frames), &ReadOptions::new().wait(DEADLINE)).expect("frames")
}

/// Reads samples as floats, and waits for them.
pub(crate) fn floats(buffer: &CaptureBuffer, frames: std::ops::Range<u64>) -> Vec<f32> {
    let options = ReadOptions::new().wait(DEADLINE).format(SampleFormat::F32);
    let segment = buffer.read_with(Span::Frames(frames), &options).expect("frames");
    segment.samples().get::<f32>().expect("floats").to_vec()
}

/// Holds threads until all of them may go on. Dropping the [`Opener`] opens it, so that a panic of
/// the thread that opens it does not leave the others waiting.
#[derive(Default)]
pub(crate) struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    /// Waits until the gate is open.
    pub(crate) fn wait(&self) {
        let is_open = self.is_open.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.opened.wait_while(is_open, |is_open| !*is_open));
    }

    pub(crate) fn opener(&self) -> Opener<'_> {
        Opener(self)
    }
}

/// Opens a [`Gate`] when dropped.
pub(crate) struct Opener<'a>(&'a Gate);

impl Drop for Opener<'_> {
    fn drop(&mut self) {
        *self.0.is_open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.opened.notify_all();
    }
}
