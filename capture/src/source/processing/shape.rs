//! Conversion from the format of a source to the requested one: channels, gain, rate.

use super::mix::{Mix, Processing};
use super::resample::Resampler;
use crate::error::Result;
use crate::source::format::{Format, RequestedFormat};

/// The most frames to be converted at a time; more than these grow the memory.
pub(super) const BLOCK_FRAMES: usize = 1024;

/// The conversion of channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Channels {
    Unchanged,
    One(usize),
    Average,
    /// The only one, this many times.
    Repeated(usize),
}

/// A conversion, with the samples it holds.
pub(super) struct Shape {
    native: Format,
    output: Format,
    channels: Channels,
    gain: f64,
    resampler: Option<Resampler>,
    /// A block after mix and gain.
    mixed: Vec<f64>,
}

impl Shape {
    /// # Errors
    /// A description of the formats on offer, if the requested one cannot be made.
    pub(super) fn new(
        native: Format,
        requested: &RequestedFormat,
        processing: &Processing,
    ) -> std::result::Result<Self, String> {
        let channels = match (processing.mix, native.channels, requested.channels) {
            (Mix::Channel(number), has, None | Some(1)) if number < has => Channels::One(number.into()),
            (Mix::Average, _, None | Some(1)) | (Mix::Auto, 2.., Some(1)) => Channels::Average,
            (Mix::Auto, 1, Some(wanted @ 2..)) => Channels::Repeated(wanted.into()),
            (Mix::Auto, has, wanted) if wanted.is_none_or(|wanted| wanted == has) => Channels::Unchanged,
            (_, has, _) => return Err(format!("{has} channels, any of them alone or the average of all")),
        };
        let count = match channels {
            Channels::Unchanged => usize::from(native.channels),
            Channels::One(_) | Channels::Average => 1,
            Channels::Repeated(count) => count,
        };
        let output = Format {
            sample_rate_hz: requested.sample_rate_hz.unwrap_or(native.sample_rate_hz),
            channels: u16::try_from(count).unwrap_or(u16::MAX),
            sample_format: requested.sample_format.unwrap_or(native.sample_format),
        };
        let resampler = (output.sample_rate_hz != native.sample_rate_hz)
            .then(|| Resampler::new(native.sample_rate_hz, output.sample_rate_hz, count))
            .transpose()?;
        let gain = 10_f64.powf(f64::from(processing.gain_db) / 20.0);
        let mixed = Vec::with_capacity(BLOCK_FRAMES * count);
        Ok(Self { native, output, channels, gain, resampler, mixed })
    }

    /// Returns the format of the source.
    pub(super) fn native(&self) -> Format {
        self.native
    }

    /// Returns the format after conversion.
    pub(super) fn output(&self) -> Format {
        self.output
    }

    /// Returns the most frames that a block of `in_frames` frames becomes.
    pub(super) fn most_out_frames(&self, in_frames: usize) -> usize {
        self.resampler.as_ref().map_or(in_frames, Resampler::most_out_frames)
    }

    /// Returns an estimate of its memory.
    pub(super) fn bytes(&self) -> usize {
        self.mixed.capacity() * size_of::<f64>() + self.resampler.as_ref().map_or(0, Resampler::bytes)
    }

    /// Converts the next samples, the first captured at `utc_ns`; passes on the samples that are
    /// complete thereby, and their capture time, block by block.
    pub(super) fn process(
        &mut self,
        samples: &[f64],
        utc_ns: i64,
        mut emit: impl FnMut(&[f64], i64) -> Result<()>,
    ) -> Result<()> {
        let frames = samples.chunks_exact(usize::from(self.native.channels));
        let (gain, mixed) = (self.gain, &mut self.mixed);
        mixed.clear();
        match self.channels {
            Channels::Unchanged => mixed.extend(samples.iter().map(|sample| sample * gain)),
            Channels::One(number) => mixed.extend(frames.map(|frame| frame[number] * gain)),
            Channels::Average => {
                mixed.extend(frames.map(|frame| frame.iter().sum::<f64>() / frame.len() as f64 * gain));
            }
            Channels::Repeated(count) => {
                mixed.extend(samples.iter().flat_map(|sample| std::iter::repeat_n(sample * gain, count)));
            }
        }
        match &mut self.resampler {
            Some(resampler) => resampler.process(mixed, utc_ns, emit),
            None => emit(mixed, utc_ns),
        }
    }

    /// Passes on the rest of the converted samples, before a gap or the end.
    pub(super) fn finish(&mut self, emit: impl FnMut(&[f64], i64) -> Result<()>) -> Result<()> {
        self.resampler.as_mut().map_or(Ok(()), |resampler| resampler.finish(emit))
    }

    /// Discards the samples it holds.
    pub(super) fn reset(&mut self) {
        if let Some(resampler) = &mut self.resampler {
            resampler.reset();
        }
    }
}

#[cfg(test)]
mod tests {
    use capbuf::SampleFormat;

    use super::*;

    fn format(sample_rate_hz: u32, channels: u16) -> Format {
        Format { sample_rate_hz, channels, sample_format: SampleFormat::F32 }
    }

    fn requested(sample_rate_hz: Option<u32>, channels: Option<u16>) -> RequestedFormat {
        RequestedFormat { sample_rate_hz, channels, sample_format: None }
    }

    /// Collects converted samples, and the time of the first.
    fn collect(convert: impl FnOnce(&mut dyn FnMut(&[f64], i64) -> Result<()>) -> Result<()>) -> (Vec<f64>, i64) {
        let (mut all, mut start_ns) = (Vec::new(), None);
        let mut emit = |samples: &[f64], utc_ns: i64| {
            start_ns.get_or_insert(utc_ns);
            all.extend_from_slice(samples);
            Ok(())
        };
        convert(&mut emit).expect("converted");
        (all, start_ns.unwrap_or(0))
    }

    fn process(shape: &mut Shape, samples: &[f64], utc_ns: i64) -> (Vec<f64>, i64) {
        collect(|emit| shape.process(samples, utc_ns, emit))
    }

    fn finish(shape: &mut Shape) -> (Vec<f64>, i64) {
        collect(|emit| shape.finish(emit))
    }

    #[test]
    fn channels_are_selected_averaged_and_repeated() {
        for (mix, has, wants, out) in [
            (Mix::Channel(1), 2, None, vec![0.5, 0.7]),
            (Mix::Average, 2, None, vec![0.4, 0.6]),
            (Mix::Auto, 2, Some(1), vec![0.4, 0.6]),
            (Mix::Auto, 1, Some(2), vec![0.3, 0.3, 0.5, 0.5, 0.5, 0.5, 0.7, 0.7]),
        ] {
            let processing = Processing { mix, gain_db: 0.0, latency_ns: 0 };
            let mut shape = Shape::new(format(8000, has), &requested(None, wants), &processing).expect("valid");
            let (samples, utc_ns) = process(&mut shape, &[0.3, 0.5, 0.5, 0.7], 7);
            assert_eq!((samples.len(), utc_ns), (out.len(), 7));
            assert!(samples.iter().zip(&out).all(|(one, other)| (one - other).abs() < 1e-12), "{mix:?}: {samples:?}");
        }
        let three = Processing { mix: Mix::Channel(2), gain_db: 0.0, latency_ns: 0 };
        assert!(
            Shape::new(format(8000, 2), &requested(None, None), &three).is_err_and(|has| has.contains("2 channels"))
        );
        assert!(Shape::new(format(8000, 4), &requested(None, Some(2)), &Processing::default()).is_err());
    }

    #[test]
    fn gain_is_in_decibels() {
        let louder = Processing { mix: Mix::Auto, gain_db: 20.0, latency_ns: 0 };
        let mut shape = Shape::new(format(8000, 1), &requested(None, None), &louder).expect("valid");
        let (samples, _) = process(&mut shape, &[0.01], 0);
        assert!((samples[0] - 0.1).abs() < 1e-9);
    }

    #[test]
    fn resampling_keeps_tone_duration_and_time() {
        for (from, to) in [(8000, 48_000), (48_000, 16_000), (44_100, 48_000), (48_000, 44_100), (192_000, 48_000)] {
            let mut shape =
                Shape::new(format(from, 2), &requested(Some(to), None), &Processing::default()).expect("valid");
            let tone = |rate: u32, n: usize| 0.5 * (std::f64::consts::TAU * 440.0 * n as f64 / f64::from(rate)).sin();
            let start_ns = 1_800_000_000_000_000_000;
            let mut out = Vec::new();
            // In parts of 37 ms; the total is no multiple of a block.
            let (part, total) = (from as usize * 37 / 1000, from as usize * 2 + 77);
            let mut at = 0;
            let check = |(samples, utc_ns): (Vec<f64>, i64), out: &mut Vec<f64>| {
                if !samples.is_empty() {
                    let expected_ns = start_ns + (out.len() as f64 / 2.0 * 1e9 / f64::from(to)) as i64;
                    assert!((utc_ns - expected_ns).abs() < 1000, "{from} to {to}: {} ns off", utc_ns - expected_ns);
                }
                out.extend(samples);
            };
            while at < total {
                let end = total.min(at + part);
                let samples: Vec<f64> = (at..end).flat_map(|n| [tone(from, n), -tone(from, n)]).collect();
                let at_ns = start_ns + (at as f64 * 1e9 / f64::from(from)) as i64;
                check(process(&mut shape, &samples, at_ns), &mut out);
                at = end;
            }
            check(finish(&mut shape), &mut out);
            let frames = (total as f64 * f64::from(to) / f64::from(from)).round() as usize;
            assert_eq!(out.len(), 2 * frames, "{from} to {to}");
            // Without the ends, where the filter is not settled.
            let margin = to as usize / 20;
            let worst = (margin..frames - margin)
                .map(|n| (out[2 * n] - tone(to, n)).abs().max((out[2 * n + 1] + tone(to, n)).abs()))
                .fold(0.0, f64::max);
            assert!(worst < 1e-3, "{from} to {to}: off by {worst}");
        }
    }

    #[test]
    fn whole_number_of_blocks_is_complete() {
        let mut shape =
            Shape::new(format(44_100, 1), &requested(Some(48_000), None), &Processing::default()).expect("valid");
        let (first, _) = process(&mut shape, &vec![0.1; 11_760], 0);
        let (rest, _) = finish(&mut shape);
        assert_eq!(first.len() + rest.len(), 12_800);
        assert!(finish(&mut shape).0.is_empty(), "nothing is left");
    }
}
