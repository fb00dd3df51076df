//! The rate at which the packets of a stream arrive, measured before any of them is delayed.
//!
//! A stream that is faster than real time is delayed to it, as a file on a web server has to be.
//! Delayed, it has the right rate, whatever its samples say. So for some seconds the packets that
//! come early are held instead: a stream that is steadily too fast is found, and all others are
//! delayed from then on.

use std::time::Duration;

use crate::source::rate_check::{RateCheck, nearest_rate_hz};

const SECOND_NS: i64 = 1_000_000_000;
/// Early packets are held for this time, which finds all wrong rates.
const MEASURE_FOR_NS: i64 = 12 * SECOND_NS;
/// A stream that is early all the time is measured again after this time: something may have
/// disturbed the measurement before.
const MEASURE_EVERY_NS: i64 = 60 * SECOND_NS;
/// A stream that is further ahead has no rate of its own: it is a file, which comes as fast as it
/// is read.
const MOST_AHEAD_NS: i64 = 30 * SECOND_NS;

/// Measures the rate of a stream.
#[derive(Debug)]
pub(super) struct ArrivalRate {
    expected_hz: u32,
    tolerance: f64,
    check: RateCheck,
    /// All frames, with those that were lost.
    frames: f64,
    early_since_ns: Option<i64>,
    /// True for a file, which comes as fast as the network lets it.
    is_file: bool,
}

impl ArrivalRate {
    pub(super) fn new(expected_hz: u32, tolerance: f64) -> Self {
        let check = RateCheck::new(expected_hz, tolerance);
        Self { expected_hz, tolerance, check, frames: 0.0, early_since_ns: None, is_file: false }
    }

    /// Adds a packet, and the audio lost before it. Returns the rate of the stream once it is known
    /// to be another than the expected one.
    pub(super) fn add(&mut self, arrived_ns: i64, frames: u64, lost: Option<Duration>) -> Option<u32> {
        if self.is_file {
            return None;
        }
        self.frames += frames as f64 + lost.map_or(0.0, |lost| lost.as_secs_f64() * f64::from(self.expected_hz));
        let at = Duration::from_nanos(arrived_ns.max(0).unsigned_abs());
        self.check.add(at, self.frames).map(|rate_hz| nearest_rate_hz(rate_hz, self.expected_hz))
    }

    /// Measures no more: the stream has no rate of its own.
    pub(super) fn set_file(&mut self) {
        self.is_file = true;
    }

    /// Notes that the newest packet is not early.
    pub(super) fn on_time(&mut self) {
        self.early_since_ns = None;
    }

    /// Returns whether packets that are early by up to `ahead_ns` may be held, to measure on.
    pub(super) fn may_hold(&mut self, ahead_ns: i64, now_ns: i64) -> bool {
        if self.is_file {
            return false;
        }
        let since_ns = self.early_since_ns.get_or_insert(now_ns);
        if now_ns.saturating_sub(*since_ns) >= MEASURE_EVERY_NS {
            *since_ns = now_ns;
        }
        now_ns.saturating_sub(*since_ns) < MEASURE_FOR_NS && ahead_ns < MOST_AHEAD_NS
    }

    /// Begins anew, after the stream was delayed: its packets wait for their reader.
    pub(super) fn restart(&mut self) {
        self.check = RateCheck::new(self.expected_hz, self.tolerance);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn early_packets_are_held_for_seconds_and_again_each_minute() {
        let mut arrivals = ArrivalRate::new(8000, 0.05);
        let seconds = [0, 11, 13, 59, 60, 71, 73];
        let held = seconds.map(|now_s| arrivals.may_hold(SECOND_NS, now_s * SECOND_NS));
        assert_eq!(held, [true, true, false, false, true, true, false]);
        assert!(!arrivals.may_hold(31 * SECOND_NS, 121 * SECOND_NS), "a file comes as fast as it is read");
        arrivals.on_time();
        assert!(arrivals.may_hold(SECOND_NS, 130 * SECOND_NS));
    }
}
