//! The most events within a minute, counted in two words.
//!
//! A window begins with the first event after the last window's end, so a burst after a quiet
//! minute is counted whole. Words hold the count in the upper bits and the start in ms below: the
//! larger word is the fuller window.

use crate::sync::{AtomicU64, Ordering};

/// Length of a window.
pub(crate) const WINDOW_NS: i64 = 60_000_000_000;
const START_BITS: u32 = 44;
const MOST: u64 = (1 << (u64::BITS - START_BITS)) - 1;

/// The most events within a window, and its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Peak {
    pub(crate) count: u64,
    pub(crate) start_utc_ns: i64,
}

impl Peak {
    /// Counts an event in the words `[current, peak]` of a row.
    pub(super) fn count(words: &[AtomicU64], utc_ns: i64) {
        let now_ms = (utc_ns.max(0).unsigned_abs() / 1_000_000) & ((1 << START_BITS) - 1);
        let mut window = words[0].load(Ordering::Relaxed);
        // Each failure is another thread's event.
        let counted = loop {
            let (count, start_ms) = (window >> START_BITS, window & ((1 << START_BITS) - 1));
            let is_inside = (start_ms..start_ms + WINDOW_NS.unsigned_abs() / 1_000_000).contains(&now_ms);
            let counted = match is_inside && count > 0 {
                true => (count + 1).min(MOST) << START_BITS | start_ms,
                false => 1 << START_BITS | now_ms,
            };
            // SYNC none: a counter, read for display.
            match words[0].compare_exchange(window, counted, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => break counted,
                Err(other) => window = other,
            }
        };
        words[1].fetch_max(counted, Ordering::Relaxed);
    }

    /// Raises the peak of two words to this one.
    pub(super) fn raise(self, words: &[AtomicU64]) {
        let start_ms = self.start_utc_ns.max(0).unsigned_abs() / 1_000_000;
        let word = self.count.min(MOST) << START_BITS | (start_ms & ((1 << START_BITS) - 1));
        // SYNC none: a counter, read for display.
        words[1].fetch_max(word, Ordering::Relaxed);
    }

    /// Forgets all events.
    pub(super) fn clear(words: &[AtomicU64]) {
        words.iter().for_each(|word| word.store(0, Ordering::Relaxed));
    }

    /// The fullest window of two words.
    pub(super) fn of(words: &[AtomicU64]) -> Self {
        let word = words[1].load(Ordering::Relaxed);
        let start_ms = (word & ((1 << START_BITS) - 1)) as i64;
        Self { count: word >> START_BITS, start_utc_ns: start_ms * 1_000_000 }
    }

    /// Adds another call site's window if they overlap; otherwise keeps the fuller one.
    pub(crate) fn add(&mut self, other: Self) {
        if other.count == 0 || self.count == 0 || self.overlaps(&other) {
            let starts = [*self, other].into_iter().filter(|peak| peak.count > 0).map(|peak| peak.start_utc_ns);
            self.start_utc_ns = starts.min().unwrap_or_default();
            self.count = self.count.saturating_add(other.count);
        } else if other.count > self.count {
            *self = other;
        }
    }

    /// True if the two windows have a moment in common.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.start_utc_ns.abs_diff(other.start_utc_ns) < WINDOW_NS.unsigned_abs()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn peak_of(seconds: impl IntoIterator<Item = i64>) -> Peak {
        let words = [const { AtomicU64::new(0) }; 2];
        seconds.into_iter().for_each(|second| Peak::count(&words, second * 1_000_000_000));
        Peak::of(&words)
    }

    #[test]
    fn fullest_minute_is_kept() {
        assert_eq!(peak_of([]), Peak::default());
        assert_eq!(peak_of([100, 110, 159, 160]), Peak { count: 3, start_utc_ns: 100_000_000_000 });
        assert_eq!(peak_of((0..10).chain([500, 501]).chain(1000..1011)).count, 11);
        assert_eq!(peak_of([100, 40, 41]).count, 2, "a clock that was set back begins a window");
    }

    #[test]
    fn overlapping_windows_of_call_sites_are_added() {
        let mut sum = peak_of([100, 101]);
        sum.add(peak_of([130, 131, 132]));
        assert_eq!(sum, Peak { count: 5, start_utc_ns: 100_000_000_000 });
        sum.add(peak_of([900, 901]));
        assert_eq!(sum.count, 5);
    }
}
