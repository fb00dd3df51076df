//! The condition of a trigger: loudness, over all frequencies or in a band.

use biquad::{Biquad as _, Coefficients, DirectForm2Transposed, Hertz, Q_BUTTERWORTH_F32, Type};
use capbuf::Level;

use crate::error::{Error, Result};

/// The condition in which a trigger fires.
///
/// ```
/// use capbuf_capture::Condition;
///
/// // Louder than -40 dBFS between 2 and 8 kHz: birds, but not the wind.
/// let birds = Condition::louder_than(-40.0).between(2000.0, 8000.0);
/// # let _ = birds;
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Condition {
    above_dbfs: f32,
    band_hz: Option<(f32, f32)>,
}

impl Condition {
    /// Fires while the RMS of a tenth of a second is above `dbfs` dB of full scale.
    pub fn louder_than(dbfs: f32) -> Self {
        Self { above_dbfs: dbfs, band_hz: None }
    }

    /// Limits the measurement to a band, with slopes of 12 dB per octave.
    pub fn between(mut self, low_hz: f32, high_hz: f32) -> Self {
        self.band_hz = Some((low_hz, high_hz));
        self
    }

    /// Checks the values, for any source.
    pub(crate) fn check(&self) -> std::result::Result<(), String> {
        if !(-200.0..=0.0).contains(&self.above_dbfs) {
            return Err(format!("{} dB is no threshold; allowed: -200 to 0, 0 being full scale", self.above_dbfs));
        }
        match self.band_hz {
            Some((low, high)) if !(low > 0.0 && low < high && high.is_finite()) => {
                Err(format!("{low} to {high} Hz is no band; allowed: two frequencies above 0, the lower one first"))
            }
            _ => Ok(()),
        }
    }
}

impl Condition {
    /// Checks that the band lies within the frequencies that a sample rate has.
    pub(super) fn check_rate(&self, sample_rate_hz: u32) -> std::result::Result<(), String> {
        let half_hz = sample_rate_hz as f32 / 2.0;
        match self.band_hz {
            Some((low, high)) if high > half_hz => Err(format!(
                "the band is {low} to {high} Hz; allowed: up to {half_hz} Hz, half the sample rate of {sample_rate_hz}"
            )),
            _ => Ok(()),
        }
    }
}

/// A condition on the audio of one source.
pub(crate) struct Detector {
    condition: Condition,
    channels: usize,
    /// A high-pass and a low-pass filter per channel.
    filters: Vec<[DirectForm2Transposed<f32>; 2]>,
    filtered: Vec<f32>,
}

impl Detector {
    pub(crate) fn new(condition: Condition, sample_rate_hz: u32, channels: u16, source: &str) -> Result<Self> {
        let rate = sample_rate_hz as f32;
        if let Some((low, high)) = condition.band_hz.filter(|(low, _)| *low >= rate / 2.0) {
            let reason = format!("the band is {low} to {high} Hz; {sample_rate_hz} Hz has none above {}", rate / 2.0);
            return Err(Error::Config { source_name: capbuf::redact(source), reason });
        }
        let filter = |kind: Type<f32>, at_hz: f32| {
            // A frequency above half the rate filters nothing.
            let at_hz = at_hz.min(rate * 0.499);
            let hertz = Hertz::<f32>::from_hz;
            let coefficients = hertz(rate)
                .and_then(|rate| Coefficients::<f32>::from_params(kind, rate, hertz(at_hz)?, Q_BUTTERWORTH_F32));
            let what = format!("no filter at {at_hz} Hz for {sample_rate_hz} Hz");
            let source_name = capbuf::redact(source);
            coefficients.map(DirectForm2Transposed::<f32>::new).map_err(|_| Error::Unhealthy { source_name, what })
        };
        let mut filters = Vec::new();
        if let Some((low, high)) = condition.band_hz {
            for _ in 0..channels {
                filters.push([filter(Type::HighPass, low)?, filter(Type::LowPass, high)?]);
            }
        }
        Ok(Self { condition, channels: usize::from(channels), filters, filtered: Vec::new() })
    }

    /// Processes the next samples, and returns whether the condition holds.
    pub(crate) fn fires(&mut self, samples: &[f32]) -> bool {
        let rms = if self.filters.is_empty() {
            Level::of(samples).rms
        } else {
            self.filtered.clear();
            for (number, sample) in samples.iter().enumerate() {
                let [high, low] = &mut self.filters[number % self.channels];
                // NaN would stay in the filter forever.
                let sample = if sample.is_finite() { *sample } else { 0.0 };
                self.filtered.push(low.run(high.run(sample)));
            }
            Level::of(&self.filtered).rms
        };
        Level::dbfs(rms) > self.condition.above_dbfs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tenth of a second of a tone at half of full scale: -9 dB RMS.
    fn tone(hertz: f32) -> Vec<f32> {
        (0..4800).map(|n| 0.5 * (std::f32::consts::TAU * hertz * n as f32 / 48_000.0).sin()).collect()
    }

    fn fires(condition: Condition, samples: &[f32]) -> bool {
        let mut detector = Detector::new(condition, 48_000, 1, "x").expect("valid");
        // The first block settles the filter.
        detector.fires(samples);
        detector.fires(samples)
    }

    #[test]
    fn loud_audio_fires_and_quiet_audio_does_not() {
        assert!(fires(Condition::louder_than(-10.0), &tone(1000.0)));
        assert!(!fires(Condition::louder_than(-8.0), &tone(1000.0)));
        assert!(!fires(Condition::louder_than(-200.0), &[0.0; 4800]));
    }

    #[test]
    fn band_ignores_other_frequencies() {
        let band = Condition::louder_than(-20.0).between(2000.0, 4000.0);
        let heard: Vec<_> = [100.0, 500.0, 2500.0, 3500.0, 16_000.0].map(|hertz| fires(band, &tone(hertz))).into();
        assert_eq!(heard, [false, false, true, true, false]);
        // The upper limit is above half the rate.
        assert!(fires(Condition::louder_than(-20.0).between(2000.0, 90_000.0), &tone(3000.0)));
    }

    #[test]
    fn nan_does_not_block_the_filter() {
        let mut detector =
            Detector::new(Condition::louder_than(-20.0).between(2000.0, 4000.0), 48_000, 1, "x").expect("valid");
        detector.fires(&[f32::NAN, f32::INFINITY]);
        detector.fires(&tone(3000.0));
        assert!(detector.fires(&tone(3000.0)));
    }

    #[test]
    fn refusal_names_the_allowed_values() {
        for (condition, reason) in [
            (Condition::louder_than(1.0), "allowed: -200 to 0"),
            (Condition::louder_than(f32::NAN), "allowed: -200 to 0"),
            (Condition::louder_than(-20.0).between(0.0, 5.0), "the lower one first"),
            (Condition::louder_than(-20.0).between(9.0, 5.0), "the lower one first"),
            (Condition::louder_than(-20.0).between(9.0, f32::INFINITY), "the lower one first"),
        ] {
            assert!(condition.check().expect_err(reason).contains(reason));
        }
    }
}
