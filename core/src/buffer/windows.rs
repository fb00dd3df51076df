//! Overlapping windows of a buffer, for analysis.

use std::time::Duration;

use super::handle::CaptureBuffer;
use super::read::{ReadOptions, waiting};
use super::segment::Extracted;
use super::span::Span;
use crate::clock::duration_to_ns;
use crate::error::{Error, Result};
use crate::gap::Gap;
use crate::sample::Sample;
use crate::sync::Ordering;
use crate::time::Extent;
use crate::timing::Timing;

impl CaptureBuffer {
    /// Iterates over the buffer in windows.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) for windows that are empty, longer
    /// than the buffer, or without a hop.
    pub fn windows(&self, options: WindowOptions) -> Result<Windows> {
        Windows::new(self, options)
    }
}

/// Length, hop and start of windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowOptions {
    window_frames: u64,
    hop_frames: u64,
    start_frame: Option<u64>,
    join: Duration,
}

impl WindowOptions {
    /// Windows of `window_frames` frames, `hop_frames` apart, from the oldest frame.
    pub fn new(window_frames: u64, hop_frames: u64) -> Self {
        Self { window_frames, hop_frames, start_frame: None, join: Duration::from_millis(100) }
    }

    /// Begins at `frame` instead, which may be still to come.
    pub fn from_frame(mut self, frame: u64) -> Self {
        self.start_frame = Some(frame);
        self
    }

    /// Lets windows span gaps of up to this length, by default 100 ms: the frames on both sides of
    /// such a gap stand side by side, and the window counts it. After a longer gap windows begin
    /// anew.
    pub fn join_gaps(mut self, up_to: Duration) -> Self {
        self.join = up_to;
        self
    }
}

/// The place of one window. Its samples are in the caller's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Window {
    /// Number of its first frame.
    pub first_frame: u64,
    /// One past the number of its last frame.
    pub end_frame: u64,
    /// Capture time of its first frame, in ns of UTC.
    pub start_utc_ns: i64,
    /// Frames since the last window that are in none: evicted before they were read, or too few
    /// before a gap.
    pub lost_frames: u64,
    /// The gap after which windows began anew with this one.
    pub after_gap: Option<Gap>,
    /// Number of short gaps inside.
    pub joined_gaps: u64,
    /// The accuracy of its times: the clock and latency of its first frame, and the largest
    /// uncertainty of all.
    pub timing: Timing,
}

impl Window {
    /// The span from `frames_before` frames before this window to `frames_after` after it: a clip
    /// cut from it is exact however late.
    pub fn around(&self, frames_before: u64, frames_after: u64) -> Span {
        Span::Frames(self.first_frame.saturating_sub(frames_before)..self.end_frame.saturating_add(frames_after))
    }
}

/// A cursor over the windows of a buffer.
///
/// A window never mixes frames from before and after an eviction: a cursor that the writer overtook
/// continues with frames that are still there and reports how many were lost. It belongs to one
/// thread at a time; a buffer may have any number of cursors.
#[derive(Debug)]
pub struct Windows {
    buffer: CaptureBuffer,
    options: WindowOptions,
    join_ns: i64,
    /// First frame of the next window; `None` before the buffer has a frame.
    next: Option<u64>,
    /// Frames before this one were in a window, or skipped on purpose.
    covered: u64,
    after_gap: Option<Gap>,
}

impl Windows {
    pub(crate) fn new(buffer: &CaptureBuffer, options: WindowOptions) -> Result<Self> {
        let length = buffer.spec().length_frames();
        if !(1..=length).contains(&options.window_frames) {
            return Err(Error::invalid("window_frames", options.window_frames, format!("1 to {length}")));
        }
        const LONGEST_HOP: u64 = 1 << 40;
        if !(1..=LONGEST_HOP).contains(&options.hop_frames) {
            return Err(Error::invalid("hop_frames", options.hop_frames, format!("1 to {LONGEST_HOP}")));
        }
        const LAST_START: u64 = 1 << 62;
        if let Some(start) = options.start_frame.filter(|start| *start > LAST_START) {
            return Err(Error::invalid("the first window's frame", start, format!("0 to {LAST_START}")));
        }
        buffer.shared.check_whole()?;
        Ok(Self {
            buffer: buffer.clone(),
            options,
            join_ns: duration_to_ns(options.join),
            next: options.start_frame,
            covered: options.start_frame.unwrap_or(0),
            after_gap: None,
        })
    }

    /// The buffer that this iterates over.
    pub fn buffer(&self) -> &CaptureBuffer {
        &self.buffer
    }

    /// Samples of one window: frames times channels.
    pub fn window_samples(&self) -> u64 {
        self.options.window_frames.saturating_mul(u64::from(self.buffer.spec().channels()))
    }

    /// Returns the next window, converted to the type of `out`; waits for it up to `timeout`.
    ///
    /// Allocates nothing; sleeps while it waits. After an error the cursor is unchanged: call
    /// again.
    ///
    /// # Errors
    /// [`Error::TooSmall`] if `out` has less room than [`Windows::window_samples`],
    /// [`Error::TimedOut`], and [`Error::Removed`] after the last window of a removed buffer.
    pub fn next_into<T: Sample>(&mut self, out: &mut [T], timeout: Duration) -> Result<Window> {
        let needed_samples = self.window_samples();
        if needed_samples > out.len() as u64 {
            return Err(Error::TooSmall { needed_samples, given_samples: out.len() as u64 });
        }
        let buffer = self.buffer.clone();
        waiting(&buffer.shared, Some(timeout), || self.try_next(out))
    }

    /// The next window if it is there, or [`Error::NotYet`].
    fn try_next<T: Sample>(&mut self, out: &mut [T]) -> Result<Window> {
        // Bound of retries: a reader overtaken more often is too slow.
        const TRIES: usize = 64;
        let mut overtaken = None;
        for _ in 0..TRIES {
            let extent = Extent::of(&self.buffer.shared.region).ok_or(Error::NotYet {
                newest_frame: 0,
                missing_frames: self.options.window_frames,
                expected_utc_ns: None,
            })?;
            let first = self.place(&extent);
            let end = first.saturating_add(self.options.window_frames);
            match self.buffer.read_into(Span::Frames(first..end), &ReadOptions::new(), out) {
                // The next attempt begins later.
                Err(error @ Error::Evicted { .. }) => overtaken = Some(error),
                Err(error) => return Err(error),
                Ok(extracted) => {
                    let lag_frames = extent.newest_frame.saturating_sub(end);
                    // SYNC none: for display.
                    self.buffer.shared.window_lag_frames.store(lag_frames, Ordering::Relaxed);
                    return Ok(self.give(first, end, &extracted));
                }
            }
        }
        Err(overtaken.unwrap_or(Error::TimedOut { waited: Duration::ZERO }))
    }

    /// First frame of the next window: not evicted, and not on the far side of a long gap.
    fn place(&mut self, extent: &Extent) -> u64 {
        let WindowOptions { window_frames, hop_frames, .. } = self.options;
        let mut first = self.next.unwrap_or(extent.oldest_frame);
        if self.next.is_none() {
            self.covered = first;
        }
        if first < extent.oldest_frame {
            // Skips a little more than needed, by whole hops, or the writer would overtake the next
            // window again.
            let spare = self.buffer.spec().length_frames() - window_frames;
            let behind = extent.oldest_frame - first + (spare / 8).min(extent.newest_frame - extent.oldest_frame);
            first = first.saturating_add(behind.div_ceil(hop_frames).saturating_mul(hop_frames));
            self.after_gap = None;
        }
        let region = &self.buffer.shared.region;
        let Some((mut number, _)) = extent.segment_of_frame(region, first) else {
            return first;
        };
        while let Some((next_number, segment)) = extent.next(region, number) {
            if segment.first_frame >= first.saturating_add(window_frames) {
                break;
            }
            // Another process's timeline may run backwards; windows don't.
            let gap = segment.gap_before().filter(|gap| gap.duration_ns > self.join_ns && gap.first_frame >= first);
            if let Some(gap) = gap {
                first = segment.first_frame;
                self.after_gap = Some(gap);
            }
            number = next_number;
        }
        self.next = Some(first);
        first
    }

    fn give(&mut self, first: u64, end: u64, extracted: &Extracted) -> Window {
        let next = first.saturating_add(self.options.hop_frames);
        let window = Window {
            first_frame: first,
            end_frame: end,
            start_utc_ns: extracted.start_utc_ns,
            lost_frames: first.saturating_sub(self.covered),
            after_gap: self.after_gap.take(),
            joined_gaps: extracted.gaps,
            timing: extracted.timing,
        };
        (self.next, self.covered) = (Some(next), end.max(next));
        window
    }
}
