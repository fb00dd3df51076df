//! The clock of the sender of a stream, as far as its reports are believed.

use std::collections::VecDeque;

use super::nut::Stamp;
use super::reports::{Report, Reports};
use super::stamps::Stamps;
use crate::source::stream::least_delay::LeastDelay;

const SECOND_NS: i64 = 1_000_000_000;
/// The reports that must hold together: at first; where nothing is written before; and after the
/// sender's clock was set.
const NEEDED: usize = 3;
const NEEDED_BY_REQUEST: usize = 2;
const NEEDED_AFTER_STEP: usize = 2;
/// Times within one report deviate by less than this: they are rounded to microseconds.
const ROUNDING_NS: i64 = 1000;
/// Stream times of packets of PCM are rounded to milliseconds.
const SNAP_NS: i64 = 600_000;
/// The packets whose stream times are kept.
const KEPT_PACKETS: usize = 256;
/// The longest packet. More between two packets is a hole.
const MAX_PACKET_NS: i64 = SECOND_NS;
/// The first report after a reconnect is believed if it differs by no more than this from the
/// remembered delay, and that holds for this time at most.
const REMEMBERED_WITHIN_NS: i64 = 100_000_000;
const REMEMBERED_FOR_NS: i64 = 60 * SECOND_NS;

/// The delay from the sender's time to that of arrival, kept across a reconnect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Remembered {
    delay_ns: Option<i64>,
}

/// The sender's clock.
#[derive(Debug)]
pub(crate) struct SenderClock {
    stamps: Option<Stamps>,
    needed: usize,
    /// The stream times of the newest packets.
    packets: VecDeque<i64>,
    /// The least and the largest offset since the last report.
    newest: Option<(i64, i64)>,
    believed: Option<Reports>,
    /// Reports that do not agree with those.
    candidate: Option<Reports>,
    /// The sender's clock was set, and the next packet has a time by the new one.
    is_set: bool,
    /// Arrival minus stream time, at the end of packets.
    arrivals: LeastDelay,
    began_ns: Option<i64>,
    remembered: Remembered,
}

impl SenderClock {
    /// Believes fewer reports if `is_required`: nothing is written without the sender's times.
    /// Without stamps the clock is never known.
    pub(crate) fn new(stamps: Option<Stamps>, is_required: bool, remembered: Remembered) -> Self {
        Self {
            stamps,
            needed: if is_required { NEEDED_BY_REQUEST } else { NEEDED },
            packets: VecDeque::new(),
            newest: None,
            believed: None,
            candidate: None,
            is_set: false,
            arrivals: LeastDelay::default(),
            began_ns: None,
            remembered,
        }
    }

    /// Takes the stamps that were read so far. `utc_ns` is the time now.
    pub(crate) fn update(&mut self, utc_ns: i64) {
        while let Some((stamp, age)) = self.stamps.as_ref().and_then(Stamps::take) {
            let age_ns = i64::try_from(age.as_nanos()).unwrap_or(i64::MAX);
            self.add(stamp, utc_ns.saturating_sub(age_ns));
        }
    }

    pub(super) fn add(&mut self, stamp: Stamp, arrived_ns: i64) {
        let Stamp { stream_ns, sender_utc_ns } = stamp;
        let before_ns = self.packets.back().copied().unwrap_or(stream_ns);
        let packet_ns = Some(stream_ns.saturating_sub(before_ns)).filter(|ns| (0..=MAX_PACKET_NS).contains(ns));
        let late_ns = arrived_ns.saturating_sub(packet_ns.unwrap_or(0));
        if self.packets.len() == KEPT_PACKETS {
            self.packets.pop_front();
        }
        self.packets.push_back(stream_ns);
        self.arrivals.add(late_ns.saturating_sub(stream_ns), arrived_ns);
        let began_ns = *self.began_ns.get_or_insert(arrived_ns);
        if arrived_ns.saturating_sub(began_ns) > REMEMBERED_FOR_NS {
            self.remembered = Remembered::default();
        }
        let Some(sender_utc_ns) = sender_utc_ns else { return };
        let offset_ns = sender_utc_ns.saturating_sub(stream_ns);
        let (low, high) = self.newest.unwrap_or((offset_ns, offset_ns));
        let (low, high) = (low.min(offset_ns), high.max(offset_ns));
        if self.newest.is_none() || high.saturating_sub(low) >= ROUNDING_NS {
            self.newest = Some((offset_ns, offset_ns));
            self.report(Report { stream_ns, offset_ns });
        } else {
            self.newest = Some((low, high));
        }
        let delay_ns = late_ns.saturating_sub(sender_utc_ns);
        if let Some(dating) = self.candidate.as_mut().or(self.believed.as_mut()) {
            dating.add_delay(delay_ns, stream_ns, arrived_ns);
        }
        self.believe(stream_ns);
    }

    fn report(&mut self, report: Report) {
        if let Some(believed) = &mut self.believed
            && believed.agree(report)
        {
            believed.add(report);
            self.candidate = None;
            return;
        }
        match &mut self.candidate {
            Some(candidate) if candidate.agree(report) => candidate.add(report),
            candidate => {
                if candidate.replace(Reports::new(report)).is_some() {
                    // Two reports in a row that agree with nothing.
                    self.believed = None;
                }
            }
        }
    }

    /// Believes the candidate once it holds.
    fn believe(&mut self, stream_ns: i64) {
        let Some(candidate) = &self.candidate else { return };
        let is_remembered = self.believed.is_none()
            && self.remembered_utc_ns(stream_ns).is_some_and(|remembered_ns| {
                let apart_ns = candidate.utc_ns(stream_ns).saturating_sub(remembered_ns);
                apart_ns.saturating_abs() <= REMEMBERED_WITHIN_NS
            });
        let needed = match &self.believed {
            Some(_) => NEEDED_AFTER_STEP,
            None if is_remembered => 1,
            None => self.needed,
        };
        if !candidate.hold(needed, stream_ns) {
            return;
        }
        if candidate.are_plausible() {
            self.is_set |= self.believed.is_some();
            self.believed = self.candidate.take();
            self.remembered = Remembered::default();
        } else {
            // The sender's clock was set to a time that can't be true.
            self.believed = None;
        }
    }

    /// Returns the sender's UTC at a stream time of PCM, if it is believed.
    pub(crate) fn utc_ns(&self, timestamp_ns: i64) -> Option<i64> {
        let near = |packet_ns: &&i64| packet_ns.saturating_sub(timestamp_ns).saturating_abs() <= SNAP_NS;
        let stream_ns = self.packets.iter().rev().find(near).copied().unwrap_or(timestamp_ns);
        match &self.believed {
            Some(believed) => believed.are_plausible().then(|| believed.utc_ns(stream_ns)),
            None => self.remembered_utc_ns(stream_ns),
        }
    }

    fn remembered_utc_ns(&self, stream_ns: i64) -> Option<i64> {
        let delay_ns = self.remembered.delay_ns?;
        Some(stream_ns.saturating_add(self.arrivals.get()?).saturating_sub(delay_ns))
    }

    /// Returns, once, whether the sender's clock was set.
    pub(crate) fn take_step(&mut self) -> bool {
        std::mem::take(&mut self.is_set)
    }

    /// Returns whether the sender has reported its clock.
    pub(crate) fn has_reports(&self) -> bool {
        self.newest.is_some()
    }

    /// Returns whether reports are believed, not a remembered delay.
    #[cfg(test)]
    pub(super) fn believes_reports(&self) -> bool {
        self.believed.is_some()
    }

    /// Returns what is remembered for the next connection.
    pub(crate) fn remembered(&self) -> Remembered {
        let believed = self.believed.as_ref().filter(|believed| believed.are_plausible());
        believed.map_or(self.remembered, |believed| Remembered { delay_ns: believed.delay_ns() })
    }
}
