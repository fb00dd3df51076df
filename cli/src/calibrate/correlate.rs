//! Offset between two recordings of one sound, by the phases of their cross spectrum (GCC-PHAT).
//!
//! Knapp and Carter, "The Generalized Correlation Method for Estimation of Time Delay", 1976. Both
//! recordings are transformed over the same whole number of seconds, so that their spectra have the
//! same lines whatever their rates: no resampling.

use std::f64::consts::TAU;

use realfft::num_complex::Complex;
use realfft::{FftError, RealFftPlanner};

/// A recording, mixed to mono.
pub(super) struct Recording {
    pub(super) start_utc_ns: i64,
    pub(super) rate_hz: u32,
    pub(super) samples: Vec<f64>,
}

/// The offset that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Found {
    /// Delay of the sound in the second recording, in seconds.
    pub(super) offset_s: f64,
    /// The part of the spectrum that agrees, 0 to 1.
    pub(super) quality: f64,
    /// A bound of the error of the correlation: three standard deviations.
    pub(super) uncertainty_s: f64,
}

/// Frequencies below are hum and wind, those near the Nyquist frequency are filtered away.
const LOWEST_HZ: f64 = 100.0;
const HIGHEST_OF_RATE: f64 = 0.45;
/// Lines that are this much weaker than the mean are rounding, or leak from stronger ones.
const WEAKEST: f64 = 1e-3;
/// The least number of lines in which both have sound: fewer are a tone, which fits everywhere.
const LEAST_LINES: usize = 500;
/// A peak is this many times the mean of noise: the largest of a million values of noise is five.
const LEAST_PEAK: f64 = 10.0;
/// A sound that repeats has a second peak. Nearer ones are the shape of the first, or its echoes.
const SECOND_PEAK: f64 = 0.8;
const NEAR_S: f64 = 0.1;
/// The width of the bands whose lines are weighed together.
const BAND_HZ: f64 = 100.0;

/// Finds the offset of `b` against `a`, at most as long as the recordings.
///
/// # Errors
/// The reason, if they have no sound in common.
pub(super) fn offset(a: &Recording, b: &Recording) -> Result<Found, String> {
    let duration_s = |recording: &Recording| recording.samples.len() as f64 / f64::from(recording.rate_hz);
    // Twice as long: what is shifted beyond the end meets zeros.
    let seconds = (2.0 * duration_s(a).max(duration_s(b))).ceil().max(1.0);
    let rate_hz = a.rate_hz.min(b.rate_hz);
    let failed = |error: FftError| format!("the transform failed: {error}");
    let (of_a, of_b) = (spectrum(a, seconds).map_err(failed)?, spectrum(b, seconds).map_err(failed)?);
    let mut lines = common_lines(&of_a, &of_b, seconds, rate_hz);
    let used = lines.iter().filter(|line| line.norm_sqr() > 0.0).count();
    if used < LEAST_LINES {
        return Err("they have no broad-band sound in common".to_owned());
    }
    let correlation = inverse(&mut lines.clone(), seconds, rate_hz).map_err(failed)?;
    let at = |index: usize| correlation[index].abs();
    let peak = (0..correlation.len()).max_by(|left, right| at(*left).total_cmp(&at(*right))).unwrap_or(0);
    let mean = (correlation.iter().map(|value| value * value).sum::<f64>() / correlation.len() as f64).sqrt();
    let near = (NEAR_S * f64::from(rate_hz)) as usize;
    let distance = |index: usize| index.abs_diff(peak).min(correlation.len() - index.abs_diff(peak));
    let second = (0..correlation.len()).filter(|index| distance(*index) > near).map(at).fold(0.0, f64::max);
    // A peak that holds all energy raises the mean that it is compared with: this bounds both.
    if at(peak) < LEAST_PEAK * mean {
        return Err(format!(
            "they have no sound in common: the peak is {:.1} times the noise; needed: {LEAST_PEAK}",
            at(peak) / mean
        ));
    }
    if second > SECOND_PEAK * at(peak) {
        return Err("the sound repeats, so that it fits in several places".to_owned());
    }
    let is_before = peak > correlation.len() / 2;
    let around = if is_before { peak as f64 - correlation.len() as f64 } else { peak as f64 } / f64::from(rate_hz);
    // A microphone of the other polarity has a negative peak.
    if correlation[peak] < 0.0 {
        lines.iter_mut().for_each(|line| *line = -*line);
    }
    let frame_s = 1.0 / f64::from(rate_hz);
    let (first_s, agreeing) = refine(&lines, seconds, around, frame_s);
    weigh(&mut lines, seconds, first_s);
    let (shift_s, _) = refine(&lines, seconds, first_s, frame_s);
    let quality = (agreeing / used as f64).clamp(0.0, 1.0);
    let uncertainty_s = 3.0 * deviation_s(&lines, seconds, shift_s);
    let starts_s = (i128::from(b.start_utc_ns) - i128::from(a.start_utc_ns)) as f64 / 1e9;
    Ok(Found { offset_s: shift_s + starts_s, quality, uncertainty_s })
}

/// Returns the lines of a recording, 1 / `seconds` Hz apart.
fn spectrum(recording: &Recording, seconds: f64) -> Result<Vec<Complex<f64>>, FftError> {
    let length = seconds as usize * recording.rate_hz as usize;
    let fft = RealFftPlanner::new().plan_fft_forward(length);
    let (mut input, mut output) = (fft.make_input_vec(), fft.make_output_vec());
    let frames = recording.samples.len();
    let mean = recording.samples.iter().sum::<f64>() / frames.max(1) as f64;
    // Both are cut at the same times: faded, so that the cuts are no sound in common.
    let fade = (frames / 10).max(1) as f64;
    for (index, (into, sample)) in input.iter_mut().zip(&recording.samples).enumerate() {
        let from_end = index.min(frames - 1 - index) as f64;
        let half_cosine = 0.5 - 0.5 * (TAU / 2.0 * (from_end / fade).min(1.0)).cos();
        *into = (sample - mean) * half_cosine;
    }
    fft.process(&mut input, &mut output)?;
    Ok(output)
}

/// Returns the lines of the cross spectrum with their phases only; zero where one has no sound.
fn common_lines(a: &[Complex<f64>], b: &[Complex<f64>], seconds: f64, rate_hz: u32) -> Vec<Complex<f64>> {
    let first = (LOWEST_HZ * seconds) as usize;
    let last = (HIGHEST_OF_RATE * f64::from(rate_hz) * seconds) as usize;
    let band = |of: &[Complex<f64>]| of.iter().take(last).skip(first).map(Complex::norm_sqr).sum::<f64>();
    let weakest = |of: &[Complex<f64>]| WEAKEST * (band(of) / last.saturating_sub(first).max(1) as f64).sqrt();
    let (of_a, of_b) = (weakest(a), weakest(b));
    let line = |(index, (a, b)): (usize, (&Complex<f64>, &Complex<f64>))| {
        let is_sound = index >= first && a.norm() > of_a && b.norm() > of_b;
        if is_sound { a.conj() * b / (a.norm() * b.norm()) } else { Complex::default() }
    };
    a.iter().zip(b).enumerate().take(last).map(line).collect()
}

/// Returns the correlation, a value for each frame at `rate_hz`.
fn inverse(lines: &mut Vec<Complex<f64>>, seconds: f64, rate_hz: u32) -> Result<Vec<f64>, FftError> {
    let fft = RealFftPlanner::new().plan_fft_inverse(seconds as usize * rate_hz as usize);
    let mut output = fft.make_output_vec();
    lines.resize(fft.make_input_vec().len(), Complex::default());
    fft.process(lines, &mut output)?;
    Ok(output)
}

/// Finds the peak within `within_s` of `around_s`; returns where, and its height.
fn refine(lines: &[Complex<f64>], seconds: f64, around_s: f64, within_s: f64) -> (f64, f64) {
    let height = |shift_s: f64| -> f64 {
        let step = Complex::from_polar(1.0, TAU * shift_s / seconds);
        let turned = lines.iter().scan(Complex::new(1.0, 0.0), |turn, line| {
            let value = line.re * turn.re - line.im * turn.im;
            *turn *= step;
            Some(value)
        });
        turned.sum()
    };
    let (mut low, mut high) = (around_s - within_s, around_s + within_s);
    for _ in 0..20 {
        let (left, right) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
        if height(left) < height(right) { low = left } else { high = right }
    }
    let at = f64::midpoint(low, high);
    (at, height(at))
}

/// Weighs the lines of each band by how well they agree, as Hannan and Thomson do.
fn weigh(lines: &mut [Complex<f64>], seconds: f64, shift_s: f64) {
    let band_lines = (BAND_HZ * seconds) as usize;
    for (band, lines) in lines.chunks_mut(band_lines).enumerate() {
        let agreeing =
            |(index, line): (usize, &Complex<f64>)| turned(band * band_lines + index, *line, seconds, shift_s).re;
        let agreement = lines.iter().enumerate().map(agreeing).sum::<f64>() / lines.len() as f64;
        // Less is what noise has.
        let is_noise = agreement < 3.0 / (2.0 * lines.len() as f64).sqrt();
        let square = agreement.clamp(0.0, 0.999).powi(2);
        let weight = if is_noise { 0.0 } else { square / (1.0 - square) };
        lines.iter_mut().for_each(|line| *line *= weight);
    }
}

/// Returns a line after a shift.
fn turned(index: usize, line: Complex<f64>, seconds: f64, shift_s: f64) -> Complex<f64> {
    line * Complex::from_polar(1.0, TAU * index as f64 * shift_s / seconds)
}

/// Returns the standard deviation of the peak, by how far the phases of the lines are from it.
fn deviation_s(lines: &[Complex<f64>], seconds: f64, shift_s: f64) -> f64 {
    let sums = lines.iter().enumerate().fold((0.0, 0.0), |(off, curve), (index, line)| {
        let (hz, line) = (TAU * index as f64 / seconds, turned(index, *line, seconds, shift_s));
        (off + (hz * line.im).powi(2), curve + hz * hz * line.re)
    });
    // Half of the lines are made of the zeros behind the recordings.
    if sums.1 > 0.0 { (2.0 * sums.0).sqrt() / sums.1 } else { seconds }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise of a fixed seed, -1 to 1.
    fn noise(seed: u64) -> impl FnMut() -> f64 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
        }
    }

    /// A clap, as a function of time: thirty decaying tones. Zero before 0.
    fn clap(at_s: f64) -> f64 {
        let tone = |number: u32| {
            let hz = 300.0 + 97.3 * f64::from(number);
            (TAU * hz * at_s + f64::from(number * number)).sin()
        };
        if at_s < 0.0 {
            0.0
        } else {
            (at_s * 2000.0).min(1.0) * (-at_s * 60.0).exp() * (0..30).map(tone).sum::<f64>() / 8.0
        }
    }

    /// Eight seconds with a clap at `clap_s`, labelled from `start_ns` on.
    fn recording(rate_hz: u32, clap_s: f64, start_ns: i64, level: f64, seed: u64) -> Recording {
        let mut noise = noise(seed);
        let sample = |index: u32| clap(f64::from(index) / f64::from(rate_hz) - clap_s) + level * noise();
        let samples = (0..8 * rate_hz).map(sample).collect();
        Recording { start_utc_ns: 1_800_000_000_000_000_000 + start_ns, rate_hz, samples }
    }

    #[test]
    fn known_offsets_are_found_at_any_rates_and_signs_within_the_uncertainty() {
        for (rates, offset_s, level) in [
            ((16_000, 16_000), 0.0, 0.01),
            ((22_050, 22_050), 0.044, 0.1),
            ((48_000, 44_100), 0.1234567, 0.01),
            ((16_000, 24_000), -0.02, 0.03),
            ((8000, 22_050), 2.0, 0.01),
            ((24_000, 8000), -2.0, 0.01),
            ((11_025, 16_000), 0.000_011, 0.01),
        ] {
            let a = recording(rates.0, 3.0, 0, level, 1);
            // Other starts and labels: the offset is that of the times.
            let b = recording(rates.1, 3.0 + offset_s - 0.25, 250_000_000, level, 2);
            let found = offset(&a, &b).unwrap_or_else(|reason| unreachable!("{rates:?}, {offset_s}: {reason}"));
            let error_s = (found.offset_s - offset_s).abs();
            assert!(error_s < 2e-5 && error_s <= found.uncertainty_s, "{rates:?}, {offset_s}: {found:?}");
        }
    }

    #[test]
    fn other_polarity_changes_nothing() {
        let a = recording(16_000, 3.0, 0, 0.01, 1);
        let mut b = recording(16_000, 3.5, 0, 0.01, 2);
        b.samples.iter_mut().for_each(|sample| *sample *= -0.1);
        let found = offset(&a, &b).expect("a clap");
        assert!((found.offset_s - 0.5).abs() < 2e-5, "{found:?}");
    }

    #[test]
    fn recordings_without_a_common_sound_are_refused() {
        let tone = |rate_hz: u32, hz: f64| {
            let sample = |index: u32| (TAU * hz * f64::from(index) / f64::from(rate_hz)).sin();
            Recording { start_utc_ns: 0, rate_hz, samples: (0..8 * rate_hz).map(sample).collect() }
        };
        let quiet = |rate_hz: u32| Recording { start_utc_ns: 0, rate_hz, samples: vec![0.0; 8 * rate_hz as usize] };
        let only_noise = |seed| recording(16_000, 99.0, 0, 0.1, seed);
        for (case, a, b) in [
            ("noise", only_noise(1), only_noise(2)),
            ("a clap that one hears", recording(16_000, 3.0, 0, 0.1, 1), only_noise(2)),
            ("silence", quiet(16_000), recording(16_000, 3.0, 0, 0.1, 1)),
            ("silence in both", quiet(16_000), quiet(48_000)),
            ("one tone", tone(16_000, 440.0), tone(48_000, 440.0)),
            ("two tones", tone(16_000, 440.0), tone(16_000, 1000.0)),
        ] {
            let refused = offset(&a, &b);
            assert!(refused.is_err(), "{case}: {refused:?}");
        }
        let mut repeated = recording(16_000, 2.0, 0, 0.01, 1);
        let again = recording(16_000, 4.0, 0, 0.01, 3);
        repeated.samples.iter_mut().zip(again.samples).for_each(|(sample, other)| *sample += other);
        assert!(offset(&recording(16_000, 3.0, 0, 0.01, 5), &repeated).is_err(), "a clap that one hears twice");
    }
}
