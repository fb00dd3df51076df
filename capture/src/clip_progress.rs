//! How far the writing of a clip is, told while it is written.

use std::ops::ControlFlow;

/// How far the writing of a clip is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClipProgress {
    /// Frames that are written. All of them only when the clip is whole under its name.
    pub frames: u64,
    /// Frames that there are in all.
    pub of_frames: u64,
}

/// Who is told; it may have the writing stopped.
pub(crate) type Told<'a> = &'a mut dyn FnMut(ClipProgress) -> ControlFlow<()>;

/// Tells of each second of audio once.
pub(crate) struct Steps<'a> {
    told: Told<'a>,
    of_frames: u64,
    step_frames: u64,
    next: u64,
    is_stopped: bool,
}

impl<'a> Steps<'a> {
    pub(crate) fn new(told: Told<'a>, of_frames: u64, sample_rate_hz: u32) -> Self {
        let step_frames = u64::from(sample_rate_hz).max(1);
        Self { told, of_frames, step_frames, next: step_frames, is_stopped: false }
    }

    /// Frames to write from one telling to the next.
    pub(crate) fn step_frames(&self) -> u64 {
        self.step_frames
    }

    /// Says that so many frames are written, and tells whether to stop.
    pub(crate) fn reach(&mut self, frames: u64) -> bool {
        // The last of them are told when the file is whole.
        if frames >= self.next && frames < self.of_frames && !self.is_stopped {
            self.next = frames + self.step_frames;
            self.tell(frames);
        }
        self.is_stopped
    }

    /// Says that the file is whole. It can't be stopped any more.
    pub(crate) fn end(mut self) {
        self.tell(self.of_frames);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    fn tell(&mut self, frames: u64) {
        self.is_stopped = (self.told)(ClipProgress { frames, of_frames: self.of_frames }).is_break();
    }
}
