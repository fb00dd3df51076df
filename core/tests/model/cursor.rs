//! What windows must be like, told from the naive buffer.

use capbuf::{Error, Sample, Window, WindowOptions, Windows};
use std::time::Duration;

use crate::naive::Naive;

/// Windows, and what is known of where they are.
pub struct Cursor {
    windows: Windows,
    window: u64,
    hop: u64,
    join_ns: i64,
    /// The next window begins here, if nothing was overtaken and no gap comes before; `None` before there were frames.
    next: Option<u64>,
    covered: u64,
    /// The oldest frame made the next window begin somewhere further on.
    overtaken: bool,
    /// And then a gap may have, which this doesn't follow.
    anywhere: bool,
    /// A gap made the next window begin there.
    after_gap: Option<u64>,
}

impl Cursor {
    pub fn new(buffer: &capbuf::CaptureBuffer, window: u64, hop: u64, from: Option<u64>, join_ms: u64) -> Self {
        let join = Duration::from_millis(join_ms);
        let options = WindowOptions::new(window, hop).join_gaps(join);
        let options = from.map_or(options, |from| options.from_frame(from));
        let windows = buffer.windows(options).expect("it fits");
        let (next, covered, join_ns) = (from, from.unwrap_or(0), join.as_nanos() as i64);
        Self { windows, window, hop, join_ns, next, covered, overtaken: false, anywhere: false, after_gap: None }
    }

    /// Asks for the next window, and checks it.
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
        self.move_on(naive);
        let window = match outcome {
            Ok(window) => window,
            Err(Error::TimedOut { .. }) => {
                let furthest = if self.overtaken { self.furthest(naive) } else { self.next.expect("was set") };
                let furthest = self.after_gaps(naive, furthest).unwrap_or(furthest);
                assert!(
                    furthest + self.window > naive.written(),
                    "no window, though {furthest} of {} is there",
                    naive.written()
                );
                let mut gaps = naive.gaps.iter().filter(|gap| gap.duration_ns > self.join_ns);
                self.anywhere |= self.overtaken && gaps.any(|gap| Some(gap.first_frame) > self.next);
                return;
            }
            Err(other) => panic!("{other}"),
        };
        self.check(naive, &window);
        let frames: Vec<_> = (window.first_frame..window.end_frame).map(Some).collect();
        let expected = naive.samples::<T>(&frames);
        assert_eq!(bytemuck::cast_slice::<T, u8>(&out), bytemuck::cast_slice::<T, u8>(&expected), "{window:?}");
    }

    fn move_on(&mut self, naive: &Naive) {
        if self.next.is_some_and(|next| next < naive.oldest) {
            (self.overtaken, self.after_gap) = (true, None);
        }
        if !self.overtaken {
            let next = self.next.expect("was set");
            if let Some(gap) = self.after_gaps(naive, next) {
                (self.next, self.after_gap) = (Some(gap), Some(gap));
            }
        }
    }

    /// The first frame after the last long gap that a window beginning at a frame, or after such a gap, would span.
    fn after_gaps(&self, naive: &Naive, first: u64) -> Option<u64> {
        let mut first = first;
        let mut found = None;
        for gap in naive.gaps.iter().filter(|gap| gap.duration_ns > self.join_ns) {
            // A gap right at the beginning is one to begin after, too, if it was not looked at before.
            if first < gap.first_frame && gap.first_frame < first + self.window {
                (first, found) = (gap.first_frame, Some(gap.first_frame));
            }
        }
        found
    }

    /// Where windows that were overtaken begin at the latest.
    fn furthest(&self, naive: &Naive) -> u64 {
        naive.oldest + (naive.spec.length_frames() - self.window) / 8 + self.hop
    }

    fn check(&mut self, naive: &Naive, window: &Window) {
        let (first, next) = (window.first_frame, self.next.expect("was set"));
        assert_eq!(window.end_frame, first + self.window);
        assert!(naive.oldest <= first && window.end_frame <= naive.written(), "{window:?} is there");
        assert_eq!(window.start_utc_ns, naive.begin_ns(first));
        assert_eq!(window.lost_frames, first.saturating_sub(self.covered), "{window:?} after {}", self.covered);
        let inside = naive.gaps.iter().filter(|gap| first < gap.first_frame && gap.first_frame < window.end_frame);
        let inside: Vec<_> = inside.collect();
        assert!(inside.iter().all(|gap| gap.duration_ns <= self.join_ns), "{window:?} spans a long gap");
        assert_eq!(window.joined_gaps, inside.len() as u64);
        if let Some(gap) = window.after_gap {
            assert_eq!(Some(gap), naive.gap_at(first), "the gap that it begins after");
            assert!(gap.duration_ns > self.join_ns);
        }
        if self.overtaken {
            let on_grid = (first - next).is_multiple_of(self.hop);
            assert!(on_grid || self.anywhere || window.after_gap.is_some(), "{window:?} after {next} by {}", self.hop);
        } else {
            assert_eq!(first, next, "{window:?}");
            let gap = self.after_gap.is_some();
            let may_begin_there = naive.gap_at(first).is_some_and(|gap| gap.duration_ns > self.join_ns);
            assert!(window.after_gap.is_some() || !gap, "{window:?} hides its gap");
            assert!(window.after_gap.is_none() || gap || may_begin_there, "{window:?} without such a gap");
        }
        self.next = Some(first + self.hop);
        self.covered = window.end_frame.max(first + self.hop);
        (self.overtaken, self.anywhere, self.after_gap) = (false, false, None);
    }
}
