//! The epochs of a timeline, as reads by time see them.
//!
//! Within an epoch times never run backwards. Where a clock was set back the next epoch begins, at
//! a time that an older epoch has, too. From there on the newest epoch has every time, also those
//! still to come: an older one is *cut* there. An epoch that begins no sooner than a newer one is
//! hidden whole. Frames that are hidden or cut off are read by their numbers.

use super::extent::Extent;
use crate::memory::Region;
use crate::ring::{self, Anchor};
use crate::spec::Spec;

/// An epoch with frames that reads by time return.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Epoch {
    /// Number and value of its first anchor, or of the oldest one that is still there.
    first: (u64, Anchor),
    /// Number and value of its last anchor.
    last: (u64, Anchor),
    /// `None` for the newest epoch.
    cut: Option<Cut>,
}

/// The end of an older epoch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    /// The first frame that is cut off.
    pub(crate) frame: u64,
    /// The part of a gap before that frame that is not cut off.
    pub(crate) gap_ns: i64,
    /// Number and first anchor of the epoch that goes on.
    pub(crate) next: (u64, Anchor),
}

/// A place on the timeline at which a span of time begins or ends: before `frame`, or in the gap
/// before it. A function of the time alone, so that adjoining spans share it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) frame: u64,
    /// The time at which the gap before `frame` begins.
    pub(crate) gap_begin_ns: i64,
    /// The part of that gap before the place.
    pub(crate) before_ns: i64,
    /// The length of that gap, or of what is not cut off; zero away from gaps.
    pub(crate) gap_ns: i64,
    /// The time of the frame if an epoch begins with it.
    pub(crate) epoch_utc_ns: Option<i64>,
}

impl Extent {
    /// The newest epoch; `None` if the writer lapped the search, also below.
    fn newest_epoch(&self, region: &Region) -> Option<Epoch> {
        let last = self.newest_segment();
        Some(Epoch { first: self.first_of_epoch(region, last)?, last, cut: None })
    }

    fn first_of_epoch(&self, region: &Region, (number, anchor): (u64, Anchor)) -> Option<(u64, Anchor)> {
        let first = anchor.epoch.max(self.oldest_anchor()).min(number);
        if first == number { Some((number, anchor)) } else { Some((first, ring::anchor(region, first)?)) }
    }

    /// The next older epoch that is neither hidden nor evicted, if there is one.
    fn older_epoch(&self, region: &Region, newer: &Epoch) -> Option<Option<Epoch>> {
        // Each turn goes to an older anchor.
        let mut later = newer.first;
        loop {
            if later.0 <= self.oldest_anchor() || later.1.first_frame <= self.oldest_frame {
                return Some(None);
            }
            let last = (later.0 - 1, ring::anchor(region, later.0 - 1)?);
            let first = self.first_of_epoch(region, last)?;
            if first.1.utc_ns < newer.first.1.utc_ns {
                let cut = self.cut(region, first, last, newer.first, later.1.first_frame)?;
                return Some((cut.frame > self.oldest_frame).then_some(Epoch { first, last, cut: Some(cut) }));
            }
            later = first;
        }
    }

    /// Cuts an epoch of frames up to `end_frame` where `next` begins.
    fn cut(
        &self,
        region: &Region,
        first: (u64, Anchor),
        last: (u64, Anchor),
        next: (u64, Anchor),
        end_frame: u64,
    ) -> Option<Cut> {
        let whole = Epoch { first, last, cut: None };
        let place = whole.place(self, region, next.1.utc_ns)?;
        Some(Cut { frame: place.frame.min(end_frame), gap_ns: place.before_ns, next })
    }

    /// The newest epoch that `is_wanted`, or the oldest one.
    fn find_epoch(&self, region: &Region, is_wanted: impl Fn(&Epoch) -> bool) -> Option<Epoch> {
        let mut epoch = self.newest_epoch(region)?;
        while !is_wanted(&epoch) {
            let Some(older) = self.older_epoch(region, &epoch)? else { break };
            epoch = older;
        }
        Some(epoch)
    }

    /// The oldest frame that reads by time return, and its time.
    pub(crate) fn oldest_by_time(&self, region: &Region) -> Option<(u64, i64)> {
        let (_, first) = self.find_epoch(region, |_| false)?.first;
        if first.first_frame >= self.oldest_frame {
            return Some((first.first_frame, first.utc_ns));
        }
        let (_, segment) = self.segment_of_frame(region, self.oldest_frame)?;
        Some((self.oldest_frame, segment.utc_at(self.oldest_frame)))
    }

    /// The place at which a span begins: `frame` is its first one.
    pub(crate) fn place_of_begin(&self, region: &Region, utc_ns: i64) -> Option<Place> {
        let epoch = self.find_epoch(region, |epoch| epoch.first.1.utc_ns <= utc_ns)?;
        let place = epoch.place(self, region, utc_ns)?;
        match epoch.cut {
            Some(cut) if place.frame >= cut.frame => Some(Place { frame: cut.next.1.first_frame, ..place }),
            _ => Some(place),
        }
    }

    /// The place at which a span ends: `frame` is one past its last one.
    pub(crate) fn place_of_end(&self, region: &Region, utc_ns: i64) -> Option<Place> {
        self.find_epoch(region, |epoch| epoch.first.1.utc_ns < utc_ns)?.place(self, region, utc_ns)
    }

    /// The cut of the epoch of an anchor; none in the newest epoch.
    pub(crate) fn cut_of(&self, region: &Region, number: u64) -> Option<Option<Cut>> {
        if self.newest_segment().1.epoch <= number {
            return Some(None);
        }
        Some(self.find_epoch(region, |epoch| epoch.first.0 <= number)?.cut)
    }

    /// The first anchor of the newest epoch, if it is not the buffer's first one and still there.
    pub(crate) fn begin_of_epoch(&self, region: &Region) -> Option<Anchor> {
        let (number, first) = self.newest_epoch(region)?.first;
        (first.epoch == number && first.back_ns > 0).then_some(first)
    }
}

impl Epoch {
    /// The frame that begins nearest to a time, or the gap in which the time lies.
    fn place(&self, extent: &Extent, region: &Region, utc_ns: i64) -> Option<Place> {
        let (number, segment) = self.segment(region, |anchor| anchor.utc_ns <= utc_ns)?;
        let near = segment.frame_near(utc_ns).max(extent.oldest_frame);
        let place = match self.following(region, number)?.filter(|next| near >= next.first_frame) {
            Some(next) => Place::before(&next, utc_ns),
            None if near == segment.first_frame => {
                let begins = segment.epoch == number && segment.back_ns > 0;
                let epoch_utc_ns = begins.then_some(segment.utc_ns);
                Place { epoch_utc_ns, ..Place::before(&segment, utc_ns) }
            }
            None => Place::at(near.min(extent.newest_frame)),
        };
        Some(match self.cut {
            Some(cut) if place.frame == cut.frame => {
                let gap_ns = place.gap_ns.min(cut.gap_ns);
                Place { gap_ns, before_ns: place.before_ns.min(gap_ns), ..place }
            }
            _ => place,
        })
    }

    /// Its last anchor for which `begins` holds, or its first one.
    fn segment(&self, region: &Region, begins: impl Fn(&Anchor) -> bool) -> Option<(u64, Anchor)> {
        super::extent::search(region, self.first, self.last, begins)
    }

    /// The anchor after `number`, if it belongs to this epoch.
    fn following(&self, region: &Region, number: u64) -> Option<Option<Anchor>> {
        match self.last.0.saturating_sub(number) {
            0 => Some(None),
            1 => Some(Some(self.last.1)),
            _ => ring::anchor(region, number + 1).map(Some),
        }
    }
}

impl Place {
    /// Before a frame without a gap.
    fn at(frame: u64) -> Self {
        Self { frame, gap_begin_ns: 0, before_ns: 0, gap_ns: 0, epoch_utc_ns: None }
    }

    /// Before the first frame of a segment, or in the gap there.
    fn before(segment: &Anchor, utc_ns: i64) -> Self {
        let (gap_ns, gap_begin_ns) = (segment.gap_ns, segment.utc_ns.saturating_sub(segment.gap_ns));
        let before_ns = utc_ns.saturating_sub(gap_begin_ns).clamp(0, gap_ns);
        Self { gap_begin_ns, before_ns, gap_ns, ..Self::at(segment.first_frame) }
    }

    /// The frames of silence in its gap, those before the place, and those after it.
    ///
    /// Counted from the beginning of the gap: the frames between two places in it are the
    /// difference, wherever spans adjoin.
    pub(crate) fn silence(&self, spec: &Spec) -> (u64, u64) {
        if self.gap_ns == 0 {
            return (0, 0);
        }
        let before = spec.ns_to_frames(self.before_ns);
        (before, spec.ns_to_frames(self.gap_ns).saturating_sub(before))
    }

    /// Its time on the grid of the silence in its gap.
    pub(crate) fn silence_utc_ns(&self, spec: &Spec) -> i64 {
        self.gap_begin_ns.saturating_add(spec.frames_to_ns(self.silence(spec).0))
    }
}
