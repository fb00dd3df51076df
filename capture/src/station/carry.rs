//! The audio that a new ring takes over from an old one.

use capbuf::{CaptureBuffer, Length, ReadOptions, Registry, Span, Spec};

use super::SourceConfig;
use crate::options::CaptureOptions;

/// How a ring that is there agrees with what is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// It can be used as it is.
    Same,
    /// Only its length is another.
    OtherLength,
    /// Its rate, channels or sample format are others.
    OtherFormat,
}

/// Compares a ring with what is wanted; what is left to the source is as it is.
pub(super) fn fits(spec: &Spec, options: &CaptureOptions) -> Fit {
    let wish = &options.wish;
    let is_other_format = wish.sample_rate_hz.is_some_and(|rate| rate != spec.sample_rate_hz())
        || wish.channels.is_some_and(|channels| channels != spec.channels())
        || wish.sample_format.is_some_and(|format| format != spec.format());
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

/// Makes a ring that fits, with what the one that is there holds of audio, and tells with which options to begin: a ring that is
/// there is gone on with in its own format.
pub(super) fn fit(registry: &Registry, config: &SourceConfig) -> CaptureOptions {
    let options = config.options.clone();
    let Some(old) = registry.get(&config.name) else { return options };
    match fits(old.spec(), &options) {
        Fit::Same => options.exactly(old.spec()),
        Fit::OtherFormat => {
            // Whatever comes of it is told by what begins.
            let _ = registry.remove(&config.name);
            options
        }
        Fit::OtherLength => {
            let Some(spec) = resized(old.spec(), options.length) else { return options };
            let _ = registry.remove(&config.name);
            if let Ok(new) = registry.get_or_allocate_with(&config.name, spec, &options.allocate) {
                // A ring without the past is better than none.
                let _ = carry_over(&old, &new);
            }
            options.exactly(old.spec())
        }
    }
}

/// Writes the newest audio of one ring into another of the same format, as much as there is room for, with its times and gaps.
fn carry_over(old: &CaptureBuffer, new: &CaptureBuffer) -> capbuf::Result<()> {
    let mut writer = new.writer()?;
    let frames = old.frames();
    let mut next = frames.start.max(frames.end.saturating_sub(new.spec().length_frames()));
    // Of each gap only its end is told: the frame after it.
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
