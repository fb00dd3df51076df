//! `capbuf clip`: a span of a source that is being recorded, or was, into a file.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use capbuf::{CaptureBuffer, Error, ReadOptions, Segment, Span};
use capbuf_capture::{ClipInfo, ClipTags, clip_name};
use jiff::Zoned;

use crate::clip_file::{self, ClipType};
use crate::failure::{Failure, complain};
use crate::moment::{self, Moment};
use crate::report::{self, ClipReport};
use crate::{clip_progress, domain, duration, meter, sources};

const EXAMPLES: &str = "\
Sources:
  By name, as `capbuf list` shows it, or by a part of it that no other has.

Times:
  2026-11-22T18:30:00Z      RFC 3339
  18:30:00  18:30:00.250    of the local day (around midnight, of the nearest one)
  -12s  +3s  now            from now

Output:
  The path, and below it frames, length, beginning in UTC, and gaps. Gaps are
  filled with silence, so that a clip keeps its length. A span whose end is
  still to come is waited for. While one of a minute or more is written, a
  terminal shows how far it is.

Examples:
  capbuf clip tone:440 --last 10s
  capbuf clip cam1 --around 18:30:12 --before 3s --after 5s -o owl.flac
  capbuf clip cam1 --from -1m --to -30s --json";

/// Cut a clip out of a source's memory, while it is recorded or after
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, group = clap::ArgGroup::new("span").required(true).args(["last", "from", "around"]))]
pub(crate) struct Arguments {
    /// The source to cut from
    #[arg(value_name = "SOURCE")]
    source: String,
    /// The newest so much
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, allow_hyphen_values = true)]
    last: Option<Duration>,
    /// From this time on
    #[arg(long, value_name = "TIME", value_parser = moment::parse, allow_hyphen_values = true, requires = "to")]
    from: Option<Moment>,
    /// Up to this time
    #[arg(long, value_name = "TIME", value_parser = moment::parse, allow_hyphen_values = true, requires = "from")]
    to: Option<Moment>,
    /// Around this time
    #[arg(long, value_name = "TIME", value_parser = moment::parse, allow_hyphen_values = true)]
    around: Option<Moment>,
    /// So much before that time [default: 3s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_or_none, conflicts_with_all = ["last", "from"])]
    before: Option<Duration>,
    /// So much after that time [default: 5s]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_or_none, conflicts_with_all = ["last", "from"])]
    after: Option<Duration>,
    /// Take what is there of it, instead of waiting or failing
    #[arg(long)]
    available: bool,
    /// The file to write, .wav or .flac; replaced if there is one [default: by source and time]
    #[arg(short, long = "output", value_name = "FILE")]
    output: Option<PathBuf>,
    /// The type of a clip that is named by source and time
    #[arg(long = "type", value_name = "TYPE", value_enum, default_value_t = ClipType::Wav, conflicts_with = "output")]
    clip_type: ClipType,
    /// Print JSON: docs/schema/clip.json
    #[arg(long)]
    json: bool,
}

const BEFORE: Duration = Duration::from_secs(3);
const AFTER: Duration = Duration::from_secs(5);

/// How much longer than it should take audio is waited for: a source may deliver late, or be opened again.
const GRACE: Duration = Duration::from_secs(10);

pub(crate) fn run(arguments: &Arguments, domain: Option<&str>) -> Result<(), Failure> {
    // All times on the command line are from one now.
    let span = span(arguments, &moment::now())?;
    let clip_type = check_output(arguments)?;
    let registry = domain::open_existing(domain)?;
    let buffer = sources::find(&registry, &arguments.source)?;
    let (source, spec) = (buffer.source(), buffer.spec());
    if !clip_type.can_hold(spec) {
        return Err(Failure::Run(format!("{source}: a .flac can't hold {spec}; ask for a .wav")));
    }
    let segment = read(&buffer, &span, arguments.available)?;
    let path = arguments.output.clone().unwrap_or_else(|| {
        let name = clip_name(source.as_str(), segment.start_utc_ns(), clip_type.extension());
        clip_file::unused(Path::new(""), &name)
    });
    let clip = clip_progress::write(&segment, &path, &ClipTags::new(buffer.source().as_str()))?;
    if arguments.json {
        return report::print(&ClipReport::of(&clip, &segment, &buffer, registry.domain()));
    }
    Ok(tell(&clip, &segment)?)
}

/// The span that is asked for.
fn span(arguments: &Arguments, now: &Zoned) -> Result<Span, Failure> {
    let utc_ns = |moment: Moment| {
        moment.utc_ns(now).ok_or_else(|| Failure::Usage("a time is beyond what can be told in ns of UTC".to_owned()))
    };
    let ns = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
    let (start, end) = match (arguments.last, arguments.around, arguments.from, arguments.to) {
        (Some(last), ..) => return Ok(Span::Last(last)),
        (_, Some(around), ..) => {
            let around = utc_ns(around)?;
            let (before, after) = (arguments.before.unwrap_or(BEFORE), arguments.after.unwrap_or(AFTER));
            (around.saturating_sub(ns(before)), around.saturating_add(ns(after)))
        }
        (.., Some(from), Some(to)) => (utc_ns(from)?, utc_ns(to)?),
        _ => return Err(Failure::Usage("no span is given: --last, --from and --to, or --around".to_owned())),
    };
    if start >= end {
        let (start, end) = (moment::utc_ms(start), moment::utc_ms(end));
        return Err(Failure::Usage(format!("there is nothing to cut from {start} to {end}")));
    }
    Ok(Span::Time(start..end))
}

/// Refuses a file that could not be written, before anything is waited for.
fn check_output(arguments: &Arguments) -> Result<ClipType, Failure> {
    let Some(path) = &arguments.output else { return Ok(arguments.clip_type) };
    let usage = |reason: &str| Failure::Usage(format!("--output {}: {reason}", path.display()));
    let clip_type =
        ClipType::of(path).ok_or_else(|| usage("the type of a clip is told by its extension; allowed: .wav, .flac"))?;
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            Err(usage("there is no such folder to write to"))
        }
        _ => Ok(clip_type),
    }
}

/// Reads a span; waits for its end if that is to come and somebody may bring it.
fn read(buffer: &CaptureBuffer, span: &Span, available: bool) -> Result<Segment, Failure> {
    let options = if available { ReadOptions::new().available() } else { ReadOptions::new() };
    let expected_utc_ns = match buffer.read_with(span.clone(), &options) {
        Err(Error::NotYet { expected_utc_ns, .. }) if !available => expected_utc_ns,
        done => return done.map_err(|error| explain(buffer, error)),
    };
    let (source, status) = (buffer.source(), buffer.status());
    // A source that is lost has no writer either, until it is opened again by a process that has the buffer open.
    if !status.has_writer && meter::readers(buffer, &status).is_empty() {
        return Err(Failure::Run(format!(
            "{source}: that was not recorded, and nobody is recording; --available takes what there is"
        )));
    }
    let (now_ns, asked_ns) = (buffer.clock().utc_ns(), until(span, buffer.clock().utc_ns()));
    let left_ns = expected_utc_ns.unwrap_or(asked_ns).saturating_sub(now_ns).max(0);
    let left = Duration::from_nanos(left_ns.unsigned_abs());
    if let Span::Time(range) = span
        && Duration::from_nanos(range.end.saturating_sub(range.start).unsigned_abs()) > buffer.spec().duration()
    {
        let kept = buffer.spec().duration();
        return Err(Failure::Run(format!(
            "{source}: the buffer keeps {kept:?}, so the beginning would be gone at the end; --available takes what there is"
        )));
    }
    complain(&format!("waiting {:.1} s for the end of the clip", left.as_secs_f64()));
    let wait = options.wait(left.saturating_add(GRACE));
    buffer.read_with(span.clone(), &wait).map_err(|error| explain(buffer, error))
}

/// When a span ends, if nothing was recorded yet.
fn until(span: &Span, now_ns: i64) -> i64 {
    match span {
        Span::Time(range) => range.end,
        Span::Last(duration) => now_ns.saturating_add(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)),
        Span::Frames(_) => now_ns,
    }
}

/// Why a span can't be had, and what to do.
fn explain(buffer: &CaptureBuffer, error: Error) -> Failure {
    let reason = match error {
        Error::Evicted { oldest_utc_ns, .. } => format!(
            "that is no longer there, the oldest is of {}; --available takes what there is",
            moment::utc_ms(oldest_utc_ns)
        ),
        Error::NotYet { .. } => "there is no audio yet".to_owned(),
        Error::TimedOut { waited } => {
            format!("waited {:.1} s for audio that did not come; --available takes what there is", waited.as_secs_f64())
        }
        other => other.to_string(),
    };
    Failure::Run(format!("{}: {reason}", buffer.source()))
}

fn tell(clip: &ClipInfo, segment: &Segment) -> io::Result<()> {
    clip_file::print_path(&clip.path)?;
    let mut out = io::stdout().lock();
    let seconds = clip.frames as f64 / f64::from(clip.sample_rate_hz);
    let (start, gaps) = (moment::utc_ms(clip.start_utc_ns), segment.gaps().len());
    writeln!(out, "{} frames, {:.3} s, from {start}, gaps: {gaps}", clip.frames, seconds)?;
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
