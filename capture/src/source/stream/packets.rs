//! The packets from ffmpeg, with their timestamps.

use std::io::{self, Read};
use std::process::ChildStdout;
use std::time::Duration;

use capbuf::{MAX_CHANNELS, MAX_SAMPLE_RATE_HZ, SampleFormat};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use symphonia::core::errors::Error as DemuxError;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions, ReadOnlySource};
use symphonia::core::units::TimeBase;
use symphonia::default::formats::MkvReader;

use super::ended::Ended;
use crate::source::format::Format;
use crate::stop::Stop;

/// The timeout of a silent pipe: the child hangs. Longer than ffmpeg's own server timeout, whose
/// error says more.
const PIPE_TIMEOUT: Duration = Duration::from_secs(12);
/// The period in which a waiting reader checks for a stop.
const POLL_EVERY: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// The polls of a silent pipe until [`PIPE_TIMEOUT`].
const QUIET_POLLS: u64 = PIPE_TIMEOUT.as_millis() as u64 / (POLL_EVERY.tv_nsec as u64 / 1_000_000);

/// A packet of PCM.
pub(crate) struct Packet {
    /// Time of the first frame on the clock of the stream, which has any origin.
    pub(crate) timestamp_ns: i64,
    /// Whole frames, interleaved, in the requested format.
    pub(crate) data: Box<[u8]>,
}

/// The stream of packets from ffmpeg.
pub(crate) struct Packets {
    reader: MkvReader<'static>,
    track_id: u32,
    time_base: TimeBase,
    format: Format,
}

impl Packets {
    /// Waits until ffmpeg has found audio in the stream, and reads its format.
    pub(crate) fn open(pipe: ChildStdout, stop: &Stop, sample_format: SampleFormat) -> Result<Self, Ended> {
        Self::read(Pipe::new(pipe, stop), sample_format)
    }

    fn read(sent: impl Read + Send + Sync + 'static, sample_format: SampleFormat) -> Result<Self, Ended> {
        let stream = MediaSourceStream::new(Box::new(ReadOnlySource::new(sent)), MediaSourceStreamOptions::default());
        let reader = MkvReader::try_new(stream, FormatOptions::default()).map_err(|error| ended(&error))?;
        let garbled = || Ended::Garbled("ffmpeg does not declare the format it sends".to_owned());
        let track = reader.default_track(TrackType::Audio).ok_or_else(garbled)?;
        let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio()).ok_or_else(garbled)?;
        let sample_rate_hz = parameters.sample_rate.filter(|rate| (1..=MAX_SAMPLE_RATE_HZ).contains(rate));
        let channels = parameters.channels.as_ref().and_then(|channels| u16::try_from(channels.count()).ok());
        let channels = channels.filter(|channels| (1..=MAX_CHANNELS).contains(channels));
        let format = Format {
            sample_rate_hz: sample_rate_hz.ok_or_else(garbled)?,
            channels: channels.ok_or_else(garbled)?,
            sample_format,
        };
        let (track_id, time_base) = (track.id, track.time_base.ok_or_else(garbled)?);
        Ok(Self { reader, track_id, time_base, format })
    }

    /// Returns the format of the packets.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Waits for the next packet.
    pub(crate) fn next(&mut self) -> Result<Packet, Ended> {
        loop {
            let packet = match self.reader.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => return Err(Ended::Closed),
                Err(error) => return Err(ended(&error)),
            };
            if packet.track_id != self.track_id {
                continue;
            }
            let ticks = i128::from(packet.pts.get()) * i128::from(self.time_base.numer.get()) * 1_000_000_000;
            let timestamp_ns = ticks / i128::from(self.time_base.denom.get());
            let timestamp_ns = i64::try_from(timestamp_ns)
                .map_err(|_| Ended::Garbled("ffmpeg sends impossible timestamps".to_owned()))?;
            return Ok(Packet { timestamp_ns, data: packet.data });
        }
    }
}

fn ended(error: &DemuxError) -> Ended {
    match error {
        DemuxError::IoError(error) if error.kind() == io::ErrorKind::TimedOut => Ended::Stalled(PIPE_TIMEOUT),
        DemuxError::IoError(_) => Ended::Closed,
        // Also a child that ends within an element; its standard error says more.
        other => Ended::Garbled(format!("ffmpeg sends invalid data: {other}")),
    }
}

/// A pipe whose reads fail when a stop is requested, and after a timeout.
pub(crate) struct Pipe {
    pipe: ChildStdout,
    stop: Stop,
}

impl Pipe {
    pub(crate) fn new(pipe: ChildStdout, stop: &Stop) -> Self {
        Self { pipe, stop: stop.clone() }
    }
}

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        // Polls are counted instead of time: while the process is stopped, packets wait for it.
        let mut quiet_polls = 0;
        loop {
            if self.stop.is_requested() {
                return Err(io::Error::other("asked to stop"));
            }
            match poll(&mut [PollFd::new(&self.pipe, PollFlags::IN)], Some(&POLL_EVERY)) {
                Ok(0) if quiet_polls >= QUIET_POLLS => return Err(io::ErrorKind::TimedOut.into()),
                Ok(0) => quiet_polls += 1,
                Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return self.pipe.read(into),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Waits until ffmpeg has sent something, or has ended; returns whether it has within `deadline`.
pub(super) fn wait_for_output(pipe: &ChildStdout, stop: &Stop, deadline: Duration) -> bool {
    // Polls are counted, as above.
    let polls = deadline.as_millis() / (POLL_EVERY.tv_nsec as u128 / 1_000_000);
    (0..polls).any(|_| {
        stop.is_requested()
            || poll(&mut [PollFd::new(pipe, PollFlags::IN)], Some(&POLL_EVERY)).is_ok_and(|ready| ready > 0)
    })
}

/// Parses bytes as the output of ffmpeg, and returns the number of packets.
// Public for the fuzzer alone.
#[cfg(any(test, fuzzing))]
#[allow(unreachable_pub)]
pub fn count_packets(sent: &[u8]) -> usize {
    let Ok(mut packets) = Packets::read(io::Cursor::new(sent.to_vec()), SampleFormat::S16) else { return 0 };
    let format = packets.format();
    assert!((1..=MAX_SAMPLE_RATE_HZ).contains(&format.sample_rate_hz) && (1..=MAX_CHANNELS).contains(&format.channels));
    let (mut count, mut bytes) = (0, 0);
    while let Ok(packet) = packets.next() {
        (count, bytes) = (count + 1, bytes + packet.data.len());
        assert!(count <= sent.len() && bytes <= sent.len(), "more output than input");
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tenth of a second of a tone, as sent by ffmpeg.
    const SENT: &[u8] = include_bytes!("../../../fuzz/seeds/packets/tone.mkv");

    #[test]
    fn output_of_ffmpeg_is_parsed() {
        assert!(count_packets(SENT) > 0);
    }

    #[test]
    fn damaged_output_ends_the_stream_without_a_panic() {
        for len in 0..SENT.len() {
            count_packets(&SENT[..len]);
        }
        let mut state = 1_u64;
        let mut next = move |end: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % end
        };
        for _ in 0..3000 {
            let mut garbled = SENT.to_vec();
            for _ in 0..=next(6) {
                // Mostly in the structure at the start: the audio is not parsed.
                let at = if next(4) > 0 { next(700.min(garbled.len())) } else { next(garbled.len()) };
                garbled[at] = [0, 1, 0x7f, 0x80, 0xff, next(256) as u8][next(6)];
            }
            count_packets(&garbled);
        }
    }
}
