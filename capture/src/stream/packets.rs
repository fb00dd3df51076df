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
        let pipe = ReadOnlySource::new(Pipe { pipe, stop: stop.clone() });
        let stream = MediaSourceStream::new(Box::new(pipe), MediaSourceStreamOptions::default());
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
