//! Spans of time in the naive buffer.
//!
//! Times are rounded to frames. Where a time lies near the middle between two frames, either is
//! right, so a span may have several right outcomes.

use std::ops::Range;

use crate::naive::{Expected, Naive, Outcome, ReadPolicy};

impl Naive {
    /// All right outcomes.
    pub fn by_time(&self, range: &Range<i64>, policy: ReadPolicy) -> Vec<Outcome> {
        if range.is_empty() {
            return vec![Outcome::InvalidRange];
        }
        if self.written() == 0 {
            return vec![Outcome::NotYet(self.ns_to_frames(range.end.saturating_sub(range.start)))];
        }
        let (oldest_ns, newest_ns) = (self.begin_ns(self.oldest), self.end_ns);
        let ends_after_newest = sides((range.end - newest_ns) as f64, self.period_ns() / 4.0);
        let begins_before_oldest = sides((oldest_ns - range.start) as f64, self.period_ns() / 2.0);
        let mut outcomes = Vec::new();
        for (misses_end, misses_start) in
            ends_after_newest.iter().flat_map(|end| begins_before_oldest.iter().map(move |start| (*end, *start)))
        {
            let (mut from, mut to, mut evicted, mut not_yet) = (range.start, range.end, 0, 0);
            if misses_end {
                not_yet = self.ns_to_frames(to - from.max(newest_ns)).max(1);
                to = newest_ns;
            }
            if misses_start {
                evicted = self.ns_to_frames(range.end.min(oldest_ns) - from).max(1);
                from = oldest_ns;
            }
            let ahead = self.ns_to_frames(range.end - newest_ns).max(1);
            if (evicted > 0 && !policy.allow_missing_start) || (not_yet > 0 && !policy.allow_missing_end) {
                outcomes.push(Self::outcome(evicted, not_yet, ahead, policy, || unreachable!()));
                continue;
            }
            for mut good in self.between(from, to, range, evicted + not_yet > 0, policy) {
                if let Outcome::Good(good) = &mut good {
                    (good.evicted, good.not_yet) = (evicted, not_yet);
                }
                outcomes.push(good);
            }
        }
        outcomes
    }

    fn between(&self, from: i64, to: i64, range: &Range<i64>, is_partial: bool, policy: ReadPolicy) -> Vec<Outcome> {
        if from >= to {
            let at = if range.start >= self.end_ns { self.written() } else { self.oldest };
            return vec![Outcome::Good(self.output(at..at, 0, 0, policy))];
        }
        let mut outcomes = Vec::new();
        for (first, before_ns) in self.first_frames(from) {
            for (end, after_ns) in self.end_frames(to) {
                outcomes.push(if first >= end && before_ns > 0 {
                    let lead = if policy.fill_gaps { self.ns_to_frames(to - from) } else { 0 };
                    let inside = self.output(first..first, lead, 0, policy);
                    Outcome::Good(Expected { start_ns: from, end_ns: to, ..inside })
                } else if first >= end && !is_partial {
                    Outcome::InvalidRange
                } else {
                    let tail = if end > first { self.ns_to_frames(after_ns) } else { 0 };
                    Outcome::Good(self.output(first..end.max(first), self.ns_to_frames(before_ns), tail, policy))
                });
            }
        }
        outcomes
    }

    /// Possible first frames of a span from `from` on, each with the part of a gap between `from`
    /// and the frame.
    fn first_frames(&self, from: i64) -> Vec<(u64, i64)> {
        let segment = self.segments().into_iter().rfind(|segment| self.begin_ns(segment.start) <= from);
        let segment = segment.unwrap_or_else(|| self.segments()[0].clone());
        let gap_at_end = |frame: u64| self.gap_at(frame).filter(|_| frame == segment.end && frame < self.written());
        let gap_ns = |frame| gap_at_end(frame).map_or(0, |gap| (self.begin_ns(frame) - from).clamp(0, gap.duration_ns));
        let mut found: Vec<_> = self.nearest(&segment, from).into_iter().map(|frame| (frame, gap_ns(frame))).collect();
        // Less than half a frame before the oldest frame, which may follow a gap.
        if let Some(gap) = self.gap_at(self.oldest).filter(|_| from < self.begin_ns(self.oldest)) {
            found.push((self.oldest, (self.begin_ns(self.oldest) - from).clamp(0, gap.duration_ns)));
        }
        found
    }

    /// Possible end frames of a span up to `to`, each with the part of a gap between its audio and
    /// `to`.
    fn end_frames(&self, to: i64) -> Vec<(u64, i64)> {
        let segment = self.segments().into_iter().rfind(|segment| self.begin_ns(segment.start) < to);
        let segment = segment.unwrap_or_else(|| self.segments()[0].clone());
        let gap_ns = |frame: u64| {
            let gap = self.gap_at(frame);
            if frame == segment.end && frame < self.written() {
                gap.map_or(0, |gap| (to - gap.start_utc_ns).clamp(0, gap.duration_ns))
            } else if frame == segment.start {
                // `to` lies in the first half of the segment's first frame: the span ends with the
                // whole gap before it.
                gap.map_or(0, |gap| gap.duration_ns)
            } else {
                0
            }
        };
        self.nearest(&segment, to).into_iter().map(|frame| (frame, gap_ns(frame))).collect()
    }

    /// Ranges of readable frames without a gap inside.
    fn segments(&self) -> Vec<Range<u64>> {
        let inner = self.gaps.iter().map(|gap| gap.first_frame).filter(|first| *first > self.oldest);
        let mut starts: Vec<u64> = std::iter::once(self.oldest).chain(inner).collect();
        starts.push(self.written());
        starts.windows(2).map(|pair| pair[0]..pair[1]).collect()
    }

    /// Frames of a segment, or its end, that begin nearest to a time.
    fn nearest(&self, segment: &Range<u64>, utc_ns: i64) -> Vec<u64> {
        let begin_ns = |frame| if frame == segment.end { self.audio_end_ns(frame) } else { self.begin_ns(frame) };
        let distance = |frame: u64| begin_ns(frame).abs_diff(utc_ns);
        let least = (segment.start..=segment.end).map(distance).min().unwrap_or(0);
        (segment.start..=segment.end).filter(|frame| distance(*frame) <= least + 4).collect()
    }
}

/// Possible results of `number > bound` if the bound is known to three percent.
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
