//! Copies a span out: finds it, copies, checks, and copies again or refuses if the writer overtook.

use std::time::Duration;

use super::plan::{Plan, Planner, ReadPolicy, Step, evicted};
use super::segment::{Extracted, Samples, Segment, SegmentGap};
use super::shared::Shared;
use super::span::Span;
use crate::clock::duration_to_ns;
use crate::error::{Error, Result};
use crate::gap::Gap;
use crate::memory::copy;
use crate::ring;
use crate::sample::{Sample, convert, with_format};
use crate::spec::SampleFormat;
use crate::sync::{AtomicU64, count, fork};
use crate::time::Extent;

/// Options of a read. By default: whole or not at all, without waiting, gaps of time filled, in the
/// buffer's own format.
///
/// ```
/// use std::time::Duration;
/// use capbuf::{ReadOptions, SampleFormat};
///
/// let options = ReadOptions::new().available().wait(Duration::from_secs(2)).format(SampleFormat::F32);
/// # let _ = options;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadOptions {
    silence: Option<bool>,
    partial: bool,
    wait: Option<Duration>,
    format: Option<SampleFormat>,
}

impl ReadOptions {
    /// Returns the default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns what the ring keeps and reports what is missing, instead of an error. If nothing of
    /// the span is there, the segment is empty. A buffer that was never written to remains
    /// [`Error::NotYet`].
    pub fn available(mut self) -> Self {
        self.partial = true;
        self
    }

    /// Waits for frames that are still to come: until they are there, `timeout` is over, or the
    /// buffer is removed.
    pub fn wait(mut self, timeout: Duration) -> Self {
        self.wait = Some(timeout);
        self
    }

    /// Fills gaps with silence, or leaves them out. By default spans of time are filled, so that
    /// they keep their length, and spans of frames are not.
    pub fn silence(mut self, fill: bool) -> Self {
        self.silence = Some(fill);
        self
    }

    /// Converts the samples while copying them into a [`Segment`]. Reads into the caller's memory
    /// follow its type.
    pub fn format(mut self, format: SampleFormat) -> Self {
        self.format = Some(format);
        self
    }
}

/// Counts a read by its result and, while allocations are tracked, its duration.
#[inline]
pub(crate) fn counted<R>(shared: &Shared, read: impl FnOnce() -> Result<R>) -> Result<R> {
    fork::enter();
    let begun_ns = shared.tracker.is_on().then(|| shared.clock.monotonic_ns());
    let result = read();
    if let Some(begun_ns) = begun_ns {
        let took_ns = shared.clock.monotonic_ns().saturating_sub(begun_ns).max(0).unsigned_abs();
        shared.tracker.counts.read_durations.add(Duration::from_nanos(took_ns));
    }
    shared.tracker.counts.read(&result);
    result
}

/// The destination of samples, in order.
trait Sink<T: Sample> {
    /// Copies `samples` samples from `words` as they are.
    fn copy(&mut self, words: &[AtomicU64], offset: usize, samples: usize);
    /// The next `samples` samples, for the caller to fill in.
    fn space(&mut self, samples: usize) -> &mut [T];
}

/// New memory of the measured capacity. It never grows: a shared timeline may differ the second
/// time.
struct Grow<T>(Vec<T>);

impl<T: Sample> Sink<T> for Grow<T> {
    fn copy(&mut self, words: &[AtomicU64], offset: usize, samples: usize) {
        copy::append(words, offset, samples.min(self.0.capacity() - self.0.len()), &mut self.0);
    }

    fn space(&mut self, samples: usize) -> &mut [T] {
        let begin = self.0.len();
        self.0.resize(begin + samples.min(self.0.capacity() - begin), T::zeroed());
        &mut self.0[begin..]
    }
}

/// The rest of the caller's memory.
struct Room<'a, T>(&'a mut [T]);

impl<T: Sample> Sink<T> for Room<'_, T> {
    fn copy(&mut self, words: &[AtomicU64], offset: usize, samples: usize) {
        let room = self.space(samples);
        copy::copy_out(words, offset, bytemuck::cast_slice_mut(room));
    }

    fn space(&mut self, samples: usize) -> &mut [T] {
        let room = std::mem::take(&mut self.0);
        let (next, rest) = room.split_at_mut(samples.min(room.len()));
        self.0 = rest;
        next
    }
}

/// Copies frames stored as `S` into a sink of `T`.
fn copy_frames<S: Sample, T: Sample>(shared: &Shared, first: u64, frames: u64, sink: &mut impl Sink<T>) {
    let words = shared.region.words();
    for (offset, bytes) in ring::spans(&shared.region, first, frames) {
        let samples = bytes / size_of::<S>();
        if S::FORMAT == T::FORMAT {
            sink.copy(words, offset, samples);
            continue;
        }
        // In blocks on the stack, which stay in the nearest cache.
        let mut block = [S::zeroed(); 1024];
        for begin in (0..samples).step_by(block.len()) {
            let block = &mut block[..(samples - begin).min(1024)];
            copy::copy_out(words, offset + begin * size_of::<S>(), bytemuck::cast_slice_mut(block));
            convert(block, sink.space(block.len()));
        }
    }
}

/// Copies a planned span. Returns false if the writer overtook, or if another process changed the
/// timeline so that these are not the `frames` measured frames; then the sink's content must not be
/// used.
fn copy_plan<T: Sample>(
    shared: &Shared,
    plan: &Plan,
    frames: u64,
    sink: &mut impl Sink<T>,
    mut gap: impl FnMut(Gap, u64, u64),
) -> bool {
    let channels = usize::from(shared.spec.channels());
    let mut written = 0;
    let mut last_gap: Option<Gap> = None;
    let whole = plan.walk(&shared.region, &shared.spec, |step| {
        if let Some(before) = last_gap.take() {
            let silence = if let Step::Silence { frames } = step { frames } else { 0 };
            gap(before, written, silence);
        }
        match step {
            Step::Frames { first, count } => {
                with_format!(shared.spec.format(), S => copy_frames::<S, T>(shared, first, count, sink));
                written = written.saturating_add(count);
            }
            Step::Silence { frames } => {
                sink.space(frames as usize * channels).fill(T::zeroed());
                written = written.saturating_add(frames);
            }
            Step::Gap(next) => last_gap = Some(next),
        }
    });
    if let Some(before) = last_gap {
        gap(before, written, 0);
    }
    whole && written == frames && ring::oldest_intact(&shared.region) <= plan.first
}

/// Measures what a planned span takes; `None` if the writer lapped the walk.
fn measure(shared: &Shared, plan: &Plan) -> Option<Extracted> {
    let (mut captured_frames, mut silence_frames, mut gaps) = (0_u64, 0_u64, 0);
    let whole = plan.walk(&shared.region, &shared.spec, |step| match step {
        Step::Frames { count, .. } => captured_frames += count,
        Step::Silence { frames } => silence_frames = silence_frames.saturating_add(frames),
        Step::Gap(_) => gaps += 1,
    });
    whole.then(|| Extracted {
        frames: captured_frames.saturating_add(silence_frames),
        first_frame: plan.first,
        end_frame: plan.end,
        captured_frames,
        silence_frames,
        start_utc_ns: plan.start_utc_ns,
        end_utc_ns: plan.end_utc_ns,
        gaps,
        missing: plan.missing,
        timing: plan.timing(&shared.region),
    })
}

/// Retries of a partial read whose oldest frames are evicted meanwhile.
const TRIES: usize = 64;

/// Plans a span as of now and passes it to `take`, which returns `None` if the copy is not valid.
fn attempt<R>(
    shared: &Shared,
    span: &Span,
    policy: ReadPolicy,
    mut take: impl FnMut(&Plan, Extracted) -> Result<Option<R>>,
) -> Result<R> {
    let by_time = matches!(span, Span::Time(_));
    let mut extent = None;
    for _ in 0..TRIES {
        let Some(now) = Extent::of(&shared.region) else {
            return Err(nothing_yet(shared, span));
        };
        extent = Some(now);
        let planner = Planner { region: &shared.region, spec: &shared.spec, extent: now, policy, by_time };
        match planner.plan(span) {
            Ok(plan) => {
                if let Some(extracted) = measure(shared, &plan)
                    && let Some(taken) = take(&plan, extracted)?
                {
                    return Ok(taken);
                }
            }
            // Lapped: plan again.
            Err(Error::Evicted { .. }) if policy.allow_missing_start => {}
            Err(error) => {
                shared.count_eviction(&error);
                return Err(error);
            }
        }
        if !policy.allow_missing_start {
            break;
        }
    }
    let error = extent.map_or_else(|| nothing_yet(shared, span), |extent| evicted(&shared.region, extent, by_time));
    shared.count_eviction(&error);
    Err(error)
}

fn nothing_yet(shared: &Shared, span: &Span) -> Error {
    let missing_frames = match span {
        Span::Frames(range) => range.end,
        Span::Time(range) => shared.spec.ns_to_frames(range.end.saturating_sub(range.start)),
        Span::Last(duration) => shared.spec.ns_to_frames(duration_to_ns(*duration)),
    };
    Error::NotYet { newest_frame: 0, missing_frames, expected_utc_ns: None }
}

/// Retries until the frames have come. The rate is known, so it sleeps until they are due.
pub(crate) fn waiting<R>(shared: &Shared, wait: Option<Duration>, mut attempt: impl FnMut() -> Result<R>) -> Result<R> {
    const LONGEST: Duration = Duration::from_millis(50);
    const SHORTEST: Duration = Duration::from_millis(2);
    let Some(timeout) = wait else {
        return attempt();
    };
    let begun_ns = shared.clock.monotonic_ns();
    let mut has_slept = false;
    loop {
        let removed = shared.is_gone_lately();
        let expected_utc_ns = match attempt() {
            Err(Error::NotYet { expected_utc_ns, .. }) => expected_utc_ns,
            other => return other,
        };
        if removed {
            return Err(shared.removed());
        }
        let waited = Duration::from_nanos(shared.clock.monotonic_ns().saturating_sub(begun_ns).max(0).unsigned_abs());
        let Some(left) = timeout.checked_sub(waited).filter(|left| !left.is_zero()) else {
            return Err(Error::TimedOut { waited });
        };
        let until_ns = expected_utc_ns.map_or(0, |at| at.saturating_sub(shared.clock.utc_ns()).max(0).unsigned_abs());
        if !std::mem::replace(&mut has_slept, true) {
            count(&shared.tracker.counts.waits);
        }
        shared.clock.sleep(Duration::from_nanos(until_ns).clamp(SHORTEST, LONGEST).min(left));
        shared.check_whole()?;
    }
}

/// Runs a read with its options: waits for the whole span, then takes what is there if partial
/// reads are allowed.
fn with_options<R>(
    shared: &Shared,
    span: &Span,
    options: &ReadOptions,
    mut take: impl FnMut(&Plan, Extracted) -> Result<Option<R>>,
) -> Result<R> {
    span.check(&shared.spec)?;
    let fill_gaps = options.silence.unwrap_or(!matches!(span, Span::Frames(_)));
    let (partial, wait) = (options.partial, options.wait);
    // While waiting, also a partial read waits for its end: only its beginning can be lost for
    // good.
    let policy = ReadPolicy { fill_gaps, allow_missing_start: partial, allow_missing_end: partial && wait.is_none() };
    match waiting(shared, wait, || attempt(shared, span, policy, &mut take)) {
        Err(Error::TimedOut { .. } | Error::Removed { .. }) if partial => {
            attempt(shared, span, ReadPolicy { allow_missing_end: true, ..policy }, take)
        }
        other => other,
    }
}

/// Reads a span into new memory.
pub(crate) fn segment(shared: &Shared, span: &Span, options: &ReadOptions) -> Result<Segment> {
    shared.check_whole()?;
    let format = options.format.unwrap_or(shared.spec.format());
    with_options(shared, span, options, |plan, extracted| {
        let samples = room_for(shared, extracted.frames, format)?;
        let mut gaps = Vec::new();
        let mut list = |gap, at_frame, silence_frames| {
            gaps.push(SegmentGap { gap, at_frame, silence_frames });
        };
        let frames = extracted.frames;
        let (good, samples) = match format {
            SampleFormat::S16 => fill(shared, plan, frames, samples, &mut list, Samples::S16)?,
            SampleFormat::S24 => fill(shared, plan, frames, samples, &mut list, Samples::S24)?,
            SampleFormat::S32 => fill(shared, plan, frames, samples, &mut list, Samples::S32)?,
            SampleFormat::F32 => fill(shared, plan, frames, samples, &mut list, Samples::F32)?,
        };
        let (sample_rate_hz, channels) = (shared.spec.sample_rate_hz(), shared.spec.channels());
        Ok(good.then_some(Segment { samples, extracted, gaps, sample_rate_hz, channels }))
    })
}

fn fill<T: Sample>(
    shared: &Shared,
    plan: &Plan,
    frames: u64,
    samples: usize,
    gap: impl FnMut(Gap, u64, u64),
    wrap: fn(Vec<T>) -> Samples,
) -> Result<(bool, Samples)> {
    let mut room = Vec::new();
    room.try_reserve_exact(samples).map_err(|error| {
        let requested_bytes = (samples as u64).saturating_mul(size_of::<T>() as u64);
        Error::OutOfMemory { requested_bytes, reason: error.to_string() }
    })?;
    let mut room = Grow(room);
    let good = copy_plan::<T>(shared, plan, frames, &mut room, gap);
    Ok((good, wrap(room.0)))
}

/// The number of samples to allocate, within the limit: silence may be longer than memory.
fn room_for(shared: &Shared, frames: u64, format: SampleFormat) -> Result<usize> {
    let samples = frames.saturating_mul(u64::from(shared.spec.channels()));
    let requested_bytes = samples.saturating_mul(format.bytes() as u64);
    let limit_bytes = shared.segment_limit_bytes;
    if requested_bytes > limit_bytes {
        return Err(Error::OverBudget { requested_bytes, used_bytes: 0, limit_bytes, scope: "one segment" });
    }
    usize::try_from(samples).map_err(|error| Error::OutOfMemory { requested_bytes, reason: error.to_string() })
}

/// Reads a span into the caller's memory.
pub(crate) fn into<T: Sample>(shared: &Shared, span: &Span, options: &ReadOptions, out: &mut [T]) -> Result<Extracted> {
    with_options(shared, span, options, |plan, extracted| {
        let needed_samples = extracted.frames.saturating_mul(u64::from(shared.spec.channels()));
        if needed_samples > out.len() as u64 {
            return Err(Error::TooSmall { needed_samples, given_samples: out.len() as u64 });
        }
        Ok(copy_plan::<T>(shared, plan, extracted.frames, &mut Room(out), |_, _, _| {}).then_some(extracted))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gap::GapReason;
    use crate::spec::{Length, Spec};
    use crate::{CaptureBuffer, Registry, Writer};

    /// A buffer with one full second, and its writer.
    fn full() -> (CaptureBuffer, Writer) {
        let spec = Spec::new(Length::Seconds(1.0), 1000, 1, SampleFormat::S16).unwrap();
        let buffer = Registry::private().get_or_allocate("x", spec).unwrap();
        let mut writer = buffer.writer().unwrap();
        writer.write(&[1_i16; 1000]).unwrap();
        (buffer, writer)
    }

    #[test]
    fn new_memory_never_grows_beyond_the_measured_capacity() {
        let mut grow = Grow::<i16>(Vec::with_capacity(4));
        let counted = grow.0.capacity();
        assert_eq!(grow.space(counted + 1).len(), counted);
        assert_eq!(grow.space(1).len(), 0);
        grow.copy(&[AtomicU64::new(0)], 0, 1);
        assert_eq!(grow.0.len(), counted);
    }

    #[test]
    fn copy_that_the_writer_overtakes_is_refused() {
        for overtaken in [false, true] {
            let (buffer, mut writer) = full();
            writer.gap(GapReason::SourceLost);
            writer.write(&[2_i16; 500]).unwrap();
            let shared = &*buffer.shared;
            let policy = ReadPolicy { fill_gaps: false, allow_missing_start: false, allow_missing_end: false };
            let copied = attempt(shared, &Span::Frames(500..1500), policy, |plan, extracted| {
                let mut samples = Grow::<i16>(Vec::with_capacity(1000));
                // Reported when the part before the gap is copied.
                let good = copy_plan(shared, plan, extracted.frames, &mut samples, |_, _, _| {
                    if overtaken {
                        writer.write(&[3_i16; 500]).unwrap();
                    }
                });
                Ok(Some(good))
            });
            assert_eq!(copied, Ok(!overtaken));
        }
    }

    #[test]
    fn overtaken_read_retries_only_if_a_partial_read_is_allowed() {
        let (buffer, _writer) = full();
        for (allow_missing_start, tries) in [(true, 3), (false, 1)] {
            let mut tried = 0;
            let policy = ReadPolicy { fill_gaps: false, allow_missing_start, allow_missing_end: false };
            let outcome = attempt(&buffer.shared, &Span::Frames(0..1000), policy, |_, _| {
                tried += 1;
                Ok((tried == 3).then_some(()))
            });
            assert_eq!((outcome.is_ok(), tried), (allow_missing_start, tries));
        }
    }
}
