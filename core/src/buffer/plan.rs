//! A span located on the timeline: its frames, and the silence between them, step by step.

use std::ops::Range;

use super::span::{Missing, Span};
use crate::clock::duration_to_ns;
use crate::error::{Error, Result};
use crate::gap::Gap;
use crate::memory::Region;
use crate::ring::Anchor;
use crate::spec::Spec;
use crate::time::Extent;
use crate::timing::Timing;

/// A located span: frames `first..end`, with silence before, between and after them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    extent: Extent,
    /// Number and anchor of the segment that holds `first`.
    segment: (u64, Anchor),
    pub(crate) first: u64,
    pub(crate) end: u64,
    lead: u64,
    tail: u64,
    pub(crate) start_utc_ns: i64,
    pub(crate) end_utc_ns: i64,
    /// Fills gaps with silence.
    fill_gaps: bool,
    /// Leaves frames out whose times a newer epoch has.
    by_time: bool,
    pub(crate) missing: Missing,
}

/// The next part of a planned span.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    Frames { first: u64, count: u64 },
    Silence { frames: u64 },
    Gap(Gap),
}

/// The treatment of gaps and missing ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReadPolicy {
    pub(crate) allow_missing_start: bool,
    pub(crate) allow_missing_end: bool,
    /// Fills gaps with silence.
    pub(crate) fill_gaps: bool,
}

/// Locates spans in one buffer at one moment.
pub(crate) struct Planner<'a> {
    pub(crate) region: &'a Region,
    pub(crate) spec: &'a Spec,
    pub(crate) extent: Extent,
    pub(crate) policy: ReadPolicy,
    /// Plans a span of time.
    pub(crate) by_time: bool,
}

impl Planner<'_> {
    /// Locates a span that [`Span::check`] accepted.
    ///
    /// # Errors
    /// [`Error::NotYet`] and [`Error::Evicted`] for missing frames that the policy does not allow.
    pub(crate) fn plan(&self, span: &Span) -> Result<Plan> {
        match span {
            Span::Frames(range) => self.by_frames(range),
            Span::Time(range) => self.by_time(range),
            Span::Last(duration) => self.last(self.spec.ns_to_frames(duration_to_ns(*duration))),
        }
    }

    fn by_frames(&self, range: &Range<u64>) -> Result<Plan> {
        let Extent { oldest_frame, newest_frame, .. } = self.extent;
        let not_yet_frames = range.end.saturating_sub(newest_frame.max(range.start));
        let evicted_frames = oldest_frame.min(range.end).saturating_sub(range.start);
        let ahead_frames = range.end.saturating_sub(newest_frame);
        let missing = self.allow(Missing { evicted_frames, not_yet_frames }, ahead_frames)?;
        let first = range.start.clamp(oldest_frame, newest_frame);
        self.finish(first, range.end.clamp(first, newest_frame), 0, 0, missing)
    }

    fn by_time(&self, range: &Range<i64>) -> Result<Plan> {
        let (_, newest) = self.extent.newest_segment();
        let (oldest_frame, oldest_ns) = self.found(self.extent.oldest_by_time(self.region))?;
        let newest_ns = self.extent.newest_utc_ns();
        // Times have a resolution of half a frame, but the end of a span must be the same frame
        // when more frames have come: an end less than a quarter of a frame beyond the newest frame
        // is that frame, now and later.
        let half_ns = newest.half_period_ns();
        let frames_between = |from: i64, to: i64| self.spec.ns_to_frames(to.saturating_sub(from));
        let (mut from, mut to, mut missing) = (range.start, range.end, Missing::default());
        if to.saturating_sub(half_ns / 2) > newest_ns {
            missing.not_yet_frames = frames_between(from.max(newest_ns), to).max(1);
            to = newest_ns;
        }
        if from.saturating_add(half_ns) < oldest_ns {
            missing.evicted_frames = frames_between(from, range.end.min(oldest_ns)).max(1);
            from = oldest_ns;
        }
        let missing = self.allow(missing, frames_between(newest_ns, range.end).max(1))?;
        if from >= to {
            let at = if range.start >= newest_ns { self.extent.newest_frame } else { oldest_frame };
            return self.finish(at, at, 0, 0, missing);
        }
        let begin = self.found(self.extent.place_of_begin(self.region, from))?;
        let end = self.found(self.extent.place_of_end(self.region, to))?;
        let (first, (_, lead)) = (begin.frame, begin.silence(self.spec));
        let (tail, after_end) = end.silence(self.spec);
        if first >= end.frame {
            // The span lies within one gap, or between two frames.
            let inside = lead.saturating_sub(after_end);
            if inside == 0 && missing.is_none() {
                let reason = "it is shorter than a frame".to_owned();
                return Err(Error::InvalidRange { given: Span::Time(range.clone()).to_string(), reason });
            }
            let mut plan = self.finish(first, first, inside, 0, missing)?;
            if inside > 0 {
                plan.start_utc_ns = begin.silence_utc_ns(self.spec);
                plan.end_utc_ns = end.epoch_utc_ns.unwrap_or_else(|| end.silence_utc_ns(self.spec));
            }
            return Ok(plan);
        }
        let mut plan = self.finish(first, end.frame, lead, tail, missing)?;
        if plan.lead > 0 {
            plan.start_utc_ns = begin.silence_utc_ns(self.spec);
        }
        if let Some(begin_ns) = end.epoch_utc_ns {
            // The frame before it is cut off.
            plan.end_utc_ns = begin_ns;
        }
        Ok(plan)
    }

    /// The `wanted` newest frames, gaps counted as the silence that fills them.
    fn last(&self, wanted: u64) -> Result<Plan> {
        let Extent { oldest_frame, newest_frame, .. } = self.extent;
        let (mut number, mut segment) = self.extent.newest_segment();
        let (mut end, mut left, mut lead) = (newest_frame, wanted, 0);
        loop {
            let begin = segment.first_frame.max(oldest_frame).min(end);
            if left <= end - begin {
                return self.finish(end - left, newest_frame, 0, 0, Missing::default());
            }
            left -= end - begin;
            end = begin;
            if segment.first_frame < oldest_frame || end == 0 {
                break;
            }
            if self.policy.fill_gaps {
                lead = left.min(self.spec.ns_to_frames(segment.gap_ns));
                if lead == left {
                    return self.finish(end, newest_frame, lead, 0, Missing::default());
                }
                left -= lead;
            }
            match self.extent.previous(self.region, number) {
                Some(previous) => (number, segment) = previous,
                None => break,
            }
            lead = 0;
        }
        // Frames before the first one ever count as still to come: a wait makes the span reach back
        // far enough.
        if oldest_frame == 0 {
            self.allow(Missing { not_yet_frames: left, ..Missing::default() }, left)?;
        } else {
            self.allow(Missing { evicted_frames: left, ..Missing::default() }, left)?;
        }
        // The newest frame is there: if that is all, the beginning is missing.
        self.finish(end, newest_frame, lead, 0, Missing { evicted_frames: left, ..Missing::default() })
    }

    fn finish(&self, first: u64, end: u64, lead: u64, tail: u64, missing: Missing) -> Result<Plan> {
        // Anchors may be another process's: bounded by the readable frames.
        let first = first.clamp(self.extent.oldest_frame, self.extent.newest_frame);
        let end = end.clamp(first, self.extent.newest_frame);
        let segment = self.found(self.extent.segment_of_frame(self.region, first))?;
        let (_, last) = self.found(self.extent.segment_of_frame(self.region, end.saturating_sub(1).max(first)))?;
        let fill_gaps = self.policy.fill_gaps;
        let (lead, tail) = if fill_gaps { (lead, tail) } else { (0, 0) };
        let start_utc_ns = segment.1.utc_at(first).saturating_sub(self.spec.frames_to_ns(lead));
        let end_utc_ns = last.utc_at(end).saturating_add(self.spec.frames_to_ns(tail));
        let (extent, by_time) = (self.extent, self.by_time);
        Ok(Plan { extent, segment, first, end, lead, tail, start_utc_ns, end_utc_ns, fill_gaps, by_time, missing })
    }

    /// Accepts missing frames that the policy allows; otherwise returns the error, with how far
    /// ahead the span's end is.
    fn allow(&self, missing: Missing, ahead_frames: u64) -> Result<Missing> {
        if missing.evicted_frames > 0 && !self.policy.allow_missing_start {
            return Err(self.evicted());
        }
        if missing.not_yet_frames == 0 || self.policy.allow_missing_end {
            return Ok(missing);
        }
        let newest_ns = self.extent.newest_utc_ns();
        Err(Error::NotYet {
            newest_frame: self.extent.newest_frame,
            missing_frames: ahead_frames,
            expected_utc_ns: Some(newest_ns.saturating_add(self.spec.frames_to_ns(ahead_frames))),
        })
    }

    /// A lookup on the timeline fails only if the writer lapped it: then the frames are evicted.
    fn found<T>(&self, found: Option<T>) -> Result<T> {
        found.ok_or_else(|| self.evicted())
    }

    fn evicted(&self) -> Error {
        evicted(self.region, self.extent, self.by_time)
    }
}

/// The error with the oldest readable frame, of those that have times in order for a span of time.
pub(crate) fn evicted(region: &Region, extent: Extent, by_time: bool) -> Error {
    let now = Extent::of(region).unwrap_or(extent);
    let oldest = if by_time { now.oldest_by_time(region) } else { None };
    let (oldest_frame, oldest_utc_ns) =
        oldest.unwrap_or_else(|| (now.oldest_frame, now.oldest_utc_ns(region).unwrap_or_else(|| now.newest_utc_ns())));
    Error::Evicted { oldest_frame, oldest_utc_ns }
}

/// Consecutive frames of a plan, with silence before and after them.
struct Part {
    /// Number and anchor of the segment that holds `first`.
    segment: (u64, Anchor),
    first: u64,
    end: u64,
    lead: u64,
    tail: u64,
}

impl Plan {
    /// The accuracy of its times: the clock and latency of its beginning, the largest uncertainty.
    pub(crate) fn timing(&self, region: &Region) -> Timing {
        let mut timing = self.extent.timing_of(region, self.segment);
        let mut number = self.segment.0;
        while let Some(next) = self.extent.next(region, number).filter(|(_, next)| next.first_frame < self.end) {
            timing = timing.with(self.extent.timing_of(region, next));
            number = next.0;
        }
        timing
    }

    /// Visits the span in order: frames, and silence where gaps are filled, each gap before its
    /// silence.
    ///
    /// Returns false if the writer lapped the walk.
    pub(crate) fn walk(&self, region: &Region, spec: &Spec, mut visit: impl FnMut(Step)) -> bool {
        let Self { segment, first, end, lead, tail, .. } = *self;
        let mut part = Part { segment, first, end, lead, tail };
        loop {
            let cut = if self.by_time { self.extent.cut_of(region, part.segment.0) } else { Some(None) };
            let Some(cut) = cut else { return false };
            let Some(cut) = cut.filter(|cut| cut.next.1.first_frame <= self.end) else {
                return self.walk_part(region, spec, &part, &mut visit);
            };
            // The rest of this epoch is left out, and the span goes on in another one.
            (part.end, part.tail) = (cut.frame, if self.fill_gaps { spec.ns_to_frames(cut.gap_ns) } else { 0 });
            if !self.walk_part(region, spec, &part, &mut visit) {
                return false;
            }
            if cut.next.1.first_frame == self.end {
                return true;
            }
            if let Some(gap) = cut.next.1.gap_before() {
                visit(Step::Gap(gap));
            }
            part = Part { segment: cut.next, first: cut.next.1.first_frame, end, lead: 0, tail };
        }
    }

    fn walk_part(&self, region: &Region, spec: &Spec, part: &Part, visit: &mut impl FnMut(Step)) -> bool {
        let (mut number, segment) = part.segment;
        if part.lead > 0 {
            if let Some(gap) = segment.gap_before() {
                visit(Step::Gap(gap));
            }
            visit(Step::Silence { frames: part.lead });
        }
        let mut first = part.first;
        while let Some((next_number, next)) = self.extent.next(region, number) {
            if next.first_frame > part.end || (next.first_frame == part.end && part.tail == 0) {
                break;
            }
            if next.first_frame > first {
                visit(Step::Frames { first, count: next.first_frame - first });
                first = next.first_frame;
            }
            if let Some(gap) = next.gap_before() {
                visit(Step::Gap(gap));
                let frames = if next.first_frame == part.end { part.tail } else { spec.ns_to_frames(gap.duration_ns) };
                if self.fill_gaps && frames > 0 {
                    visit(Step::Silence { frames });
                }
            }
            number = next_number;
        }
        if part.end > first {
            visit(Step::Frames { first, count: part.end - first });
        }
        number == self.extent.newest_segment().0 || self.extent.next(region, number).is_some()
    }
}
