//! `capbuf clip`: writes a span of a buffer to a file, while it is recorded or after.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use capbuf::{CaptureBuffer, Error, ReadOptions, Segment, Span};
use capbuf_capture::{ClipInfo, ClipTags, IfExists, clip_name};
use jiff::Zoned;

use crate::clip_file::{self, ClipType};
use crate::failure::{Failure, complain};
use crate::moment::{self, Moment};
use crate::report::{self, ClipReport};
use crate::{clip_progress, domain, duration, meter, source_argument, sources};

const EXAMPLES: &str = "\
Sources:
  The name that `capbuf list` shows, or a part of it that no other source has.
  Of several sources with one shown name, 'NAME #2' is the second in the list. @FILE, -
  and '$NAME' are read from a file, standard input and the environment.

Times:
  2026-11-22T18:30:00Z      RFC 3339; also a blank for the T, an offset (+01:00, +0100), a
                            comma for the dot; without an offset local time
  1795372200.25             seconds since 1970; also ms (13 digits), us (16), ns (19)
  'Nov 22 18:30:00'         as logs have it: syslog (past dates), journalctl, date,
                            nginx, Apache, HTTP, Go, Python; the name of a clip
  18:30:00  18:30:00.250    local time, of the day that is nearest
  -12s  +3s  now            relative to now

Output:
  The path, then frames, length, start in UTC, gaps, and the accuracy of times. Gaps are filled with
  silence, so that a clip keeps its length. If the span ends in the future, the
  command waits for its end; --last waits for nothing, and what it lacks is missing
  at the beginning. A terminal shows the progress of a clip of a minute
  or more.

Examples:
  capbuf clip tone:440 --last 10s
  capbuf clip cam1 --around 18:30:12 --before 3s --after 5s -o owl.flac
  capbuf clip cam1 --from -1m --to -30s --json";

/// Write a clip of a source to a file, while it is recorded or after
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, group = clap::ArgGroup::new("span").required(true).args(["last", "from", "around"]))]
pub(crate) struct Arguments {
    /// The source to cut from
    #[arg(value_name = "SOURCE")]
    source: String,
    /// The newest audio, of this length or as much as there is
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, allow_hyphen_values = true)]
    last: Option<Duration>,
    /// Start of the span
    #[arg(long, value_name = "TIME", value_parser = moment::parse, allow_hyphen_values = true, requires = "to")]
    from: Option<Moment>,
    /// End of the span
    #[arg(long, value_name = "TIME", value_parser = moment::parse, allow_hyphen_values = true, requires = "from")]
    to: Option<Moment>,
    /// A time within the span; see --before and --after
    #[arg(long, value_name = "TIME", value_parser = moment::parse, allow_hyphen_values = true)]
    around: Option<Moment>,
    /// Length before the time of --around [default: 3s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_or_zero, allow_hyphen_values = true, conflicts_with_all = ["last", "from"])]
    before: Option<Duration>,
    /// Length after the time of --around [default: 5s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_or_zero, allow_hyphen_values = true, conflicts_with_all = ["last", "from"])]
    after: Option<Duration>,
    /// Write the part that is in memory, instead of waiting or failing
    #[arg(long)]
    available: bool,
    /// The file to write, .wav or .flac [default: by source and time, numbered if that exists]
    #[arg(short, long = "output", value_name = "FILE")]
    output: Option<PathBuf>,
    /// Overwrite the file of --output if it exists
    #[arg(long, requires = "output")]
    force: bool,
    /// The type of the file if --output does not name one
    #[arg(long = "type", value_name = "TYPE", value_enum, default_value_t = ClipType::Wav, conflicts_with = "output")]
    clip_type: ClipType,
    /// Print JSON: docs/schema/clip.json
    #[arg(long)]
    json: bool,
}

const BEFORE: Duration = Duration::from_secs(3);
const AFTER: Duration = Duration::from_secs(5);

/// Extra time to wait for audio: a source may deliver late, or be reopened.
const GRACE: Duration = Duration::from_secs(10);

pub(crate) fn run(arguments: &Arguments, domain: Option<&str>) -> Result<(), Failure> {
    // One `now` for all times of the command line.
    let span = span(arguments, &moment::now())?;
    let clip_type = check_output(arguments)?;
    let registry = domain::open_existing(domain)?;
    let buffer = sources::find(&registry, &source_argument::one(&arguments.source)?)?;
    let (source, spec) = (buffer.source(), buffer.spec());
    if !clip_type.can_hold(spec) {
        return Err(Failure::Run(format!("{source}: FLAC can't store {spec}; use .wav")));
    }
    // The newest audio is that which is there.
    let segment = read(&buffer, &span, arguments.available || arguments.last.is_some())?;
    let (path, if_exists) = match &arguments.output {
        Some(path) => (path.clone(), if arguments.force { IfExists::Overwrite } else { IfExists::Fail }),
        None => {
            let name = clip_name(source.as_str(), segment.start_utc_ns(), clip_type.extension());
            (PathBuf::from(name), IfExists::Number)
        }
    };
    let clip = clip_progress::write(&segment, &path, &ClipTags::new(buffer.source().as_str()), if_exists)?;
    if arguments.json {
        return report::print(&ClipReport::of(&clip, &segment, &buffer, registry.domain()));
    }
    Ok(print(&clip, &segment)?)
}

/// Returns the span of the arguments.
fn span(arguments: &Arguments, now: &Zoned) -> Result<Span, Failure> {
    let utc_ns = |moment: &Moment| moment.utc_ns(now).map_err(Failure::Usage);
    let ns = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
    let (start, end) = match (arguments.last, &arguments.around, &arguments.from, &arguments.to) {
        (Some(last), ..) => return Ok(Span::Last(last)),
        (_, Some(around), ..) => {
            let around = utc_ns(around)?;
            let (before, after) = (arguments.before.unwrap_or(BEFORE), arguments.after.unwrap_or(AFTER));
            (around.saturating_sub(ns(before)), around.saturating_add(ns(after)))
        }
        (.., Some(from), Some(to)) => (utc_ns(from)?, utc_ns(to)?),
        _ => {
            return Err(Failure::Usage(
                "the span is missing; allowed: --last, --from and --to, or --around".to_owned(),
            ));
        }
    };
    if start >= end {
        let (start, end) = (moment::utc_ms(start), moment::utc_ms(end));
        return Err(Failure::Usage(format!("the span from {start} to {end} is empty; --to must be after --from")));
    }
    Ok(Span::Time(start..end))
}

/// Checks the file to write, before the command waits for audio.
fn check_output(arguments: &Arguments) -> Result<ClipType, Failure> {
    let Some(path) = &arguments.output else { return Ok(arguments.clip_type) };
    let usage = |reason: &str| Failure::Usage(format!("--output {}: {reason}", path.display()));
    let clip_type = ClipType::of(path).ok_or_else(|| usage("unknown extension; allowed: .wav, .flac"))?;
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => Err(usage("its folder does not exist")),
        _ if !arguments.force && path.symlink_metadata().is_ok() => {
            Err(Failure::Run(format!("--output {}: the file exists; --force overwrites it", path.display())))
        }
        _ => Ok(clip_type),
    }
}

/// Reads a span. Waits for its end if that is in the future and a writer may come.
fn read(buffer: &CaptureBuffer, span: &Span, available: bool) -> Result<Segment, Failure> {
    let options = if available { ReadOptions::new().available() } else { ReadOptions::new() };
    let (not_yet, expected_utc_ns) = match buffer.read_with(span.clone(), &options) {
        Err(error @ Error::NotYet { expected_utc_ns, .. }) if !available => (error, expected_utc_ns),
        done => return done.map_err(|error| explain(buffer, error)),
    };
    let (source, status) = (buffer.source(), buffer.status());
    // A lost source has no writer until the process that has the buffer open reopens it.
    if !status.has_writer && meter::readers(buffer, &status).is_empty() {
        return Err(Failure::Run(format!(
            "{source}: the span was not recorded and nothing records the source now; --available writes the part in memory"
        )));
    }
    let Span::Time(range) = span else { return Err(explain(buffer, not_yet)) };
    let left_ns = expected_utc_ns.unwrap_or(range.end).saturating_sub(buffer.clock().utc_ns()).max(0);
    let left = Duration::from_nanos(left_ns.unsigned_abs());
    if Duration::from_nanos(range.end.saturating_sub(range.start).unsigned_abs()) > buffer.spec().duration() {
        let length = buffer.spec().duration();
        return Err(Failure::Run(format!(
            "{source}: the buffer keeps {length:?}, less than the span; --available writes the part in memory"
        )));
    }
    complain(&format!("waiting {:.1} s for the end of the clip", left.as_secs_f64()));
    let wait = options.wait(left.saturating_add(GRACE));
    buffer.read_with(span.clone(), &wait).map_err(|error| explain(buffer, error))
}

/// Explains why a span can't be read, and what to do.
fn explain(buffer: &CaptureBuffer, error: Error) -> Failure {
    let reason = match error {
        Error::Evicted { oldest_utc_ns, .. } => format!(
            "the start of the span is no longer in memory, the oldest audio is from {}; --available writes the part in memory",
            moment::utc_ms(oldest_utc_ns)
        ),
        Error::NotYet { .. } => "no audio yet".to_owned(),
        Error::TimedOut { waited } => {
            format!("no audio within {:.1} s; --available writes the part in memory", waited.as_secs_f64())
        }
        other => other.to_string(),
    };
    Failure::Run(format!("{}: {reason}", buffer.source()))
}

fn print(clip: &ClipInfo, segment: &Segment) -> io::Result<()> {
    clip_file::print_path(&clip.path)?;
    let mut out = io::stdout().lock();
    let seconds = clip.frames as f64 / f64::from(clip.sample_rate_hz);
    let (start, gaps) = (moment::utc_ms(clip.start_utc_ns), segment.gaps().len());
    writeln!(out, "{} frames, {:.3} s, from {start}, gaps: {gaps}", clip.frames, seconds)?;
    writeln!(out, "times: {}", clip.timing)?;
    for gap in segment.gaps() {
        let (at, missing_s) = (moment::utc_ms(gap.gap.start_utc_ns), gap.gap.duration_ns as f64 / 1e9);
        writeln!(out, "gap of {missing_s:.3} s at {at}: {}", gap.gap.reason.name())?;
    }
    let missing = segment.missing();
    if !missing.is_none() {
        let (before, after) = (missing.evicted_frames, missing.not_yet_frames);
        writeln!(out, "missing: {before} frames at the beginning, {after} at the end")?;
    }
    out.flush()
}
