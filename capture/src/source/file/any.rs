//! Files of all other kinds, read by ffmpeg. It sends the audio through a pipe, with time stamps,
//! so dropped frames show as a hole.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use capbuf::SampleFormat;

use super::input::Input;
use super::ogg::Structure;
use super::reader::{MOST_LOST_S, Part, Reader, Samples, checked};
use crate::error::{Error, Result};
use crate::source::encoding::Encoding;
use crate::source::stream::child::Child;
use crate::source::stream::command_line::{CONTAINERS, OUTPUT, codec_name};
use crate::source::stream::diagnostic::reason;
use crate::source::stream::ended::Ended;
use crate::source::stream::local::OwnServers;
use crate::source::stream::packets::{Packets, Pipe};
use crate::stop::Stop;

/// A file that ffmpeg reads.
pub(super) struct Any {
    /// The name of the file for ffmpeg.
    name: String,
    /// `None` after the end.
    child: Option<Child>,
    packets: Option<Packets>,
    sample_format: SampleFormat,
    holes: Holes,
    /// A packet behind a hole.
    held: Option<Box<[u8]>>,
    path: PathBuf,
    /// The file has several links; `None` until this was looked at.
    is_chained: Option<bool>,
}

/// The largest single allocation of ffmpeg, in bytes.
const MOST_ALLOCATED: &str = "268435456";
/// The most bytes of a description.
const MOST_DESCRIBED: u64 = 1 << 16;

impl Any {
    /// Opens a file whose content begins at the position `begin`.
    pub(super) fn open(path: &Path, begin: u64, stop: &Stop) -> Result<Self> {
        let protocol = match begin {
            0 => "file:".to_owned(),
            // Its own positions count from there.
            begin => format!("subfile,,start,{begin},end,0,,:"),
        };
        let file: OsString = [protocol.into(), path.as_os_str().to_owned()].into_iter().collect();
        let name = file.to_string_lossy().into_owned();
        let track = describe(path, &file, stop)?;
        let mut arguments = input_options();
        arguments.extend(["-nostdin".into(), "-i".into(), file, "-map".into(), format!("0:{}", track.index).into()]);
        let codec = codec_name(track.sample_format);
        arguments.extend(["-map_metadata", "-1", "-map_chapters", "-1", "-c:a", codec].map(OsString::from));
        arguments.extend(OUTPUT.map(OsString::from));
        let (child, pipe) = Child::start("ffmpeg", &arguments, "", OwnServers::default())?;
        let packets = match Packets::open(pipe, stop, track.sample_format) {
            Ok(packets) => packets,
            Err(ended) => return Err(Error::unreadable(path, why(ended, &child.end().last_errors(), &name))),
        };
        let holes = Holes::new(packets.format().sample_rate_hz);
        Ok(Self {
            name,
            child: Some(child),
            packets: Some(packets),
            sample_format: track.sample_format,
            holes,
            held: None,
            path: path.to_owned(),
            is_chained: None,
        })
    }

    fn supply(&self, bytes: &[u8], samples: &mut Samples) -> Part {
        samples.interleaved.decode(Encoding::little_endian(self.sample_format), bytes);
        if let Some(packets) = &self.packets {
            (samples.sample_rate_hz, samples.channels) = (packets.format().sample_rate_hz, packets.format().channels);
        }
        Part::Audio
    }

    /// Returns whether the file is an Ogg file of several links.
    fn is_chained(&mut self) -> bool {
        *self.is_chained.get_or_insert_with(|| ogg(&self.path).is_chained())
    }

    /// Ends the child, and returns the end of the file.
    fn finish(&mut self, ended: Ended) -> std::result::Result<Part, String> {
        // Closed first, so that the child does not block on it.
        self.packets = None;
        let Some(child) = self.child.take() else { return Ok(Part::End(None)) };
        if !matches!(ended, Ended::Closed) {
            return Err(why(ended, &child.end().last_errors(), &self.name));
        }
        let (succeeded, log) = child.finish();
        let seen = self.holes.found;
        Ok(Part::End(match reason(&log.last_errors(), &self.name) {
            Some(reason) if !seen || !succeeded => Some(format!("ffmpeg reports: {reason}")),
            None if !succeeded => Some("ffmpeg ended in the middle of it".to_owned()),
            // ffmpeg says nothing of this.
            _ if ogg(&self.path).ends_within_page() => Some("it is cut off".to_owned()),
            _ => None,
        }))
    }
}

impl Reader for Any {
    fn next(&mut self, samples: &mut Samples) -> std::result::Result<Part, String> {
        if let Some(held) = self.held.take() {
            return Ok(self.supply(&held, samples));
        }
        loop {
            let Some(packets) = &mut self.packets else { return Ok(Part::End(None)) };
            let packet = match packets.next() {
                Ok(packet) => packet,
                Err(ended) => return self.finish(ended),
            };
            let frames = packet.data.len() / (self.sample_format.bytes() * usize::from(packets.format().channels));
            if frames == 0 {
                continue;
            }
            match self.holes.before(packet.timestamp_ns, frames as u64)? {
                0 => return Ok(self.supply(&packet.data, samples)),
                // The time stamps of a second link count from anywhere.
                _ if self.is_chained() => return Ok(self.supply(&packet.data, samples)),
                lost => {
                    self.held = Some(packet.data);
                    return Ok(Part::Lost(lost));
                }
            }
        }
    }

    fn sample_format(&self) -> SampleFormat {
        self.sample_format
    }
}

/// The options before an input: it must not make ffmpeg open another file, nor the network.
fn input_options() -> Vec<OsString> {
    [
        "-hide_banner",
        "-loglevel",
        "repeat+level+error",
        "-max_alloc",
        MOST_ALLOCATED,
        "-protocol_whitelist",
        "file,subfile",
    ]
    .into_iter()
    .chain(["-format_whitelist", CONTAINERS])
    .map(OsString::from)
    .collect()
}

/// Returns the structure of a file, if it is an Ogg file.
fn ogg(path: &Path) -> Structure {
    let opened = File::open(path).map_err(|error| error.to_string()).and_then(|file| Input::new(Box::new(file)));
    opened.and_then(|mut input| Structure::of(&mut input)).unwrap_or_default()
}

fn why(ended: Ended, errors: &[String], name: &str) -> String {
    match (reason(errors, name), ended) {
        (Some(reason), _) => reason,
        (None, Ended::Closed) => "ffmpeg finds no audio in it".to_owned(),
        (None, Ended::Stalled(waited)) => format!("ffmpeg sent nothing for {waited:?}"),
        (None, Ended::Garbled(reason)) => reason,
    }
}

/// An audio track, as ffprobe describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Track {
    index: String,
    sample_format: SampleFormat,
    is_default: bool,
    channels: u16,
}

/// Returns the track that ffmpeg would choose.
fn describe(path: &Path, file: &OsString, stop: &Stop) -> Result<Track> {
    const ENTRIES: &str = "stream=index,sample_fmt,bits_per_raw_sample,bits_per_sample,sample_rate,channels:\
                           stream_disposition=default";
    let mut arguments = input_options();
    arguments
        .extend(["-select_streams", "a", "-show_entries", ENTRIES, "-of", "default=nw=1", "-i"].map(OsString::from));
    arguments.push(file.clone());
    let (child, pipe) = Child::start("ffprobe", &arguments, "", OwnServers::default())?;
    let mut described = String::new();
    let read = Pipe::new(pipe, stop).take(MOST_DESCRIBED).read_to_string(&mut described);
    let errors = child.end().last_errors();
    let unknown = || "not audio in a known format: it is no WAV, FLAC, Ogg Vorbis or MP3".to_owned();
    let refused = || match reason(&errors, &file.to_string_lossy()) {
        Some(reason) if reason.contains("Format not on whitelist") => {
            format!("{}, but a playlist or another kind that may not be read", unknown())
        }
        Some(reason) => format!("{}, and ffmpeg finds none in it: {reason}", unknown()),
        None => format!("{}, and ffmpeg finds none in it", unknown()),
    };
    read.map_err(|error| Error::unreadable(path, error))?;
    choose(&described).and_then(|track| track.ok_or_else(refused)).map_err(|reason| Error::unreadable(path, reason))
}

fn choose(described: &str) -> std::result::Result<Option<Track>, String> {
    let mut tracks: Vec<Vec<(&str, &str)>> = Vec::new();
    for (key, value) in described.lines().filter_map(|line| line.trim().split_once('=')) {
        if key == "index" {
            tracks.push(Vec::new());
        }
        if let Some(track) = tracks.last_mut() {
            track.push((key, value));
        }
    }
    let (mut best, mut refused): (Option<Track>, _) = (None, None);
    for track in &tracks {
        let value = |wanted: &str| track.iter().find(|(key, _)| *key == wanted).map_or("", |(_, value)| value);
        let number = |wanted: &str| value(wanted).parse::<usize>().unwrap_or(0);
        let channels = match checked(u32::try_from(number("sample_rate")).unwrap_or(u32::MAX), number("channels")) {
            Ok((_, channels)) => channels,
            Err(reason) => {
                refused = Some(reason);
                continue;
            }
        };
        let bits = match (number("bits_per_raw_sample"), number("bits_per_sample")) {
            (0, 0) => 32,
            (0, bits) | (bits, _) => bits,
        };
        let sample_format = match (value("sample_fmt").trim_end_matches('p'), bits) {
            ("flt" | "dbl", _) => SampleFormat::F32,
            ("u8" | "s16", _) | (_, ..=16) => SampleFormat::S16,
            (_, ..=24) => SampleFormat::S24,
            _ => SampleFormat::S32,
        };
        let track = Track {
            index: value("index").to_owned(),
            sample_format,
            is_default: value("DISPOSITION:default") == "1",
            channels,
        };
        let rank = |track: &Track| (track.is_default, track.channels);
        if best.as_ref().is_none_or(|best| rank(&track) > rank(best)) {
            best = Some(track);
        }
    }
    match (best, refused) {
        (None, Some(reason)) => Err(reason),
        (best, _) => Ok(best),
    }
}

/// Finds holes in the time stamps, which are whole milliseconds.
#[derive(Debug)]
struct Holes {
    sample_rate_hz: u32,
    /// The time stamp that the next packet should have, in frames.
    expected: Option<f64>,
    /// The frames that a codec codes together: those of the longest packet so far, as the first one
    /// may be shortened.
    block: u64,
    found: bool,
}

/// Time stamps are off by less than this.
const ROUNDING_S: f64 = 0.002;

impl Holes {
    fn new(sample_rate_hz: u32) -> Self {
        Self { sample_rate_hz, expected: None, block: 0, found: false }
    }

    /// Returns the number of frames missing before a packet.
    fn before(&mut self, timestamp_ns: i64, frames: u64) -> std::result::Result<u64, String> {
        let rate = f64::from(self.sample_rate_hz);
        let at = timestamp_ns as f64 * rate / 1e9;
        let Some(expected) = self.expected else {
            (self.expected, self.block) = (Some(at + frames as f64), frames);
            return Ok(0);
        };
        let (ahead, rounding) = (at - expected, ROUNDING_S * rate);
        if ahead > MOST_LOST_S as f64 * rate {
            return Err(format!("its time stamps jump by {:.0} s", ahead / rate));
        }
        let lost = if ahead > rounding.max(self.block as f64 / 2.0) {
            // Whole blocks, if the time stamp agrees.
            let blocks = (ahead / self.block as f64).round() * self.block as f64;
            if (blocks - ahead).abs() <= rounding { blocks } else { ahead.round() }
        } else {
            0.0
        };
        self.found |= lost > 0.0;
        self.block = self.block.max(frames);
        // Slow drift is followed, and so is a step back.
        let drift = if ahead < -rate { ahead } else { (ahead - lost) / 16.0 };
        self.expected = Some(expected + lost + drift + frames as f64);
        Ok(lost as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hole_is_as_long_as_the_blocks_that_are_missing() {
        let mut holes = Holes::new(44_100);
        let mut position = 0_u64;
        let mut missing = 0;
        for packet in 0..5000 {
            if packet % 1000 == 999 {
                let lost = 1024 * (packet / 1000 + 1);
                position += lost;
                missing += lost;
            }
            let ms = (position as f64 / 44.1).round() as i64;
            missing -= holes.before(ms * 1_000_000, 1024).expect("a hole");
            assert_eq!(missing, 0, "packet {packet}");
            position += 1024;
        }
    }

    #[test]
    fn first_packet_may_be_shorter_than_a_block() {
        let mut holes = Holes::new(48_000);
        let mut before = |at: u64, frames| holes.before((at as f64 / 48.0).round() as i64 * 1_000_000, frames);
        assert_eq!((before(0, 648), before(648, 960)), (Ok(0), Ok(0)));
        assert_eq!(before(1608 + 9600, 960), Ok(9600));
    }

    #[test]
    fn drift_and_jitter_of_time_stamps_are_no_hole() {
        let mut holes = Holes::new(48_000);
        for packet in 0..100_000_i64 {
            let ms = packet * 21_340_000 / 1_000_000 + packet % 7 - 3;
            assert_eq!(holes.before(ms * 1_000_000, 1024), Ok(0), "packet {packet}");
        }
        assert!(holes.before(i64::MAX, 1024).is_err());
    }

    #[test]
    fn track_is_chosen_as_ffmpeg_does() {
        let track = |index: &str, channels: u32, is_default: u32| {
            format!(
                "index={index}\nsample_fmt=s32p\nsample_rate=48000\nchannels={channels}\nbits_per_sample=0\n\
                 bits_per_raw_sample=24\nDISPOSITION:default={is_default}\n"
            )
        };
        let chosen = |described: &str| choose(described).map(|track| track.map(|track| track.index));
        assert_eq!(chosen(""), Ok(None));
        assert_eq!(chosen(&(track("1", 1, 0) + &track("2", 2, 0) + &track("3", 2, 0))), Ok(Some("2".to_owned())));
        assert_eq!(chosen(&(track("1", 1, 1) + &track("2", 2, 0))), Ok(Some("1".to_owned())));
        assert_eq!(
            choose(&track("0", 2, 0)).map(|track| track.map(|track| track.sample_format)),
            Ok(Some(SampleFormat::S24))
        );
        let refused = choose(&track("0", 65, 0)).expect_err("65 channels");
        assert!(refused.contains("it has 65 channels; allowed: 1 to 64"), "{refused}");
    }
}
