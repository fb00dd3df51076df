//! Reads a span from a buffer and compares the result with the naive buffer's.

use std::time::Duration;

use capbuf::{CaptureBuffer, Error, Extracted, Gap, I24, ReadOptions, Sample, SampleFormat, Span};

use crate::naive::{Expected, Naive, Outcome, ReadPolicy};
use crate::play::START_NS;
use crate::script::{ReadMode, SpanChoice};

/// The span that a choice means in this buffer.
pub fn choose_span(naive: &Naive, choice: &SpanChoice) -> Span {
    let (oldest, written) = (naive.oldest as i64, naive.written() as i64);
    let (begin_ns, end_ns) =
        if written == 0 { (START_NS, START_NS) } else { (naive.begin_ns(naive.oldest), naive.end_ns) };
    let part_ns = |part: i64| (naive.period_ns() * part as f64 / 1000.0) as i64;
    match *choice {
        SpanChoice::Frames { from, frames, off } => {
            let from = oldest + (written - oldest) * from / 1000 + off;
            let from = from.max(0) as u64;
            Span::Frames(from..from + frames)
        }
        SpanChoice::Time { from, ms, part } => {
            let from = begin_ns + ((end_ns - begin_ns) as f64 * from as f64 / 1000.0) as i64 + part_ns(part);
            Span::Time(from..from + ms as i64 * 1_000_000 + part_ns(part))
        }
        SpanChoice::Gaps { first, last, before_us, after_us } => {
            let gap = |number: usize| naive.gaps.iter().rev().nth(number);
            let begin_ns = |gap: &Gap| naive.begins_ns[gap.first_frame as usize].unwrap_or(end_ns);
            let one = gap(first).map_or(end_ns, |gap| if last % 2 == 0 { gap.start_utc_ns } else { begin_ns(gap) });
            let other = gap(last).map_or(end_ns, begin_ns);
            Span::Time(one.min(other) + before_us * 1000..one.max(other) + after_us * 1000)
        }
        SpanChoice::Last { frames } => {
            Span::Last(Duration::from_nanos(naive.frames_to_ns(frames).unsigned_abs() + u64::from(frames > 0)))
        }
    }
}

/// Reads a span from the buffer, and compares the result with the naive buffer's.
pub fn check_read(buffer: &CaptureBuffer, naive: &Naive, span: &Span, mode: ReadMode) {
    let fill_gaps = mode.silence.unwrap_or(!matches!(span, Span::Frames(_)));
    let policy = ReadPolicy { fill_gaps, allow_missing_start: mode.available, allow_missing_end: mode.available };
    let mut outcomes = match span {
        Span::Frames(range) => vec![naive.by_frames(range, policy)],
        Span::Time(range) => naive.by_time(range, policy),
        Span::Last(duration) => vec![naive.last(duration.as_nanos() as i64, policy)],
    };
    if naive.written() == 0 && !matches!(outcomes[0], Outcome::InvalidRange) {
        outcomes = vec![Outcome::NotYet(0)];
    }
    let options = ReadOptions::new().silence(fill_gaps);
    let options = if mode.available { options.available() } else { options };
    let options = if mode.wait { options.wait(Duration::ZERO) } else { options };
    let options = mode.format.map_or(options, |format| options.format(format));
    let format = mode.format.unwrap_or(naive.spec.format());
    let check = ReadCheck { buffer, naive, span, options, outcomes: &outcomes, waits: mode.wait };
    match format {
        SampleFormat::S16 => check.run::<i16>(mode.room),
        SampleFormat::S24 => check.run::<I24>(mode.room),
        SampleFormat::S32 => check.run::<i32>(mode.room),
        SampleFormat::F32 => check.run::<f32>(mode.room),
    }
}

struct ReadCheck<'a> {
    buffer: &'a CaptureBuffer,
    naive: &'a Naive,
    span: &'a Span,
    options: ReadOptions,
    outcomes: &'a [Outcome],
    waits: bool,
}

impl ReadCheck<'_> {
    fn run<T: Sample>(&self, room: Option<i64>) {
        let channels = usize::from(self.naive.spec.channels());
        let needed = self.outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Good(expected) => Some(expected.frames.len() * channels),
            _ => None,
        });
        let needed = needed.max().unwrap_or(0);
        let Some(room) = room else {
            match self.buffer.read_with(self.span.clone(), &self.options.format(T::FORMAT)) {
                Ok(segment) => {
                    let gaps: Vec<_> =
                        segment.gaps().iter().map(|gap| (gap.gap, gap.at_frame, gap.silence_frames)).collect();
                    self.check_good(segment.samples().as_bytes(), &segment.extracted(), Some(&gaps), T::FORMAT);
                }
                Err(error) => self.check_error(&error),
            }
            return;
        };
        let mark = T::from_s32(0x1234_5678);
        let len = (needed as i64 + room).max(0) as usize;
        let mut out = vec![mark; len];
        match self.buffer.read_into(self.span.clone(), &self.options, &mut out) {
            Ok(extracted) => {
                let (read, rest) = out.split_at(extracted.frames as usize * channels);
                assert!(
                    rest.iter().all(|sample| sample.to_s32() == mark.to_s32()),
                    "samples beyond the read are untouched"
                );
                self.check_good(bytemuck::cast_slice(read), &extracted, None, T::FORMAT);
            }
            Err(Error::TooSmall { needed_samples, given_samples }) => {
                assert_eq!(given_samples, len as u64);
                assert!(given_samples < needed_samples && needed_samples <= needed as u64);
                assert!(out.iter().all(|sample| sample.to_s32() == mark.to_s32()), "a refused read writes nothing");
            }
            Err(error) => self.check_error(&error),
        }
    }

    fn check_good(&self, bytes: &[u8], extracted: &Extracted, gaps: Option<&[(Gap, u64, u64)]>, format: SampleFormat) {
        let same = |expected: &&Expected| {
            let silence = expected.frames.iter().filter(|frame| frame.is_none()).count() as u64;
            let listed = expected.gaps.len() as u64;
            (extracted.frames, extracted.silence_frames) == (expected.frames.len() as u64, silence)
                && extracted.captured_frames == expected.frames.len() as u64 - silence
                && (extracted.first_frame, extracted.end_frame) == (expected.captured.start, expected.captured.end)
                && (extracted.start_utc_ns, extracted.end_utc_ns) == (expected.start_ns, expected.end_ns)
                && (extracted.missing.evicted_frames, extracted.missing.not_yet_frames)
                    == (expected.evicted, expected.not_yet)
                && extracted.gaps == listed
                && gaps.is_none_or(|gaps| gaps == expected.gaps)
        };
        let expected = self.outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Good(expected) => Some(expected),
            _ => None,
        });
        let expected: Vec<_> = expected.collect();
        let Some(expected) = expected.iter().copied().find(same) else {
            let all: Vec<_> = self.outcomes.iter().map(short).collect();
            panic!("{}: got {extracted:?}, gaps {gaps:?}; right: {all:?}", self.span);
        };
        let samples = match format {
            SampleFormat::S16 => bytemuck::cast_slice::<_, u8>(&self.naive.samples::<i16>(&expected.frames)).to_vec(),
            SampleFormat::S24 => bytemuck::cast_slice::<_, u8>(&self.naive.samples::<I24>(&expected.frames)).to_vec(),
            SampleFormat::S32 => bytemuck::cast_slice::<_, u8>(&self.naive.samples::<i32>(&expected.frames)).to_vec(),
            SampleFormat::F32 => bytemuck::cast_slice::<_, u8>(&self.naive.samples::<f32>(&expected.frames)).to_vec(),
        };
        assert!(bytes == samples, "{}: wrong samples; {extracted:?}", self.span);
    }

    fn check_error(&self, error: &Error) {
        let naive = self.naive;
        let right = self.outcomes.iter().any(|outcome| match (outcome, error) {
            (Outcome::InvalidRange, Error::InvalidRange { .. }) => true,
            (Outcome::NotYet(_), Error::TimedOut { .. } | Error::Removed { .. }) => self.waits,
            (Outcome::Evicted, Error::Evicted { oldest_frame, oldest_utc_ns }) => {
                let oldest = match self.span {
                    Span::Time(_) => naive.oldest_by_time(),
                    _ => vec![naive.oldest],
                };
                oldest.iter().any(|oldest| (*oldest_frame, *oldest_utc_ns) == (*oldest, naive.begin_ns(*oldest)))
            }
            (Outcome::NotYet(_), Error::NotYet { newest_frame: 0, expected_utc_ns: None, .. }) => naive.written() == 0,
            (Outcome::NotYet(ahead), Error::NotYet { newest_frame, missing_frames, expected_utc_ns }) => {
                (*newest_frame, missing_frames) == (naive.written(), ahead)
                    && *expected_utc_ns == Some(naive.end_ns + naive.frames_to_ns(*ahead))
            }
            _ => false,
        });
        let all: Vec<_> = self.outcomes.iter().map(short).collect();
        assert!(right, "{}: got {error:?}; right: {all:?}", self.span);
    }
}

/// An outcome without the list of its frames.
fn short(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Good(expected) => {
            format!("{} frames of {:?}", expected.frames.len(), Expected { frames: Vec::new(), ..expected.clone() })
        }
        other => format!("{other:?}"),
    }
}
