//! The packets that ffmpeg sends, with their timestamps.

use std::io::{self, Read};
use std::process::ChildStdout;
use std::time::{Duration, Instant};

use capbuf::{MAX_CHANNELS, MAX_SAMPLE_RATE_HZ, SampleFormat};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use symphonia::core::errors::Error as DemuxError;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions, ReadOnlySource};
use symphonia::core::units::TimeBase;
use symphonia::default::formats::MkvReader;

use super::Ended;
use crate::source::Format;
use crate::stop::Stop;

/// A pipe that is silent for so long belongs to a child that hangs. Longer than ffmpeg's own patience with a server, which says
/// more about the reason.
const SILENT_FOR: Duration = Duration::from_secs(12);
/// How often a reader that waits looks whether it is to stop.
const LOOK_EVERY: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// Some PCM and when it is from.
pub(super) struct Packet {
    /// On the stream's own clock, which begins anywhere.
    pub(super) timestamp_ns: i64,
    /// Whole frames, interleaved, in the format that was asked.
    pub(super) data: Box<[u8]>,
}

/// What ffmpeg sends, packet by packet.
pub(super) struct Packets {
    reader: MkvReader<'static>,
    track_id: u32,
    time_base: TimeBase,
    format: Format,
}

impl Packets {
    /// Waits until ffmpeg has found audio in the stream and tells its shape.
    pub(super) fn open(pipe: ChildStdout, stop: &Stop, sample_format: SampleFormat) -> Result<Self, Ended> {
        Self::of(Pipe { pipe, stop: stop.clone() }, sample_format)
    }

    fn of(sent: impl Read + Send + Sync + 'static, sample_format: SampleFormat) -> Result<Self, Ended> {
        let stream = MediaSourceStream::new(Box::new(ReadOnlySource::new(sent)), MediaSourceStreamOptions::default());
        let reader = MkvReader::try_new(stream, FormatOptions::default()).map_err(|error| ended(&error))?;
        let garbled = || Ended::Garbled("ffmpeg does not tell what it sends".to_owned());
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

    /// What the packets hold.
    pub(super) fn format(&self) -> Format {
        self.format
    }

    /// Waits for the next packet.
    pub(super) fn next(&mut self) -> Result<Packet, Ended> {
        loop {
            let packet = match self.reader.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => return Err(Ended::ByItself),
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
        DemuxError::IoError(error) if error.kind() == io::ErrorKind::TimedOut => Ended::Stalled(SILENT_FOR),
        DemuxError::IoError(_) => Ended::ByItself,
        // A child that ends in the middle of an element leaves one that can't be read, too; its words tell more.
        other => Ended::Garbled(format!("ffmpeg sends what can't be read: {other}")),
    }
}

/// A pipe that gives up when it is asked to stop and when nothing comes.
struct Pipe {
    pipe: ChildStdout,
    stop: Stop,
}

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let since = Instant::now();
        loop {
            if self.stop.is_requested() {
                return Err(io::Error::other("asked to stop"));
            }
            match poll(&mut [PollFd::new(&self.pipe, PollFlags::IN)], Some(&LOOK_EVERY)) {
                Ok(0) if since.elapsed() > SILENT_FOR => return Err(io::ErrorKind::TimedOut.into()),
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return self.pipe.read(into),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Takes bytes for what ffmpeg sends, and goes through them to their end: how many packets there were.
// Public for the fuzzer alone.
#[cfg(any(test, fuzzing))]
#[allow(unreachable_pub)]
pub fn take_apart(sent: &[u8]) -> usize {
    let Ok(mut packets) = Packets::of(io::Cursor::new(sent.to_vec()), SampleFormat::S16) else { return 0 };
    let format = packets.format();
    assert!((1..=MAX_SAMPLE_RATE_HZ).contains(&format.sample_rate_hz) && (1..=MAX_CHANNELS).contains(&format.channels));
    let (mut count, mut bytes) = (0, 0);
    while let Ok(packet) = packets.next() {
        (count, bytes) = (count + 1, bytes + packet.data.len());
        assert!(count <= sent.len() && bytes <= sent.len(), "more came out than went in");
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tenth of a second of a tone, as ffmpeg sends it.
    const SENT: &[u8] = include_bytes!("../../fuzz/seeds/packets/tone.mkv");

    #[test]
    fn what_ffmpeg_sends_is_taken_apart() {
        assert!(take_apart(SENT) > 0);
    }

    #[test]
    fn what_ffmpeg_never_sends_ends_the_stream_and_nothing_else() {
        for len in 0..SENT.len() {
            take_apart(&SENT[..len]);
        }
        let mut state = 1_u64;
        let mut next = move |end: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % end
        };
        for _ in 0..3000 {
            let mut garbled = SENT.to_vec();
            for _ in 0..=next(6) {
                // Mostly where the structure is: the audio means nothing to who takes it apart.
                let at = if next(4) > 0 { next(700.min(garbled.len())) } else { next(garbled.len()) };
                garbled[at] = [0, 1, 0x7f, 0x80, 0xff, next(256) as u8][next(6)];
            }
            take_apart(&garbled);
        }
    }
}
