//! The JSON output of commands; `docs/schema/` has the schemas.

use std::io::{self, Write};

use capbuf::{CaptureBuffer, Holder, Level, OpenedBy, Segment, SegmentGap, SourceHealth, SourceInfo, Timing};
use capbuf_capture::ClipInfo;
use serde::Serialize;

use crate::failure::Failure;
use crate::{meter, moment};

/// Prints a report on stdout.
pub(crate) fn print(report: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(report).map_err(|error| Failure::Run(format!("can't print: {error}")))?;
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

/// The status of a source: `docs/schema/status.json`.
#[derive(Debug, Default, Serialize)]
pub(crate) struct SourceReport {
    /// Without credentials.
    source: String,
    domain: Option<String>,
    /// Hexadecimal: JSON readers that store numbers as floats would round it. This, the shape and
    /// the counters are `None` for a source without a buffer.
    id: Option<String>,
    format: Option<&'static str>,
    sample_rate_hz: Option<u32>,
    channels: Option<u16>,
    length_s: Option<f64>,
    kept_frames: u64,
    kept_s: f64,
    fill: Option<f64>,
    oldest_frame: Option<u64>,
    newest_frame: Option<u64>,
    oldest_utc: Option<String>,
    newest_utc: Option<String>,
    epoch_frame: u64,
    epoch_utc: Option<String>,
    epoch_step_ns: i64,
    /// `None` before the first write, as the next two.
    clock: Option<&'static str>,
    latency_ns: Option<i64>,
    uncertainty_ns: Option<i64>,
    age_s: Option<f64>,
    level: Option<LevelReport>,
    has_writer: bool,
    writer: Option<ProcessReport>,
    readers: Vec<ReaderReport>,
    unlisted_processes: u32,
    writes: Option<u64>,
    gaps: Option<u64>,
    evictions: Option<u64>,
    health: Option<HealthReport>,
    recorder: Option<ProcessReport>,
    timeline_ahead_ns: Option<i64>,
    lifetime: Option<&'static str>,
    orphaned_left_s: Option<f64>,
    bytes: u64,
    /// The same for all sources of a domain.
    refused_configuration: Option<String>,
}

/// The state of the source, as its supervisor reported it last.
#[derive(Debug, Serialize)]
struct HealthReport {
    state: &'static str,
    since_utc: String,
    restarts: u64,
    /// Empty if nothing is wrong.
    reason: String,
}

#[derive(Debug, Serialize)]
struct LevelReport {
    peak: f32,
    rms: f32,
    /// `None` for silence: JSON has no infinity.
    peak_dbfs: Option<f32>,
    rms_dbfs: Option<f32>,
}

#[derive(Debug, Serialize)]
struct ProcessReport {
    pid: u32,
    program: String,
}

#[derive(Debug, Serialize)]
struct ReaderReport {
    pid: u32,
    program: String,
    since_utc: String,
}

impl SourceReport {
    /// Reads the status of a source.
    pub(crate) fn of(info: &SourceInfo, domain: Option<&str>, refused_configuration: Option<&str>) -> Self {
        let own = Self {
            source: info.source.to_string(),
            domain: domain.map(str::to_owned),
            refused_configuration: refused_configuration.map(str::to_owned),
            health: info.health.clone().map(HealthReport::from),
            recorder: info.recorder.clone().map(ProcessReport::from),
            ..Self::default()
        };
        let Some(buffer) = &info.buffer else { return own };
        let (status, spec) = (buffer.status(), buffer.spec());
        Self {
            id: Some(id(buffer)),
            format: Some(spec.format().name()),
            sample_rate_hz: Some(spec.sample_rate_hz()),
            channels: Some(spec.channels()),
            length_s: Some(spec.duration().as_secs_f64()),
            kept_frames: meter::kept_frames(&status),
            kept_s: meter::kept_s(&status, spec),
            fill: Some(meter::kept_frames(&status) as f64 / spec.length_frames() as f64),
            oldest_frame: Some(status.oldest_frame),
            newest_frame: Some(status.newest_frame),
            oldest_utc: status.oldest_utc_ns.map(moment::utc),
            newest_utc: status.newest_utc_ns.map(moment::utc),
            epoch_frame: status.epoch_frame,
            epoch_utc: status.epoch_utc_ns.map(moment::utc),
            epoch_step_ns: status.epoch_step_ns,
            clock: status.timing.map(|timing| timing.clock.name()),
            latency_ns: status.timing.map(|timing| timing.latency_ns),
            uncertainty_ns: status.timing.map(|timing| timing.uncertainty_ns),
            age_s: status.age.map(|age| age.as_secs_f64()),
            level: status.level.map(LevelReport::from),
            has_writer: status.has_writer,
            readers: meter::readers(buffer, &status).into_iter().map(ReaderReport::from).collect(),
            unlisted_processes: status.unlisted_processes,
            writer: status.writer.map(ProcessReport::from),
            writes: Some(status.writes),
            gaps: Some(status.gaps),
            evictions: Some(status.evictions),
            timeline_ahead_ns: Some(status.timeline_ahead_ns),
            lifetime: Some(buffer.lifetime().name()),
            orphaned_left_s: status.orphaned_left.map(|left| left.as_secs_f64()),
            bytes: status.bytes,
            ..own
        }
    }
}

/// Formats the id of a buffer.
pub(crate) fn id(buffer: &CaptureBuffer) -> String {
    format!("{:016x}", buffer.id())
}

impl From<SourceHealth> for HealthReport {
    fn from(health: SourceHealth) -> Self {
        let SourceHealth { state, since_utc_ns, restarts, reason, .. } = health;
        Self { state: state.name(), since_utc: moment::utc(since_utc_ns), restarts, reason }
    }
}

impl From<Level> for LevelReport {
    fn from(level: Level) -> Self {
        let dbfs = |magnitude| Some(Level::dbfs(magnitude)).filter(|dbfs| dbfs.is_finite());
        Self { peak: level.peak, rms: level.rms, peak_dbfs: dbfs(level.peak), rms_dbfs: dbfs(level.rms) }
    }
}

impl From<Holder> for ProcessReport {
    fn from(holder: Holder) -> Self {
        Self { pid: holder.pid, program: holder.program }
    }
}

impl From<OpenedBy> for ReaderReport {
    fn from(opened: OpenedBy) -> Self {
        let Holder { pid, program, .. } = opened.holder;
        Self { pid, program, since_utc: moment::utc(opened.since_utc_ns) }
    }
}

/// A written clip: `docs/schema/clip.json`.
#[derive(Debug, Serialize)]
pub(crate) struct ClipReport {
    path: String,
    /// Without credentials.
    source: String,
    domain: Option<String>,
    format: &'static str,
    sample_rate_hz: u32,
    channels: u16,
    frames: u64,
    duration_s: f64,
    first_frame: u64,
    end_frame: u64,
    silence_frames: u64,
    start_utc: String,
    end_utc: String,
    clock: &'static str,
    latency_ns: i64,
    uncertainty_ns: i64,
    gaps: Vec<GapReport>,
    missing: MissingReport,
    bytes: u64,
}

#[derive(Debug, Serialize)]
struct GapReport {
    at_frame: u64,
    silence_frames: u64,
    start_utc: String,
    duration_s: f64,
    reason: &'static str,
}

#[derive(Debug, Serialize)]
struct MissingReport {
    evicted_frames: u64,
    not_yet_frames: u64,
}

impl ClipReport {
    /// Describes a clip and its segment.
    pub(crate) fn of(clip: &ClipInfo, segment: &Segment, buffer: &CaptureBuffer, domain: Option<&str>) -> Self {
        let Timing { clock, latency_ns, uncertainty_ns, .. } = segment.timing();
        Self {
            path: clip.path.to_string_lossy().into_owned(),
            source: buffer.source().to_string(),
            domain: domain.map(str::to_owned),
            format: clip.format.name(),
            sample_rate_hz: clip.sample_rate_hz,
            channels: clip.channels,
            frames: clip.frames,
            duration_s: clip.frames as f64 / f64::from(clip.sample_rate_hz),
            first_frame: segment.first_frame(),
            end_frame: segment.end_frame(),
            silence_frames: segment.silence_frames(),
            start_utc: moment::utc(segment.start_utc_ns()),
            end_utc: moment::utc(segment.end_utc_ns()),
            clock: clock.name(),
            latency_ns,
            uncertainty_ns,
            gaps: segment.gaps().iter().map(GapReport::from).collect(),
            missing: MissingReport {
                evicted_frames: segment.missing().evicted_frames,
                not_yet_frames: segment.missing().not_yet_frames,
            },
            bytes: clip.bytes,
        }
    }
}

impl From<&SegmentGap> for GapReport {
    fn from(gap: &SegmentGap) -> Self {
        Self {
            at_frame: gap.at_frame,
            silence_frames: gap.silence_frames,
            start_utc: moment::utc(gap.gap.start_utc_ns),
            duration_s: gap.gap.duration_ns as f64 / 1e9,
            reason: gap.gap.reason.name(),
        }
    }
}
