//! The readers' side of the timeline: which frames can be read, and in which segment each lies.
//!
//! A piecewise-linear map from frame numbers to UTC. A segment begins at an [`Anchor`] and ends
//! where the next begins: continuous, or after a gap.

use crate::gap::GapReason;
use crate::memory::Region;
use crate::ring::{self, Anchor};
use crate::sync::Ordering;
use crate::timing::Timing;

/// The frames that can be read at one moment, and their anchors.
///
/// Stale at once: the oldest frames may be evicted, newer ones come. Everything it refers to was
/// published before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    /// The oldest readable frame.
    pub(crate) oldest_frame: u64,
    /// One past the newest readable frame.
    pub(crate) newest_frame: u64,
    /// Number of the anchor of the oldest frame, or of an earlier one.
    oldest_anchor: u64,
    /// Number and value of the newest anchor.
    newest_anchor: (u64, Anchor),
}

impl Extent {
    /// Takes a consistent view; `None` before the first write.
    pub(crate) fn of(region: &Region) -> Option<Self> {
        // Each retry means that the writer set as many anchors as there are slots between two
        // loads.
        const TRIES: usize = 1000;
        (0..TRIES).find_map(|_| Self::look(region)).flatten()
    }

    /// One attempt: `None` if the writer lapped it, `Some(None)` before the first write.
    fn look(region: &Region) -> Option<Option<Self>> {
        // Frames first: the anchors they need were published before them.
        let newest_frame = ring::head(region);
        // SYNC anchor head (observe): acquires the anchors below it.
        let anchors = region.header().writer.anchor_head.load(Ordering::Acquire);
        if newest_frame == 0 || anchors == 0 {
            return Some(None);
        }
        // With more gaps than slots, frames whose anchor is gone are evicted too. An eighth of the
        // slots is left to the writer, which takes them meanwhile.
        let slots = region.anchors().len() as u64;
        let oldest_anchor = anchors.saturating_sub(slots - slots / 8);
        // Anchors of frames that are still to come do not belong to this extent.
        let mut newest_anchor = (anchors - 1, ring::anchor(region, anchors - 1)?);
        while newest_anchor.1.first_frame >= newest_frame && newest_anchor.0 > oldest_anchor {
            newest_anchor = (newest_anchor.0 - 1, ring::anchor(region, newest_anchor.0 - 1)?);
        }
        let by_length = newest_frame.saturating_sub(region.layout().length_frames);
        let by_times = if oldest_anchor == 0 { 0 } else { ring::anchor(region, oldest_anchor)?.first_frame };
        // `reserve` is the tighter bound only during a write longer than the slack, or after a
        // writer that died in one.
        let by_reserve = ring::oldest_intact(region);
        let oldest_frame = by_length.max(by_times).max(by_reserve).min(newest_frame);
        Some(Some(Self { oldest_frame, newest_frame, oldest_anchor, newest_anchor }))
    }

    /// The segment of a frame, and its number; the newest one for frames to come.
    pub(crate) fn segment_of_frame(&self, region: &Region, frame: u64) -> Option<(u64, Anchor)> {
        let low = self.oldest_anchor;
        let begins = |anchor: &Anchor| anchor.first_frame <= frame;
        if begins(&self.newest_anchor.1) {
            return Some(self.newest_anchor);
        }
        search(region, (low, ring::anchor(region, low)?), self.newest_anchor, begins)
    }

    /// The anchor after `number`, if this extent has one.
    pub(crate) fn next(&self, region: &Region, number: u64) -> Option<(u64, Anchor)> {
        let (newest, anchor_of_newest) = self.newest_anchor;
        if number + 1 == newest {
            return Some((newest, anchor_of_newest));
        }
        if number >= newest { None } else { ring::anchor(region, number + 1).map(|anchor| (number + 1, anchor)) }
    }

    /// The anchor before `number`, if its frames may still be readable.
    pub(crate) fn previous(&self, region: &Region, number: u64) -> Option<(u64, Anchor)> {
        let number = number.checked_sub(1).filter(|number| *number >= self.oldest_anchor)?;
        ring::anchor(region, number).map(|anchor| (number, anchor))
    }

    /// The accuracy of the times of a segment: its own, unless a newer epoch shows that its times
    /// were ahead, because the first guess was wrong.
    pub(crate) fn timing_of(&self, region: &Region, (number, segment): (u64, Anchor)) -> Timing {
        let mut timing = segment.timing;
        if self.newest_anchor.1.epoch > segment.epoch {
            let of_epoch = |anchor: &Anchor| anchor.epoch <= segment.epoch;
            let last = search(region, (number, segment), self.newest_anchor, of_epoch);
            let next = last.and_then(|(last, _)| self.next(region, last));
            if let Some((_, next)) = next.filter(|(_, next)| next.gap == Some(GapReason::Detected)) {
                timing.uncertainty_ns = timing.uncertainty_ns.saturating_add(next.back_ns);
            }
        }
        timing
    }

    pub(crate) fn newest_segment(&self) -> (u64, Anchor) {
        self.newest_anchor
    }

    /// The end of the newest frame.
    pub(crate) fn newest_utc_ns(&self) -> i64 {
        self.newest_anchor.1.utc_at(self.newest_frame)
    }

    /// Number of the anchor of the oldest frame, or of an earlier one.
    pub(super) fn oldest_anchor(&self) -> u64 {
        self.oldest_anchor
    }

    /// The beginning of the oldest frame.
    pub(crate) fn oldest_utc_ns(&self, region: &Region) -> Option<i64> {
        self.segment_of_frame(region, self.oldest_frame).map(|(_, segment)| segment.utc_at(self.oldest_frame))
    }
}

/// The last anchor from `first` to `last` for which `begins` holds, by bisection, or `first`;
/// `None` if the writer lapped the search.
pub(super) fn search(
    region: &Region,
    first: (u64, Anchor),
    last: (u64, Anchor),
    begins: impl Fn(&Anchor) -> bool,
) -> Option<(u64, Anchor)> {
    if begins(&last.1) {
        return Some(last);
    }
    let (mut found, mut high) = (first, last.0);
    while high.saturating_sub(found.0) > 1 {
        let middle = found.0 + (high - found.0) / 2;
        let candidate = ring::anchor(region, middle)?;
        if begins(&candidate) {
            found = (middle, candidate);
        } else {
            high = middle;
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sync::PlainArc;
    use crate::{
        CaptureBuffer, Error, Length, ManualClock, ReadOptions, Registry, SampleFormat, Span, Spec, WindowOptions,
    };

    const SECOND_NS: i64 = 1_000_000_000;
    const START_NS: i64 = 1_790_000_000 * SECOND_NS;

    /// A buffer of four seconds at 1 kHz with `frames` frames, and its clock.
    fn recorded(frames: usize) -> CaptureBuffer {
        let registry = Registry::builder().clock(PlainArc::new(ManualClock::new(START_NS))).commit_ahead(false).build();
        let spec = Spec::new(Length::Frames(4000), 1000, 1, SampleFormat::S16).unwrap();
        let buffer = registry.get_or_allocate("x", spec).unwrap();
        buffer.writer().unwrap().write_at(&vec![1_i16; frames], START_NS).unwrap();
        buffer
    }

    #[test]
    fn anchor_without_frames_changes_no_read_and_is_withdrawn_by_the_next_writer() {
        let buffer = recorded(2000);
        let region = &buffer.shared.region;
        let mut ahead = Anchor::new(2000, START_NS + SECOND_NS * 5 / 2, 1e6);
        (ahead.gap, ahead.gap_ns) = (Some(GapReason::PacketLoss), SECOND_NS / 2);
        ring::publish_anchor(region, &ahead);
        let last = buffer.read(Span::Last(Duration::from_secs(1))).unwrap();
        assert_eq!((last.frames(), last.end_utc_ns()), (1000, START_NS + 2 * SECOND_NS));
        // The first writer died: the next one records the gap as it was.
        buffer.writer().unwrap().write_at(&[2_i16; 1000], START_NS + 4 * SECOND_NS).unwrap();
        let from_ns = START_NS + SECOND_NS * 9 / 4;
        let across = buffer.read(Span::Time(from_ns..START_NS + 5 * SECOND_NS)).unwrap();
        assert_eq!((across.frames(), across.silence_frames(), across.gaps().len()), (2750, 1750, 1));
        assert_eq!(buffer.status().gaps, 1);
    }

    #[test]
    fn reader_delayed_between_two_loads_gets_a_consistent_view() {
        let buffer = recorded(1000);
        // As a writer that wrote a hundred frames and set an anchor after the reader loaded the
        // head.
        ring::publish_anchor(&buffer.shared.region, &Anchor::new(1100, START_NS + SECOND_NS * 11 / 10, 1e6));
        let late = Span::Time(START_NS + SECOND_NS * 9 / 10..START_NS + SECOND_NS * 11 / 10);
        assert!(matches!(buffer.read(late), Err(Error::NotYet { missing_frames: 100, .. })));
        // As a writer that set more anchors than there are slots.
        for number in 0..300 {
            ring::publish_anchor(&buffer.shared.region, &Anchor::new(1100 + number, START_NS + 2 * SECOND_NS, 1e6));
        }
        let frames = buffer.frames();
        assert!(frames.start <= frames.end, "{frames:?}");
        buffer.read_with(Span::Frames(500..1000), &ReadOptions::new().available()).unwrap();
    }

    #[test]
    fn frames_that_a_dead_writer_may_have_overwritten_are_evicted() {
        let buffer = recorded(1000);
        let ring_frames = buffer.shared.region.layout().ring_frames;
        buffer.shared.region.header().writer.reserve.store(ring_frames + 744, Ordering::Relaxed);
        assert_eq!(buffer.frames(), 744..1000);
        assert!(matches!(buffer.read(Span::Frames(0..10)), Err(Error::Evicted { oldest_frame: 744, .. })));
        let mut windows = buffer.windows(WindowOptions::new(300, 100)).unwrap();
        let mut out = [0_i16; 300];
        assert!(matches!(windows.next_into(&mut out, Duration::ZERO), Err(Error::TimedOut { .. })));
    }

    #[test]
    fn gap_before_partly_overwritten_frames_is_evicted() {
        let buffer = recorded(600);
        let mut writer = buffer.writer().unwrap();
        writer.gap_for(GapReason::Requested, Duration::from_millis(100));
        writer.write(&[0_i16; 400]).unwrap();
        drop(writer);
        // A writer died after it announced frames up to the middle of those behind the gap.
        let ring_frames = buffer.shared.region.layout().ring_frames;
        buffer.shared.region.header().writer.reserve.store(ring_frames + 800, Ordering::Relaxed);
        assert_eq!(buffer.frames(), 800..1000);
        let all = Span::Last(Duration::from_secs(1));
        let segment = buffer.read_with(all, &ReadOptions::new().available()).unwrap();
        assert_eq!((segment.first_frame(), segment.frames()), (800, 200), "no silence for a gap that is gone");
        assert_eq!(segment.missing().evicted_frames, 800);
    }
}
