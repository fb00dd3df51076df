//! The naive buffer: every frame ever written, the time of each, and a list of gaps.
//!
//! It forgets nothing; one number, the oldest frame, says what the ring may have forgotten. Every
//! answer is a walk over the vectors.

use std::ops::Range;

use capbuf::{Gap, I24, Sample, SampleFormat, Spec, convert};

pub struct Naive {
    pub spec: Spec,
    /// All whole frames ever written.
    pub bytes: Vec<u8>,
    /// Time of each frame as first reported; `None` if the frame was never readable.
    pub begins_ns: Vec<Option<i64>>,
    /// End of the newest frame.
    pub end_ns: i64,
    pub gaps: Vec<Gap>,
    /// First frames of the epochs after the first one.
    pub epochs: Vec<u64>,
    pub oldest: u64,
}

/// Frames of older epochs whose times a newer one has.
#[derive(Debug, Clone)]
pub struct Hidden {
    pub frames: Range<u64>,
    /// The part of the gap before them that is not hidden.
    pub gap_ns: i64,
}

/// Result of a successful read.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    pub captured: Range<u64>,
    pub start_ns: i64,
    pub end_ns: i64,
    /// Gap, its position in the output, its frames of silence.
    pub gaps: Vec<(Gap, u64, u64)>,
    /// The output: frame numbers, `None` for silence.
    pub frames: Vec<Option<u64>>,
    pub evicted: u64,
    pub not_yet: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    Good(Expected),
    Evicted,
    /// Frames from the newest one to the end of the span.
    NotYet(u64),
    InvalidRange,
}

#[derive(Debug, Clone, Copy)]
pub struct ReadPolicy {
    pub fill_gaps: bool,
    pub allow_missing_start: bool,
    pub allow_missing_end: bool,
}

impl Naive {
    pub fn new(spec: Spec) -> Self {
        Self {
            spec,
            bytes: Vec::new(),
            begins_ns: Vec::new(),
            end_ns: 0,
            gaps: Vec::new(),
            epochs: Vec::new(),
            oldest: 0,
        }
    }

    pub fn written(&self) -> u64 {
        self.begins_ns.len() as u64
    }

    pub fn period_ns(&self) -> f64 {
        1e9 / f64::from(self.spec.sample_rate_hz())
    }

    pub fn frames_to_ns(&self, frames: u64) -> i64 {
        (i128::from(frames) * 1_000_000_000 / i128::from(self.spec.sample_rate_hz())) as i64
    }

    pub fn ns_to_frames(&self, ns: i64) -> u64 {
        ((i128::from(ns.max(0)) * i128::from(self.spec.sample_rate_hz()) + 500_000_000) / 1_000_000_000) as u64
    }

    /// Start of a readable frame, or the end of the newest one.
    pub fn begin_ns(&self, frame: u64) -> i64 {
        if frame == self.written() { self.end_ns } else { self.begins_ns[frame as usize].expect("a readable frame") }
    }

    pub fn gap_at(&self, frame: u64) -> Option<Gap> {
        self.gaps.iter().copied().find(|gap| gap.first_frame == frame)
    }

    /// End of the audio before a frame.
    pub fn audio_end_ns(&self, frame: u64) -> i64 {
        self.gap_at(frame).map_or_else(|| self.begin_ns(frame), |gap| gap.start_utc_ns)
    }

    /// The output of a read: `lead` frames of silence, the captured frames with the gaps between
    /// them, `tail` frames of silence.
    pub fn output(&self, captured: Range<u64>, lead: u64, tail: u64, policy: ReadPolicy) -> Expected {
        self.output_without(&[], captured, lead, tail, policy)
    }

    /// The output without the frames that are `hidden`.
    pub fn output_without(
        &self,
        hidden: &[Hidden],
        captured: Range<u64>,
        lead: u64,
        tail: u64,
        policy: ReadPolicy,
    ) -> Expected {
        let (lead, tail) = if policy.fill_gaps { (lead, tail) } else { (0, 0) };
        let (mut gaps, mut frames) = (Vec::new(), Vec::new());
        let mut silence = |gap: Option<Gap>, silence: u64, frames: &mut Vec<Option<u64>>| {
            gaps.extend(gap.map(|gap| (gap, frames.len() as u64, silence)));
            frames.resize(frames.len() + silence as usize, None);
        };
        if lead > 0 {
            silence(self.gap_at(captured.start), lead, &mut frames);
        }
        let mut next = captured.start;
        while next < captured.end {
            let mut frame = next;
            if let Some(hidden) = hidden.iter().find(|hidden| hidden.frames.start == frame) {
                let filled = if policy.fill_gaps { self.ns_to_frames(hidden.gap_ns) } else { 0 };
                if filled > 0 {
                    silence(self.gap_at(frame), filled, &mut frames);
                }
                frame = hidden.frames.end;
                if frame >= captured.end {
                    break;
                }
                silence(self.gap_at(frame), 0, &mut frames);
            } else if let Some(gap) = self.gap_at(frame).filter(|gap| gap.first_frame > captured.start) {
                let filled = if policy.fill_gaps { self.ns_to_frames(gap.duration_ns) } else { 0 };
                silence(Some(gap), filled, &mut frames);
            }
            frames.push(Some(frame));
            next = frame + 1;
        }
        if tail > 0 {
            silence(self.gap_at(captured.end), tail, &mut frames);
        }
        let end_ns = if captured.is_empty() { self.begin_ns(captured.end) } else { self.audio_end_ns(captured.end) };
        Expected {
            start_ns: self.begin_ns(captured.start) - self.frames_to_ns(lead),
            end_ns: end_ns + self.frames_to_ns(tail),
            captured,
            gaps,
            frames,
            evicted: 0,
            not_yet: 0,
        }
    }

    pub fn outcome(
        evicted: u64,
        not_yet: u64,
        ahead: u64,
        policy: ReadPolicy,
        good: impl FnOnce() -> Expected,
    ) -> Outcome {
        if evicted > 0 && !policy.allow_missing_start {
            return Outcome::Evicted;
        }
        if not_yet > 0 && !policy.allow_missing_end {
            return Outcome::NotYet(ahead);
        }
        Outcome::Good(Expected { evicted, not_yet, ..good() })
    }

    pub fn by_frames(&self, range: &Range<u64>, policy: ReadPolicy) -> Outcome {
        if range.is_empty() {
            return Outcome::InvalidRange;
        }
        if self.written() == 0 {
            return Outcome::NotYet(range.end);
        }
        let evicted = range.clone().filter(|frame| *frame < self.oldest).count() as u64;
        let not_yet = range.clone().filter(|frame| *frame >= self.written()).count() as u64;
        let ahead = range.end.saturating_sub(self.written());
        Self::outcome(evicted, not_yet, ahead, policy, || {
            let start = range.start.clamp(self.oldest, self.written());
            self.output(start..range.end.clamp(start, self.written()), 0, 0, policy)
        })
    }

    pub fn last(&self, duration_ns: i64, policy: ReadPolicy) -> Outcome {
        let requested = self.ns_to_frames(duration_ns);
        if requested == 0 || requested > self.spec.length_frames() {
            return Outcome::InvalidRange;
        }
        if self.written() == 0 {
            return Outcome::NotYet(requested);
        }
        let (mut first, mut lead, mut left) = (self.written(), 0, requested);
        while left > 0 && first > self.oldest {
            (first, left) = (first - 1, left - 1);
            // The gap before the oldest frame is known and counts as well.
            let gap_ns = self.gap_at(first).filter(|_| policy.fill_gaps).map_or(0, |gap| gap.duration_ns);
            lead = self.ns_to_frames(gap_ns).min(left);
            left -= lead;
        }
        let lead = if first == self.oldest || left == 0 { lead } else { 0 };
        let (evicted, not_yet) = if self.oldest == 0 { (0, left) } else { (left, 0) };
        match Self::outcome(evicted, not_yet, left, policy, || self.output(first..self.written(), lead, 0, policy)) {
            // Allowed, the beginning is missing: the newest frame is there.
            Outcome::Good(good) => Outcome::Good(Expected { evicted: left, not_yet: 0, ..good }),
            refused => refused,
        }
    }

    /// The samples of an output, converted to `T`.
    pub fn samples<T: Sample>(&self, frames: &[Option<u64>]) -> Vec<T> {
        let frame_bytes = self.spec.frame_bytes();
        let bytes: Vec<u8> = frames
            .iter()
            .flat_map(|frame| match frame {
                Some(frame) => self.bytes[*frame as usize * frame_bytes..][..frame_bytes].to_vec(),
                None => vec![0; frame_bytes],
            })
            .collect();
        match self.spec.format() {
            SampleFormat::S16 => converted::<i16, T>(&bytes),
            SampleFormat::S24 => converted::<I24, T>(&bytes),
            SampleFormat::S32 => converted::<i32, T>(&bytes),
            SampleFormat::F32 => converted::<f32, T>(&bytes),
        }
    }
}

fn converted<S: Sample, T: Sample>(bytes: &[u8]) -> Vec<T> {
    let from: Vec<S> = bytes.chunks_exact(size_of::<S>()).map(bytemuck::pod_read_unaligned).collect();
    if S::FORMAT == T::FORMAT {
        return bytes.chunks_exact(size_of::<T>()).map(bytemuck::pod_read_unaligned).collect();
    }
    let mut to = vec![T::default(); from.len()];
    convert(&from, &mut to);
    to
}
