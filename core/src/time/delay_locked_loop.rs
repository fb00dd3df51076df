//! The filter that finds a source's true rate and phase behind the jitter of its chunks' times.
//!
//! A second-order delay-locked loop, as in Fons Adriaensen's "Using a DLL to filter time" (Linux Audio Conference 2005)
//! and JACK, with two changes. Chunks need not be of one size. And the gains start wide and narrow as those of a
//! least-squares line through all chunks so far would, until they reach the loop's own bandwidth: it locks as fast as
//! the jitter allows and stays open to a clock that drifts with the temperature.

/// Phase and period of a source's clock.
#[derive(Debug, Clone)]
pub(crate) struct DelayLockedLoop {
    nominal_ns: f64,
    /// Period of a frame as estimated.
    period_ns: f64,
    /// The frame of the last update, and its time as estimated: `utc_ns` plus a fraction that keeps f64 exact.
    frame: u64,
    utc_ns: i64,
    fraction_ns: f64,
    /// Where this lock began, and the updates since, that one included.
    first_frame: u64,
    updates: u64,
    /// What the phase takes of an error, and the period, per frame.
    gains: (f64, f64),
}

/// The estimated clock until the next update, in integers: times of frames of a second at most after the last one.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct EstimatedClock {
    /// The frame of the last update.
    frame: u64,
    utc_ns: i64,
    /// The rest of its time and a half, for rounding, in units of 2^-32 ns.
    rest_q32: u64,
    /// Nanoseconds a frame, in units of 2^-32.
    period_q32: u64,
}

impl EstimatedClock {
    /// The time of so many frames, rounded down.
    #[inline]
    pub(crate) fn duration_ns(&self, frames: u64) -> i64 {
        ((u128::from(frames) * u128::from(self.period_q32)) >> 32) as i64
    }

    /// So many frames after the last update, which is a second at most, and the time there, if there is such a time.
    #[inline]
    pub(crate) fn predict(&self, frame: u64) -> Option<(u64, i64)> {
        let since_frames = frame - self.frame;
        // Below 2^63, as no period is longer than a second and 2 %.
        let since_ns = (since_frames * self.period_q32 + self.rest_q32) >> 32;
        Some((since_frames, self.utc_ns.checked_add(since_ns.cast_signed())?))
    }
}

/// The gains change with each update at first, and then so slowly that it is enough to compute them now and then.
const GAINS_EACH: u64 = 64;

/// The loop's bandwidth when settled: it follows changes that take longer than about 80 s.
const OMEGA_PER_S: f64 = 1.0 / 80.0;
/// For so long the period is taken as nominal (or as it was before a gap) and only the phase is averaged: a line through
/// a few jittery points has a wild slope.
const PHASE_ONLY_S: f64 = 8.0;
/// No sound card is further off its nominal rate than the first. What is, as a stream that loses a little all the time, is followed
/// when it has been so for as long as jitter can't explain, up to the second.
const PERIOD_BOUNDS: (f64, f64) = (1e-3, 2e-2);
const PERIOD_PROVEN_S: f64 = 120.0;

impl DelayLockedLoop {
    /// Begins at a frame and its time as measured. `period_ns` is the best guess of the period.
    pub(crate) fn new(nominal_ns: f64, period_ns: f64, frame: u64, utc_ns: i64) -> Self {
        let (fraction_ns, first_frame, gains) = (0.0, frame, (0.0, 0.0));
        Self { nominal_ns, period_ns, frame, utc_ns, fraction_ns, first_frame, updates: 1, gains }
    }

    /// The period of a frame as estimated.
    pub(crate) fn period_ns(&self) -> f64 {
        self.period_ns
    }

    /// The time of a frame as estimated.
    pub(crate) fn predict(&self, frame: u64) -> i64 {
        // Rounded by hand, as it is never negative: without the instructions of newer processors `round` is a long function.
        self.utc_ns.saturating_add((self.fraction_ns + self.frames_to(frame) * self.period_ns + 0.5) as i64)
    }

    /// The estimated clock until the next update.
    pub(crate) fn estimate(&self) -> EstimatedClock {
        let q32 = |ns: f64| (ns * (1_u64 << 32) as f64) as u64;
        let (rest_q32, period_q32) = (q32(self.fraction_ns + 0.5), q32(self.period_ns));
        EstimatedClock { frame: self.frame, utc_ns: self.utc_ns, rest_q32, period_q32 }
    }

    /// Frames from the last update to a frame; none if it lies before.
    fn frames_to(&self, frame: u64) -> f64 {
        // Signed integers become floats in one instruction.
        frame.saturating_sub(self.frame).cast_signed() as f64
    }

    /// Seconds of audio since the lock began.
    pub(crate) fn locked_s(&self) -> f64 {
        (self.frame - self.first_frame).cast_signed() as f64 * self.nominal_ns * 1e-9
    }

    /// The frame of the last update.
    pub(crate) fn frame(&self) -> u64 {
        self.frame
    }

    /// How many measured times it has taken in.
    pub(crate) fn updates(&self) -> u64 {
        self.updates
    }

    /// Tells whether single updates change little any more.
    pub(crate) fn is_settled(&self) -> bool {
        self.updates >= 8 * GAINS_EACH
    }

    /// Takes the measured time of a later frame in; where it is the mean of some, as often.
    pub(crate) fn update(&mut self, frame: u64, measured_utc_ns: i64, times: u64) {
        let predicted_ns = self.fraction_ns + self.frames_to(frame) * self.period_ns;
        let error_ns = measured_utc_ns.saturating_sub(self.utc_ns) as f64 - predicted_ns;
        self.frame = self.frame.max(frame);
        let before = self.updates;
        self.updates += times;
        if !self.is_settled() || self.updates / GAINS_EACH > before / GAINS_EACH {
            self.gains = self.gains_now();
        }
        let (phase_gain, period_gain) = self.gains;
        let (phase_gain, period_gain) = ((phase_gain * times as f64).min(1.0), period_gain * times as f64);
        let period_ns = self.period_ns + period_gain * error_ns;
        let bound = if self.locked_s() < PERIOD_PROVEN_S {
            // Not less than was estimated before a gap.
            PERIOD_BOUNDS.0.max((self.period_ns / self.nominal_ns - 1.0).abs())
        } else {
            PERIOD_BOUNDS.1
        };
        self.period_ns = period_ns.clamp(self.nominal_ns * (1.0 - bound), self.nominal_ns * (1.0 + bound));
        let since_ns = predicted_ns + phase_gain * error_ns;
        // The floor, by hand for the same reason as in `predict`.
        let towards_zero = since_ns as i64;
        let whole_ns = towards_zero.saturating_sub(i64::from(towards_zero as f64 > since_ns));
        self.utc_ns = self.utc_ns.saturating_add(whole_ns);
        self.fraction_ns = since_ns - whole_ns as f64;
    }

    fn gains_now(&self) -> (f64, f64) {
        let n = self.updates as f64;
        // The gains of the loop apply to steps of a chunk; chunks of odd sizes count as steps of their mean.
        let step_frames = ((self.frame - self.first_frame) as f64 / (n - 1.0)).max(1.0);
        let step = OMEGA_PER_S * step_frames * self.nominal_ns * 1e-9;
        let loop_gain = std::f64::consts::SQRT_2 * step;
        if self.locked_s() < PHASE_ONLY_S {
            return ((1.0 / n).max(loop_gain).min(1.0), 0.0);
        }
        let phase_gain = (2.0 * (2.0 * n - 1.0) / (n * (n + 1.0))).max(loop_gain).min(1.0);
        let period_gain = (6.0 / (n * (n + 1.0))).max(step * step).min(0.5);
        (phase_gain, period_gain / step_frames)
    }

    /// Moves the estimated phase, not the period: the clock was set, or a known time was lost.
    pub(crate) fn shift(&mut self, ns: i64) {
        self.utc_ns = self.utc_ns.saturating_add(ns);
    }

    /// Begins again at a frame and its measured time, with the period as it is.
    pub(crate) fn restart(&mut self, frame: u64, measured_utc_ns: i64) {
        *self = Self::new(self.nominal_ns, self.period_ns, frame, measured_utc_ns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_finds_the_rate_of_a_source_that_is_off_by_200_ppm() {
        let true_period = 20_833.333 * 0.999_8;
        let mut filter = DelayLockedLoop::new(20_833.333, 20_833.333, 0, 0);
        for chunk in 1..60_000_u64 {
            let frame = chunk * 480;
            // ±5 ms, by a fixed sequence that has no trend.
            let jitter = (chunk.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / f64::from(1 << 24) - 0.5;
            filter.update(frame, (frame as f64 * true_period + jitter * 1e7) as i64, 1);
        }
        assert!((filter.period_ns() / true_period - 1.0).abs() < 2e-6, "{}", filter.period_ns());
        let error_ns = filter.predict(60_000 * 480) - (60_000.0 * 480.0 * true_period) as i64;
        assert!(error_ns.abs() < 300_000, "{error_ns}");
    }

    #[test]
    fn the_mean_of_some_stands_for_them() {
        let [mut each, mut mean, mut longer] = [(); 3].map(|()| DelayLockedLoop::new(20_833.333, 20_833.333, 0, 0));
        let mut taken = 0;
        let measured = |chunk: u64| {
            let jitter = (chunk.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / f64::from(1 << 24) - 0.5;
            ((chunk * 480) as f64 * 20_836.0 + jitter * 1e7) as i64
        };
        for chunk in 1..60_000_u64 {
            each.update(chunk * 480, measured(chunk), 1);
            if chunk <= 1000 {
                mean.update(chunk * 480, measured(chunk), 1);
            } else if chunk.is_multiple_of(16) {
                let chunks = chunk - 15..=chunk;
                mean.update((chunk - 15 + chunk) * 480 / 2, chunks.map(measured).sum::<i64>() / 16, 16);
            }
            // More and more at once, up to a second.
            if chunk - taken >= (taken / 32).clamp(1, 100) {
                let (chunks, count) = (taken + 1..=chunk, chunk - taken);
                longer.update((taken + 1 + chunk) * 480 / 2, chunks.map(measured).sum::<i64>() / count as i64, count);
                taken = chunk;
            }
        }
        let [each_ns, mean_ns, longer_ns] = [each, mean, longer].map(|filter| filter.predict(60_000 * 480));
        assert!((each_ns - mean_ns).abs() < 20_000, "{each_ns} {mean_ns}");
        assert!((each_ns - longer_ns).abs() < 20_000, "{each_ns} {longer_ns}");
    }

    #[test]
    fn for_a_second_the_line_is_what_the_filter_believes() {
        for (rate, drift) in [(1.0, 1.02), (1000.0, 0.98), (44_100.0, 1.000_2), (48_000.0, 1.0), (768_000.0, 0.999)] {
            let nominal_ns = 1e9 / rate;
            let mut filter = DelayLockedLoop::new(nominal_ns, nominal_ns * drift, 1 << 40, 1_700_000_000_000_000_000);
            filter.update((1 << 40) + 1, 1_700_000_000_000_000_000 + (1e9 / rate * 1.7) as i64, 1);
            let (line, begin) = (filter.estimate(), filter.frame());
            for frames in (0..=10).map(|tenth| (rate * f64::from(tenth) / 10.0) as u64) {
                let (since_frames, line_ns) = line.predict(begin + frames).unwrap();
                assert!(
                    since_frames == frames && line_ns.abs_diff(filter.predict(begin + frames)) <= 1,
                    "{frames} at {rate}"
                );
                assert!(line.duration_ns(frames).abs_diff((frames as f64 * filter.period_ns()) as i64) <= 1);
            }
        }
        let late = DelayLockedLoop::new(1e9, 1e9, 0, i64::MAX - 5).estimate();
        assert_eq!((late.predict(0), late.predict(1)), (Some((0, i64::MAX - 5)), None), "there is no such time");
    }

    #[test]
    fn a_shift_moves_the_phase_and_leaves_the_period() {
        let mut filter = DelayLockedLoop::new(1e6, 1.001e6, 0, 0);
        filter.shift(-500);
        assert_eq!(filter.predict(1000), 1_001_000_000 - 500);
    }

    #[test]
    fn the_phase_of_the_first_chunks_is_their_mean() {
        let mut filter = DelayLockedLoop::new(1e6, 1e6, 0, 0);
        for chunk in 1..=9 {
            filter.update(chunk * 10, chunk.cast_signed() * 10_000_000 + 1000, 1);
        }
        // One was on time and nine were 1 µs late.
        assert_eq!(filter.predict(90), 90_000_000 + 900);
    }

    #[test]
    fn after_a_restart_the_period_is_left_alone_until_there_are_points_enough_for_a_line() {
        let mut filter = DelayLockedLoop::new(1e6, 1e6, 0, 0);
        filter.restart(1_000_000, 0);
        let mut update = |tenths: std::ops::Range<u64>| {
            for tenth in tenths {
                filter.update(1_000_000 + tenth * 100, tenth.cast_signed() * 100_050_000, 1);
            }
            filter.period_ns()
        };
        assert_eq!(update(1..80), 1e6, "7.9 s of a source that is slow by 500 ppm");
        assert!(update(80..400) > 1.0004e6);
    }

    #[test]
    fn a_source_far_off_its_rate_is_accepted_when_it_has_been_so_for_two_minutes_and_not_before() {
        let mut filter = DelayLockedLoop::new(1e6, 1e6, 0, 0);
        let mut off_after = |seconds: std::ops::Range<u64>| {
            for second in seconds {
                filter.update(second * 1000, second.cast_signed() * 1_010_000_000, 1);
            }
            filter.period_ns() / 1e6 - 1.0
        };
        let proven = [off_after(1..120), off_after(120..1500)];
        assert!((proven[0] - 1e-3).abs() < 1e-9 && (proven[1] - 1e-2).abs() < 1e-4, "{proven:?}");
    }

    #[test]
    fn a_phase_before_the_last_updates_time_is_rounded_as_any() {
        let mut filter = DelayLockedLoop::new(1e6, 1e6, 0, 0);
        filter.update(0, -3, 1);
        filter.update(0, -2, 1);
        // The mean of 0, -3 and -2 is -1.67.
        assert_eq!(filter.predict(0), -2);
    }

    #[test]
    fn once_settled_the_gains_are_computed_at_each_64th_update_only() {
        let mut filter = DelayLockedLoop::new(1e6, 1e6, 0, 0);
        let mut gains_at = |updates: u64| {
            while filter.updates < updates {
                filter.update(filter.updates * 100, filter.updates.cast_signed() * 100_000_000, 1);
            }
            filter.gains
        };
        let settled = gains_at(512);
        assert!((513..576).all(|updates| gains_at(updates) == settled), "not before the next 64th");
        assert_ne!(gains_at(576), settled, "and then");
    }

    #[test]
    fn the_gains_are_a_means_at_first_then_a_lines_and_at_last_the_loops_own() {
        let mut filter = DelayLockedLoop::new(1e6, 1e6, 0, 0);
        // Points a tenth of a second apart, the first included.
        let mut gains_of = |points: u64| {
            while filter.updates < points {
                filter.update(filter.updates * 100, filter.updates.cast_signed() * 100_000_000, 1);
            }
            filter.gains
        };
        let step = 0.1 / 80.0;
        for (points, phase, period) in [
            (10, 1.0 / 10.0, 0.0),
            (100, 2.0 * 199.0 / 10_100.0, 6.0 / 10_100.0 / 100.0),
            (6400, std::f64::consts::SQRT_2 * step, step * step / 100.0),
        ] {
            let gains = gains_of(points);
            assert!((gains.0 - phase).abs() < 1e-12 && (gains.1 - period).abs() < 1e-15, "{points} points: {gains:?}");
        }
    }
}
