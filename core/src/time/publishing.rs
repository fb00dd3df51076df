//! Anchors: where published times jump, begin a new epoch, or follow the estimate.

use super::timekeeper::{EARLY_NS, SLEW, SPACING_S, Timekeeper};
use crate::gap::GapReason;
use crate::ring::Anchor;
use crate::timing::{ClockSource, Timing};

impl Timekeeper {
    /// Publishes the estimated clock from a frame on, though times run backwards there.
    pub(super) fn begin_epoch(&mut self, head: u64, reason: GapReason) -> Anchor {
        let to_ns = self.estimated.as_ref().map_or(0, |estimated| estimated.predict(head));
        let mut anchor = self.bent(head, to_ns);
        let end_ns = self.published.map_or(to_ns, |published| published.utc_at(head));
        let back_ns = end_ns.saturating_sub(to_ns);
        (anchor.gap, anchor.back_ns) = (Some(reason), back_ns.max(0));
        anchor.clock_step_ns = back_ns.saturating_neg();
        self.publish(anchor)
    }

    /// Publishes the estimated clock from a frame on, or the end of the timeline if that is later.
    pub(super) fn jump(&mut self, head: u64, reason: GapReason, clock_step_ns: i64) -> Anchor {
        let to_ns = self.estimated.as_ref().map_or(0, |estimated| estimated.predict(head));
        self.jump_to(head, to_ns, reason, clock_step_ns)
    }

    pub(super) fn jump_to(&mut self, head: u64, utc_ns: i64, reason: GapReason, clock_step_ns: i64) -> Anchor {
        let end_ns = self.published.map_or(utc_ns, |published| published.utc_at(head));
        let mut anchor = self.bent(head, utc_ns.max(end_ns));
        let gap_ns = anchor.utc_ns.saturating_sub(end_ns);
        (anchor.gap, anchor.gap_ns, anchor.clock_step_ns) = (Some(reason), gap_ns, clock_step_ns);
        self.publish(anchor)
    }

    pub(super) fn publish(&mut self, anchor: Anchor) -> Anchor {
        self.published = Some(anchor);
        self.spacing_s = self.spacing_for(anchor.first_frame, self.ahead_ns(anchor.first_frame));
        anchor
    }

    /// Continues the timeline.
    pub(super) fn slew(&mut self, head: u64) -> Anchor {
        let end_ns = self.published.map_or(0, |published| published.utc_at(head));
        let anchor = self.bent(head, end_ns);
        self.publish(anchor)
    }

    /// A segment from a time on, bent towards the estimated clock.
    pub(super) fn bent(&self, head: u64, utc_ns: i64) -> Anchor {
        let Some(estimated) = &self.estimated else {
            return self.with_timing(Anchor::new(head, utc_ns, self.nominal_ns), 0);
        };
        let ahead_ns = utc_ns.saturating_sub(estimated.predict(head));
        let bound = if self.is_explained(head, ahead_ns) { SLEW.0 } else { SLEW.1 };
        // Not beyond the estimated clock, however long the chunk is.
        let within_ns = if bound > SLEW.0 { SPACING_S.0 * 1e9 } else { 1.5e9 * self.spacing_for(head, ahead_ns) };
        let correction = (ahead_ns as f64 / within_ns.max(self.chunk_ns)).clamp(-bound, bound);
        let anchor = Anchor::new(head, utc_ns, estimated.period_ns() * (1.0 - correction));
        self.with_timing(anchor, ahead_ns)
    }

    /// Adds the accuracy of the times of a segment that begins `ahead_ns` ahead of the estimate.
    pub(super) fn with_timing(&self, anchor: Anchor, ahead_ns: i64) -> Anchor {
        let Some(estimated) = &self.estimated else { return anchor };
        let lasts_ns = (self.spacing_for(anchor.first_frame, ahead_ns) * 1e9).max(self.chunk_ns);
        let estimated_ns = estimated.uncertainty_ns(anchor.first_frame, lasts_ns);
        let suspected_ns = self.suspicion.filter(|_| self.is_suspected).map_or(0, |open| open.largest_ns());
        let uncertainty_ns =
            (estimated_ns as i64).saturating_add(ahead_ns.saturating_abs()).saturating_add(suspected_ns);
        let clock = if estimated.is_arrival() { ClockSource::Arrival } else { self.clock };
        let mut anchor = anchor;
        anchor.timing = Timing { clock, latency_ns: self.latency_ns, uncertainty_ns };
        anchor
    }

    /// True if the noise of the times explains that published times deviate.
    pub(super) fn is_explained(&self, head: u64, ahead_ns: i64) -> bool {
        let Some(estimated) = &self.estimated else { return true };
        if ahead_ns > 0 && estimated.is_arrival() {
            // A chunk came before it was captured, by published times.
            return ahead_ns < EARLY_NS;
        }
        ahead_ns.saturating_abs() as f64 <= estimated.explained_ns(head, 0.0)
    }

    /// Distance of anchors for a deviation, by the time since the estimate began.
    pub(super) fn spacing_for(&self, head: u64, ahead_ns: i64) -> f64 {
        let locked_s = self.estimated.as_ref().map_or(0.0, |estimated| estimated.locked_s());
        if self.is_explained(head, ahead_ns) { (locked_s / 8.0).clamp(SPACING_S.0, SPACING_S.1) } else { SPACING_S.0 }
    }
}
