//! Audio that is missing between two chunks of a device.

use std::time::Duration;

use capbuf::GapReason;

/// Compares the capture times of chunks with the end of the audio before, to find how much is
/// missing where the device says that frames may be.
#[derive(Debug)]
pub(super) struct Continuity {
    period_ns: f64,
    /// The expected monotonic and UTC times of the next frame; `None` before the first chunk.
    expected_ns: Option<(i64, i64)>,
    /// The mean deviation of chunks from the expected time.
    jitter_ns: f64,
    /// A loss that is not found yet, and the chunks in which it may be.
    suspected: Option<(GapReason, u32)>,
}

/// Times of chunks over which the expected time is averaged.
const AVERAGED: i64 = 8;
/// Chunks in which a reported loss is looked for: some hosts report it late.
const LOOKED_FOR: u32 = 8;
/// Less time is never missing.
const LEAST_NS: f64 = 1e6;
/// More is missing if it is more than this times the mean deviation, or half a chunk.
const DEVIATIONS: f64 = 8.0;
/// The wall clock was set, or the machine suspended, if both clocks differ by more.
const CLOCKS_DIFFER_NS: i64 = 5_000_000;

impl Continuity {
    pub(super) fn new(sample_rate_hz: u32) -> Self {
        Self { period_ns: 1e9 / f64::from(sample_rate_hz), expected_ns: None, jitter_ns: 0.0, suspected: None }
    }

    /// Takes a chunk of `frames` frames, the first captured at the monotonic time `captured_ns`.
    /// Returns the gap before it: its reason, and its length unless the clocks disagree. `reported`
    /// is the reason for which frames may be missing.
    ///
    /// Wait-free.
    pub(super) fn missing_before(
        &mut self,
        frames: u64,
        captured_ns: i64,
        capture_utc_ns: i64,
        reported: Option<GapReason>,
    ) -> Option<(GapReason, Option<Duration>)> {
        let duration_ns = frames as f64 * self.period_ns;
        let (expected_ns, expected_utc_ns) = self.expected_ns.unwrap_or((captured_ns, capture_utc_ns));
        if let Some(reason) = reported {
            self.suspected = Some((reason, LOOKED_FOR));
        }
        let missing_ns = captured_ns.saturating_sub(expected_ns);
        let missing_utc_ns = capture_utc_ns.saturating_sub(expected_utc_ns);
        let jitter_ns = (self.jitter_ns * DEVIATIONS).min(duration_ns / 2.0).max(LEAST_NS) as i64;
        let gap = match self.suspected {
            Some((reason, _)) if missing_ns.max(missing_utc_ns) > jitter_ns => {
                self.suspected = None;
                let agree = missing_utc_ns.saturating_sub(missing_ns).saturating_abs() <= CLOCKS_DIFFER_NS;
                Some((reason, agree.then(|| Duration::from_nanos(missing_ns.max(0).unsigned_abs()))))
            }
            Some((reason, left)) => {
                self.suspected = (left > 1).then(|| (reason, left - 1));
                None
            }
            None => None,
        };
        let (begin_ns, begin_utc_ns) = if gap.is_some() || missing_ns.abs() > CLOCKS_DIFFER_NS.max(jitter_ns) {
            (captured_ns, capture_utc_ns)
        } else {
            self.jitter_ns += (missing_ns.abs() as f64 - self.jitter_ns) / AVERAGED as f64;
            (expected_ns + missing_ns / AVERAGED, expected_utc_ns.saturating_add(missing_utc_ns / AVERAGED))
        };
        let duration_ns = duration_ns.round() as i64;
        self.expected_ns = Some((begin_ns.saturating_add(duration_ns), begin_utc_ns.saturating_add(duration_ns)));
        gap
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;
    const UTC: i64 = 1_800_000_000_000 * MS;

    /// Passes 20 chunks of 20 ms with a jitter in us, and returns the time of the next.
    fn played(continuity: &mut Continuity, jitter_us: i64) -> i64 {
        for chunk in 0..20 {
            let at = chunk * 20 * MS + (chunk % 3 - 1) * jitter_us * 1000;
            assert_eq!(continuity.missing_before(20, at, UTC + at, None), None);
        }
        400 * MS
    }

    #[test]
    fn reported_loss_without_missing_time_is_no_gap() {
        for jitter_us in [0, 50, 3000] {
            let mut continuity = Continuity::new(1000);
            let at = played(&mut continuity, jitter_us);
            for chunk in 0..100 {
                let at = at + chunk * 20 * MS + (chunk % 3 - 1) * jitter_us * 1000;
                let gap = continuity.missing_before(20, at, UTC + at, Some(GapReason::Overrun));
                assert_eq!(gap, None, "jitter of {jitter_us} us");
            }
        }
    }

    #[test]
    fn reported_loss_is_as_long_as_the_time_that_is_missing() {
        for missing_ms in [2, 7, 40, 5000] {
            let mut continuity = Continuity::new(1000);
            let at = played(&mut continuity, 0) + missing_ms * MS;
            let gap = continuity.missing_before(20, at, UTC + at, Some(GapReason::Overrun));
            assert_eq!(gap, Some((GapReason::Overrun, Some(Duration::from_millis(missing_ms.unsigned_abs())))));
            let next = at + 20 * MS;
            assert_eq!(continuity.missing_before(20, next, UTC + next, None), None, "it is reported once");
        }
    }

    #[test]
    fn loss_that_is_reported_before_it_shows_is_found() {
        let mut continuity = Continuity::new(1000);
        let at = played(&mut continuity, 0);
        assert_eq!(continuity.missing_before(20, at, UTC + at, Some(GapReason::Overrun)), None);
        let at = at + 70 * MS;
        let gap = continuity.missing_before(20, at, UTC + at, None);
        assert_eq!(gap, Some((GapReason::Overrun, Some(Duration::from_millis(50)))));
    }

    #[test]
    fn suspension_is_a_gap_of_unknown_length() {
        let mut continuity = Continuity::new(1000);
        let at = played(&mut continuity, 0);
        // The monotonic clock stood still for an hour.
        let gap = continuity.missing_before(20, at, UTC + at + 3_600_000 * MS, Some(GapReason::SourceLost));
        assert_eq!(gap, Some((GapReason::SourceLost, None)));
    }
}
