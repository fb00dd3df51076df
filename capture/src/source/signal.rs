//! Test signals: a tone, and a signal that encodes the frame number.

use std::f64::consts::TAU;

use capbuf::{Sample, SampleFormat, Writer};

use crate::error::{Error, Result};
use crate::source::contract::{RunOutcome, Source};
use crate::source::format::{Format, RequestedFormat};
use crate::source::pacing::{self, Supplied, Supply};
use crate::source::processing::output::Output;
use crate::stop::Stop;

/// A generated signal as a source. Offers every format.
#[derive(Debug)]
pub(crate) struct SignalSource {
    waveform: Waveform,
}

#[derive(Debug, Clone, Copy)]
enum Waveform {
    Tone { frequency_hz: f64 },
    Position,
}

impl SignalSource {
    pub(crate) fn tone(frequency_hz: f64) -> Self {
        Self { waveform: Waveform::Tone { frequency_hz } }
    }

    pub(crate) fn position() -> Self {
        Self { waveform: Waveform::Position }
    }
}

/// The default format.
const NATIVE: Format = Format { sample_rate_hz: 48_000, channels: 1, sample_format: SampleFormat::S16 };

impl Source for SignalSource {
    fn open(&mut self, requested: &RequestedFormat, _stop: &Stop) -> Result<Format> {
        let format = requested.or(NATIVE);
        if let Waveform::Tone { frequency_hz } = self.waveform {
            let highest_hz = f64::from(format.sample_rate_hz) / 2.0;
            if frequency_hz >= highest_hz {
                return Err(Error::NotOffered {
                    source_name: format!("tone:{frequency_hz}"),
                    requested: format!("sample rate of {} Hz", format.sample_rate_hz),
                    offered: format!("rates above {} Hz", frequency_hz * 2.0),
                });
            }
        }
        Ok(format)
    }

    fn run(&mut self, writer: Writer, stop: &Stop) -> Result<RunOutcome> {
        self.run_into(Output::direct(writer), stop)
    }

    fn run_into(&mut self, output: Output, stop: &Stop) -> Result<RunOutcome> {
        let sample_rate_hz = f64::from(output.format().sample_rate_hz);
        let mut signal = Signal { waveform: self.waveform, sample_rate_hz, frame: output.next_frame() };
        pacing::feed(&mut signal, output, stop)
    }
}

/// A signal, starting at any frame.
#[derive(Debug)]
struct Signal {
    waveform: Waveform,
    sample_rate_hz: f64,
    /// The number of the next frame in the buffer, so that `position:` is right after a restart,
    /// too.
    frame: u64,
}

/// 6 dB below full scale.
const AMPLITUDE: f64 = 0.5;

impl Supply for Signal {
    fn next<D: Sample>(&mut self, chunk: &mut [D], channels: usize) -> Result<Supplied> {
        for frame in chunk.chunks_exact_mut(channels) {
            let sample = match self.waveform {
                Waveform::Tone { frequency_hz } => {
                    // Whole turns are subtracted first, so the phase stays exact over years.
                    let turns = (frequency_hz / self.sample_rate_hz * self.frame as f64).fract();
                    D::from_f32((AMPLITUDE * (TAU * turns).sin()) as f32)
                }
                Waveform::Position => D::from_s32(i32::from(position_sample(self.frame)) << 16),
            };
            frame.fill(sample);
            self.frame += 1;
        }
        Ok(Supplied::Frames(chunk.len() / channels))
    }
}

/// Returns the sample of `position:` at a frame. The factor is odd, so the sample determines the
/// frame number modulo 2^16.
fn position_sample(frame: u64) -> i16 {
    frame.wrapping_mul(40_503) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples<D: Sample>(waveform: Waveform, frame: u64, frames: usize, channels: usize) -> Vec<D> {
        let mut chunk = vec![D::default(); frames * channels];
        let mut signal = Signal { waveform, sample_rate_hz: 48_000.0, frame };
        assert_eq!(signal.next(&mut chunk, channels), Ok(Supplied::Frames(frames)));
        chunk
    }

    #[test]
    fn position_encodes_the_frame_number_in_every_format_and_channel() {
        for (i, sample) in samples::<i16>(Waveform::Position, 7, 100_000, 1).into_iter().enumerate() {
            // 40503 * 30599 = 1 modulo 2^16.
            assert_eq!(sample.cast_unsigned().wrapping_mul(30_599), (i + 7) as u16);
        }
        let stereo: Vec<f32> = samples(Waveform::Position, 0, 1000, 2);
        for (i, frame) in stereo.chunks(2).enumerate() {
            assert_eq!(frame, [f32::from(position_sample(i as u64)) / 32_768.0; 2]);
        }
    }

    #[test]
    fn tone_has_its_frequency_and_level_and_a_continuous_phase() {
        let tone = Waveform::Tone { frequency_hz: 1000.0 };
        let second: Vec<f32> = samples(tone, 0, 48_000, 1);
        let rising = second.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
        assert!((999..=1000).contains(&rising), "{rising}");
        let level = capbuf::Level::of(&second);
        assert!((level.peak - 0.5).abs() < 1e-4 && (level.rms - 0.5 / 2_f32.sqrt()).abs() < 1e-4, "{level:?}");
        assert_eq!(samples::<f32>(tone, 24_000, 100, 1), second[24_000..24_100]);
        let after_a_year: Vec<f32> = samples(tone, 48_000 * 86_400 * 365, 100, 1);
        assert!(after_a_year.iter().zip(&second).all(|(late, early)| (late - early).abs() < 1e-3));
    }

    #[test]
    fn tone_above_half_the_sample_rate_is_refused_with_the_rates_on_offer() {
        let requested = RequestedFormat { sample_rate_hz: Some(8000), ..RequestedFormat::default() };
        let error = SignalSource::tone(4000.0).open(&requested, &Stop::new()).expect_err("no such tone").to_string();
        assert_eq!(error, "tone:4000 has no sample rate of 8000 Hz; it offers rates above 8000 Hz");
        assert!(SignalSource::tone(3999.0).open(&requested, &Stop::new()).is_ok());
    }
}
