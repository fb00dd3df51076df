//! The ring of time anchors: the points from which frames get their times.
//!
//! An anchor begins a segment of the timeline and never changes once published. Anchors lie in a
//! ring of their own, under the protocol of the frames. As an anchor is either whole and final or
//! refused, a reader needs no snapshot of several.

use crate::gap::{Gap, GapReason};
use crate::memory::{AnchorSlot, Region};
use crate::sync::{Ordering, fence};
use crate::timing::{ClockSource, Timing};

const FRACTION_BITS: u32 = 32;

/// The first point of a timeline segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Anchor {
    pub(crate) first_frame: u64,
    pub(crate) utc_ns: i64,
    /// Nanoseconds per frame, in units of 2^-32.
    period_q32: u64,
    /// Missing time before the first frame.
    pub(crate) gap_ns: i64,
    /// Time from the first frame to the end of the frame before it: above zero where an epoch
    /// begins, and nowhere else.
    pub(crate) back_ns: i64,
    /// Step of the wall clock forward, or minus `back_ns`.
    pub(crate) clock_step_ns: i64,
    /// Number of the first anchor of its epoch. Set when it is published.
    pub(crate) epoch: u64,
    /// `None` if the segment continues the one before.
    pub(crate) gap: Option<GapReason>,
    /// The accuracy of the times of the segment.
    pub(crate) timing: Timing,
}

impl Anchor {
    /// A segment of `period_ns` per frame that continues the one before.
    pub(crate) fn new(first_frame: u64, utc_ns: i64, period_ns: f64) -> Self {
        // Rates of 1 Hz and more: below 2^62 even with the clock's drift.
        let period_q32 = (period_ns * (1_u64 << FRACTION_BITS) as f64) as u64;
        let (gap_ns, back_ns, clock_step_ns, epoch, gap, timing) = (0, 0, 0, 0, None, Timing::default());
        Self { first_frame, utc_ns, period_q32: period_q32.max(1), gap_ns, back_ns, clock_step_ns, epoch, gap, timing }
    }

    pub(crate) fn period_ns(&self) -> f64 {
        self.period_q32 as f64 / (1_u64 << FRACTION_BITS) as f64
    }

    /// Half the period of a frame: the resolution of times.
    pub(crate) fn half_period_ns(&self) -> i64 {
        (self.period_q32 >> (FRACTION_BITS + 1)) as i64
    }

    /// The time of a frame of this segment, saturating.
    pub(crate) fn utc_at(&self, frame: u64) -> i64 {
        let frames = u128::from(frame.saturating_sub(self.first_frame));
        // Two factors of 64 bits: the product fits.
        let ns = (frames * u128::from(self.period_q32)) >> FRACTION_BITS;
        self.utc_ns.saturating_add(i64::try_from(ns).unwrap_or(i64::MAX))
    }

    /// The frame of this segment that begins nearest to a time; the first one for earlier times.
    pub(crate) fn frame_near(&self, utc_ns: i64) -> u64 {
        let ns = i128::from(utc_ns).saturating_sub(i128::from(self.utc_ns)).max(0).unsigned_abs();
        let frames = ((ns << FRACTION_BITS) + u128::from(self.period_q32 / 2)) / u128::from(self.period_q32);
        self.first_frame.saturating_add(u64::try_from(frames).unwrap_or(u64::MAX))
    }

    /// The gap before the first frame, if there is one.
    pub(crate) fn gap_before(&self) -> Option<Gap> {
        Some(Gap {
            first_frame: self.first_frame,
            start_utc_ns: self.utc_ns.saturating_sub(self.gap_ns).saturating_add(self.back_ns),
            duration_ns: self.gap_ns,
            clock_step_ns: self.clock_step_ns,
            reason: self.gap?,
        })
    }

    fn words(&self) -> [u64; 8] {
        [
            self.first_frame,
            self.utc_ns as u64,
            self.period_q32,
            self.gap_ns.saturating_sub(self.back_ns) as u64,
            self.clock_step_ns as u64,
            self.kinds(),
            self.epoch,
            self.timing.uncertainty_ns as u64,
        ]
    }

    /// The reason of its gap, its clock, and its latency in µs, in one word.
    fn kinds(&self) -> u64 {
        let latency_us = (self.timing.latency_ns / 1000).clamp(i32::MIN.into(), i32::MAX.into());
        let gap = self.gap.map_or(0, |reason| reason as u64);
        gap | ((self.timing.clock as u64) << 8) | ((latency_us as u64) << 32)
    }

    fn from_words(words: [u64; 8]) -> Self {
        let [first_frame, utc_ns, period_q32, gap_ns, clock_step_ns, kinds, epoch, uncertainty_ns] = words;
        let gap = kinds & 0xff;
        let clock = (kinds >> 8) & 0xff;
        let timing = Timing {
            clock: numbered(&ClockSource::ALL, clock).unwrap_or_default(),
            latency_ns: i64::from((kinds >> 32) as i32) * 1000,
            uncertainty_ns: (uncertainty_ns as i64).max(0),
        };
        Self {
            first_frame,
            utc_ns: utc_ns as i64,
            period_q32: period_q32.max(1),
            gap_ns: (gap_ns as i64).max(0),
            back_ns: (gap_ns as i64).min(0).saturating_neg(),
            epoch,
            clock_step_ns: clock_step_ns as i64,
            gap: numbered(&GapReason::ALL, gap),
            timing,
        }
    }
}

/// The value of a number, of values numbered from 1.
fn numbered<T: Copy>(all: &[T], number: u64) -> Option<T> {
    all.get((number as usize).wrapping_sub(1)).copied()
}

/// Publishes an anchor for the frames from the ring's head on, before any of them is published.
/// Writer only, wait-free.
pub(crate) fn publish_anchor(region: &Region, anchor: &Anchor) {
    let line = &region.header().writer;
    let number = line.anchor_head.load(Ordering::Relaxed);
    // Another process may have stored anything since the lease was taken: no overflow.
    let end = number.saturating_add(1);
    let announced = line.anchor_reserve.load(Ordering::Relaxed).max(end);
    // SYNC anchor reserve (announce): before the slot changes, as in the ring of frames.
    line.anchor_reserve.store(announced, Ordering::Relaxed);
    // SYNC anchor reserve (release): orders the store above before those to the slot.
    fence(Ordering::Release);
    let slot = slot(region, number);
    let epoch = match number.checked_sub(1) {
        Some(before) if anchor.back_ns <= 0 => word_of_epoch(region, before).min(before),
        _ => number,
    };
    for (to, word) in slot.iter().zip(Anchor { epoch, ..*anchor }.words()) {
        to.store(word, Ordering::Relaxed);
    }
    if anchor.gap.is_some() {
        line.gaps.store(line.gaps.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }
    // SYNC anchor head (publish): the slot.
    line.anchor_head.store(end, Ordering::Release);
}

fn slot(region: &Region, number: u64) -> &AnchorSlot {
    let slots = region.anchors();
    &slots[(number % slots.len() as u64) as usize]
}

/// The epoch of the writer's last anchor.
fn word_of_epoch(region: &Region, number: u64) -> u64 {
    const EPOCH: usize = 6;
    // SYNC none: this writer stored it, or one before it, and the lease orders them.
    slot(region, number)[EPOCH].load(Ordering::Relaxed)
}

/// Withdraws the anchors without frames, and returns the newest with frames. Writer only, before
/// its first write.
///
/// A writer that died between an anchor and its frames leaves such an anchor. No reader has used
/// it, as it begins at the ring's head.
pub(crate) fn withdraw_anchors(region: &Region) -> Option<Anchor> {
    let line = &region.header().writer;
    // SYNC none: the lease orders one writer after the other.
    let head = line.head.load(Ordering::Relaxed);
    for _ in 0..region.anchors().len() {
        let number = line.anchor_head.load(Ordering::Relaxed).checked_sub(1)?;
        let newest = anchor(region, number)?;
        if newest.first_frame < head {
            return Some(newest);
        }
        if newest.gap.is_some() {
            line.gaps.store(line.gaps.load(Ordering::Relaxed).saturating_sub(1), Ordering::Relaxed);
        }
        // SYNC anchor head (withdraw): the slot is written and published again before `head` moves
        // past it.
        line.anchor_head.store(number, Ordering::Release);
    }
    None
}

/// An anchor by its number, if the ring still holds it. Its value never changes.
pub(crate) fn anchor(region: &Region, number: u64) -> Option<Anchor> {
    let mut words = [0; 8];
    for (word, from) in words.iter_mut().zip(slot(region, number)) {
        *word = from.load(Ordering::Relaxed);
    }
    // SYNC anchor reserve (acquire): orders the loads above before the load below.
    fence(Ordering::Acquire);
    // SYNC anchor reserve (check): words of a later anchor come with its announcement.
    let announced = region.header().writer.anchor_reserve.load(Ordering::Relaxed);
    let whole = announced.saturating_sub(region.anchors().len() as u64) <= number;
    // Another process may have stored anything: no epoch begins after one of its anchors.
    whole.then(|| Anchor::from_words(words)).map(|anchor| Anchor { epoch: anchor.epoch.min(number), ..anchor })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_frame_convert_back_and_forth_at_every_rate() {
        for rate in [1_u32, 7, 1000, 1024, 11_025, 44_100, 48_000, 768_000] {
            let anchor = Anchor::new(1 << 40, 1_700_000_000_000_000_000, 1e9 / f64::from(rate));
            for frames in [0, 1, 2, 3, u64::from(rate), 86_400 * u64::from(rate), 12_345_678] {
                let frame = (1 << 40) + frames;
                assert_eq!(anchor.frame_near(anchor.utc_at(frame)), frame, "rate {rate}, {frames} frames on");
            }
            let day = anchor.utc_at((1 << 40) + 86_400 * u64::from(rate)) - anchor.utc_ns;
            assert!((day - 86_400_000_000_000).abs() < 25_000, "a day at {rate} Hz took {day} ns");
        }
    }

    #[test]
    fn reasons_and_clocks_are_numbered_from_one_in_order() {
        assert!(GapReason::ALL.iter().zip(1..).all(|(reason, number)| *reason as u64 == number));
        assert!(ClockSource::ALL.iter().zip(1..).all(|(clock, number)| *clock as u64 == number));
    }

    #[test]
    fn times_out_of_range_saturate() {
        let anchor = Anchor::new(5, i64::MAX - 10, 1e9);
        assert_eq!(anchor.utc_at(u64::MAX), i64::MAX);
        assert_eq!(anchor.utc_at(0), i64::MAX - 10);
        assert_eq!(Anchor::new(5, 0, 1e9).frame_near(i64::MIN), 5);
        assert_eq!(Anchor::new(u64::MAX - 1, i64::MIN, 0.0).frame_near(i64::MAX), u64::MAX);
        let hostile = Anchor::from_words([1, 2, 0, i64::MIN as u64, 5, 99, 0, 0]);
        assert_eq!((hostile.gap_ns, hostile.back_ns), (0, i64::MAX), "a hostile gap is no gap");
    }

    #[test]
    fn anchor_survives_its_encoding() {
        for reason in GapReason::ALL {
            let mut anchor = Anchor::new(77, -5, 20_833.333);
            (anchor.gap, anchor.gap_ns, anchor.clock_step_ns) = (Some(reason), 1_000, -3_600);
            anchor.timing = Timing { clock: ClockSource::Sender, latency_ns: -44_000_000, uncertainty_ns: 1_234_567 };
            assert_eq!(Anchor::from_words(anchor.words()), anchor);
            (anchor.gap_ns, anchor.back_ns, anchor.epoch) = (0, 7, 3);
            assert_eq!(Anchor::from_words(anchor.words()), anchor);
        }
    }
}
