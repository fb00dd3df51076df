//! The contract between the readers of containers and the decoder of a file.

use capbuf::{MAX_CHANNELS, MAX_SAMPLE_RATE_HZ, Sample, SampleFormat};
use symphonia::core::audio::GenericAudioBufferRef;

use crate::source::encoding::Encoding;

/// The next part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// Samples, at least one frame.
    Audio,
    /// A number of frames that are missing or damaged.
    Lost(u64),
    /// The end. Not all of the file was audio that can be played, for the given reason.
    End(Option<String>),
}

/// The longest loss that is believed, in seconds.
pub(super) const MOST_LOST_S: u64 = 3600;

/// A reader of one kind of container.
pub(super) trait Reader: Send {
    /// Reads the next part; its samples replace those in `samples`.
    ///
    /// # Errors
    /// A reason why the file can't be read any further.
    fn next(&mut self, samples: &mut Samples) -> Result<Part, String>;

    /// Returns the narrowest format that holds all samples. Known once a part was read.
    fn sample_format(&self) -> SampleFormat;
}

/// The samples of a part.
#[derive(Debug, Default)]
pub(super) struct Samples {
    pub(super) sample_rate_hz: u32,
    pub(super) channels: u16,
    pub(super) interleaved: Interleaved,
}

/// Interleaved samples, of one of two types. Integers of fewer than 32 bits are in the high bits,
/// so both types are lossless.
#[derive(Debug, Default)]
pub(super) struct Interleaved {
    integers: Vec<i32>,
    floats: Vec<f32>,
}

impl Interleaved {
    pub(super) fn len(&self) -> usize {
        self.integers.len() + self.floats.len()
    }

    pub(super) fn clear(&mut self) {
        self.integers.clear();
        self.floats.clear();
    }

    /// Returns the memory for integers; the floats are cleared.
    pub(super) fn integers(&mut self) -> &mut Vec<i32> {
        self.floats.clear();
        &mut self.integers
    }

    /// Returns the memory for floats; the integers are cleared.
    pub(super) fn floats(&mut self) -> &mut Vec<f32> {
        self.integers.clear();
        &mut self.floats
    }

    /// Replaces the samples by those in `bytes`. They become floats if they are encoded as such.
    pub(super) fn decode(&mut self, encoding: Encoding, bytes: &[u8]) {
        let count = bytes.len() / encoding.bytes();
        if encoding.buffer_format() == SampleFormat::F32 {
            let floats = self.floats();
            floats.resize(count, 0.0);
            encoding.decode(bytes, floats);
        } else {
            let integers = self.integers();
            integers.resize(count, 0);
            encoding.decode(bytes, integers);
        }
    }

    /// Keeps the samples of a range.
    pub(super) fn keep(&mut self, range: std::ops::Range<usize>) {
        fn keep<S>(samples: &mut Vec<S>, range: &std::ops::Range<usize>) {
            samples.truncate(range.end);
            samples.drain(..range.start.min(samples.len()));
        }
        keep(&mut self.integers, &range);
        keep(&mut self.floats, &range);
    }

    /// Converts samples from the given one on, and returns their number.
    pub(super) fn convert<D: Sample>(&self, first: usize, to: &mut [D]) -> usize {
        match self.floats.get(first..) {
            Some(floats) if !self.floats.is_empty() => capbuf::convert(floats, to),
            _ => capbuf::convert(self.integers.get(first..).unwrap_or_default(), to),
        }
    }
}

impl Samples {
    pub(super) fn frames(&self) -> u64 {
        self.interleaved.len() as u64 / u64::from(self.channels.max(1))
    }

    /// Takes the samples of a decoded packet.
    pub(super) fn fill(&mut self, audio: &GenericAudioBufferRef<'_>) -> Result<(), String> {
        let (rate, channels) = checked(audio.spec().rate(), audio.spec().channels().count())?;
        (self.sample_rate_hz, self.channels) = (rate, channels);
        match audio {
            GenericAudioBufferRef::F32(_) | GenericAudioBufferRef::F64(_) => {
                audio.copy_to_vec_interleaved(self.interleaved.floats());
            }
            _ => audio.copy_to_vec_interleaved(self.interleaved.integers()),
        }
        Ok(())
    }
}

/// Checks the rate and the channels in a header.
///
/// # Errors
/// The reason with the values that are allowed.
pub(super) fn checked(rate: u32, channels: usize) -> Result<(u32, u16), String> {
    if !(1..=MAX_SAMPLE_RATE_HZ).contains(&rate) {
        return Err(format!("its sample rate is {rate} Hz; allowed: 1 to {MAX_SAMPLE_RATE_HZ} Hz"));
    }
    match u16::try_from(channels) {
        Ok(count @ 1..=MAX_CHANNELS) => Ok((rate, count)),
        _ => Err(format!("it has {channels} channels; allowed: 1 to {MAX_CHANNELS}")),
    }
}
