//! A line through the reports of a server: the capture time of a frame, whatever single reports
//! say.

/// The time of frame 0, extrapolated from now: it moves if the source is faster or slower than its
/// nominal rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    at_ns: f64,
    begin_ns: f64,
    /// The change of `begin_ns` per ns.
    slope: f64,
}

impl Line {
    /// Returns the time of frame 0 at a time.
    pub(super) fn begin_at(&self, at_ns: f64) -> f64 {
        self.begin_ns + (at_ns - self.at_ns) * self.slope
    }
}

/// Reports in the line.
const REPORTS: usize = 64;
/// Without a believable latency for this long, the times of arrival count.
const SILENT_NS: f64 = 5e9;
/// The line of arrivals rises at this rate until one lies below it.
const LEAK: f64 = 2e-4;
/// The least tolerance.
const JITTER_NS: f64 = 5e6;
/// The tolerance of arrivals.
const ARRIVAL_JITTER_NS: f64 = 1e8;
/// Tolerance, in median deviations from the median.
const DEVIATIONS: f64 = 6.0;
/// Reports in a row on one side of the line, after which earlier ones do not count.
const MOVED: usize = 8;
/// The slope is believed as reports spread further than this, squared.
const SLOPE_NS2: f64 = 0.25e18;
/// The largest slope.
const MAX_SLOPE: f64 = 2e-2;

/// The newest reports: the time of each, and that of frame 0 by its latency.
#[derive(Debug)]
pub(super) struct ReportLine {
    reports: Vec<(f64, f64)>,
    next: usize,
    sorted: Vec<f64>,
    /// Frame 0 was captured before: the least of the reports without their latencies, and its time.
    arrived: Option<(f64, f64)>,
    line: Option<Line>,
    jitter_ns: f64,
    /// Reports in a row that are far from the line, negative before it.
    aside: i32,
    seen: usize,
}

impl ReportLine {
    pub(super) fn new() -> Self {
        Self {
            reports: Vec::with_capacity(REPORTS),
            next: 0,
            sorted: Vec::with_capacity(REPORTS),
            arrived: None,
            line: None,
            jitter_ns: JITTER_NS,
            aside: 0,
            seen: 0,
        }
    }

    /// Returns the number of reports added since all were forgotten.
    pub(super) fn seen(&self) -> usize {
        self.seen
    }

    /// Forgets all reports.
    pub(super) fn clear(&mut self) {
        self.reports.clear();
        (self.next, self.aside, self.seen, self.arrived, self.line) = (0, 0, 0, None, None);
    }

    /// Returns the line; `None` without a report.
    pub(super) fn line(&self) -> Option<Line> {
        self.line
    }

    /// Returns whether the line is that of arrivals, as no latency is believable.
    pub(super) fn is_of_arrivals(&self) -> bool {
        self.reports.is_empty()
    }

    /// Returns the deviation from the line that is jitter.
    pub(super) fn jitter_ns(&self) -> f64 {
        if self.is_of_arrivals() { ARRIVAL_JITTER_NS } else { self.jitter_ns }
    }

    /// Adds a report: its time, the time of frame 0 by its latency, if that is possible, and the
    /// time by which frame 0 was captured whatever the latency. Allocates nothing.
    pub(super) fn add(&mut self, at_ns: f64, begin_ns: Option<f64>, arrived_ns: f64) {
        self.seen = self.seen.saturating_add(1);
        let risen = self.arrived.map_or(arrived_ns, |(then_ns, least_ns)| least_ns + (at_ns - then_ns) * LEAK);
        self.arrived = Some((at_ns, risen.min(arrived_ns)));
        if let Some(begin_ns) = begin_ns {
            self.add_believable(at_ns, begin_ns);
        } else if self.newest_ns().is_some_and(|newest_ns| at_ns - newest_ns > SILENT_NS) {
            self.reports.clear();
            self.next = 0;
        }
        self.line = if self.reports.is_empty() {
            // The latency is unknown. Frames come right after they were captured, or later.
            self.arrived.map(|(at_ns, begin_ns)| Line { at_ns, begin_ns, slope: 0.0 })
        } else {
            self.fitted()
        };
    }

    fn newest_ns(&self) -> Option<f64> {
        self.reports.iter().map(|(at_ns, _)| *at_ns).reduce(f64::max)
    }

    fn add_believable(&mut self, at_ns: f64, begin_ns: f64) {
        let late_ns = match self.line {
            Some(line) if !self.reports.is_empty() => begin_ns - line.begin_at(at_ns),
            _ => 0.0,
        };
        let is_aside = late_ns.abs() > self.jitter_ns;
        self.aside = match (is_aside, late_ns > 0.0) {
            (false, _) => 0,
            (true, true) => self.aside.max(0) + 1,
            (true, false) => self.aside.min(0) - 1,
        };
        if self.reports.len() < REPORTS {
            self.reports.push((at_ns, begin_ns));
        } else {
            self.reports[self.next % REPORTS] = (at_ns, begin_ns);
            self.next = (self.next + 1) % REPORTS;
        }
        if self.aside.unsigned_abs() as usize >= MOVED {
            self.keep_newest();
        }
    }

    /// Keeps the newest reports if they agree: the source has moved.
    fn keep_newest(&mut self) {
        self.reports.rotate_left(self.next);
        self.next = 0;
        let older = self.reports.len().saturating_sub(MOVED);
        let spread_ns = self.reports[older..]
            .iter()
            .fold((f64::MAX, f64::MIN), |(least, most), (_, begin_ns)| (begin_ns.min(least), begin_ns.max(most)));
        if spread_ns.1 - spread_ns.0 <= self.jitter_ns {
            self.reports.drain(..older);
            self.aside = 0;
        }
    }

    fn median(&mut self, of: impl Fn(f64) -> f64) -> f64 {
        self.sorted.clear();
        self.sorted.extend(self.reports.iter().map(|(_, begin_ns)| of(*begin_ns)));
        self.sorted.sort_unstable_by(f64::total_cmp);
        self.sorted.get((self.sorted.len().saturating_sub(1)) / 2).copied().unwrap_or_default()
    }

    /// Returns the line of least squares through the reports near the median.
    fn fitted(&mut self) -> Option<Line> {
        let median_ns = self.median(|begin_ns| begin_ns);
        let deviation_ns = self.median(|begin_ns| (begin_ns - median_ns).abs());
        self.jitter_ns = (deviation_ns * DEVIATIONS).max(JITTER_NS);
        let near = || self.reports.iter().filter(|(_, begin_ns)| (begin_ns - median_ns).abs() <= self.jitter_ns);
        let count = near().count() as f64;
        if count == 0.0 {
            return None;
        }
        let (at_ns, begin_ns) = near().fold((0.0, 0.0), |sums, (at, begin)| (sums.0 + at, sums.1 + begin));
        let (at_ns, begin_ns) = (at_ns / count, begin_ns / count);
        let (both, square) = near().fold((0.0, count * SLOPE_NS2), |sums, (at, begin)| {
            (sums.0 + (at - at_ns) * (begin - begin_ns), sums.1 + (at - at_ns).powi(2))
        });
        Some(Line { at_ns, begin_ns, slope: (both / square).clamp(-MAX_SLOPE, MAX_SLOPE) })
    }
}
