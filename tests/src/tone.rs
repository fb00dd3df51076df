//! Measures a recorded tone: its frequency, and how true its times are.

use std::f64::consts::TAU;

/// The samples of one spectrum.
const SPAN: usize = 4096;

/// Finds the strongest frequency, in hertz, to within a few hertz; 0 for silence.
///
/// The median over the up to 15 loudest spans of 4096 samples: a click or a lost packet falsifies
/// only its own span.
pub fn dominant_frequency(samples: &[f32], sample_rate_hz: u32) -> f64 {
    let energy = |span: &[f32]| span.iter().map(|sample| f64::from(sample * sample)).sum::<f64>();
    let spans = samples.chunks(SPAN).filter(|span| span.len() == samples.len().min(SPAN));
    let mut spans: Vec<_> = spans.map(|span| (energy(span), span)).collect();
    spans.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let Some(&(most, _)) = spans.first().filter(|(most, _)| *most > 0.0) else { return 0.0 };

    let loudest = spans.iter().take(15).take_while(|(energy, _)| *energy >= most / 4.0);
    let mut frequencies: Vec<f64> = loudest.map(|(_, span)| peak(span)).collect();
    frequencies.sort_by(f64::total_cmp);
    frequencies[frequencies.len() / 2] * f64::from(sample_rate_hz)
}

/// Finds the peak of a span's spectrum, in cycles per sample.
fn peak(samples: &[f32]) -> f64 {
    let length = samples.len();
    // A window that fades in and out: without it, a tone between two bins leaks into all bins.
    let faded: Vec<f64> = (0..length)
        .map(|i| f64::from(samples[i]) * (0.5 - 0.5 * (TAU * (i as f64 + 0.5) / length as f64).cos()))
        .collect();
    let bins: Vec<f64> = (0..length / 2).map(|bin| power_at(&faded, bin as f64 / length as f64)).collect();
    let Some(top) = (1..bins.len().saturating_sub(1)).max_by(|&a, &b| bins[a].total_cmp(&bins[b])) else { return 0.0 };

    // Interpolates between the bins by a parabola through the logarithms of three of them.
    let [left, middle, right] = [top - 1, top, top + 1].map(|bin| bins[bin].max(f64::MIN_POSITIVE).ln());
    let curvature = left - 2.0 * middle + right;
    let shift = if curvature < 0.0 { 0.5 * (left - right) / curvature } else { 0.0 };
    (top as f64 + shift) / length as f64
}

/// Measures the power at a frequency in cycles per sample, by Goertzel's algorithm.
fn power_at(samples: &[f64], frequency: f64) -> f64 {
    let coefficient = 2.0 * (TAU * frequency).cos();
    let (mut last, mut before) = (0.0, 0.0);
    for sample in samples {
        (last, before) = (sample + coefficient * last - before, last);
    }
    last * last + before * before - coefficient * last * before
}

/// Measures how late a recording is labelled at each change between loud and quiet, in ns; negative
/// is early.
///
/// `samples` are a recording without a gap of a `pattern/` mount of an
/// [`RtspServer`](crate::RtspServer), whose tone is loud in the first 300 ms of each second of UTC.
/// `start_ns` is the UTC time that the recording claims for the first sample.
pub fn lateness_ns(samples: &[f32], sample_rate_hz: u32, start_ns: i64) -> Vec<i64> {
    const SECOND_NS: i64 = 1_000_000_000;
    const LOUD_NS: i64 = 300_000_000;
    // Five periods of the tone: enough to hold its crests, short enough to resolve 5 ms.
    let block = (sample_rate_hz as usize / 200).max(1);
    let levels: Vec<f32> = samples
        .chunks(block)
        .map(|block| block.iter().fold(0.0, |level: f32, sample| level.max(sample.abs())))
        .collect();
    let threshold = levels.iter().fold(0.0, |level: f32, &other| level.max(other)) / 4.0;

    let mut lateness = Vec::new();
    for (i, pair) in levels.windows(2).enumerate() {
        let change_ns = match (pair[0] >= threshold, pair[1] >= threshold) {
            (false, true) => 0,
            (true, false) => LOUD_NS,
            _ => continue,
        };
        let found_ns = start_ns + ((i + 1) * block) as i64 * SECOND_NS / i64::from(sample_rate_hz);
        // Measured from the nearest second: the change does not show which one it belongs to.
        lateness.push((found_ns - change_ns + SECOND_NS / 2).rem_euclid(SECOND_NS) - SECOND_NS / 2);
    }
    lateness
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(frequency_hz: f64, sample_rate_hz: u32, length: usize) -> Vec<f32> {
        (0..length).map(|i| (TAU * frequency_hz * i as f64 / f64::from(sample_rate_hz)).sin() as f32).collect()
    }

    #[test]
    fn frequency_of_a_tone_is_found_to_a_hertz() {
        for (frequency_hz, sample_rate_hz) in [(1000.0, 48_000), (997.3, 44_100), (440.0, 8_000), (3_000.0, 16_000)] {
            let found = dominant_frequency(&sine(frequency_hz, sample_rate_hz, 9_000), sample_rate_hz);
            assert!((found - frequency_hz).abs() < 1.0, "{found} Hz for {frequency_hz} Hz");
        }
    }

    #[test]
    fn break_in_a_tone_does_not_change_its_frequency() {
        let mut samples = sine(1_000.0, 48_000, 40_000);
        samples.drain(2_000..2_024);
        samples[2_500] = 20.0;
        let found = dominant_frequency(&samples, 48_000);
        assert!((found - 1_000.0).abs() < 1.0, "{found} Hz");
    }

    #[test]
    fn silence_has_no_frequency() {
        assert_eq!(dominant_frequency(&[0.0; 5_000], 48_000), 0.0);
        assert_eq!(dominant_frequency(&[], 48_000), 0.0);
    }

    #[test]
    fn lateness_of_a_pattern_is_measured_with_its_sign() {
        let mut samples = sine(1_000.0, 8_000, 16_000);
        for (i, sample) in samples.iter_mut().enumerate() {
            *sample *= if i % 8_000 < 2_400 { 0.5 } else { 0.005 };
        }
        for late_ns in [0, 120_000_000, -120_000_000] {
            let lateness = lateness_ns(&samples, 8_000, 1_700_000_000_000_000_000 + late_ns);
            assert_eq!(lateness.len(), 3, "falls, rises, falls");
            assert!(lateness.iter().all(|found| (found - late_ns).abs() <= 5_000_000), "{lateness:?}");
        }
    }
}
