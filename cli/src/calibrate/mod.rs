//! `capbuf calibrate`: measures the latency of a source against another, by a sound that both hear.

mod correlate;

use std::io::{self, Write};
use std::time::Duration;

use capbuf::{CaptureBuffer, MAX_LATENCY_NS, ReadOptions, Registry, SampleFormat, Segment, Span};
use serde::Serialize;

use crate::failure::Failure;
use crate::{domain, duration, report, source_argument, sources};
use correlate::{Found, Recording};

const EXAMPLES: &str = "\
Clap once where both sources hear it, and call this within the time of --for. Any sharp or
broad-band sound will do; a tone will not. Sound takes 2.9 ms for a metre: clap halfway.

Output:
  The offset of B against A: positive if B has the sound later. The quality is the part of
  the spectrum that agrees, 0 to 1. The uncertainty is that of the measurement and of the
  times of both. The last line goes into the configuration of B; it includes the latency
  that B has already.

Examples:
  capbuf calibrate yard 'nest box'
  capbuf calibrate yard camera --for 20s --json";

/// Measure the latency of a source against another, from a clap that both hear
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The source whose times are right
    #[arg(value_name = "A")]
    reference: String,
    /// The source to measure
    #[arg(value_name = "B")]
    source: String,
    /// Length of the newest audio to compare, 1s to 60s
    #[arg(long = "for", value_name = "DURATION", default_value = "10s", value_parser = length, allow_hyphen_values = true)]
    length: Duration,
    /// Print JSON: docs/schema/calibrate.json
    #[arg(long)]
    json: bool,
}

const LENGTHS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// The oldest audio is overwritten while it is read.
const MARGIN_NS: i64 = 200_000_000;

fn length(text: &str) -> Result<Duration, String> {
    let length = duration::parse(text)?;
    if (LENGTHS.0..=LENGTHS.1).contains(&length) {
        Ok(length)
    } else {
        Err(format!("for is {text:?}; allowed: 1s to 60s"))
    }
}

/// The result: `docs/schema/calibrate.json`.
#[derive(Debug, Serialize)]
struct Calibration {
    /// Without credentials.
    reference: String,
    source: String,
    offset_ns: i64,
    quality: f64,
    uncertainty_ns: i64,
    /// The latency of the source so far, and the one to set.
    latency_before_ns: i64,
    latency_ns: i64,
    latency: String,
}

pub(crate) fn run(arguments: &Arguments, domain: Option<&str>) -> Result<(), Failure> {
    let registry = domain::open_existing(domain)?;
    let (a, b) = (find(&registry, &arguments.reference)?, find(&registry, &arguments.source)?);
    if a.same_as(&b) {
        return Err(Failure::Usage(format!("{} is both A and B; allowed: two sources", a.source())));
    }
    let span = common_span(&a, &b, arguments.length)?;
    let (of_a, of_b) = (read(&a, &span)?, read(&b, &span)?);
    let found = correlate::offset(&recording(&of_a)?, &recording(&of_b)?).map_err(|reason| {
        Failure::Run(format!(
            "{} and {}: {reason}; clap where both hear it, then call this again",
            a.source(),
            b.source()
        ))
    })?;
    let calibration = calibration(&a, &b, (&of_a, &of_b), found)?;
    if arguments.json { report::print(&calibration) } else { Ok(print(&calibration)?) }
}

fn find(registry: &Registry, argument: &str) -> Result<CaptureBuffer, Failure> {
    sources::find(registry, &source_argument::one(argument)?)
}

/// Returns the newest span of time, at most `length`, that both buffers keep.
fn common_span(a: &CaptureBuffer, b: &CaptureBuffer, length: Duration) -> Result<Span, Failure> {
    let kept = |buffer: &CaptureBuffer| {
        let status = buffer.status();
        let none = || Failure::Run(format!("{}: no audio yet", buffer.source()));
        let (oldest, newest) = (status.oldest_utc_ns.ok_or_else(none)?, status.newest_utc_ns.ok_or_else(none)?);
        let is_full = status.oldest_frame > 0;
        Ok::<_, Failure>((if is_full { oldest.saturating_add(MARGIN_NS) } else { oldest }, newest))
    };
    let (of_a, of_b) = (kept(a)?, kept(b)?);
    let end = of_a.1.min(of_b.1);
    let length_ns = i64::try_from(length.as_nanos()).unwrap_or(i64::MAX);
    let start = of_a.0.max(of_b.0).max(end.saturating_sub(length_ns));
    if end.saturating_sub(start) < LENGTHS.0.as_nanos() as i64 {
        return Err(Failure::Run(format!(
            "{} and {}: they have less than a second of the same time in memory; needed: 1 s or more",
            a.source(),
            b.source()
        )));
    }
    Ok(Span::Time(start..end))
}

fn read(buffer: &CaptureBuffer, span: &Span) -> Result<Segment, Failure> {
    let refused = |reason: String| Failure::Run(format!("{}: {reason}", buffer.source()));
    let options = ReadOptions::new().format(SampleFormat::F32);
    let segment = buffer.read_with(span.clone(), &options).map_err(|error| refused(error.to_string()))?;
    match segment.gaps().first() {
        Some(gap) => Err(refused(format!(
            "a gap ({}) lies in the last {:.1} s; allowed: audio without gaps, as with a shorter --for",
            gap.gap.reason.name(),
            segment.frames() as f64 / f64::from(segment.sample_rate_hz())
        ))),
        None => Ok(segment),
    }
}

/// Mixes a segment to mono.
fn recording(segment: &Segment) -> Result<Recording, Failure> {
    let samples = segment.samples().get::<f32>().ok_or_else(|| Failure::Run("the samples are not f32".to_owned()))?;
    let channels = usize::from(segment.channels()).max(1);
    let mono = |frame: &[f32]| frame.iter().copied().map(f64::from).sum::<f64>() / channels as f64;
    Ok(Recording {
        start_utc_ns: segment.start_utc_ns(),
        rate_hz: segment.sample_rate_hz(),
        samples: samples.chunks_exact(channels).map(mono).collect(),
    })
}

fn calibration(
    a: &CaptureBuffer,
    b: &CaptureBuffer,
    (of_a, of_b): (&Segment, &Segment),
    found: Found,
) -> Result<Calibration, Failure> {
    let Found { offset_s, quality, uncertainty_s } = found;
    let ns = |seconds: f64| (seconds * 1e9).round() as i64;
    let latency_before_ns = of_b.timing().latency_ns;
    // To the microsecond, as it is stored.
    let latency_ns = latency_before_ns.saturating_add(ns(offset_s)).saturating_add(500).div_euclid(1000) * 1000;
    let latency = format!("{}ms", latency_ns as f64 / 1e6);
    if !(-MAX_LATENCY_NS..=MAX_LATENCY_NS).contains(&latency_ns) {
        return Err(Failure::Run(format!("{}: its latency would be {latency}; allowed: -60s to 60s", b.source())));
    }
    let of_times_ns = of_a.timing().uncertainty_ns.saturating_add(of_b.timing().uncertainty_ns);
    Ok(Calibration {
        reference: a.source().to_string(),
        source: b.source().to_string(),
        offset_ns: ns(offset_s),
        quality,
        uncertainty_ns: ns(uncertainty_s).saturating_add(of_times_ns),
        latency_before_ns,
        latency_ns,
        latency,
    })
}

fn print(calibration: &Calibration) -> io::Result<()> {
    let ms = |ns: i64| ns as f64 / 1e6;
    let Calibration { reference, source, offset_ns, quality, uncertainty_ns, latency, .. } = calibration;
    let mut out = io::stdout().lock();
    let side = if *offset_ns < 0 { "before" } else { "after" };
    writeln!(out, "{source} has the sound {:.3} ms {side} {reference}", ms(offset_ns.saturating_abs()))?;
    writeln!(out, "quality {quality:.2}, uncertainty {:.3} ms", ms(*uncertainty_ns))?;
    writeln!(out, "latency = \"{latency}\"")?;
    out.flush()
}
