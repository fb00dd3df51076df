//! Spans of time in the naive buffer.
//!
//! Times are rounded to frames. Where a time lies near the middle between two frames, either is
//! right, so a span may have several right outcomes.
//!
//! A frame is hidden if a later epoch begins at its time or before.

use std::ops::Range;

use crate::naive::{Hidden, Naive, Outcome, ReadPolicy};

/// The frames that spans of time have.
struct View {
    /// Frames without a gap inside, in the order of their times.
    pieces: Vec<Range<u64>>,
    hidden: Vec<Hidden>,
}

/// The beginning or end of a span: before a frame, or in the gap before it.
#[derive(Clone, Copy)]
struct Place {
    frame: u64,
    gap_begin_ns: i64,
    /// The part of the gap before the place.
    before_ns: i64,
    /// The whole gap, as far as it is not cut off.
    gap_ns: i64,
}

impl Place {
    /// Frames of silence in the gap before the place: those after it begin there, too.
    fn silence_before(&self, naive: &Naive) -> u64 {
        naive.ns_to_frames(self.before_ns)
    }

    fn silence_after(&self, naive: &Naive) -> u64 {
        naive.ns_to_frames(self.gap_ns) - self.silence_before(naive)
    }

    fn silence_ns(&self, naive: &Naive) -> i64 {
        self.gap_begin_ns + naive.frames_to_ns(self.silence_before(naive))
    }
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
        for begin in self.first_places(view, from) {
            for end in self.end_places(view, to) {
                let (lead, tail) = (begin.silence_after(self), end.silence_before(self));
                let inside = lead.saturating_sub(end.silence_after(self));
                let captured = begin.frame..end.frame.max(begin.frame);
                outcomes.push(if captured.is_empty() && inside > 0 {
                    let mut good = output(captured, inside, 0);
                    good.start_ns = begin.silence_ns(self);
                    good.end_ns = if end.gap_ns == 0 { self.begin_ns(end.frame) } else { end.silence_ns(self) };
                    Outcome::Good(good)
                } else if captured.is_empty() && !is_partial {
                    Outcome::InvalidRange
                } else if captured.is_empty() {
                    Outcome::Good(output(captured, 0, 0))
                } else {
                    let mut good = output(captured, lead, tail);
                    if lead > 0 && policy.fill_gaps {
                        good.start_ns = begin.silence_ns(self);
                    }
                    if self.epochs.contains(&end.frame) && self.begin_ns(end.frame) < to {
                        // The frame before the epoch is hidden.
                        good.end_ns = self.begin_ns(end.frame);
                    }
                    Outcome::Good(good)
                });
            }
        }
        outcomes
    }

    /// Possible first frames of a span from `from` on, each with the gap before it and the part of
    /// the gap before `from`.
    fn first_places(&self, view: &View, from: i64) -> Vec<Place> {
        let places = self.places(view, from, |begin_ns| begin_ns <= from);
        // What is cut off is left out.
        let after_cut = |place: Place| {
            let cut = view.hidden.iter().find(|hidden| hidden.frames.start == place.frame);
            cut.map_or(place, |cut| Place { frame: cut.frames.end, ..place })
        };
        places.into_iter().map(after_cut).collect()
    }

    /// Possible end frames of a span up to `to`, each with the gap before it and the part of the
    /// gap before `to`.
    fn end_places(&self, view: &View, to: i64) -> Vec<Place> {
        self.places(view, to, |begin_ns| begin_ns < to)
    }

    /// The frames that begin nearest to a time in the last piece for whose beginning `begins`
    /// holds, each with the gap before it if it is the piece's first frame or its end.
    fn places(&self, view: &View, utc_ns: i64, begins: impl Fn(i64) -> bool) -> Vec<Place> {
        let piece = view.pieces.iter().rfind(|piece| begins(self.begin_ns(piece.start))).unwrap_or(&view.pieces[0]);
        let place = |frame: u64| {
            let at_edge = frame == piece.start || (frame == piece.end && frame < self.written());
            let Some(gap) = self.gap_at(frame).filter(|_| at_edge) else {
                return Place { frame, gap_begin_ns: 0, before_ns: 0, gap_ns: 0 };
            };
            let cut = view.hidden.iter().find(|hidden| hidden.frames.start == frame);
            let gap_ns = cut.map_or(gap.duration_ns, |cut| cut.gap_ns);
            let before_ns = (utc_ns - gap.start_utc_ns).clamp(0, gap_ns);
            Place { frame, gap_begin_ns: gap.start_utc_ns, before_ns, gap_ns }
        };
        self.nearest(piece, utc_ns).into_iter().map(place).collect()
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
