//! `capbuf record`: sources into buffers, clips out of them.

mod clips;
mod events;
mod recording;
mod status;

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use capbuf::{Length, Lifetime, Registry, SampleFormat, Spec};
use capbuf_capture::{CaptureOptions, Locator, WrongRate};

use crate::clip_file::ClipType;
use crate::failure::Failure;
use crate::{domain, duration, named, number, source_argument};
use clips::{Clips, Silence};
use events::{Event, Events};
use recording::{Opening, Recording};
use status::StatusLines;

const EXAMPLES: &str = "\
Sources:
  device:default            the default microphone
  device:alsa:NAME          a device, by the name that `capbuf devices` prints
  device:pulseaudio:NAME
  device:usb:VENDOR:PRODUCT:SERIAL, device:path:PATH
                            a device by its identity, or by its port
  rtsp:// rtsps://          a network stream in any codec, read by ffmpeg
  http:// https:// udp://   options after a #: rtsp://camera/x#audio=1&transport=udp
  file:PATH                 a sound file in any format, in real time
  file:PATH?loop            the same, repeated
  tone:HERTZ  position:     test signals
  @FILE  -  '$NAME'         read from a file, from standard input, or from the
                            environment: a line for each source. Other users see the
                            arguments of a command: pass a URL with a password so

Output:
  The path of each clip goes to stdout. On stderr, a line for each source shows
  level, audio in memory, age of the newest audio, gaps and state: redrawn in place
  on a terminal, elsewhere printed every two seconds and when the state changes.

Signals:
  SIGUSR1          write a clip of each source, of the length of --clip or 10 s
  SIGINT, SIGTERM  end, with the clips of --clip; twice: end once they are written;
                   three times: immediately

Failures:
  A source that can't be opened ends the command with exit code 1, except with
  --retry. A source that is lost later is reopened. The command ends when all its
  sources have ended.

Domain:
  Other processes can read the audio while it is recorded: `capbuf list`, `capbuf
  clip`, or your own. It is removed when the command ends, unless another process
  has it open, or with --keep. If the command is killed, the audio stays for ten minutes
  (CAPBUF_GRACE=SECONDS), and the next recorder of the source goes on in it.

Examples:
  capbuf record device:default
  capbuf record tone:440 --for 20s --clip 5s
  capbuf record @camera.url --seconds 120 --out clips
  capbuf record file:birds.flac?loop --type flac --domain birds --keep
  pkill --signal USR1 --full \"capbuf record\"";

/// Record sources into memory and write clips of them
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The sources to record; see below
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<String>,
    /// Seconds of audio to keep of each source
    #[arg(long, default_value_t = 60.0, value_name = "SECONDS", value_parser = number::seconds, allow_hyphen_values = true)]
    seconds: f64,
    /// The sample format to keep: s16, s24, s32 or f32 [default: the source's own]
    #[arg(long, value_parser = named::value::<SampleFormat>)]
    format: Option<SampleFormat>,
    /// The sample rate to record at, in hertz [default: the source's own]
    #[arg(long, value_name = "HERTZ", value_parser = number::sample_rate, allow_hyphen_values = true)]
    rate: Option<u32>,
    /// The number of channels to record [default: the source's own]
    #[arg(long, value_name = "COUNT", value_parser = number::channels, allow_hyphen_values = true)]
    channels: Option<u16>,
    /// Length of the recording, from the opening of the first source [default: until interrupted]
    #[arg(long = "for", value_name = "DURATION", value_parser = duration::parse, allow_hyphen_values = true)]
    duration: Option<Duration>,
    /// Write a clip of this length of each source at the end
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, allow_hyphen_values = true)]
    clip: Option<Duration>,
    /// The folder to write clips to
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    out: PathBuf,
    /// The type of clips
    #[arg(long = "type", value_name = "TYPE", value_enum, default_value_t = ClipType::Wav)]
    clip_type: ClipType,
    /// Refuse, or correct, a source whose frames come faster or slower than declared
    #[arg(long, value_name = "ACTION", default_value_t = WrongRate::Refuse, value_parser = named::value::<WrongRate>)]
    wrong_rate: WrongRate,
    /// The constant delay of the sources, taken off all times, as in 44ms or -20ms [default: 0]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_latency, allow_hyphen_values = true)]
    latency: Option<i64>,
    /// Keep trying to open sources that fail at first
    #[arg(long)]
    retry: bool,
    /// Keep the audio in memory after the end, until `capbuf remove`
    #[arg(long, conflicts_with = "private")]
    keep: bool,
    /// Record into private memory of this process, in no domain
    #[arg(long)]
    private: bool,
}

/// Length of the clips of SIGUSR1 without --clip.
const CLIP: Duration = Duration::from_secs(10);

pub(crate) fn run(arguments: &Arguments, domain: Option<&str>) -> Result<(), Failure> {
    let sources = source_argument::all(&arguments.sources)?;
    check(arguments, &sources, domain)?;
    source_argument::warn_of_passwords(&arguments.sources);
    // Before signals are handled: they end a wait for another process.
    let registry = if arguments.private { Registry::private() } else { domain::open_or_make(domain)? };
    let events = events::listen()?;
    let options = capture_options(arguments);
    let mut recordings = recording::open_all(&registry, &sources, &options, &events)?;
    let done = record(arguments, &events, &mut recordings);
    events.repeats.all_is_written();
    recording::stop_all(recordings);
    done
}

/// Refuses invalid arguments before a source is opened.
fn check(arguments: &Arguments, sources: &[String], domain: Option<&str>) -> Result<(), Failure> {
    let usage = |reason: String| Err(Failure::Usage(reason));
    if arguments.private && domain.is_some() {
        return usage("--private is in no domain; omit --domain".to_owned());
    }
    let mut seen = HashSet::new();
    for source in sources {
        source.parse::<Locator>()?;
        if !seen.insert(source) {
            return usage(format!("source {} is passed twice", capbuf::redact(source)));
        }
    }
    let length = Length::Seconds(arguments.seconds);
    let (rate, channels) = (arguments.rate.unwrap_or(48_000), arguments.channels.unwrap_or(1));
    let format = arguments.format.unwrap_or(SampleFormat::S16);
    Spec::new(length, rate, channels, format).map_err(|error| Failure::from(capbuf_capture::Error::from(error)))?;
    if let Some(clip) = arguments.clip.filter(|clip| clip.as_secs_f64() > arguments.seconds) {
        return usage(format!("--clip is {clip:?}; allowed: up to the {} s of --seconds", arguments.seconds));
    }
    if (arguments.clip_type, arguments.format) == (ClipType::Flac, Some(SampleFormat::S32)) {
        return usage("--type flac can't store --format s32; use s24, or --type wav".to_owned());
    }
    if let (ClipType::Flac, Some(channels @ 9..)) = (arguments.clip_type, arguments.channels) {
        return usage(format!("--type flac can't store --channels {channels}; allowed: up to 8, or --type wav"));
    }
    if !arguments.out.is_dir() {
        return usage(format!("--out {}: the folder does not exist", arguments.out.display()));
    }
    Ok(())
}

fn capture_options(arguments: &Arguments) -> CaptureOptions {
    let lifetime = if arguments.keep { Lifetime::UntilRemoved } else { Lifetime::WhileOpen };
    let length = Length::Seconds(arguments.seconds);
    let mut options = CaptureOptions::new().length(length).lifetime(lifetime).retry_opening(arguments.retry);
    options = options.wrong_rate(arguments.wrong_rate).latency(arguments.latency.unwrap_or(0));
    if let Some(rate) = arguments.rate {
        options = options.sample_rate_hz(rate);
    }
    if let Some(channels) = arguments.channels {
        options = options.channels(channels);
    }
    if let Some(format) = arguments.format {
        options = options.format(format);
    }
    options
}

/// Records until a signal, the end of the duration or of all sources, or a source that cannot be
/// opened.
fn record(arguments: &Arguments, events: &Events, recordings: &mut [Recording]) -> Result<(), Failure> {
    let length = arguments.clip.unwrap_or(CLIP.min(Duration::from_secs_f64(arguments.seconds)));
    let clips = Clips { length, folder: arguments.out.clone(), clip_type: arguments.clip_type };
    let mut lines = StatusLines::new();
    let mut end: Option<Instant> = None;
    let mut all_written = true;
    let mut refused = None;
    'recording: loop {
        let wake = end.map_or(lines.next_look(), |end| end.min(lines.next_look()));
        match events.wait_until(wake) {
            Some(Event::WriteClips) => all_written &= clips.write(recordings, &mut lines, Silence::Reported),
            Some(Event::End) => break,
            Some(Event::StateChanged) | None => {}
        }
        for recording in &mut *recordings {
            match recording.poll_opening(arguments.retry) {
                Opening::Opened(buffer) => {
                    clips.check(&buffer)?;
                    end = end.or(arguments.duration.and_then(|duration| Instant::now().checked_add(duration)));
                }
                Opening::Refused(error) => {
                    // The clips of the other sources are written all the same.
                    refused = Some(error);
                    break 'recording;
                }
                Opening::Unchanged => {}
            }
        }
        lines.draw_if_due(recordings);
        let is_over = end.is_some_and(|end| end <= Instant::now());
        if is_over || recordings.iter().all(Recording::has_ended) {
            break;
        }
    }
    if arguments.clip.is_some() {
        let silence = if refused.is_some() { Silence::Ignored } else { Silence::Fails };
        all_written &= clips.write(recordings, &mut lines, silence);
    }
    lines.draw(recordings);
    if let Some(error) = refused.or_else(|| recordings.iter().find_map(Recording::failure)) {
        return Err(error.into());
    }
    if all_written { Ok(()) } else { Err(Failure::Run("not all clips were written".to_owned())) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn options(given: &[&str]) -> Result<CaptureOptions, String> {
        let line = Line::try_parse_from([&["record", "tone:440"], given].concat());
        line.map(|line| capture_options(&line.arguments)).map_err(|error| error.to_string())
    }

    #[test]
    fn latency_is_an_option_of_the_capture() {
        let base = || CaptureOptions::new().lifetime(Lifetime::WhileOpen).retry_opening(false);
        assert_eq!(options(&["--latency", "-44ms"]), Ok(base().latency(-44_000_000)));
        let refused = options(&["--latency", "61s"]).expect_err("too long");
        assert!(refused.contains("latency is \"61s\"; allowed: -60s to 60s"), "{refused}");
    }

    #[test]
    fn wrong_rate_is_an_option_of_the_capture() {
        let base = || CaptureOptions::new().lifetime(Lifetime::WhileOpen).retry_opening(false);
        assert_eq!(options(&[]), Ok(base()));
        assert_eq!(options(&["--wrong-rate", "correct"]), Ok(base().wrong_rate(WrongRate::Correct)));
        let refused = options(&["--wrong-rate", "ignore"]).expect_err("no action");
        assert!(refused.contains("wrong_rate is \"ignore\"; allowed: refuse, correct"), "{refused}");
    }
}
