//! The filter that recovers a source's rate and phase from jittering times.
//!
//! A second-order delay-locked loop, as in Fons Adriaensen, "Using a DLL to filter time" (Linux
//! Audio Conference 2005) and JACK, with three changes. Chunks may differ in size. The gains begin
//! as those of a least-squares line through all chunks so far, and narrow to the loop's own
//! bandwidth: it locks as fast as the jitter allows, and follows a clock that drifts with
//! temperature. And the bandwidth narrows with the jitter, as far as a drift allows.

use super::line_fit::LineFit;

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
    /// First frame of this lock and its measured time, and the updates since, the first one
    /// included.
    first_frame: u64,
    first_utc_ns: i64,
    updates: u64,
    /// Gains of phase and period: the part of an error that each takes, per frame.
    gains: (f64, f64),
    /// A line through the first times, until the period may have any value.
    fit: Option<LineFit>,
    /// Mean deviation of the times.
    spread_ns: f64,
}

/// Updates per recomputation of the gains, once these change slowly.
const GAINS_EACH: u64 = 64;

/// The settled loop's bandwidth: it follows changes slower than about 80 s, or 1000 s where jitter
/// would move it by more than `QUIET_NS`.
const OMEGA_PER_S: f64 = 1.0 / 80.0;
const NARROWEST_PER_S: f64 = 1.0 / 1000.0;
const QUIET_NS: f64 = 300_000.0;
/// Time during which the period stays nominal, or as before a gap, and only the phase is averaged:
/// a line through a few jittering points has a wild slope.
const PHASE_ONLY_S: f64 = 8.0;
/// Bounds of the period, relative to nominal. No sound card exceeds the first. A source that does,
/// such as a stream that loses a little all the time, is followed up to the second once jitter
/// can't explain it.
const PERIOD_BOUNDS: (f64, f64) = (1e-3, 3e-2);
const PERIOD_PROVEN_S: f64 = 120.0;
/// The first times prove a period at once if a line through them is as sure as this, in ns a
/// second, and its slope that many times as large as its doubt.
const SURE_NS_PER_S: f64 = 25_000.0;
const SURE_FACTOR: f64 = 40.0;
/// After this much audio at the earliest: the first times of a device may settle.
const FIT_FROM_S: f64 = 1.0;

impl DelayLockedLoop {
    /// Begins at a frame and its measured time. `period_ns` is the best guess of the period.
    pub(crate) fn new(nominal_ns: f64, period_ns: f64, frame: u64, utc_ns: i64) -> Self {
        let (fraction_ns, first_frame, gains) = (0.0, frame, (0.0, 0.0));
        let mut fit = LineFit::default();
        fit.add(0.0, 0.0, 1.0);
        Self {
            nominal_ns,
            period_ns,
            frame,
            utc_ns,
            fraction_ns,
            first_frame,
            first_utc_ns: utc_ns,
            updates: 1,
            gains,
            fit: Some(fit),
            spread_ns: 0.0,
        }
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

    /// Frames from the last update to `frame`; 0 if it lies before.
    fn frames_to(&self, frame: u64) -> f64 {
        // Signed integers convert to floats in one instruction.
        frame.saturating_sub(self.frame).cast_signed() as f64
    }

    /// Seconds of audio since the lock began.
    pub(crate) fn locked_s(&self) -> f64 {
        (self.frame - self.first_frame).cast_signed() as f64 * self.nominal_ns * 1e-9
    }

    /// Number of updates.
    pub(crate) fn updates(&self) -> u64 {
        self.updates
    }

    /// True once a single update changes little.
    pub(crate) fn is_settled(&self) -> bool {
        self.updates >= 8 * GAINS_EACH
    }

    /// The mean deviation of the times from now on.
    pub(crate) fn set_spread(&mut self, spread_ns: f64) {
        self.spread_ns = spread_ns;
    }

    /// The part of an error that moves the phase.
    pub(crate) fn phase_gain(&self) -> f64 {
        if self.updates > 1 { self.gains.0 } else { 1.0 }
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
        let bound = if self.fit.is_some() && self.locked_s() < PERIOD_PROVEN_S {
            // At least the deviation estimated before a gap.
            PERIOD_BOUNDS.0.max((self.period_ns / self.nominal_ns - 1.0).abs())
        } else {
            PERIOD_BOUNDS.1
        };
        self.period_ns = period_ns.clamp(self.nominal_ns * (1.0 - bound), self.nominal_ns * (1.0 + bound));
        let fitted_ns = self.fitted(measured_utc_ns, times);
        let since_ns = fitted_ns.unwrap_or(predicted_ns + phase_gain * error_ns);
        // Rounded down by hand, for the reason given in `predict`.
        let towards_zero = since_ns as i64;
        let whole_ns = towards_zero.saturating_sub(i64::from(towards_zero as f64 > since_ns));
        self.utc_ns = self.utc_ns.saturating_add(whole_ns);
        self.fraction_ns = since_ns - whole_ns as f64;
    }

    /// Deviation of the phase from the line through the first times, until that is sure.
    pub(crate) fn unresolved_ns(&self) -> f64 {
        let seconds = self.locked_s();
        let Some(line) = self.fit.as_ref().and_then(|fit| fit.line(seconds)) else { return 0.0 };
        let line_ns = self.first_utc_ns.saturating_sub(self.utc_ns) as f64 + seconds * 1e9 + line.late_ns;
        (line_ns - self.fraction_ns).abs() + 2.0 * line.doubt * seconds
    }

    /// Takes a time into the line through the first times. Once that is sure, sets the period, and
    /// returns the phase after `utc_ns`.
    fn fitted(&mut self, measured_utc_ns: i64, times: u64) -> Option<f64> {
        let seconds = self.locked_s();
        let fit = self.fit.as_mut()?;
        let nominal_ns = (self.frame - self.first_frame).cast_signed() as f64 * self.nominal_ns;
        let late_ns = measured_utc_ns.saturating_sub(self.first_utc_ns) as f64 - nominal_ns;
        fit.add(seconds, late_ns, times as f64);
        if seconds < FIT_FROM_S {
            return None;
        }
        if seconds >= PERIOD_PROVEN_S {
            self.fit = None;
            return None;
        }
        let line = fit.line(seconds)?;
        let is_far_off = line.slope.abs() > (PERIOD_BOUNDS.0 * 1e9).max(SURE_FACTOR * line.doubt);
        if line.doubt > SURE_NS_PER_S && !is_far_off {
            return None;
        }
        self.fit = None;
        let deviation = (line.slope * 1e-9).clamp(-PERIOD_BOUNDS.1, PERIOD_BOUNDS.1);
        self.period_ns = self.nominal_ns * (1.0 + deviation);
        Some(self.first_utc_ns.saturating_sub(self.utc_ns) as f64 + nominal_ns + line.late_ns)
    }

    fn gains_now(&self) -> (f64, f64) {
        let n = self.updates as f64;
        // The loop's gains apply per chunk; chunks of odd sizes count as steps of their mean.
        let step_frames = ((self.frame - self.first_frame) as f64 / (n - 1.0)).max(1.0);
        let step_s = step_frames * self.nominal_ns * 1e-9;
        // Deviation of the phase by jitter at the usual bandwidth.
        let moved_ns = self.spread_ns * (std::f64::consts::SQRT_2 * OMEGA_PER_S * step_s).sqrt();
        let narrower = (QUIET_NS / moved_ns).powi(2);
        let step = (OMEGA_PER_S * narrower).clamp(NARROWEST_PER_S, OMEGA_PER_S) * step_s;
        let loop_gain = std::f64::consts::SQRT_2 * step;
        if self.fit.is_some() && self.locked_s() < PHASE_ONLY_S {
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
        self.first_utc_ns = self.first_utc_ns.saturating_add(ns);
    }

    /// Locks anew at a frame and its measured time, with the period as it is.
    pub(crate) fn restart(&mut self, frame: u64, measured_utc_ns: i64) {
        let spread_ns = self.spread_ns;
        *self = Self::new(self.nominal_ns, self.period_ns, frame, measured_utc_ns);
        self.spread_ns = spread_ns;
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

    /// ±`ns`, by a fixed sequence that has no trend.
    fn jitter(number: u64, ns: f64) -> i64 {
        let unit = (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / f64::from(1 << 24) - 0.5;
        (unit * 2.0 * ns) as i64
    }

    #[test]
    fn period_is_kept_after_a_restart_until_a_line_is_sure_or_has_lasted() {
        let period_at = |tenths: u64, jitter_ns: f64| {
            let mut filter = DelayLockedLoop::new(1e6, 1e6, 0, 0);
            filter.restart(1_000_000, 0);
            for tenth in 1..tenths {
                let utc_ns = tenth.cast_signed() * 100_050_000 + jitter(tenth, jitter_ns);
                filter.update(1_000_000 + tenth * 100, utc_ns, 1);
            }
            filter.period_ns()
        };
        // A source that is slow by 500 ppm.
        assert_eq!(period_at(10, 0.0), 1e6, "in the first second");
        assert!((period_at(20, 0.0) - 1.0005e6).abs() < 1.0, "without jitter: {}", period_at(20, 0.0));
        assert_eq!(period_at(80, 10e6), 1e6, "with ±10 ms, 7.9 s");
        assert!(period_at(400, 10e6) > 1.0003e6, "{}", period_at(400, 10e6));
    }

    #[test]
    fn rate_far_off_is_accepted_once_jitter_cannot_explain_it() {
        let off_after = |seconds: u64, jitter_ns: f64| {
            let mut filter = DelayLockedLoop::new(1e6, 1e6, 0, 0);
            for tenth in 1..seconds * 10 {
                filter.update(tenth * 100, tenth.cast_signed() * 101_000_000 + jitter(tenth, jitter_ns), 1);
            }
            filter.period_ns() / 1e6 - 1.0
        };
        assert!((off_after(3, 0.0) - 1e-2).abs() < 1e-9, "{}", off_after(3, 0.0));
        let with_jitter = [5, 30, 119].map(|seconds| off_after(seconds, 100e6));
        assert!(with_jitter[0].abs() <= 1e-3, "{with_jitter:?}");
        assert!((with_jitter[2] - 1e-2).abs() < 1e-3, "{with_jitter:?}");
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
