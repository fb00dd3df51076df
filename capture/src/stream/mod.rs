//! Network streams as sources, read by an ffmpeg child.
//!
//! ffmpeg knows every codec and transport, and what crashes there crashes elsewhere. What it sends is PCM in Matroska, so that each
//! packet keeps its timestamp: raw PCM would close the gaps that lost packets leave. The timestamps are the stream's own (an RTSP
//! camera's sample clock), and [`clock`] finds out how they lie in time.

mod child;
mod clock;
mod complaint;
mod packets;

use std::time::Duration;

use capbuf::{GapReason, SampleFormat, Writer};

use crate::error::{Error, Result};
use crate::instant::utc_of;
use crate::source::{Format, RequestedFormat, RunOutcome, Source};
use crate::stop::Stop;
use child::{Child, Media};
use clock::{Placed, StreamClock};
#[cfg(fuzzing)]
pub use packets::take_apart;
use packets::{Packet, Packets};

/// A stream as a source.
pub(crate) struct StreamSource {
    url: String,
    /// What the server is known to give.
    media: Option<Media>,
    opened: Option<Opened>,
}

struct Opened {
    child: Child,
    packets: Packets,
}

impl StreamSource {
    pub(crate) fn new(url: &str) -> Self {
        Self { url: url.to_owned(), media: None, opened: None }
    }

    fn open_for(&self, media: Media, wish: &RequestedFormat, stop: &Stop) -> Result<Opened> {
        let (child, pipe) = Child::start(&self.url, wish, media)?;
        match Packets::open(pipe, stop, wish.sample_format.unwrap_or(SampleFormat::S16)) {
            Ok(packets) => Ok(Opened { child, packets }),
            Err(ended) => Err(self.lost(child, ended)),
        }
    }

    /// Ends the child, and makes its last words the reason.
    fn lost(&self, child: Child, what: Ended) -> Error {
        let source_name = capbuf::redact(&self.url);
        let words = child.end();
        match (what, complaint::reason(&words, &self.url)) {
            (Ended::Stalled(waited), None) => Error::Stalled { source_name, waited },
            (Ended::Stalled(waited), Some(reason)) => {
                Error::Stream { source_name, reason: format!("nothing came for {waited:?}: {reason}") }
            }
            (Ended::ByItself | Ended::Garbled(_), Some(reason)) => Error::Stream { source_name, reason },
            (Ended::ByItself, None) => Error::Stream { source_name, reason: "the stream ended".to_owned() },
            (Ended::Garbled(reason), None) => Error::Stream { source_name, reason },
        }
    }
}

/// Why no more packets come.
#[derive(Debug)]
enum Ended {
    /// ffmpeg closed its end. Its exit code means nothing: it is 0 when the server was killed, too.
    ByItself,
    /// It went on without sending anything.
    Stalled(Duration),
    /// It sent something that is not the Matroska it was told to send.
    Garbled(String),
}

impl Source for StreamSource {
    fn open(&mut self, wish: &RequestedFormat, stop: &Stop) -> Result<Format> {
        // One child a source: the old one is gone before there is a new one.
        self.opened = None;
        let to_try = match self.media {
            Some(known) => vec![known],
            None => Media::to_try(&self.url).to_vec(),
        };
        let mut failed = Error::Stream { source_name: capbuf::redact(&self.url), reason: "not tried".to_owned() };
        for media in to_try {
            match self.open_for(media, wish, stop) {
                Ok(opened) => {
                    let format = opened.packets.format();
                    self.media = Some(media);
                    self.opened = Some(opened);
                    return Ok(format);
                }
                Err(error) if stop.is_requested() => return Err(error),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    fn run(&mut self, writer: Writer, stop: &Stop) -> Result<RunOutcome> {
        let Some(Opened { child, mut packets }) = self.opened.take() else {
            return Err(Error::Stream {
                source_name: capbuf::redact(&self.url),
                reason: "it was not opened".to_owned(),
            });
        };
        let format = packets.format();
        let mut feed = PacketFeed::new(writer, format);
        let ended = loop {
            match packets.next() {
                Ok(packet) => feed.take(packet, stop)?,
                Err(ended) => break ended,
            }
            if stop.is_requested() {
                break Ended::ByItself;
            }
        };
        if stop.is_requested() {
            return Ok(RunOutcome::Stopped);
        }
        feed.settle()?;
        // The pipe goes first: a child that is being ended must not block on it.
        drop(packets);
        Err(self.lost(child, ended))
    }
}

/// Takes packets to the writer, in their place in time.
struct PacketFeed {
    writer: Writer,
    clock: StreamClock,
    frame_bytes: usize,
    /// Packets that came before the clock had settled.
    held: Vec<(Placed, Packet)>,
    held_bytes: usize,
}

/// However fast a stream begins, no more than this is kept beside its buffer: half a minute of all but the largest formats.
const MOST_HELD_BYTES: usize = 16 << 20;

impl PacketFeed {
    fn new(writer: Writer, format: Format) -> Self {
        let clock = StreamClock::new(format.sample_rate_hz);
        let frame_bytes = format.sample_format.bytes() * usize::from(format.channels);
        Self { writer, clock, frame_bytes, held: Vec::new(), held_bytes: 0 }
    }

    fn take(&mut self, packet: Packet, stop: &Stop) -> Result<()> {
        let frames = (packet.data.len() / self.frame_bytes) as u64;
        if frames == 0 {
            return Ok(());
        }
        let settled = self.clock.is_settled();
        let arrived_ns = self.writer.buffer().clock().monotonic_ns();
        let placed = self.clock.place(packet.timestamp_ns, frames, arrived_ns);
        if !placed.ahead.is_zero() && stop.sleep(placed.ahead) {
            return Ok(());
        }
        if settled {
            return self.write(&placed, &packet);
        }
        self.held_bytes += packet.data.len();
        self.held.push((placed, packet));
        if self.clock.is_settled() || self.held_bytes > MOST_HELD_BYTES { self.settle() } else { Ok(()) }
    }

    /// Writes what was held: not all of it came in real time, and only now is it known when it was captured.
    fn settle(&mut self) -> Result<()> {
        let mut held = std::mem::take(&mut self.held);
        self.held_bytes = 0;
        let buffer = self.writer.buffer();
        self.clock.settle(buffer.clock().monotonic_ns());
        if let Some(newest_utc_ns) = buffer.status().newest_utc_ns {
            // Servers begin with some seconds that are past. After a reconnect those were captured already.
            held.retain(|(placed, _)| utc_of(&**buffer.clock(), self.clock.captured_ns(placed)) >= newest_utc_ns);
        }
        held.iter().try_for_each(|(placed, packet)| self.write(placed, packet))
    }

    fn write(&mut self, placed: &Placed, packet: &Packet) -> Result<()> {
        if let Some(lost) = placed.lost {
            self.writer.gap_for(GapReason::PacketLoss, lost);
        }
        if let Some(unseen) = placed.late {
            self.writer.gap_for(GapReason::Detected, unseen);
        }
        let capture_utc_ns = utc_of(&**self.writer.buffer().clock(), self.clock.captured_ns(placed));
        Ok(self.writer.write_bytes_at(&packet.data, capture_utc_ns)?)
    }
}
