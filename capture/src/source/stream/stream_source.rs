//! A network stream as a source.

use capbuf::{SampleFormat, Writer};

use super::child::Child;
use super::command_line::{Media, arguments, script};
use super::diagnostic;
use super::ended::Ended;
use super::options::StreamOptions;
use super::packet_writer::PacketWriter;
use super::packets::Packets;
use crate::error::{Error, Result};
use crate::source::contract::{RunOutcome, Source};
use crate::source::format::{Format, RequestedFormat};
use crate::source::processing::output::Output;
use crate::stop::Stop;

/// A stream as a source.
pub(crate) struct StreamSource {
    url: String,
    options: StreamOptions,
    /// The media that worked last time.
    media: Option<Media>,
    opened: Option<Opened>,
}

struct Opened {
    child: Child,
    packets: Packets,
}

impl StreamSource {
    pub(crate) fn new(url: &str, options: &StreamOptions) -> Self {
        Self { url: url.to_owned(), options: options.clone(), media: None, opened: None }
    }

    fn open_for(&self, media: Media, requested: &RequestedFormat, stop: &Stop) -> Result<Opened> {
        let script = script(&self.url, &self.options, media);
        let (child, pipe) = Child::start("ffmpeg", &arguments(requested, &self.options), &script)?;
        match Packets::open(pipe, stop, requested.sample_format.unwrap_or(SampleFormat::S16)) {
            Ok(packets) => Ok(Opened { child, packets }),
            Err(ended) => Err(self.lost(child, ended)),
        }
    }

    /// Ends the child, and returns the error, with the reason from its standard error.
    fn lost(&self, child: Child, ended: Ended) -> Error {
        let source_name = capbuf::redact(&self.url);
        let stderr = child.end();
        match (ended, diagnostic::reason(&stderr, &self.url)) {
            (Ended::Stalled(waited), None) => Error::Stalled { source_name, waited },
            (Ended::Stalled(waited), Some(reason)) => {
                Error::Stream { source_name, reason: format!("nothing came for {waited:?}: {reason}") }
            }
            (Ended::Closed | Ended::Garbled(_), Some(reason)) => Error::Stream { source_name, reason },
            (Ended::Closed, None) => Error::Stream { source_name, reason: "the stream ended".to_owned() },
            (Ended::Garbled(reason), None) => Error::Stream { source_name, reason },
        }
    }
}

impl Source for StreamSource {
    fn open(&mut self, requested: &RequestedFormat, stop: &Stop) -> Result<Format> {
        // One child per source: the old one ends before a new one starts.
        self.opened = None;
        let to_try = match self.media {
            Some(known) => vec![known],
            None => Media::to_try(&self.url).to_vec(),
        };
        let mut failed = Error::Stream { source_name: capbuf::redact(&self.url), reason: "not tried".to_owned() };
        for media in to_try {
            match self.open_for(media, requested, stop) {
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
        self.run_into(Output::direct(writer), stop)
    }

    fn run_into(&mut self, output: Output, stop: &Stop) -> Result<RunOutcome> {
        let Some(Opened { child, mut packets }) = self.opened.take() else {
            return Err(Error::Stream {
                source_name: capbuf::redact(&self.url),
                reason: "it was not opened".to_owned(),
            });
        };
        let format = packets.format();
        let mut packet_writer = PacketWriter::new(output, format);
        let ended = loop {
            match packets.next() {
                Ok(packet) => packet_writer.add(packet, stop)?,
                Err(ended) => break ended,
            }
            if stop.is_requested() {
                break Ended::Closed;
            }
        };
        if stop.is_requested() {
            // An error means that the buffer was removed.
            let _ = packet_writer.finish();
            return Ok(RunOutcome::Stopped);
        }
        packet_writer.settle()?;
        packet_writer.finish()?;
        // Closed first, so that the child does not block on it.
        drop(packets);
        Err(self.lost(child, ended))
    }
}
