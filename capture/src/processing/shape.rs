//! From the shape that a source has to the one that is wanted: channels, gain, rate.

use rubato::{FftFixedIn, Resampler as _};

use super::{Mix, Processing};
use crate::error::{Error, Result};
use crate::source::{Format, RequestedFormat};

/// How channels become channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Channels {
    AsTheyAre,
    One(usize),
    Average,
    /// The only one in each.
    Repeated(usize),
}

/// What is done to samples, and what it has in hand of them.
pub(super) struct Shape {
    own: Format,
    wanted: Format,
    channels: Channels,
    gain: f64,
    resampler: Option<Resampling>,
}

impl Shape {
    /// # Errors
    /// In words, what the source has, where it can't be made what is wanted.
    pub(super) fn new(
        own: Format,
        wish: &RequestedFormat,
        processing: &Processing,
    ) -> std::result::Result<Self, String> {
        let channels = match (processing.mix, own.channels, wish.channels) {
            (Mix::Channel(number), has, None | Some(1)) if number < has => Channels::One(number.into()),
            (Mix::Average, _, None | Some(1)) | (Mix::Auto, 2.., Some(1)) => Channels::Average,
            (Mix::Auto, 1, Some(wanted @ 2..)) => Channels::Repeated(wanted.into()),
            (Mix::Auto, has, wanted) if wanted.is_none_or(|wanted| wanted == has) => Channels::AsTheyAre,
            (_, has, _) => return Err(format!("{has} channels, any of them alone or the average of all")),
        };
        let count = match channels {
            Channels::AsTheyAre => usize::from(own.channels),
            Channels::One(_) | Channels::Average => 1,
            Channels::Repeated(count) => count,
        };
        let wanted = Format {
            sample_rate_hz: wish.sample_rate_hz.unwrap_or(own.sample_rate_hz),
            channels: u16::try_from(count).unwrap_or(u16::MAX),
            sample_format: wish.sample_format.unwrap_or(own.sample_format),
        };
        let resampler = (wanted.sample_rate_hz != own.sample_rate_hz)
            .then(|| Resampling::new(own.sample_rate_hz, wanted.sample_rate_hz, count))
            .transpose()?;
        let gain = 10_f64.powf(f64::from(processing.gain_db) / 20.0);
        Ok(Self { own, wanted, channels, gain, resampler })
    }

    /// What the source delivers.
    pub(super) fn own(&self) -> Format {
        self.own
    }

    /// What comes out.
    pub(super) fn wanted(&self) -> Format {
        self.wanted
    }

    /// Takes the samples that follow, whose first was captured then; gives samples, and when their first was.
    pub(super) fn process(&mut self, samples: &[f64], utc_ns: i64) -> Result<(Vec<f64>, i64)> {
        let frames = samples.chunks_exact(usize::from(self.own.channels));
        let gain = self.gain;
        let mixed: Vec<f64> = match self.channels {
            Channels::AsTheyAre => samples.iter().map(|sample| sample * gain).collect(),
            Channels::One(number) => frames.map(|frame| frame[number] * gain).collect(),
            Channels::Average => frames.map(|frame| frame.iter().sum::<f64>() / frame.len() as f64 * gain).collect(),
            Channels::Repeated(count) => {
                samples.iter().flat_map(|sample| std::iter::repeat_n(sample * gain, count)).collect()
            }
        };
        match &mut self.resampler {
            Some(resampler) => resampler.process(&mixed, utc_ns),
            None => Ok((mixed, utc_ns)),
        }
    }

    /// Gives what is left of what was taken in: a gap follows, or the end.
    pub(super) fn finish(&mut self) -> Result<(Vec<f64>, i64)> {
        self.resampler.as_mut().map_or(Ok((Vec::new(), 0)), Resampling::finish)
    }

    /// Forgets what was taken in.
    pub(super) fn forget(&mut self) {
        if let Some(resampler) = &mut self.resampler {
            resampler.begin_anew();
        }
    }
}

/// A conversion of the rate, by FFT, whose delay is taken off again.
struct Resampling {
    from_hz: f64,
    to_hz: f64,
    channels: usize,
    resampler: FftFixedIn<f64>,
    /// Interleaved, less than a block.
    in_hand: Vec<f64>,
    /// Frames taken in and given out since it began, the delay not counted.
    taken: u64,
    given: u64,
    /// Frames that are still to be dropped, as they are the filter's beginning.
    to_drop: usize,
    /// When a frame of those taken in was captured.
    known: Option<(u64, i64)>,
}

/// About so many frames are converted at a time, twice: some hundredths of a second.
const BLOCK_FRAMES: usize = 512;

impl Resampling {
    fn new(from_hz: u32, to_hz: u32, channels: usize) -> std::result::Result<Self, String> {
        // Blocks that are whole, and even, on both sides, or half a frame of delay could not be taken off.
        let ratio = (from_hz / common_divisor(from_hz, to_hz)) as usize;
        let block_frames = ratio * BLOCK_FRAMES.div_ceil(ratio).next_multiple_of(2);
        let resampler = FftFixedIn::new(from_hz as usize, to_hz as usize, 2 * block_frames, 2, channels);
        let resampler = resampler.map_err(|error| format!("{from_hz} Hz, which can't become {to_hz} Hz: {error}"))?;
        let to_drop = resampler.output_delay();
        let (from_hz, to_hz) = (f64::from(from_hz), f64::from(to_hz));
        Ok(Self { from_hz, to_hz, channels, resampler, in_hand: Vec::new(), taken: 0, given: 0, to_drop, known: None })
    }

    fn begin_anew(&mut self) {
        self.resampler.reset();
        self.in_hand.clear();
        (self.taken, self.given, self.known) = (0, 0, None);
        self.to_drop = self.resampler.output_delay();
    }

    fn process(&mut self, samples: &[f64], utc_ns: i64) -> Result<(Vec<f64>, i64)> {
        self.known = Some((self.taken + (self.in_hand.len() / self.channels) as u64, utc_ns));
        self.in_hand.extend_from_slice(samples);
        let start_ns = self.next_out_ns();
        let mut out = Vec::new();
        while self.in_hand.len() >= self.resampler.input_frames_next() * self.channels {
            let frames = self.resampler.input_frames_next();
            let block: Vec<f64> = self.in_hand.drain(..frames * self.channels).collect();
            let converted = self.resampler.process(&self.planes(&block), None).map_err(failed)?;
            self.taken += frames as u64;
            self.give(&converted, usize::MAX, &mut out);
        }
        Ok((out, start_ns))
    }

    /// The frames that belong to what was taken in and were not given yet.
    fn finish(&mut self) -> Result<(Vec<f64>, i64)> {
        let mut out = Vec::new();
        let start_ns = self.next_out_ns();
        let block = std::mem::take(&mut self.in_hand);
        let taken = self.taken + (block.len() / self.channels) as u64;
        let due = (taken as f64 * self.to_hz / self.from_hz).round() as u64;
        let mut rest = (!block.is_empty()).then(|| self.planes(&block));
        while self.given < due {
            let planes = rest.take();
            let converted = self.resampler.process_partial(planes.as_deref(), None).map_err(failed)?;
            let left = usize::try_from(due - self.given).unwrap_or(usize::MAX);
            self.give(&converted, left, &mut out);
        }
        self.begin_anew();
        Ok((out, start_ns))
    }

    /// When the next frame that is given was captured.
    fn next_out_ns(&self) -> i64 {
        let Some((frame, utc_ns)) = self.known else { return 0 };
        let behind = self.given as f64 * self.from_hz / self.to_hz - frame as f64;
        utc_ns.saturating_add((behind * 1e9 / self.from_hz) as i64)
    }

    fn planes(&self, samples: &[f64]) -> Vec<Vec<f64>> {
        (0..self.channels)
            .map(|channel| samples.iter().skip(channel).step_by(self.channels).copied().collect())
            .collect()
    }

    fn give(&mut self, planes: &[Vec<f64>], at_most: usize, out: &mut Vec<f64>) {
        let frames = planes.first().map_or(0, Vec::len);
        let dropped = self.to_drop.min(frames);
        self.to_drop -= dropped;
        for frame in (dropped..frames).take(at_most) {
            out.extend(planes.iter().map(|plane| plane[frame]));
            self.given += 1;
        }
    }
}

fn common_divisor(one: u32, other: u32) -> u32 {
    if other == 0 { one.max(1) } else { common_divisor(other, one % other) }
}

fn failed(error: rubato::ResampleError) -> Error {
    Error::Thread { source_name: "resampling".to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use capbuf::SampleFormat;

    use super::*;

    fn format(sample_rate_hz: u32, channels: u16) -> Format {
        Format { sample_rate_hz, channels, sample_format: SampleFormat::F32 }
    }

    fn wish(sample_rate_hz: Option<u32>, channels: Option<u16>) -> RequestedFormat {
        RequestedFormat { sample_rate_hz, channels, sample_format: None }
    }

    #[test]
    fn channels_are_chosen_averaged_and_repeated() {
        for (mix, has, wants, out) in [
            (Mix::Channel(1), 2, None, vec![0.5, 0.7]),
            (Mix::Average, 2, None, vec![0.4, 0.6]),
            (Mix::Auto, 2, Some(1), vec![0.4, 0.6]),
            (Mix::Auto, 1, Some(2), vec![0.3, 0.3, 0.5, 0.5, 0.5, 0.5, 0.7, 0.7]),
        ] {
            let processing = Processing { mix, gain_db: 0.0 };
            let mut shape = Shape::new(format(8000, has), &wish(None, wants), &processing).expect("it can be");
            let (samples, utc_ns) = shape.process(&[0.3, 0.5, 0.5, 0.7], 7).expect("it is");
            assert_eq!((samples.len(), utc_ns), (out.len(), 7));
            assert!(samples.iter().zip(&out).all(|(one, other)| (one - other).abs() < 1e-12), "{mix:?}: {samples:?}");
        }
        let three = Processing { mix: Mix::Channel(2), gain_db: 0.0 };
        assert!(Shape::new(format(8000, 2), &wish(None, None), &three).is_err_and(|has| has.contains("2 channels")));
        assert!(Shape::new(format(8000, 4), &wish(None, Some(2)), &Processing::default()).is_err());
    }

    #[test]
    fn a_gain_is_in_decibels() {
        let louder = Processing { mix: Mix::Auto, gain_db: 20.0 };
        let mut shape = Shape::new(format(8000, 1), &wish(None, None), &louder).expect("it can be");
        let (samples, _) = shape.process(&[0.01], 0).expect("it is");
        assert!((samples[0] - 0.1).abs() < 1e-9);
    }

    #[test]
    fn a_resampled_tone_is_the_same_tone_as_long_at_the_same_time() {
        for (from, to) in [(8000, 48_000), (48_000, 16_000), (44_100, 48_000), (48_000, 44_100), (192_000, 48_000)] {
            let mut shape =
                Shape::new(format(from, 2), &wish(Some(to), None), &Processing::default()).expect("it can be");
            let tone = |rate: u32, n: usize| 0.5 * (std::f64::consts::TAU * 440.0 * n as f64 / f64::from(rate)).sin();
            let start_ns = 1_800_000_000_000_000_000;
            let mut out = Vec::new();
            // In pieces of 37 ms, and for as long as it takes to be none of whole blocks.
            let (piece, total) = (from as usize * 37 / 1000, from as usize * 2 + 77);
            let mut at = 0;
            let check = |(samples, utc_ns): (Vec<f64>, i64), out: &mut Vec<f64>| {
                if !samples.is_empty() {
                    let expected_ns = start_ns + (out.len() as f64 / 2.0 * 1e9 / f64::from(to)) as i64;
                    assert!((utc_ns - expected_ns).abs() < 1000, "{from} to {to}: {} ns off", utc_ns - expected_ns);
                }
                out.extend(samples);
            };
            while at < total {
                let end = total.min(at + piece);
                let samples: Vec<f64> = (at..end).flat_map(|n| [tone(from, n), -tone(from, n)]).collect();
                let at_ns = start_ns + (at as f64 * 1e9 / f64::from(from)) as i64;
                check(shape.process(&samples, at_ns).expect("it is"), &mut out);
                at = end;
            }
            check(shape.finish().expect("it is"), &mut out);
            let frames = (total as f64 * f64::from(to) / f64::from(from)).round() as usize;
            assert_eq!(out.len(), 2 * frames, "{from} to {to}");
            // Away from its ends, where the filter has heard nothing yet.
            let margin = to as usize / 20;
            let worst = (margin..frames - margin)
                .map(|n| (out[2 * n] - tone(to, n)).abs().max((out[2 * n + 1] + tone(to, n)).abs()))
                .fold(0.0, f64::max);
            assert!(worst < 1e-3, "{from} to {to}: off by {worst}");
        }
    }

    #[test]
    fn what_ends_with_a_block_is_whole_too() {
        let mut shape =
            Shape::new(format(44_100, 1), &wish(Some(48_000), None), &Processing::default()).expect("it can be");
        let (first, _) = shape.process(&vec![0.1; 11_760], 0).expect("it is");
        let (rest, _) = shape.finish().expect("it is");
        assert_eq!(first.len() + rest.len(), 12_800);
        assert!(shape.finish().expect("it is").0.is_empty(), "there is nothing left");
    }
}
