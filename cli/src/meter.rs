//! Level, fill, age and health of a buffer, formatted for columns of text.

use std::time::Duration;

use capbuf::{CaptureBuffer, Level, SourceHealth, Spec, Status};

/// The width of a shortened name.
pub(crate) const NAME_COLUMNS: usize = 28;

const BAR_COLUMNS: usize = 12;
/// The left end of the bar: the noise floor of a microphone.
const BAR_BOTTOM_DBFS: f32 = -60.0;

/// The level of older audio is not shown.
const LEVEL_FRESH: Duration = Duration::from_secs(2);

/// Formats the peak of the last second, as a bar and a number.
pub(crate) fn level(status: &Status) -> String {
    if status.age.is_none_or(|age| age > LEVEL_FRESH) {
        return format!("[{}]     nothing", " ".repeat(BAR_COLUMNS));
    }
    let dbfs = status.level.map_or(f32::NEG_INFINITY, |level| Level::dbfs(level.peak));
    let share = ((dbfs - BAR_BOTTOM_DBFS) / -BAR_BOTTOM_DBFS).clamp(0.0, 1.0);
    let full = (share * BAR_COLUMNS as f32).round() as usize;
    let bar = "#".repeat(full) + &"-".repeat(BAR_COLUMNS - full);
    if dbfs.is_finite() { format!("[{bar}] {dbfs:>6.1} dBFS") } else { format!("[{bar}]     silence") }
}

/// Formats the age of the newest audio.
pub(crate) fn age(status: &Status) -> String {
    match status.age {
        Some(age) if age < Duration::from_secs(1) => format!("{:>3} ms", age.as_millis()),
        Some(age) => format!("{:>4.0} s", age.as_secs_f64()),
        None => "no audio".to_owned(),
    }
}

/// Formats the audio in memory and the capacity, in seconds.
pub(crate) fn kept(status: &Status, spec: &Spec) -> String {
    format!("{:.1}/{} s", kept_s(status, spec), (spec.duration().as_secs_f64() * 10.0).round() / 10.0)
}

/// Returns the seconds of audio in memory.
pub(crate) fn kept_s(status: &Status, spec: &Spec) -> f64 {
    kept_frames(status) as f64 / f64::from(spec.sample_rate_hz())
}

/// Returns the frames in memory.
pub(crate) fn kept_frames(status: &Status) -> u64 {
    status.newest_frame.saturating_sub(status.oldest_frame)
}

/// Shortens a name to [`NAME_COLUMNS`].
pub(crate) fn short(name: &str) -> String {
    if name.chars().count() <= NAME_COLUMNS {
        return name.to_owned();
    }
    name.chars().take(NAME_COLUMNS - 1).chain(['…']).collect()
}

/// Formats rate, channels and sample format.
pub(crate) fn format(spec: &Spec) -> String {
    format!("{} Hz {} x {}", spec.sample_rate_hz(), spec.channels(), spec.format())
}

/// Formats the process that writes, `-` for none.
pub(crate) fn writer(status: &Status) -> String {
    match &status.writer {
        Some(writer) => writer.pid.to_string(),
        // It has just ended, or its liveness lock can't be read.
        None if status.has_writer => "?".to_owned(),
        None => "-".to_owned(),
    }
}

/// Returns the processes that have a buffer open, without this one and the writer.
pub(crate) fn readers(buffer: &CaptureBuffer, status: &Status) -> Vec<capbuf::OpenedBy> {
    let own = std::process::id();
    let writer = status.writer.as_ref().map(|writer| writer.pid);
    let is_reader = |pid: u32| pid != own && Some(pid) != writer;
    buffer.opened_by().into_iter().filter(|opened| is_reader(opened.holder.pid)).collect()
}

/// Counts the readers: those of [`readers`], and those beyond its list.
pub(crate) fn reader_count(buffer: &CaptureBuffer, status: &Status) -> usize {
    readers(buffer, status).len() + unlisted_readers(buffer, status) as usize
}

/// Counts the readers beyond the list, where this process and the writer may be, too.
fn unlisted_readers(buffer: &CaptureBuffer, status: &Status) -> u32 {
    if status.unlisted_processes == 0 {
        return 0;
    }
    let listed: Vec<u32> = buffer.opened_by().into_iter().map(|opened| opened.holder.pid).collect();
    let others = [Some(std::process::id()), status.writer.as_ref().map(|writer| writer.pid)];
    let unlisted = others.into_iter().flatten().filter(|pid| !listed.contains(pid)).count();
    status.unlisted_processes.saturating_sub(unlisted as u32)
}

/// Formats a number of bytes.
pub(crate) fn size(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// Formats the state of the source, its restarts and the reason.
///
/// The reason of an orphaned buffer shows the rest of its grace time.
pub(crate) fn state(health: Option<&SourceHealth>, orphaned_left: Option<Duration>) -> String {
    let Some(health) = health else { return "-".to_owned() };
    let mut text = health.state.name().to_owned();
    if health.restarts > 0 {
        text += &format!(", restarts: {}", health.restarts);
    }
    if !health.reason.is_empty() {
        text += ": ";
        text += &match (health.reason.strip_prefix("orphaned"), orphaned_left) {
            (Some(rest), Some(left)) => format!("orphaned ({} s left){rest}", left.as_secs()),
            _ => health.reason.clone(),
        };
    }
    text
}
