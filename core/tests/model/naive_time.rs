//! Spans of time in the naive buffer.
//!
//! Times are rounded to frames. Where a time lies near the middle between two frames, either is
//! right, so a span may have several right outcomes.
//!
//! A frame is hidden if a later epoch begins at its time or before.

use std::ops::Range;

use crate::naive::{Expected, Hidden, Naive, Outcome, ReadPolicy};

/// The frames that spans of time have.
struct View {
    /// Frames without a gap inside, in the order of their times.
    pieces: Vec<Range<u64>>,
    hidden: Vec<Hidden>,
}

impl Naive {
    /// All right outcomes.
    pub fn by_time(&self, range: &Range<i64>, policy: ReadPolicy) -> Vec<Outcome> {
        if range.is_empty() {
            return vec![Outcome::InvalidRange];
        }
        if self.written() == 0 {
            return vec![Outcome::NotYet(self.ns_to_frames(range.end.saturating_sub(range.start)))];
        }
        // An epoch may begin in the middle between two frames of an older one.
        [false, true].into_iter().flat_map(|later| self.by_time_in(&self.view(later), range, policy)).collect()
    }

    /// The frames that may be the oldest one that spans of time have.
    pub fn oldest_by_time(&self) -> Vec<u64> {
        [false, true].into_iter().map(|later| self.view(later).pieces[0].start).collect()
    }

    fn by_time_in(&self, view: &View, range: &Range<i64>, policy: ReadPolicy) -> Vec<Outcome> {
        let oldest = view.pieces[0].start;
        let (oldest_ns, newest_ns) = (self.begin_ns(oldest), self.end_ns);
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
            for mut good in self.between(view, from, to, range, evicted + not_yet > 0, policy) {
                if let Outcome::Good(good) = &mut good {
                    (good.evicted, good.not_yet) = (evicted, not_yet);
                }
                outcomes.push(good);
            }
        }
        outcomes
    }

    fn between(
        &self,
        view: &View,
        from: i64,
        to: i64,
        range: &Range<i64>,
        is_partial: bool,
        policy: ReadPolicy,
    ) -> Vec<Outcome> {
        let output = |captured, lead, tail| self.output_without(&view.hidden, captured, lead, tail, policy);
        if from >= to {
            let at = if range.start >= self.end_ns { self.written() } else { view.pieces[0].start };
            return vec![Outcome::Good(output(at..at, 0, 0))];
        }
        let mut outcomes = Vec::new();
        for (first, before_ns) in self.first_frames(view, from) {
            for (end, after_ns) in self.end_frames(view, to) {
                outcomes.push(if first >= end && before_ns > 0 {
                    let lead = if policy.fill_gaps { self.ns_to_frames(to - from) } else { 0 };
                    Outcome::Good(Expected { start_ns: from, end_ns: to, ..output(first..first, lead, 0) })
                } else if first >= end && !is_partial {
                    Outcome::InvalidRange
                } else {
                    let tail = if end > first { self.ns_to_frames(after_ns) } else { 0 };
                    let mut good = output(first..end.max(first), self.ns_to_frames(before_ns), tail);
                    if end > first && self.epochs.contains(&end) && self.begin_ns(end) < to {
                        // The frame before the epoch is hidden.
                        good.end_ns = self.begin_ns(end);
                    }
                    Outcome::Good(good)
                });
            }
        }
        outcomes
    }

    /// Possible first frames of a span from `from` on, each with the part of a gap between `from`
    /// and the frame.
    fn first_frames(&self, view: &View, from: i64) -> Vec<(u64, i64)> {
        let number = view.pieces.iter().rposition(|piece| self.begin_ns(piece.start) <= from).unwrap_or(0);
        let (piece, next) = (&view.pieces[number], view.pieces.get(number + 1));
        let placed = |frame: u64| match next.filter(|_| frame == piece.end) {
            Some(next) => {
                let cut = view.hidden.iter().find(|hidden| hidden.frames.start == frame);
                let gap_ns = cut.map_or_else(|| self.gap_ns(frame), |cut| cut.gap_ns);
                (next.start, (self.begin_ns(next.start) - from).clamp(0, gap_ns))
            }
            None => (frame, 0),
        };
        let mut found: Vec<_> = self.nearest(piece, from).into_iter().map(placed).collect();
        // Less than half a frame before the oldest frame, which may follow a gap.
        let oldest = view.pieces[0].start;
        if let Some(gap) = self.gap_at(oldest).filter(|_| from < self.begin_ns(oldest)) {
            found.push((oldest, (self.begin_ns(oldest) - from).clamp(0, gap.duration_ns)));
        }
        found
    }

    /// Possible end frames of a span up to `to`, each with the part of a gap between its audio and
    /// `to`.
    fn end_frames(&self, view: &View, to: i64) -> Vec<(u64, i64)> {
        let piece = view.pieces.iter().rfind(|piece| self.begin_ns(piece.start) < to).unwrap_or(&view.pieces[0]);
        let gap_ns = |frame: u64| {
            let gap = self.gap_at(frame);
            if frame == piece.end && frame < self.written() {
                gap.map_or(0, |gap| (to - gap.start_utc_ns).clamp(0, gap.duration_ns))
            } else if frame == piece.start {
                // `to` lies in the first half of the piece's first frame: the span ends with the
                // whole gap before it.
                self.gap_ns(frame)
            } else {
                0
            }
        };
        self.nearest(piece, to).into_iter().map(|frame| (frame, gap_ns(frame))).collect()
    }

    fn gap_ns(&self, frame: u64) -> i64 {
        self.gap_at(frame).map_or(0, |gap| gap.duration_ns)
    }

    /// The frames that spans of time have. `later`: of two frames equally near to the beginning of
    /// an epoch, the later one is cut off.
    fn view(&self, later: bool) -> View {
        let mut view = View { pieces: Vec::new(), hidden: Vec::new() };
        let mut end = self.written();
        // From the newest epoch to the oldest; the next one that is not hidden whole.
        let mut newer: Option<u64> = None;
        for begin in self.epochs.iter().rev().copied().chain([0]) {
            if end <= self.oldest {
                break;
            }
            let frames = begin.max(self.oldest)..end;
            end = begin;
            let mut pieces = self.pieces(&frames);
            if let Some(next) = newer {
                let until_ns = self.begin_ns(next);
                if self.begins_ns[begin as usize].is_some_and(|begin_ns| begin_ns >= until_ns) {
                    continue;
                }
                pieces.retain(|piece| self.begin_ns(piece.start) < until_ns);
                let Some(last) = pieces.last_mut() else { break };
                let nearest = self.nearest(last, until_ns);
                let cut = if later { nearest[nearest.len() - 1] } else { nearest[0] };
                let in_gap = cut == last.end && self.gap_at(cut).is_some_and(|gap| gap.duration_ns > 0);
                let gap_ns = if in_gap {
                    (until_ns - self.audio_end_ns(cut)).clamp(0, self.gap_ns(cut))
                } else if cut == last.start {
                    self.gap_ns(cut)
                } else {
                    0
                };
                last.end = cut;
                pieces.retain(|piece| !piece.is_empty());
                if cut <= self.oldest {
                    break;
                }
                view.hidden.push(Hidden { frames: cut..next, gap_ns });
            }
            newer = Some(begin);
            view.pieces.splice(0..0, pieces);
        }
        view.hidden.retain(|hidden| !hidden.frames.is_empty());
        view
    }

    /// Parts of readable frames of one epoch without a gap inside.
    fn pieces(&self, frames: &Range<u64>) -> Vec<Range<u64>> {
        let inner = self.gaps.iter().map(|gap| gap.first_frame).filter(|first| *first > frames.start);
        let mut starts: Vec<u64> =
            std::iter::once(frames.start).chain(inner.filter(|first| *first < frames.end)).collect();
        starts.push(frames.end);
        starts.windows(2).map(|pair| pair[0]..pair[1]).collect()
    }

    /// Frames of a piece, or its end, that begin nearest to a time.
    fn nearest(&self, piece: &Range<u64>, utc_ns: i64) -> Vec<u64> {
        let begin_ns = |frame| if frame == piece.end { self.audio_end_ns(frame) } else { self.begin_ns(frame) };
        let distance = |frame: u64| begin_ns(frame).abs_diff(utc_ns);
        let least = (piece.start..=piece.end).map(distance).min().unwrap_or(0);
        (piece.start..=piece.end).filter(|frame| distance(*frame) <= least + 4).collect()
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
