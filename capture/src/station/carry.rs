//! Carries audio over to a buffer of another length.

use capbuf::{CaptureBuffer, Length, ReadOptions, Registry, Span, Spec};

use super::config::SourceConfig;
use crate::supervise::CaptureOptions;

/// The comparison of an existing buffer with the configured one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// The existing one can be used.
    Same,
    /// Only the length differs.
    OtherLength,
    /// The rate, channels or sample format differ.
    OtherFormat,
}

/// Compares a buffer with the options; formats left to the source match.
pub(super) fn compare(spec: &Spec, options: &CaptureOptions) -> Fit {
    let requested = &options.requested;
    let is_other_format = requested.sample_rate_hz.is_some_and(|rate| rate != spec.sample_rate_hz())
        || requested.channels.is_some_and(|channels| channels != spec.channels())
        || requested.sample_format.is_some_and(|format| format != spec.format());
    if is_other_format {
        return Fit::OtherFormat;
    }
    match resized(spec, options.length) {
        Some(wanted) if wanted == *spec => Fit::Same,
        _ => Fit::OtherLength,
    }
}

fn resized(spec: &Spec, length: Length) -> Option<Spec> {
    Spec::new(length, spec.sample_rate_hz(), spec.channels(), spec.format()).ok()
}

/// Replaces the buffer if it does not fit, carries its audio over if only the length differs, and
/// returns the options to start with: those of an existing buffer request its format.
pub(super) fn prepare(registry: &Registry, config: &SourceConfig) -> CaptureOptions {
    let options = config.options.clone();
    let Some(old) = registry.get(&config.name) else { return options };
    match compare(old.spec(), &options) {
        Fit::Same => options.exactly(old.spec()),
        Fit::OtherFormat => {
            // An error would recur, and be reported, when the source starts.
            let _ = registry.remove(&config.name);
            options
        }
        Fit::OtherLength => {
            let Some(spec) = resized(old.spec(), options.length) else { return options };
            let _ = registry.remove(&config.name);
            if let Ok(new) = registry.get_or_allocate_with(&config.name, spec, &options.allocate) {
                // A buffer without the old audio is better than none.
                let _ = carry_over(&old, &new);
            }
            options.exactly(old.spec())
        }
    }
}

/// Copies the newest audio into a buffer of the same format, as much as fits, with times and gaps.
fn carry_over(old: &CaptureBuffer, new: &CaptureBuffer) -> capbuf::Result<()> {
    let mut writer = new.writer()?;
    let frames = old.frames();
    let mut next = frames.start.max(frames.end.saturating_sub(new.spec().length_frames()));
    // A gap is listed by the frame after it.
    let everything = ReadOptions::new().available();
    let all = old.read_with(Span::Frames(next..frames.end), &everything)?;
    let gaps: Vec<_> = all.gaps().iter().map(|gap| gap.gap).collect();
    let step = u64::from(old.spec().sample_rate_hz()).max(1);
    while next < frames.end {
        let gap = gaps.iter().find(|gap| gap.first_frame == next);
        let end = gaps.iter().map(|gap| gap.first_frame).filter(|at| *at > next).min().unwrap_or(frames.end);
        let segment = old.read(Span::Frames(next..end.min(next + step)))?;
        if let Some(gap) = gap.filter(|_| writer.next_frame() > 0) {
            writer.gap(gap.reason);
        }
        writer.write_bytes_at(segment.samples().as_bytes(), segment.start_utc_ns())?;
        next = segment.end_frame();
    }
    Ok(())
}
