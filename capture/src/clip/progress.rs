//! The progress of writing a clip.

use std::ops::ControlFlow;

/// The progress of writing a clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClipProgress {
    /// Frames written. Equal to `of_frames` only when the file is complete under its name.
    pub frames: u64,
    /// Frames of the clip.
    pub of_frames: u64,
}

/// Called with the progress; `Break` cancels the writing.
pub(crate) type OnProgress<'a> = &'a mut dyn FnMut(ClipProgress) -> ControlFlow<()>;

/// Reports the progress once per second of audio.
pub(crate) struct Steps<'a> {
    on_progress: OnProgress<'a>,
    of_frames: u64,
    step_frames: u64,
    next: u64,
    is_stopped: bool,
}

impl<'a> Steps<'a> {
    pub(crate) fn new(on_progress: OnProgress<'a>, of_frames: u64, sample_rate_hz: u32) -> Self {
        let step_frames = u64::from(sample_rate_hz).max(1);
        Self { on_progress, of_frames, step_frames, next: step_frames, is_stopped: false }
    }

    /// Returns the frames to write between two reports.
    pub(crate) fn step_frames(&self) -> u64 {
        self.step_frames
    }

    /// Notes that `frames` frames are written, and returns whether the writing was cancelled.
    pub(crate) fn reach(&mut self, frames: u64) -> bool {
        // The last ones are reported when the file is complete.
        if frames >= self.next && frames < self.of_frames && !self.is_stopped {
            self.next = frames + self.step_frames;
            self.report(frames);
        }
        self.is_stopped
    }

    /// Reports that the file is complete. The result of the callback is ignored.
    pub(crate) fn end(mut self) {
        self.report(self.of_frames);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    fn report(&mut self, frames: u64) {
        self.is_stopped = (self.on_progress)(ClipProgress { frames, of_frames: self.of_frames }).is_break();
    }
}
