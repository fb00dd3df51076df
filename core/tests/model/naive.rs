//! The naive buffer: a vector of everything ever written, the time that was told of each frame, a list of gaps.
//!
//! It forgets nothing; what a ring may have forgotten is told by one number, the oldest frame. Every answer is found by
//! going through the vectors.

use std::ops::Range;

use capbuf::{Gap, I24, Sample, SampleFormat, Spec, convert};

/// What was written, and what was told of it.
pub struct Naive {
    pub spec: Spec,
    /// All whole frames ever written.
    pub bytes: Vec<u8>,
    /// When each frame begins, as it was told first; `None` if it was never to be read.
    pub begins_ns: Vec<Option<i64>>,
    /// When the newest frame ends.
    pub end_ns: i64,
    pub gaps: Vec<Gap>,
    pub oldest: u64,
}

/// What a read gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    pub captured: Range<u64>,
    pub start_ns: i64,
    pub end_ns: i64,
    /// Gaps, the frame of the output at which each begins, and its silence.
    pub gaps: Vec<(Gap, u64, u64)>,
    /// The output: frames by number, `None` for silence.
    pub frames: Vec<Option<u64>>,
    pub evicted: u64,
    pub not_yet: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    Good(Expected),
    Evicted,
    NotYet(u64),
    InvalidRange,
}

/// What may be missing, and whether gaps are filled.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    pub silence: bool,
    pub late: bool,
    pub early: bool,
}

impl Naive {
    pub fn new(spec: Spec) -> Self {
        Self { spec, bytes: Vec::new(), begins_ns: Vec::new(), end_ns: 0, gaps: Vec::new(), oldest: 0 }
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

    /// When a frame that can be read begins; of the one after the newest, when that one ends.
    pub fn begin_ns(&self, frame: u64) -> i64 {
        if frame == self.written() { self.end_ns } else { self.begins_ns[frame as usize].expect("it was readable") }
    }

    pub fn gap_at(&self, frame: u64) -> Option<Gap> {
        self.gaps.iter().copied().find(|gap| gap.first_frame == frame)
    }

    /// When the audio before a frame ends.
    fn audio_end_ns(&self, frame: u64) -> i64 {
        self.gap_at(frame).map_or_else(|| self.begin_ns(frame), |gap| gap.start_utc_ns)
    }

    /// The frames, with so much silence before and after, and gaps filled or not between.
    fn lay_out(&self, captured: Range<u64>, lead: u64, tail: u64, manner: Manner) -> Expected {
        let (lead, tail) = if manner.silence { (lead, tail) } else { (0, 0) };
        let (mut gaps, mut frames) = (Vec::new(), Vec::new());
        let mut silence = |gap: Option<Gap>, silence: u64, frames: &mut Vec<Option<u64>>| {
            gaps.extend(gap.map(|gap| (gap, frames.len() as u64, silence)));
            frames.resize(frames.len() + silence as usize, None);
        };
        if lead > 0 {
            silence(self.gap_at(captured.start), lead, &mut frames);
        }
        for frame in captured.clone() {
            if let Some(gap) = self.gap_at(frame).filter(|gap| gap.first_frame > captured.start) {
                let filled = if manner.silence { self.ns_to_frames(gap.duration_ns) } else { 0 };
                silence(Some(gap), filled, &mut frames);
            }
            frames.push(Some(frame));
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

    fn outcome(evicted: u64, not_yet: u64, ahead: u64, manner: Manner, good: impl FnOnce() -> Expected) -> Outcome {
        if evicted > 0 && !manner.late {
            return Outcome::Evicted;
        }
        if not_yet > 0 && !manner.early {
            return Outcome::NotYet(ahead);
        }
        Outcome::Good(Expected { evicted, not_yet, ..good() })
    }

    pub fn by_frames(&self, range: &Range<u64>, manner: Manner) -> Outcome {
        if range.is_empty() {
            return Outcome::InvalidRange;
        }
        if self.written() == 0 {
            return Outcome::NotYet(range.end);
        }
        let evicted = range.clone().filter(|frame| *frame < self.oldest).count() as u64;
        let not_yet = range.clone().filter(|frame| *frame >= self.written()).count() as u64;
        let ahead = range.end.saturating_sub(self.written());
        Self::outcome(evicted, not_yet, ahead, manner, || {
            let start = range.start.clamp(self.oldest, self.written());
            self.lay_out(start..range.end.clamp(start, self.written()), 0, 0, manner)
        })
    }

    pub fn last(&self, duration_ns: i64, manner: Manner) -> Outcome {
        let wanted = self.ns_to_frames(duration_ns);
        if wanted == 0 || wanted > self.spec.length_frames() {
            return Outcome::InvalidRange;
        }
        if self.written() == 0 {
            return Outcome::NotYet(wanted);
        }
        let (mut first, mut lead, mut left) = (self.written(), 0, wanted);
        while left > 0 && first > self.oldest {
            (first, left) = (first - 1, left - 1);
            // The silence before the frame, also before the oldest one: that is known, too.
            let gap_ns = self.gap_at(first).filter(|_| manner.silence).map_or(0, |gap| gap.duration_ns);
            lead = self.ns_to_frames(gap_ns).min(left);
            left -= lead;
        }
        let lead = if first == self.oldest || left == 0 { lead } else { 0 };
        let (evicted, not_yet) = if self.oldest == 0 { (0, left) } else { (left, 0) };
        Self::outcome(evicted, not_yet, left, manner, || self.lay_out(first..self.written(), lead, 0, manner))
    }

    /// All outcomes that are right: times are rounded to frames, so where a time lies between two, either may be meant.
    pub fn by_time(&self, range: &Range<i64>, manner: Manner) -> Vec<Outcome> {
        if range.is_empty() {
            return vec![Outcome::InvalidRange];
        }
        if self.written() == 0 {
            return vec![Outcome::NotYet(self.ns_to_frames(range.end.saturating_sub(range.start)))];
        }
        let (oldest_ns, newest_ns) = (self.begin_ns(self.oldest), self.end_ns);
        let ends_late = sides((range.end - newest_ns) as f64, self.period_ns() / 4.0);
        let begins_early = sides((oldest_ns - range.start) as f64, self.period_ns() / 2.0);
        let mut outcomes = Vec::new();
        for (late, early) in ends_late.iter().flat_map(|late| begins_early.iter().map(move |early| (*late, *early))) {
            let (mut from, mut to, mut evicted, mut not_yet) = (range.start, range.end, 0, 0);
            if late {
                not_yet = self.ns_to_frames(to - from.max(newest_ns)).max(1);
                to = newest_ns;
            }
            if early {
                evicted = self.ns_to_frames(range.end.min(oldest_ns) - from).max(1);
                from = oldest_ns;
            }
            let ahead = self.ns_to_frames(range.end - newest_ns).max(1);
            if (evicted > 0 && !manner.late) || (not_yet > 0 && !manner.early) {
                outcomes.push(Self::outcome(evicted, not_yet, ahead, manner, || unreachable!()));
                continue;
            }
            for mut good in self.between(from, to, range, evicted + not_yet > 0, manner) {
                if let Outcome::Good(good) = &mut good {
                    (good.evicted, good.not_yet) = (evicted, not_yet);
                }
                outcomes.push(good);
            }
        }
        outcomes
    }

    fn between(&self, from: i64, to: i64, range: &Range<i64>, misses: bool, manner: Manner) -> Vec<Outcome> {
        if from >= to {
            let at = if range.start >= self.end_ns { self.written() } else { self.oldest };
            return vec![Outcome::Good(self.lay_out(at..at, 0, 0, manner))];
        }
        let mut outcomes = Vec::new();
        for (first, before_ns) in self.beginnings(from) {
            for (end, after_ns) in self.ends(to) {
                outcomes.push(if first >= end && before_ns > 0 {
                    let lead = if manner.silence { self.ns_to_frames(to - from) } else { 0 };
                    let inside = self.lay_out(first..first, lead, 0, manner);
                    Outcome::Good(Expected { start_ns: from, end_ns: to, ..inside })
                } else if first >= end && !misses {
                    Outcome::InvalidRange
                } else {
                    let tail = if end > first { self.ns_to_frames(after_ns) } else { 0 };
                    Outcome::Good(self.lay_out(first..end.max(first), self.ns_to_frames(before_ns), tail, manner))
                });
            }
        }
        outcomes
    }

    /// The frames that a span from a time on may begin with, and how much of a gap lies between that time and the frame.
    fn beginnings(&self, from: i64) -> Vec<(u64, i64)> {
        let piece = self.pieces().into_iter().rfind(|piece| self.begin_ns(piece.start) <= from);
        let piece = piece.unwrap_or_else(|| self.pieces()[0].clone());
        let of_end = |frame: u64| self.gap_at(frame).filter(|_| frame == piece.end && frame < self.written());
        let mut found: Vec<_> = self
            .nearest(&piece, from)
            .into_iter()
            .map(|frame| {
                (frame, of_end(frame).map_or(0, |gap| (self.begin_ns(frame) - from).clamp(0, gap.duration_ns)))
            })
            .collect();
        // Less than half a frame before the oldest frame, which may come after a gap.
        if let Some(gap) = self.gap_at(self.oldest).filter(|_| from < self.begin_ns(self.oldest)) {
            found.push((self.oldest, (self.begin_ns(self.oldest) - from).clamp(0, gap.duration_ns)));
        }
        found
    }

    /// The frames before which a span up to a time may end, and how much of a gap lies between its audio and that time.
    fn ends(&self, to: i64) -> Vec<(u64, i64)> {
        let piece = self.pieces().into_iter().rfind(|piece| self.begin_ns(piece.start) < to);
        let piece = piece.unwrap_or_else(|| self.pieces()[0].clone());
        let after = |frame: u64| {
            let gap = self.gap_at(frame);
            if frame == piece.end && frame < self.written() {
                gap.map_or(0, |gap| (to - gap.start_utc_ns).clamp(0, gap.duration_ns))
            } else if frame == piece.start {
                // Its first frame has hardly begun: it ends with the whole gap before it.
                gap.map_or(0, |gap| gap.duration_ns)
            } else {
                0
            }
        };
        self.nearest(&piece, to).into_iter().map(|frame| (frame, after(frame))).collect()
    }

    /// The spans of frames without a gap inside that can be read.
    fn pieces(&self) -> Vec<Range<u64>> {
        let inner = self.gaps.iter().map(|gap| gap.first_frame).filter(|first| *first > self.oldest);
        let mut starts: Vec<u64> = std::iter::once(self.oldest).chain(inner).collect();
        starts.push(self.written());
        starts.windows(2).map(|pair| pair[0]..pair[1]).collect()
    }

    /// The frames of a piece, the one after its last included, that begin nearest to a time.
    fn nearest(&self, piece: &Range<u64>, utc_ns: i64) -> Vec<u64> {
        let begin_ns = |frame| if frame == piece.end { self.audio_end_ns(frame) } else { self.begin_ns(frame) };
        let away = |frame: u64| begin_ns(frame).abs_diff(utc_ns);
        let least = (piece.start..=piece.end).map(away).min().unwrap_or(0);
        (piece.start..=piece.end).filter(|frame| away(*frame) <= least + 4).collect()
    }

    /// The samples of an output, as another type.
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

/// On which sides of a bound a number may lie, if the bound is known to three percent.
fn sides(number: f64, bound: f64) -> Vec<bool> {
    let mut sides = Vec::new();
    if number > bound * 0.97 - 2.0 {
        sides.push(true);
    }
    if number <= bound * 1.03 + 2.0 {
        sides.push(false);
    }
    sides
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
