//! The capture times of the frames of a stream, and the losses in the server's queue.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

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
/// Each report gives the capture time of one frame, and so a line from frame numbers to times. The
/// times of frames do not depend on when they arrive: they may have waited in the queue.
#[derive(Debug)]
pub(super) struct CaptureTimes {
    period_ns: f64,
    /// The capacity of the server's queue.
    queue_frames: u64,
    started: Instant,
    last: Option<TimingReport>,
    /// The server's number of a frame minus the number here.
    offset: i64,
    /// The capture time of frame 0, extrapolated on the current line, in ns after the start.
    begin_ns: Option<f64>,
    /// The lines of later frames.
    lines: VecDeque<Line>,
}

#[derive(Debug, Clone, Copy)]
struct Line {
    /// The first frame on the line.
    first_frame: u64,
    begin_ns: f64,
    /// True if frames may be missing before `first_frame`.
    after_loss: bool,
}

/// The most lines that are queued while the frames of the first are still to arrive.
const LINES: usize = 64;
/// The largest jump of the reported latency.
const JITTER: Duration = Duration::from_millis(200);
/// The shortest block, the unit in which a full queue loses frames. A smaller deficit is jitter.
const SHORTEST_BLOCK: Duration = Duration::from_millis(5);

impl CaptureTimes {
    pub(super) fn new(sample_rate_hz: u32, queue_frames: u64, started: Instant) -> Self {
        let period_ns = 1e9 / f64::from(sample_rate_hz);
        let lines = VecDeque::with_capacity(LINES);
        Self { period_ns, queue_frames, started, last: None, offset: 0, begin_ns: None, lines }
    }

    /// Adds a report that arrived after `received` frames.
    ///
    /// The server sends all frames read from its queue before the report, so a difference was
    /// dropped there. Frames captured while the queue is full are dropped uncounted: fewer frames
    /// are written than time went by.
    pub(super) fn update(&mut self, report: TimingReport, received: u64) {
        let offset = report.read.cast_signed().wrapping_sub(received.cast_signed());
        let last = self.last.replace(report);
        let skipped = last.is_some() && offset > self.offset;
        self.offset = offset;
        if report.written == 0 {
            // The source has only just started.
            return;
        }
        let frame = report.written.saturating_add_signed(offset.saturating_neg());
        let captured_ns = self.since_start_ns(report.at) - report.latency.as_nanos() as f64;
        let mut line = Line {
            // Skipped frames precede the next received one, uncounted ones the next captured one.
            first_frame: if skipped { received } else { frame },
            begin_ns: captured_ns - frame as f64 * self.period_ns,
            after_loss: skipped || last.is_some_and(|last| self.may_have_overflown(&last, &report)),
        };
        // Lines of frames that the server skipped are void.
        while let Some(void) = self.lines.pop_back_if(|queued| queued.first_frame > line.first_frame) {
            line.after_loss |= void.after_loss;
        }
        if self.lines.len() < LINES || line.after_loss {
            self.lines.push_back(line);
        }
    }

    /// Returns whether the queue may have been full between two reports, and frames are missing.
    fn may_have_overflown(&self, last: &TimingReport, report: &TimingReport) -> bool {
        let frames = |time: Duration| (time.as_nanos() as f64 / self.period_ns) as u64;
        let passed = report.at.saturating_duration_since(last.at) + last.latency;
        let most = last.written.saturating_add(frames(passed + JITTER)).saturating_sub(last.read);
        let counted = report.written.saturating_add(frames(report.latency + SHORTEST_BLOCK));
        most > self.queue_frames && last.written.saturating_add(frames(passed)) > counted
    }

    /// Returns the age of a frame, and whether frames may be missing before it. Call it with
    /// increasing frame numbers.
    ///
    /// The age is `None` before the first report.
    pub(super) fn delay_of(&mut self, frame: u64, now: Instant) -> (Option<Duration>, bool) {
        let mut after_loss = false;
        while let Some(line) = self.lines.front() {
            if self.begin_ns.is_some() && line.first_frame > frame {
                break;
            }
            self.begin_ns = Some(line.begin_ns);
            after_loss |= line.after_loss;
            self.lines.pop_front();
        }
        let delay = self.begin_ns.map(|begin_ns| {
            let captured_ns = begin_ns + frame as f64 * self.period_ns;
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
        // The source is 30 ms later from frame 4200 on.
        times.update(report(4250, 0, 4200, 300), 300);
        assert_eq!(age(&mut times, 4199, &report(4300, 0, 0, 0)), (Some(121), false));
        assert_eq!(age(&mut times, 4200, &report(4300, 0, 0, 0)), (Some(50), false));
    }

    #[test]
    fn full_queue_is_a_loss_at_its_end() {
        let (mut times, report) = stream();
        times.update(report(1000, 0, 1000, 1000), 1000);
        times.update(report(5500, 0, 5500, 1100), 1100);
        assert_eq!(age(&mut times, 5500, &report(5600, 0, 0, 0)), (Some(100), false), "the queue was not full");
        // Eight seconds later the queue holds five.
        times.update(report(13_500, 0, 10_500, 5600), 5600);
        assert_eq!(age(&mut times, 10_499, &report(13_500, 0, 0, 0)), (Some(3001), false), "it was in the queue");
        assert_eq!(age(&mut times, 10_500, &report(13_500, 0, 0, 0)), (Some(0), true));
        assert_eq!(age(&mut times, 10_501, &report(13_501, 0, 0, 0)), (Some(0), false), "it is reported once");
        // The queue is as full as before, without a further loss.
        times.update(report(13_600, 0, 10_600, 5700), 5700);
        assert_eq!(age(&mut times, 10_600, &report(13_600, 0, 0, 0)), (Some(0), false));
        // The next tenth of a second is lost.
        times.update(report(13_800, 0, 10_700, 5700), 5700);
        assert_eq!(age(&mut times, 10_700, &report(13_800, 0, 0, 0)), (Some(0), true));
    }

    #[test]
    fn skipped_frames_are_a_loss_and_shift_the_numbers() {
        let (mut times, report) = stream();
        times.update(report(1000, 0, 1000, 1000), 1000);
        times.update(report(2000, 0, 2000, 1900), 1500);
        // Frame 1500 is the server's 1900.
        assert_eq!(age(&mut times, 1500, &report(2000, 0, 0, 0)), (Some(100), true));
        times.update(report(2100, 0, 2100, 2100), 1700);
        assert_eq!(age(&mut times, 1700, &report(2100, 0, 0, 0)), (Some(0), false), "it is reported once");
    }

    #[test]
    fn skip_voids_the_lines_reported_before_it() {
        let (mut times, report) = stream();
        times.update(report(1000, 0, 1000, 1000), 1000);
        times.update(report(8000, 0, 8000, 1000), 1000);
        times.update(report(8200, 0, 8200, 8200), 1100);
        assert_eq!(age(&mut times, 1099, &report(8200, 0, 0, 0)), (Some(7101), false));
        assert_eq!(age(&mut times, 1100, &report(8200, 0, 0, 0)), (Some(0), true));
        assert_eq!(age(&mut times, 8000, &report(15_100, 0, 0, 0)), (Some(0), false), "it is reported once");
    }

    #[test]
    fn offset_of_the_frame_count_is_no_loss() {
        let (mut times, report) = stream();
        times.update(report(1000, 0, 77_000, 77_000), 1000);
        times.update(report(1100, 0, 77_100, 77_100), 1100);
        assert_eq!(age(&mut times, 1100, &report(1200, 0, 0, 0)), (Some(100), false));
        // The count restarts, as for a stream that was moved to another source.
        times.update(report(1200, 0, 0, 0), 1200);
        times.update(report(1300, 0, 100, 100), 1300);
        assert_eq!(age(&mut times, 1300, &report(1300, 0, 0, 0)), (Some(0), false));
    }
}
