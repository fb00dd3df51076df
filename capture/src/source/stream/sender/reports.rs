//! Reports of a sender's clock that hold together.

use std::collections::VecDeque;

use crate::source::stream::least_delay::LeastDelay;

const MS_NS: i64 = 1_000_000;
const SECOND_NS: i64 = 1_000_000_000;
/// The most reports that are kept.
const MAX_REPORTS: usize = 32;
/// Reports closer than this are as one.
const MIN_DISTANCE_NS: i64 = SECOND_NS / 2;
/// Reports deviate from a line by no more than this, and by a part of the time between them.
const JITTER_NS: i64 = 10 * MS_NS;
const MAX_DRIFT: f64 = 500e-6;
/// The time over which reports must hold.
const MIN_SPAN_NS: i64 = 1900 * MS_NS;
/// A line that has not changed for this time counts as reported again: longer than the five seconds
/// of RFC 3550. Reports that agree to the microsecond can't be seen.
const UNCHANGED_NS: i64 = 6 * SECOND_NS;
/// The usual drift of a clock, and the noise of the best reports, in ns.
const USUAL_DRIFT: f64 = 100e-6;
const LEAST_NOISE_NS: f64 = 20_000.0;
/// A packet arrives after it was captured, and no more than this after it. Clocks that are set by
/// NTP are a few milliseconds apart.
const EARLIEST_NS: i64 = -5 * MS_NS;
const LATEST_NS: i64 = 10 * SECOND_NS;
/// A plausible delay stays so within this.
const HYSTERESIS_NS: i64 = 5 * MS_NS;
/// A line that is not reported again for this time may not differ from the arrivals any more.
const STALE_NS: i64 = 600 * SECOND_NS;
const STALE_CHANGE_NS: i64 = 50 * MS_NS;

/// A report: the sender's UTC minus the time of the stream, from a packet on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) stream_ns: i64,
    pub(super) offset_ns: i64,
}

/// Reports near one line, and the delays of the packets that they date.
#[derive(Debug, Clone)]
pub(super) struct Reports {
    reports: VecDeque<Report>,
    /// The line: an offset, where, and its slope.
    line: (f64, i64, f64),
    /// The stream time of the first report, and of the last change.
    first_ns: i64,
    changed_ns: i64,
    delays: LeastDelay,
    /// The least delay at the last change.
    delay_then_ns: Option<i64>,
    is_plausible: bool,
}

impl Reports {
    pub(super) fn new(report: Report) -> Self {
        Self {
            reports: VecDeque::from([report]),
            line: (0.0, report.stream_ns, 0.0),
            first_ns: report.stream_ns,
            changed_ns: report.stream_ns,
            delays: LeastDelay::default(),
            delay_then_ns: None,
            is_plausible: false,
        }
    }

    /// Returns whether a report lies near the line of all others.
    pub(super) fn agree(&self, report: Report) -> bool {
        self.reports.iter().all(|earlier| {
            let passed_ns = report.stream_ns.saturating_sub(earlier.stream_ns).saturating_abs();
            let allowed_ns = JITTER_NS.saturating_add((passed_ns as f64 * MAX_DRIFT) as i64);
            report.offset_ns.saturating_sub(earlier.offset_ns).saturating_abs() <= allowed_ns
        })
    }

    pub(super) fn add(&mut self, report: Report) {
        self.changed_ns = report.stream_ns;
        self.delay_then_ns = self.delays.get();
        let newest_ns = self.reports.back().map_or(i64::MIN, |newest| newest.stream_ns);
        if (0..MIN_DISTANCE_NS).contains(&report.stream_ns.saturating_sub(newest_ns)) {
            return;
        }
        if self.reports.len() == MAX_REPORTS {
            self.reports.pop_front();
        }
        self.reports.push_back(report);
        self.fit();
    }

    /// Fits a line by least squares, whose slope is drawn to zero as the noise demands.
    fn fit(&mut self) {
        let Some(first) = self.reports.front().copied() else { return };
        let count = self.reports.len() as f64;
        let points = || {
            self.reports.iter().map(move |report| {
                let time = report.stream_ns.saturating_sub(first.stream_ns) as f64;
                (time, report.offset_ns.saturating_sub(first.offset_ns) as f64)
            })
        };
        let sums = points().fold((0.0, 0.0), |(times, offsets), (time, offset)| (times + time, offsets + offset));
        let (mid_time, mid_offset) = (sums.0 / count, sums.1 / count);
        let (mut squares, mut products) = (0.0, 0.0);
        for (time, offset) in points() {
            squares += (time - mid_time).powi(2);
            products += (time - mid_time) * (offset - mid_offset);
        }
        let mut slope = 0.0;
        if count > 2.0 && squares > 0.0 {
            let fitted = products / squares;
            let residuals: f64 =
                points().map(|(time, offset)| (offset - mid_offset - fitted * (time - mid_time)).powi(2)).sum();
            let noise = (residuals / (count - 2.0)).max(LEAST_NOISE_NS.powi(2));
            slope = (products / (squares + noise / USUAL_DRIFT.powi(2))).clamp(-MAX_DRIFT, MAX_DRIFT);
        }
        self.line = (mid_offset, first.stream_ns.saturating_add(mid_time as i64), slope);
    }

    /// Returns the sender's UTC of a stream time.
    pub(super) fn utc_ns(&self, stream_ns: i64) -> i64 {
        let (offset_ns, at_ns, slope) = self.line;
        let line_ns = offset_ns + slope * stream_ns.saturating_sub(at_ns) as f64;
        let first_ns = self.reports.front().map_or(0, |report| report.offset_ns);
        stream_ns.saturating_add(first_ns).saturating_add(line_ns.round() as i64)
    }

    /// Returns whether `needed` reports hold together, or the only ones do not change.
    pub(super) fn hold(&self, needed: usize, stream_ns: i64) -> bool {
        let span_ns = self.changed_ns.saturating_sub(self.first_ns);
        needed <= 1
            || (self.reports.len() >= needed && span_ns >= MIN_SPAN_NS)
            || stream_ns.saturating_sub(self.changed_ns) >= UNCHANGED_NS
    }

    /// Adds the delay of a packet that the newest of these reports dates.
    pub(super) fn add_delay(&mut self, delay_ns: i64, stream_ns: i64, arrived_ns: i64) {
        self.delays.add(delay_ns, arrived_ns);
        let Some(least_ns) = self.delays.get() else { return };
        let slack_ns = if self.is_plausible { HYSTERESIS_NS } else { 0 };
        let is_stale = stream_ns.saturating_sub(self.changed_ns) > STALE_NS
            && self
                .delay_then_ns
                .is_some_and(|then_ns| least_ns.saturating_sub(then_ns).saturating_abs() > STALE_CHANGE_NS);
        self.is_plausible = (EARLIEST_NS - slack_ns..=LATEST_NS + slack_ns).contains(&least_ns) && !is_stale;
    }

    /// Returns whether the packets arrive after their times, and not long after.
    pub(super) fn are_plausible(&self) -> bool {
        self.is_plausible
    }

    /// Returns the least delay of the packets.
    pub(super) fn delay_ns(&self) -> Option<i64> {
        self.delays.get()
    }
}
