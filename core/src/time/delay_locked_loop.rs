//! The filter that recovers a source's rate and phase from jittering times.
//!
//! A second-order delay-locked loop, as in Fons Adriaensen, "Using a DLL to filter time" (Linux
//! Audio Conference 2005) and JACK, with two changes. Chunks may differ in size. And the gains
//! begin as those of a least-squares line through all chunks so far, and narrow to the loop's own
//! bandwidth: it locks as fast as the jitter allows, and follows a clock that drifts with
//! temperature.

/// Phase and period of a source's clock.
#[derive(Debug, Clone)]
pub(crate) struct DelayLockedLoop {
    nominal_ns: f64,
    /// Estimated period of a frame.
    period_ns: f64,
    /// Frame of the last update, and its estimated time: `utc_ns` plus a fraction that keeps f64
    /// exact.
    frame: u64,
    utc_ns: i64,
    fraction_ns: f64,
    /// First frame of this lock, and the updates since, the first one included.
    first_frame: u64,
    updates: u64,
    /// Gains of phase and period: the part of an error that each takes, per frame.
    gains: (f64, f64),
}

/// The estimated clock until the next update, in integers. Valid for one second after the last one.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct EstimatedClock {
    /// Frame of the last update.
    frame: u64,
    utc_ns: i64,
    /// The fraction of its time plus one half, for rounding, in units of 2^-32 ns.
    rest_q32: u64,
    /// Nanoseconds per frame, in units of 2^-32.
    period_q32: u64,
}

impl EstimatedClock {
    /// Duration of `frames` frames, rounded down.
    #[inline]
    pub(crate) fn duration_ns(&self, frames: u64) -> i64 {
        ((u128::from(frames) * u128::from(self.period_q32)) >> 32) as i64
    }

    /// Frames since the last update, one second at most, and the time of `frame`; `None` on
    /// overflow.
    #[inline]
    pub(crate) fn predict(&self, frame: u64) -> Option<(u64, i64)> {
        let since_frames = frame - self.frame;
        // Below 2^63: no period is longer than a second and 2 %.
        let since_ns = (since_frames * self.period_q32 + self.rest_q32) >> 32;
        Some((since_frames, self.utc_ns.checked_add(since_ns.cast_signed())?))
    }
}

/// Updates per recomputation of the gains, once these change slowly.
const GAINS_EACH: u64 = 64;

/// The settled loop's bandwidth: it follows changes slower than about 80 s.
const OMEGA_PER_S: f64 = 1.0 / 80.0;
/// Time during which the period stays nominal, or as before a gap, and only the phase is averaged:
/// a line through a few jittering points has a wild slope.
const PHASE_ONLY_S: f64 = 8.0;
/// Bounds of the period, relative to nominal. No sound card exceeds the first. A source that does,
/// such as a stream that loses a little all the time, is followed up to the second once jitter
/// can't explain it.
const PERIOD_BOUNDS: (f64, f64) = (1e-3, 2e-2);
const PERIOD_PROVEN_S: f64 = 120.0;

impl DelayLockedLoop {
    /// Begins at a frame and its measured time. `period_ns` is the best guess of the period.
    pub(crate) fn new(nominal_ns: f64, period_ns: f64, frame: u64, utc_ns: i64) -> Self {
        let (fraction_ns, first_frame, gains) = (0.0, frame, (0.0, 0.0));
        Self { nominal_ns, period_ns, frame, utc_ns, fraction_ns, first_frame, updates: 1, gains }
    }

    /// Estimated period of a frame.
    pub(crate) fn period_ns(&self) -> f64 {
        self.period_ns
    }

    /// Estimated time of a frame.
    pub(crate) fn predict(&self, frame: u64) -> i64 {
        // Rounded by hand, as it is never negative: `round` is a long function without SSE4.1.
        self.utc_ns.saturating_add((self.fraction_ns + self.frames_to(frame) * self.period_ns + 0.5) as i64)
    }

    /// The estimated clock until the next update.
    pub(crate) fn estimate(&self) -> EstimatedClock {
        let q32 = |ns: f64| (ns * (1_u64 << 32) as f64) as u64;
        let (rest_q32, period_q32) = (q32(self.fraction_ns + 0.5), q32(self.period_ns));
        EstimatedClock { frame: self.frame, utc_ns: self.utc_ns, rest_q32, period_q32 }
    }

    /// Frames from the last update to `frame`; 0 if it lies before.
    fn frames_to(&self, frame: u64) -> f64 {
        // Signed integers convert to floats in one instruction.
        frame.saturating_sub(self.frame).cast_signed() as f64
    }

    /// Seconds of audio since the lock began.
    pub(crate) fn locked_s(&self) -> f64 {
        (self.frame - self.first_frame).cast_signed() as f64 * self.nominal_ns * 1e-9
    }

    /// Frame of the last update.
    pub(crate) fn frame(&self) -> u64 {
        self.frame
    }

    /// Number of updates.
    pub(crate) fn updates(&self) -> u64 {
        self.updates
    }

    /// True once a single update changes little.
    pub(crate) fn is_settled(&self) -> bool {
        self.updates >= 8 * GAINS_EACH
    }

    /// Takes the measured time of a later frame; the mean of `times` measurements counts as often.
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
            // At least the deviation estimated before a gap.
            PERIOD_BOUNDS.0.max((self.period_ns / self.nominal_ns - 1.0).abs())
        } else {
            PERIOD_BOUNDS.1
        };
        self.period_ns = period_ns.clamp(self.nominal_ns * (1.0 - bound), self.nominal_ns * (1.0 + bound));
        let since_ns = predicted_ns + phase_gain * error_ns;
        // Rounded down by hand, for the reason given in `predict`.
        let towards_zero = since_ns as i64;
        let whole_ns = towards_zero.saturating_sub(i64::from(towards_zero as f64 > since_ns));
        self.utc_ns = self.utc_ns.saturating_add(whole_ns);
        self.fraction_ns = since_ns - whole_ns as f64;
    }

    fn gains_now(&self) -> (f64, f64) {
        let n = self.updates as f64;
        // The loop's gains apply per chunk; chunks of odd sizes count as steps of their mean.
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

    /// Shifts the estimated phase, not the period: the clock was set, or audio of known length was
    /// lost.
    pub(crate) fn shift(&mut self, ns: i64) {
        self.utc_ns = self.utc_ns.saturating_add(ns);
    }

    /// Locks anew at a frame and its measured time, with the period as it is.
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
    fn mean_of_a_batch_updates_as_its_chunks_do() {
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
            // Growing batches, up to a second.
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
    fn integer_clock_equals_the_filter_for_a_second() {
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
    fn shift_moves_the_phase_and_not_the_period() {
        let mut filter = DelayLockedLoop::new(1e6, 1.001e6, 0, 0);
        filter.shift(-500);
        assert_eq!(filter.predict(1000), 1_001_000_000 - 500);
    }

    #[test]
    fn phase_of_the_first_chunks_is_their_mean() {
        let mut filter = DelayLockedLoop::new(1e6, 1e6, 0, 0);
        for chunk in 1..=9 {
            filter.update(chunk * 10, chunk.cast_signed() * 10_000_000 + 1000, 1);
        }
        // One was on time and nine were 1 µs late.
        assert_eq!(filter.predict(90), 90_000_000 + 900);
    }

    #[test]
    fn period_is_kept_after_a_restart_until_a_line_can_be_fitted() {
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
    fn rate_far_off_is_accepted_after_two_minutes_and_not_before() {
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
    fn negative_fraction_is_rounded_down() {
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
    fn gains_narrow_from_a_mean_to_a_line_to_the_loop() {
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
