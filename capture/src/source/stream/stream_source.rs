//! A network stream as a source.

use std::cell::Cell;
use std::time::{Duration, Instant};

use capbuf::{SampleFormat, Writer};

use super::child::Child;
use super::command_line::{Media, arguments, script};
use super::ended::Ended;
use super::local::OwnServers;
use super::log::{Listed, Log};
use super::options::{StreamOptions, scheme};
use super::packet_writer::PacketWriter;
use super::packets::{Packets, wait_for_output};
use super::sender::{Remembered, SenderClock, Stamps};
use super::silence::Silence;
use super::times::Times;
use super::tracks;
use super::{certificate, complete, diagnostic};
use crate::error::{Error, Result};
use crate::source::contract::{RunOutcome, Source};
use crate::source::format::{Format, RequestedFormat};
use crate::source::processing::output::Output;
use crate::source::remarks::Remarks;
use crate::stop::Stop;

/// The time in which ffmpeg lists the tracks of a stream. Its own timeouts are shorter, and say
/// more.
const LISTED_WITHIN: Duration = Duration::from_secs(30);
/// The time in which a track delivers once the tracks are listed, if the stream has others. A
/// camera's other tracks may be announced and never sent.
const DELIVERS_WITHIN: Duration = Duration::from_secs(2);

/// The number of children that are started to find the track and its format.
const MAX_ATTEMPTS: usize = 8;

/// A stream as a source.
pub(crate) struct StreamSource {
    url: String,
    options: StreamOptions,
    /// The choice that worked last time.
    known: Option<Choice>,
    opened: Option<Opened>,
    remarks: Remarks,
    /// The delay from the sender's time to that of arrival, of the last connection.
    remembered: Remembered,
    /// True if ffmpeg can't write the stamps of this stream.
    is_without_stamps: Cell<bool>,
}

/// The way in which a stream is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Choice {
    media: Media,
    /// `None` for the track that ffmpeg chooses.
    track: Option<u16>,
    codec: SampleFormat,
}

struct Opened {
    child: Child,
    packets: Packets,
    stamps: Option<Stamps>,
    /// The number of audio tracks.
    tracks: usize,
    /// The number of the one that is read.
    track: usize,
    /// The format of the stream, which ffmpeg converts to the requested one.
    declared: Format,
}

/// The outcome of an attempt to open a stream.
enum Attempt {
    Opened(Box<Opened>),
    /// The stream has to be read in another way.
    Again(Choice),
}

impl StreamSource {
    pub(crate) fn new(url: &str, options: &StreamOptions) -> Self {
        Self {
            url: url.to_owned(),
            options: options.clone(),
            known: None,
            opened: None,
            remarks: Remarks::default(),
            remembered: Remembered::default(),
            is_without_stamps: Cell::new(false),
        }
    }

    fn refused(&self, reason: String) -> Error {
        Error::Config { source_name: capbuf::redact(&self.url), reason }
    }

    /// Checks what ffmpeg would not.
    fn check(&self, stop: &Stop) -> Result<()> {
        // The script that names the URL has lines.
        if self.url.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err(self.refused("a URL has no blanks and no control characters".to_owned()));
        }
        if let Some(path) = &self.options.ca_file {
            certificate::check_file(path).map_err(|reason| self.refused(reason))?;
        }
        if certificate::is_unchecked_by_ffmpeg(&self.url, &self.options) {
            let (child, is_trusted) = certificate::connection_to(&self.url, &self.options, stop)?;
            if !is_trusted {
                return Err(self.lost(child, Ended::Closed));
            }
        }
        Ok(())
    }

    fn open_media(&self, media: Media, requested: &RequestedFormat, stop: &Stop) -> Result<(Choice, Opened)> {
        let codec = requested.sample_format.unwrap_or(SampleFormat::S16);
        let first = Choice { media, track: self.options.track, codec };
        let known = self.known.map(|known| Choice { codec: requested.sample_format.unwrap_or(known.codec), ..known });
        let mut known = known.filter(|known| known.media == media && *known != first);
        let mut choice = known.unwrap_or(first);
        let mut silent = Vec::new();
        // A server may list other tracks each time.
        for _ in 0..MAX_ATTEMPTS {
            match self.attempt(choice, &mut silent, requested, stop) {
                Ok(Attempt::Opened(opened)) => return Ok((choice, *opened)),
                Ok(Attempt::Again(other)) => choice = other,
                // The stream may have other tracks than last time.
                Err(_) if known.take().is_some() && !stop.is_requested() => choice = first,
                Err(error) => return Err(error),
            }
        }
        let reason = "none of its audio tracks delivers".to_owned();
        Err(Error::Stream { source_name: capbuf::redact(&self.url), reason })
    }

    /// Opens the stream. `silent` are the tracks that delivered nothing.
    fn attempt(
        &self,
        choice: Choice,
        silent: &mut Vec<usize>,
        requested: &RequestedFormat,
        stop: &Stop,
    ) -> Result<Attempt> {
        let has_stamps = self.has_stamps();
        let arguments = arguments(requested, choice.track, choice.codec, "verbose", has_stamps);
        let script = script(&self.url, &self.options, choice.media);
        let servers = OwnServers::of(&self.url);
        let (child, pipe, stamps) = if has_stamps {
            let (child, pipe, stamps) = Child::start_with_stamps("ffmpeg", &arguments, &script, servers)?;
            (child, pipe, Some(stamps))
        } else {
            let (child, pipe) = Child::start("ffmpeg", &arguments, &script, servers)?;
            (child, pipe, None)
        };
        let Some(Listed { tracks, chosen }) = child.log().wait_for_tracks(stop, LISTED_WITHIN) else {
            return Err(self.lost(child, Ended::Closed));
        };
        let wanted = self.options.track.map(usize::from);
        if tracks.is_empty() {
            return Err(self.without_audio(child.log().has_unknown()));
        }
        if let Some(missing) = wanted.filter(|number| *number >= tracks.len()) {
            let allowed = match tracks.len() {
                1 => "0".to_owned(),
                count => format!("0 to {}", count - 1),
            };
            return Err(self.refused(format!("it has no audio track {missing}; allowed: {allowed}")));
        }
        let preferred = tracks::by_preference(&tracks);
        let untried = |silent: &[usize]| preferred.iter().copied().find(|number| !silent.contains(number));
        let given = choice.track.map(usize::from).filter(|track| *track < tracks.len());
        let Some(best) = wanted.or(given).or_else(|| untried(silent)) else {
            return Err(self.lost(child, Ended::Stalled(DELIVERS_WITHIN)));
        };
        let track = &tracks[best.min(tracks.len() - 1)];
        if let Some(reason) = track.refusal(requested) {
            return Err(self.refused(reason));
        }
        let codec = requested.sample_format.unwrap_or(track.sample_format);
        if chosen.is_some_and(|chosen| chosen != best) || codec != choice.codec {
            let track = if tracks.len() > 1 { u16::try_from(best).ok() } else { choice.track };
            return Ok(Attempt::Again(Choice { track, codec, ..choice }));
        }
        let has_others = wanted.is_none() && silent.len() + 1 < tracks.len();
        if has_others && !wait_for_output(&pipe, stop, DELIVERS_WITHIN) && !stop.is_requested() {
            silent.push(best);
            let Some(next) = untried(silent) else {
                return Err(self.lost(child, Ended::Stalled(DELIVERS_WITHIN)));
            };
            return Ok(Attempt::Again(Choice { track: u16::try_from(next).ok(), ..choice }));
        }
        match Packets::open(pipe, stop, codec) {
            Ok(packets) => {
                let declared = track.format();
                let tracks = tracks.len();
                Ok(Attempt::Opened(Box::new(Opened { child, packets, stamps, tracks, track: best, declared })))
            }
            Err(ended) => Err(self.lost(child, ended)),
        }
    }

    /// A stream without audio. What comes over UDP may not have shown its audio yet.
    fn without_audio(&self, has_unknown: bool) -> Error {
        let reason = if has_unknown { UNKNOWN_CODEC } else { "it has no audio; allowed: a stream with an audio track" }
            .to_owned();
        if scheme(&self.url) == "udp" {
            return Error::Stream { source_name: capbuf::redact(&self.url), reason };
        }
        self.refused(reason)
    }

    fn report_silence(&self, track: usize, tracks: usize) {
        self.remarks.make(format!(
            "audio track {track} is all zeros, and the stream has {tracks}: choose another one by #audio=NUMBER (track)"
        ));
    }

    /// Returns whether the child is asked for the sender's times: only RTSP servers report them.
    fn has_stamps(&self) -> bool {
        let is_wanted = self.options.times.unwrap_or_default() != Times::Arrival;
        is_wanted && scheme(&self.url).starts_with("rtsp") && !self.is_without_stamps.get()
    }

    /// Ends the child, and returns the error, with the reason from its log.
    fn lost(&self, child: Child, ended: Ended) -> Error {
        self.error(&child.end(), ended)
    }

    fn error(&self, log: &Log, ended: Ended) -> Error {
        if log.errors().iter().any(|error| is_of_stamps(error)) {
            self.is_without_stamps.set(true);
        }
        let source_name = capbuf::redact(&self.url);
        let refused = log.refused().map(|refused| diagnostic::without_secrets(&refused, &self.url));
        if let Some(reason) = refused {
            return Error::Stream { source_name, reason };
        }
        match (ended, diagnostic::stream_reason(&log.errors(), &self.url, &self.options)) {
            (Ended::Stalled(waited), None) => Error::Stalled { source_name, waited },
            (Ended::Stalled(waited), Some(reason)) => {
                Error::Stream { source_name, reason: format!("nothing came for {waited:?}: {reason}") }
            }
            (Ended::Closed | Ended::Garbled(_), Some(reason)) => Error::Stream { source_name, reason },
            (Ended::Closed, None) => Error::Stream { source_name, reason: ENDED.to_owned() },
            (Ended::Garbled(reason), None) => Error::Stream { source_name, reason },
        }
    }
}

/// Returns whether an error of ffmpeg is one of its second output.
fn is_of_stamps(error: &str) -> bool {
    ["[nut @", "nut:", "output file #1", "output stream 1:0"].iter().any(|part| error.contains(part))
}

const UNKNOWN_CODEC: &str =
    "it has no audio that ffmpeg knows: the codec of a track is unknown; allowed: a codec that ffmpeg decodes";

/// Returns whether asking for other media changes nothing.
fn is_final(error: &Error) -> bool {
    matches!(error, Error::Config { reason, .. } if reason == UNKNOWN_CODEC)
}

/// The reason of an ffmpeg that ended without an error.
const ENDED: &str = "the stream ended";

fn is_wordless(error: &Error) -> bool {
    matches!(error, Error::Stream { reason, .. } if reason == ENDED)
}

impl Source for StreamSource {
    fn remarks(&self) -> Option<Remarks> {
        Some(self.remarks.clone())
    }

    fn open(&mut self, requested: &RequestedFormat, stop: &Stop) -> Result<Format> {
        // One child per source: the old one ends before a new one starts.
        self.opened = None;
        self.check(stop)?;
        let to_try = match self.known {
            Some(known) => vec![known.media],
            None => Media::to_try(&self.url).to_vec(),
        };
        let (mut failed, began) = (None, Instant::now());
        for media in to_try {
            let had_stamps = self.has_stamps();
            let mut outcome = self.open_media(media, requested, stop);
            if outcome.is_err() && had_stamps && !self.has_stamps() && !stop.is_requested() {
                outcome = self.open_media(media, requested, stop);
            }
            match outcome {
                Ok((choice, opened)) => {
                    let format = opened.packets.format();
                    self.known = Some(choice);
                    self.opened = Some(opened);
                    return Ok(format);
                }
                Err(error) if stop.is_requested() => {
                    // It was stopped before it could fail, perhaps; an error before says more.
                    let said = failed.or_else(|| Some(error).filter(|error| !is_wordless(error)));
                    let nothing = || Error::Stalled { source_name: capbuf::redact(&self.url), waited: began.elapsed() };
                    return Err(said.unwrap_or_else(nothing));
                }
                Err(error) if is_final(&error) => return Err(error),
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.unwrap_or_else(|| self.refused("no way to read it is known".to_owned())))
    }

    fn declared(&self) -> Option<Format> {
        self.opened.as_ref().map(|opened| opened.declared)
    }

    fn run(&mut self, writer: Writer, stop: &Stop) -> Result<RunOutcome> {
        self.run_into(Output::direct(writer), stop)
    }

    fn run_into(&mut self, output: Output, stop: &Stop) -> Result<RunOutcome> {
        let Some(Opened { child, mut packets, stamps, tracks, track, .. }) = self.opened.take() else {
            return Err(Error::Stream {
                source_name: capbuf::redact(&self.url),
                reason: "it was not opened".to_owned(),
            });
        };
        let format = packets.format();
        let frame_bytes = format.sample_format.bytes() * usize::from(format.channels);
        let mut silence = Silence::new(tracks, format.sample_rate_hz, frame_bytes);
        let has_length = || complete::has_length(&self.url, &self.options, stop);
        let is_required = self.options.times == Some(Times::Sender);
        let mut sender = SenderClock::new(stamps, is_required, self.remembered);
        let mut packet_writer = PacketWriter::new(output, format, has_length, &mut sender).by_sender_alone(is_required);
        let ended = loop {
            match packets.next() {
                Ok(packet) => {
                    if silence.add(&packet.data) {
                        self.report_silence(track, tracks);
                    }
                    packet_writer.add(packet, stop)?;
                }
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
        packet_writer.drain(stop)?;
        packet_writer.finish()?;
        drop(packet_writer);
        self.remembered = sender.remembered();
        // Closed first, so that the child does not block on it.
        drop(packets);
        let log = child.end();
        if matches!(ended, Ended::Closed) && complete::is_complete(&log, &self.url, &self.options, stop) {
            return Ok(RunOutcome::Finished);
        }
        Err(self.error(&log, ended))
    }
}
