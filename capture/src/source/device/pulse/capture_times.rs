//! The capture times of the frames of a stream, and the losses in the server's queue.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::report_line::{Line, ReportLine};

/// A timing report of the server.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimingReport {
    /// The time of the report.
    pub(super) at: Instant,
    /// The age of the last frame in the queue at that time.
    pub(super) latency: Duration,
    /// Frames put into the queue since the start.
    pub(super) written: u64,
    /// Frames taken out of it for this stream.
    pub(super) read: u64,
}

/// Tracks capture times by the reports of the server.
///
/// Each report gives the capture time of one frame. The times are those of a line through many
/// reports, so they do not depend on when frames arrive: they may have waited in the queue. A
/// report is not believed if it is impossible; reports far from the line move it, or are a loss,
/// only if others confirm them.
#[derive(Debug)]
pub(super) struct CaptureTimes {
    period_ns: f64,
    /// The capacity of the server's queue.
    queue_frames: u64,
    started: Instant,
    /// The newest report that was possible.
    last: Option<TimingReport>,
    /// The server's number of a frame minus the number here.
    offset: i64,
    /// True if frames were skipped before the next received one.
    skipped: bool,
    /// The reports of the newest segment.
    reports: ReportLine,
    /// Segments of frames in the server's numbers, between losses. The first is that of the frames
    /// that arrive now.
    segments: VecDeque<Segment>,
    /// A report that waits for another that confirms it.
    suspect: Option<Suspect>,
    /// Reports whose counts agree with the offset.
    agreeing: u32,
    /// Reports in a row whose counts contradict those before.
    contradicting: u32,
}

#[derive(Debug, Clone, Copy)]
struct Segment {
    first_frame: u64,
    line: Line,
}

#[derive(Debug, Clone, Copy)]
struct Suspect {
    report: TimingReport,
    offset: i64,
    /// The time of frame 0 on the line of this report, if its latency is possible.
    begin_ns: Option<f64>,
    /// Reports that agree with it.
    confirmed: u32,
}

/// The most segments that are queued while the frames of the first are still to arrive.
const SEGMENTS: usize = 64;
/// The largest error of the time of a report, beside that of its latency.
const JITTER: Duration = Duration::from_millis(200);
/// Counts of reports that are further from the line are not compared with.
const TRUSTED_NS: f64 = 2e7;
/// The longest block that a source delivers: a part of the latency.
const FRAGMENT: Duration = Duration::from_secs(2);
/// Further reports that confirm a loss.
const CONFIRMATIONS: u32 = 2;
/// Contradicting reports after which the earlier ones are not believed.
const CONTRADICTING: u32 = 8;
/// The same, as long as fewer than this agree with each other.
const AGREEING: u32 = 3;
/// The period of timing requests. The reported times have jitter, which averages out.
const REQUEST_EVERY: Duration = Duration::from_millis(100);
/// That period at the start, after a loss, and while a report waits for another that confirms it.
const REQUEST_SOON: Duration = Duration::from_millis(5);
/// Reports at the start, and after a loss.
const FIRST_REPORTS: usize = 24;

impl CaptureTimes {
    pub(super) fn new(sample_rate_hz: u32, queue_frames: u64, started: Instant) -> Self {
        let period_ns = 1e9 / f64::from(sample_rate_hz);
        Self {
            period_ns,
            queue_frames,
            started,
            last: None,
            offset: 0,
            skipped: false,
            reports: ReportLine::new(),
            segments: VecDeque::with_capacity(SEGMENTS),
            suspect: None,
            agreeing: 0,
            contradicting: 0,
        }
    }

    /// Returns when to request the next report, counted from the last one.
    pub(super) fn request_after(&self) -> Duration {
        let is_urgent = self.reports.seen() < FIRST_REPORTS || self.suspect.is_some();
        if is_urgent { REQUEST_SOON } else { REQUEST_EVERY }
    }

    /// Adds a report that arrived after `received` frames.
    ///
    /// The server sends all frames read from its queue before the report, so a difference was
    /// dropped there. Frames captured while the queue is full are dropped uncounted: fewer frames
    /// are written than time went by.
    pub(super) fn update(&mut self, report: TimingReport, received: u64) {
        let offset = report.read.cast_signed().wrapping_sub(received.cast_signed());
        if report.written == 0 && report.read == 0 && self.last.is_none() {
            // The source has only just started.
            return;
        }
        let is_older = self.last.is_some_and(|last| report.written < last.written || report.at < last.at);
        let queued = report.written.saturating_sub(report.read);
        let is_possible = report.read <= report.written && queued <= self.queue_frames.saturating_mul(2);
        if !is_possible || is_older {
            return self.contradict(report, offset, is_possible);
        }
        let Some(last) = self.last else { return self.accept(report, offset) };
        let begin_ns = self.measured(&report);
        let could_be_full = self.could_be_full(&last, &report);
        if offset != self.offset {
            // The server skipped frames, or its count is wrong.
            let is_confirmed = self.suspect.is_some_and(|suspect| suspect.offset == offset);
            if offset < self.offset || self.agreeing < AGREEING || !is_confirmed {
                return self.contradict(report, offset, true);
            }
            self.skipped = true;
            self.suspect = None;
        }
        if let (Some(begin_ns), Some(line)) = (begin_ns, self.reports.line()) {
            let late_ns = begin_ns - line.begin_at(self.since_start_ns(report.at));
            let jitter_ns = self.reports.jitter_ns();
            let suspect = self.suspect.filter(|suspect| {
                suspect.begin_ns.is_some_and(|earlier_ns| (begin_ns - earlier_ns).abs() <= jitter_ns)
            });
            if late_ns > jitter_ns && (could_be_full || suspect.is_some()) {
                let Some(suspect) = suspect else {
                    // `last` stays: the queue could be full since.
                    self.offset = offset;
                    self.suspect = Some(Suspect { report, offset, begin_ns: Some(begin_ns), confirmed: 0 });
                    return;
                };
                if could_be_full && suspect.confirmed + 1 < CONFIRMATIONS {
                    self.suspect = Some(Suspect { confirmed: suspect.confirmed + 1, ..suspect });
                    return;
                }
                if could_be_full {
                    self.begin_segment(suspect.report);
                }
            }
        }
        if begin_ns.is_none() && self.suspect.is_some() {
            // It says nothing.
            return;
        }
        self.suspect = None;
        self.accept(report, offset);
    }

    /// Adds a believed report.
    fn accept(&mut self, report: TimingReport, offset: i64) {
        self.agreeing = if self.offset == offset { self.agreeing.saturating_add(1) } else { 1 };
        (self.offset, self.contradicting) = (offset, 0);
        let (at_ns, begin_ns) = (self.since_start_ns(report.at), self.begin_of(&report));
        let line = self.reports.line();
        let is_on_line = line.is_none_or(|line| {
            let aside_ns = self.measured(&report).map(|begin_ns| begin_ns - line.begin_at(at_ns));
            aside_ns.is_some_and(|aside_ns| aside_ns.abs() <= self.reports.jitter_ns().min(TRUSTED_NS))
        });
        if is_on_line {
            self.last = Some(report);
        }
        let arrived_ns = at_ns - report.written as f64 * self.period_ns;
        self.reports.add(at_ns, begin_ns, arrived_ns);
        let Some(line) = self.reports.line() else { return };
        match self.segments.back_mut() {
            Some(newest) => newest.line = line,
            None => self.segments.push_back(Segment { first_frame: 0, line }),
        }
    }

    /// Begins a segment after a loss, which `report` found first.
    fn begin_segment(&mut self, report: TimingReport) {
        self.reports.clear();
        let at_ns = self.since_start_ns(report.at);
        let arrived_ns = at_ns - report.written as f64 * self.period_ns;
        self.reports.add(at_ns, self.begin_of(&report), arrived_ns);
        let Some(line) = self.reports.line() else { return };
        if self.segments.len() == SEGMENTS {
            self.segments.pop_back();
        }
        self.segments.push_back(Segment { first_frame: report.written, line });
    }

    /// Notes a report that contradicts those before. Only many in a row are believed: the count has
    /// begun anew.
    fn contradict(&mut self, report: TimingReport, offset: i64, is_possible: bool) {
        if !is_possible {
            return;
        }
        let agrees = self.suspect.is_some_and(|suspect| suspect.offset == offset && suspect.report.at <= report.at);
        self.contradicting = if agrees { self.contradicting + 1 } else { 1 };
        self.suspect = Some(Suspect { report, offset, begin_ns: None, confirmed: 0 });
        if self.contradicting >= CONTRADICTING || (self.agreeing < AGREEING && self.contradicting > 1) {
            if offset != self.offset {
                self.reports.clear();
                self.segments.clear();
            }
            (self.offset, self.agreeing, self.suspect) = (offset, 1, None);
            self.last = Some(report);
            self.accept(report, offset);
        }
    }

    /// Returns the time of the server's frame 0 by a report; by its arrival, if no latency was
    /// believable so far.
    fn measured(&self, report: &TimingReport) -> Option<f64> {
        let arrived_ns = || self.since_start_ns(report.at) - report.written as f64 * self.period_ns;
        self.begin_of(report).or_else(|| self.reports.is_of_arrivals().then(arrived_ns))
    }

    /// Returns the time of the server's frame 0 by a report, in ns after the start; `None` if its
    /// latency is impossible: larger than the queue, a fragment, and what passed since the start.
    fn begin_of(&self, report: &TimingReport) -> Option<f64> {
        let queue = Duration::from_nanos((self.queue_frames as f64 * self.period_ns) as u64);
        let passed = report.at.saturating_duration_since(self.started);
        let most = queue.min(passed).saturating_add(FRAGMENT);
        if report.latency > most || report.written == 0 {
            return None;
        }
        let captured_ns = self.since_start_ns(report.at) - report.latency.as_nanos() as f64;
        Some(captured_ns - report.written as f64 * self.period_ns)
    }

    /// Returns whether the queue may have been full between two reports.
    fn could_be_full(&self, last: &TimingReport, report: &TimingReport) -> bool {
        let passed = report.at.saturating_duration_since(last.at).saturating_add(JITTER);
        let captured = (passed.as_nanos() as f64 / self.period_ns) as u64;
        last.written.saturating_add(captured).saturating_sub(last.read) > self.queue_frames
    }

    /// Returns the age of a frame, and whether frames may be missing before it. Call it with
    /// increasing frame numbers.
    ///
    /// The age is `None` before the first report.
    pub(super) fn delay_of(&mut self, frame: u64, now: Instant) -> (Option<Duration>, bool) {
        let frame = frame.saturating_add_signed(self.offset);
        let mut after_loss = std::mem::take(&mut self.skipped);
        while self.segments.get(1).is_some_and(|next| next.first_frame <= frame) {
            self.segments.pop_front();
            after_loss = true;
        }
        let delay = self.segments.front().map(|segment| {
            let elapsed_ns = frame as f64 * self.period_ns;
            let about_ns = segment.line.begin_at(elapsed_ns) + elapsed_ns;
            let captured_ns = segment.line.begin_at(about_ns) + elapsed_ns;
            Duration::from_nanos((self.since_start_ns(now) - captured_ns).max(0.0) as u64)
        });
        (delay, after_loss)
    }

    fn since_start_ns(&self, at: Instant) -> f64 {
        at.saturating_duration_since(self.started).as_nanos() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUE_FRAMES: u64 = 5000;

    /// A stream at 1 kHz, and a function that makes a report of a time in ms after its start.
    fn stream() -> (CaptureTimes, impl Fn(u64, u64, u64, u64) -> TimingReport) {
        let started = Instant::now();
        let report = move |at_ms, latency_ms, written, read| TimingReport {
            at: started + Duration::from_millis(at_ms),
            latency: Duration::from_millis(latency_ms),
            written,
            read,
        };
        (CaptureTimes::new(1000, QUEUE_FRAMES, started), report)
    }

    /// The age of a frame in ms, and whether frames were lost before it.
    fn age(times: &mut CaptureTimes, frame: u64, now: &TimingReport) -> (Option<u64>, bool) {
        let (delay, after_loss) = times.delay_of(frame, now.at);
        (delay.map(|delay| delay.as_millis() as u64), after_loss)
    }

    #[test]
    fn age_does_not_depend_on_the_time_of_arrival() {
        let (mut times, report) = stream();
        assert_eq!(age(&mut times, 0, &report(0, 0, 0, 0)), (None, false));
        times.update(report(0, 0, 0, 0), 0);
        assert_eq!(age(&mut times, 0, &report(50, 0, 0, 0)), (None, false), "no report of a frame yet");
        // Frame 100 was captured 20 ms before the hundredth millisecond.
        times.update(report(100, 20, 100, 50), 50);
        assert_eq!(age(&mut times, 50, &report(100, 0, 0, 0)), (Some(70), false));
        assert_eq!(age(&mut times, 100, &report(130, 0, 0, 0)), (Some(50), false));
        assert_eq!(age(&mut times, 100, &report(4130, 0, 0, 0)), (Some(4050), false), "delayed by four seconds");
    }

    #[test]
    fn full_queue_is_a_loss_at_its_end() {
        let (mut times, report) = stream();
        times.update(report(1000, 0, 1000, 1000), 1000);
        times.update(report(5500, 0, 5500, 1100), 1100);
        assert_eq!(age(&mut times, 5499, &report(5600, 0, 0, 0)), (Some(101), false), "the queue was not full");
        // Eight seconds later the queue holds five.
        times.update(report(13_500, 0, 10_500, 5600), 5600);
        assert_eq!(times.request_after(), REQUEST_SOON, "another report has to confirm it");
        times.update(report(13_505, 5, 10_500, 5600), 5600);
        times.update(report(13_507, 7, 10_500, 5600), 5600);
        assert_eq!(age(&mut times, 10_499, &report(13_505, 0, 0, 0)), (Some(3006), false), "it was in the queue");
        assert_eq!(age(&mut times, 10_500, &report(13_500, 0, 0, 0)), (Some(0), true));
        assert_eq!(age(&mut times, 10_501, &report(13_501, 0, 0, 0)), (Some(0), false), "it is reported once");
        // The queue is as full as before, without a further loss.
        times.update(report(13_600, 0, 10_600, 5700), 5700);
        assert_eq!(age(&mut times, 10_600, &report(13_600, 0, 0, 0)), (Some(0), false));
        // The next tenth of a second is lost.
        times.update(report(13_800, 0, 10_700, 5700), 5700);
        times.update(report(13_805, 5, 10_700, 5700), 5700);
        times.update(report(13_807, 7, 10_700, 5700), 5700);
        assert_eq!(age(&mut times, 10_700, &report(13_800, 0, 0, 0)), (Some(0), true));
    }

    #[test]
    fn skipped_frames_are_a_loss_and_shift_the_numbers() {
        let (mut times, report) = stream();
        for at in 0..3 {
            times.update(report(1000 + at, 0, 1000 + at, 1000), 1000);
        }
        times.update(report(2000, 0, 2000, 1900), 1500);
        times.update(report(2005, 5, 2000, 1900), 1500);
        // Frame 1500 is the server's 1900.
        assert_eq!(age(&mut times, 1500, &report(2000, 0, 0, 0)), (Some(100), true));
        times.update(report(2100, 0, 2100, 2100), 1700);
        assert_eq!(age(&mut times, 1700, &report(2100, 0, 0, 0)), (Some(0), false), "it is reported once");
    }

    #[test]
    fn skip_of_a_full_queue_is_believed_when_confirmed() {
        let (mut times, report) = stream();
        for at in 0..3 {
            times.update(report(1000 + at, 0, 1000 + at, 1000), 1000);
        }
        times.update(report(8000, 0, 8000, 1000), 1000);
        assert_eq!(age(&mut times, 1099, &report(8200, 0, 0, 0)), (Some(7101), false));
        times.update(report(8200, 0, 8200, 8200), 1100);
        times.update(report(8205, 5, 8200, 8200), 1100);
        assert_eq!(age(&mut times, 1100, &report(8200, 0, 0, 0)), (Some(0), true));
        assert_eq!(age(&mut times, 8000, &report(15_100, 0, 0, 0)), (Some(0), false), "it is reported once");
    }

    #[test]
    fn count_that_begins_anew_is_no_loss() {
        let (mut times, report) = stream();
        times.update(report(1000, 0, 77_000, 77_000), 1000);
        times.update(report(1100, 0, 77_100, 77_100), 1100);
        assert_eq!(age(&mut times, 1100, &report(1200, 0, 0, 0)), (Some(100), false));
        for at in 0..10 {
            times.update(report(1300 + at, 0, 100 + at, 100 + at), 1300 + at);
            assert!(!age(&mut times, 1300 + at, &report(1300 + at, 0, 0, 0)).1);
        }
        assert_eq!(age(&mut times, 1400, &report(1400, 0, 0, 0)), (Some(0), false));
    }
}
