//! Checks windows against the naive buffer.

use std::time::Duration;

use capbuf::{CaptureBuffer, Error, Sample, Window, WindowOptions, Windows};

use crate::naive::Naive;

/// Windows, and the model's knowledge of their position.
pub struct Cursor {
    windows: Windows,
    window: u64,
    hop: u64,
    join_ns: i64,
    /// Start of the next window, unless the writer laps the cursor or a long gap comes first;
    /// `None` before the first frame.
    next: Option<u64>,
    /// End of the frames that windows have covered or skipped by the hop.
    covered: u64,
    /// The writer lapped the cursor: the next window starts further on.
    is_lapped: bool,
    /// After that a long gap may have moved the start off the hop grid; the model does not follow
    /// this.
    may_be_off_grid: bool,
    /// The long gap after which the next window starts.
    after_gap: Option<u64>,
}

impl Cursor {
    pub fn new(buffer: &CaptureBuffer, window: u64, hop: u64, from: Option<u64>, join_ms: u64) -> Self {
        let join = Duration::from_millis(join_ms);
        let options = WindowOptions::new(window, hop).join_gaps(join);
        let options = from.map_or(options, |from| options.from_frame(from));
        let windows = buffer.windows(options).expect("a window that fits");
        let (next, covered, join_ns) = (from, from.unwrap_or(0), join.as_nanos() as i64);
        Self { windows, window, hop, join_ns, next, covered, is_lapped: false, may_be_off_grid: false, after_gap: None }
    }

    /// Reads the next window and checks it.
    pub fn next<T: Sample + std::fmt::Debug>(&mut self, naive: &Naive) {
        let mut out = vec![T::default(); self.windows.window_samples() as usize];
        let outcome = self.windows.next_into(&mut out, Duration::ZERO);
        if naive.written() == 0 {
            assert!(matches!(outcome, Err(Error::TimedOut { .. })), "{outcome:?} of an empty buffer");
            return;
        }
        if self.next.is_none() {
            (self.next, self.covered) = (Some(naive.oldest), naive.oldest);
        }
        self.advance(naive);
        let window = match outcome {
            Ok(window) => window,
            Err(Error::TimedOut { .. }) => {
                let furthest = if self.is_lapped { self.furthest(naive) } else { self.next.expect("set above") };
                let furthest = self.after_gaps(naive, furthest).unwrap_or(furthest);
                assert!(
                    furthest + self.window > naive.written(),
                    "no window, though it would start at {furthest} of {}",
                    naive.written()
                );
                let mut gaps = naive.gaps.iter().filter(|gap| gap.duration_ns > self.join_ns);
                self.may_be_off_grid |= self.is_lapped && gaps.any(|gap| Some(gap.first_frame) > self.next);
                return;
            }
            Err(other) => panic!("{other}"),
        };
        self.check(naive, &window);
        let frames: Vec<_> = (window.first_frame..window.end_frame).map(Some).collect();
        let expected = naive.samples::<T>(&frames);
        assert_eq!(bytemuck::cast_slice::<T, u8>(&out), bytemuck::cast_slice::<T, u8>(&expected), "{window:?}");
    }

    fn advance(&mut self, naive: &Naive) {
        if self.next.is_some_and(|next| next < naive.oldest) {
            (self.is_lapped, self.after_gap) = (true, None);
        }
        if !self.is_lapped {
            let next = self.next.expect("set above");
            if let Some(gap) = self.after_gaps(naive, next) {
                (self.next, self.after_gap) = (Some(gap), Some(gap));
            }
        }
    }

    /// The first frame after the last long gap that a window starting at `first`, or after such a
    /// gap, would span.
    fn after_gaps(&self, naive: &Naive, first: u64) -> Option<u64> {
        let mut first = first;
        let mut found = None;
        for gap in naive.gaps.iter().filter(|gap| gap.duration_ns > self.join_ns) {
            if first < gap.first_frame && gap.first_frame < first + self.window {
                (first, found) = (gap.first_frame, Some(gap.first_frame));
            }
        }
        found
    }

    /// Latest possible start of a window after the writer lapped the cursor.
    fn furthest(&self, naive: &Naive) -> u64 {
        naive.oldest + (naive.spec.length_frames() - self.window) / 8 + self.hop
    }

    fn check(&mut self, naive: &Naive, window: &Window) {
        let (first, next) = (window.first_frame, self.next.expect("set above"));
        assert_eq!(window.end_frame, first + self.window);
        assert!(naive.oldest <= first && window.end_frame <= naive.written(), "{window:?}");
        assert_eq!(window.start_utc_ns, naive.begin_ns(first));
        assert_eq!(window.lost_frames, first.saturating_sub(self.covered), "{window:?} after {}", self.covered);
        let inside = naive.gaps.iter().filter(|gap| first < gap.first_frame && gap.first_frame < window.end_frame);
        let inside: Vec<_> = inside.collect();
        assert!(inside.iter().all(|gap| gap.duration_ns <= self.join_ns), "{window:?} spans a long gap");
        assert_eq!(window.joined_gaps, inside.len() as u64);
        if let Some(gap) = window.after_gap {
            assert_eq!(Some(gap), naive.gap_at(first), "{window:?}");
            assert!(gap.duration_ns > self.join_ns);
        }
        if self.is_lapped {
            let on_grid = (first - next).is_multiple_of(self.hop);
            assert!(
                on_grid || self.may_be_off_grid || window.after_gap.is_some(),
                "{window:?} after {next} by {}",
                self.hop
            );
        } else {
            assert_eq!(first, next, "{window:?}");
            let gap = self.after_gap.is_some();
            let may_begin_there = naive.gap_at(first).is_some_and(|gap| gap.duration_ns > self.join_ns);
            assert!(window.after_gap.is_some() || !gap, "{window:?} reports no gap");
            assert!(window.after_gap.is_none() || gap || may_begin_there, "{window:?} reports a gap that is none");
        }
        self.next = Some(first + self.hop);
        self.covered = window.end_frame.max(first + self.hop);
        (self.is_lapped, self.may_be_off_grid, self.after_gap) = (false, false, None);
    }
}
