//! When the frames of a stream were captured, and where the server lost some.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What the server told of a stream at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    /// When.
    pub(super) at: Instant,
    /// How long before that the last frame in its queue had been captured.
    pub(super) latency: Duration,
    /// How many frames had been put into the queue, ever.
    pub(super) written: u64,
    /// How many had been taken out of it for us.
    pub(super) read: u64,
}

/// Follows when frames were captured by what the server tells now and then.
///
/// That lies on a line: each time it is told, it is known of one frame when it was captured. Frames that waited in the
/// server's queue, or on the way, are as old as they are: their times do not depend on when they arrive.
#[derive(Debug)]
pub(super) struct CaptureTimes {
    period_ns: f64,
    /// What the server's queue holds.
    queue_frames: u64,
    started: Instant,
    last: Option<Told>,
    /// The server's number of a frame, less ours.
    apart: i64,
    /// When frame 0 would have been captured for the frame asked for last to be on the line, in ns after the start.
    begin_ns: Option<f64>,
    /// Lines to come.
    lines: VecDeque<Line>,
}

#[derive(Debug, Clone, Copy)]
struct Line {
    /// Where it was told, and is true from.
    first_frame: u64,
    begin_ns: f64,
    /// Whether frames may be missing before it.
    after_loss: bool,
}

/// More lines than this are not told while the frames of the first are still to come.
const LINES: usize = 64;
/// What the server tells of its latency jumps by no more than this.
const JITTER: Duration = Duration::from_millis(200);
/// A full queue loses whole blocks, and none is shorter. What seems to be missing by less is jitter.
const SHORTEST_BLOCK: Duration = Duration::from_millis(5);

impl CaptureTimes {
    pub(super) fn new(sample_rate_hz: u32, queue_frames: u64, started: Instant) -> Self {
        let period_ns = 1e9 / f64::from(sample_rate_hz);
        let lines = VecDeque::with_capacity(LINES);
        Self { period_ns, queue_frames, started, last: None, apart: 0, begin_ns: None, lines }
    }

    /// Takes in what the server told, after so many frames had come from it.
    ///
    /// The server has sent all that was read from its queue before it told so. So what we miss was dropped there. What it
    /// captures while the queue is full is dropped without being counted: fewer frames were written than time went by.
    pub(super) fn learn(&mut self, told: Told, received: u64) {
        let apart = told.read.cast_signed().wrapping_sub(received.cast_signed());
        let last = self.last.replace(told);
        let skipped = last.is_some() && apart > self.apart;
        self.apart = apart;
        if told.written == 0 {
            // Nothing is known of a source that has only just begun.
            return;
        }
        let frame = told.written.saturating_add_signed(apart.saturating_neg());
        let captured_ns = self.since_start_ns(told.at) - told.latency.as_nanos() as f64;
        let mut line = Line {
            // What was skipped was before what comes next; what was not counted, before what is captured next.
            first_frame: if skipped { received } else { frame },
            begin_ns: captured_ns - frame as f64 * self.period_ns,
            after_loss: skipped || last.is_some_and(|last| self.may_have_overflown(&last, &told)),
        };
        // What was told of frames that the server then skipped is void.
        while let Some(void) = self.lines.pop_back_if(|told| told.first_frame > line.first_frame) {
            line.after_loss |= void.after_loss;
        }
        if self.lines.len() < LINES || line.after_loss {
            self.lines.push_back(line);
        }
    }

    /// Whether the queue can have been full between two moments, and frames are missing that were captured meanwhile.
    fn may_have_overflown(&self, last: &Told, told: &Told) -> bool {
        let frames = |time: Duration| (time.as_nanos() as f64 / self.period_ns) as u64;
        let passed = told.at.saturating_duration_since(last.at) + last.latency;
        let most = last.written.saturating_add(frames(passed + JITTER)).saturating_sub(last.read);
        let counted = told.written.saturating_add(frames(told.latency + SHORTEST_BLOCK));
        most > self.queue_frames && last.written.saturating_add(frames(passed)) > counted
    }

    /// Tells when a frame was captured, as how long before now, and whether frames may be missing before it. Frames are to
    /// be asked for in their order.
    ///
    /// `None` where the server has not told anything yet.
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

    /// A stream at 1 kHz, and a function that makes what is told so many ms after its start.
    fn stream() -> (CaptureTimes, impl Fn(u64, u64, u64, u64) -> Told) {
        let started = Instant::now();
        let told = move |at_ms, latency_ms, written, read| Told {
            at: started + Duration::from_millis(at_ms),
            latency: Duration::from_millis(latency_ms),
            written,
            read,
        };
        (CaptureTimes::new(1000, QUEUE_FRAMES, started), told)
    }

    /// How many ms a frame is old at a moment, and whether frames were lost before it.
    fn age(times: &mut CaptureTimes, frame: u64, now: &Told) -> (Option<u64>, bool) {
        let (delay, after_loss) = times.delay_of(frame, now.at);
        (delay.map(|delay| delay.as_millis() as u64), after_loss)
    }

    #[test]
    fn a_frame_is_as_old_as_it_is_however_long_it_waited() {
        let (mut times, told) = stream();
        assert_eq!(age(&mut times, 0, &told(0, 0, 0, 0)), (None, false));
        times.learn(told(0, 0, 0, 0), 0);
        assert_eq!(age(&mut times, 0, &told(50, 0, 0, 0)), (None, false), "nothing is known before the first frame");
        // Frame 100 was captured 20 ms before the hundredth millisecond.
        times.learn(told(100, 20, 100, 50), 50);
        assert_eq!(age(&mut times, 50, &told(100, 0, 0, 0)), (Some(70), false));
        assert_eq!(age(&mut times, 100, &told(130, 0, 0, 0)), (Some(50), false));
        assert_eq!(age(&mut times, 100, &told(4130, 0, 0, 0)), (Some(4050), false), "held up for four seconds");
        // The source is later by 30 ms from frame 4200 on.
        times.learn(told(4250, 0, 4200, 300), 300);
        assert_eq!(age(&mut times, 4199, &told(4300, 0, 0, 0)), (Some(121), false));
        assert_eq!(age(&mut times, 4200, &told(4300, 0, 0, 0)), (Some(50), false));
    }

    #[test]
    fn a_queue_that_may_have_been_full_is_a_loss_where_it_ended() {
        let (mut times, told) = stream();
        times.learn(told(1000, 0, 1000, 1000), 1000);
        times.learn(told(5500, 0, 5500, 1100), 1100);
        assert_eq!(age(&mut times, 5500, &told(5600, 0, 0, 0)), (Some(100), false), "it was not full");
        // Eight seconds later there are five in the queue.
        times.learn(told(13_500, 0, 10_500, 5600), 5600);
        assert_eq!(age(&mut times, 10_499, &told(13_500, 0, 0, 0)), (Some(3001), false), "this was in the queue");
        assert_eq!(age(&mut times, 10_500, &told(13_500, 0, 0, 0)), (Some(0), true));
        assert_eq!(age(&mut times, 10_501, &told(13_501, 0, 0, 0)), (Some(0), false), "it is told once");
        // As full as it was, it has lost no more.
        times.learn(told(13_600, 0, 10_600, 5700), 5700);
        assert_eq!(age(&mut times, 10_600, &told(13_600, 0, 0, 0)), (Some(0), false));
        // It has by the tenth of a second that came next.
        times.learn(told(13_800, 0, 10_700, 5700), 5700);
        assert_eq!(age(&mut times, 10_700, &told(13_800, 0, 0, 0)), (Some(0), true));
    }

    #[test]
    fn what_the_server_skips_is_a_loss_and_moves_the_numbers() {
        let (mut times, told) = stream();
        times.learn(told(1000, 0, 1000, 1000), 1000);
        times.learn(told(2000, 0, 2000, 1900), 1500);
        // Frame 1500 is the server's 1900.
        assert_eq!(age(&mut times, 1500, &told(2000, 0, 0, 0)), (Some(100), true));
        times.learn(told(2100, 0, 2100, 2100), 1700);
        assert_eq!(age(&mut times, 1700, &told(2100, 0, 0, 0)), (Some(0), false), "it is told once");
    }

    #[test]
    fn what_is_told_before_the_server_skips_does_not_hold_up_what_is_told_after() {
        let (mut times, told) = stream();
        times.learn(told(1000, 0, 1000, 1000), 1000);
        times.learn(told(8000, 0, 8000, 1000), 1000);
        times.learn(told(8200, 0, 8200, 8200), 1100);
        assert_eq!(age(&mut times, 1099, &told(8200, 0, 0, 0)), (Some(7101), false));
        assert_eq!(age(&mut times, 1100, &told(8200, 0, 0, 0)), (Some(0), true));
        assert_eq!(age(&mut times, 8000, &told(15_100, 0, 0, 0)), (Some(0), false), "it is told once");
    }

    #[test]
    fn a_server_that_counts_from_elsewhere_has_lost_nothing() {
        let (mut times, told) = stream();
        times.learn(told(1000, 0, 77_000, 77_000), 1000);
        times.learn(told(1100, 0, 77_100, 77_100), 1100);
        assert_eq!(age(&mut times, 1100, &told(1200, 0, 0, 0)), (Some(100), false));
        // It begins again, as for a stream that was moved to another source.
        times.learn(told(1200, 0, 0, 0), 1200);
        times.learn(told(1300, 0, 100, 100), 1300);
        assert_eq!(age(&mut times, 1300, &told(1300, 0, 0, 0)), (Some(0), false));
    }
}
