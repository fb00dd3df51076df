//! When the audio of a stream was captured.
//!
//! Two clocks tell. The stream's own timestamps count samples: they are even, and a lost packet leaves a hole of exactly its length;
//! but they begin anywhere, and some servers jump. The time of arrival is true but for delays: of the network, of a server that
//! begins with seconds that are past, of bursts. So timestamps say how packets follow each other, and the packets that were
//! delayed least say where all of them lie in time. (Timestamps of arrival alone, as ffmpeg can give them, can't tell a lost
//! packet from a late one.)

use std::collections::VecDeque;
use std::time::Duration;

const MS_NS: i64 = 1_000_000;
const SECOND_NS: i64 = 1_000_000_000;

/// ffmpeg's Matroska muxer sends a packet when it gets the second one after it: one is kept back in case of video, and a cluster
/// is sent when the next one begins.
const PACKETS_KEPT_BACK: i64 = 2;
/// Timestamps are whole milliseconds. A deviation of less than this, or than half a packet, is no hole.
const SMALLEST_HOLE_NS: i64 = 4 * MS_NS;
/// A hole may make audio seem to come this much before it can have been captured; a larger one is a jump of the timestamps.
const PRESCIENCE_NS: i64 = 20 * MS_NS;
/// The least delayed packet of the last so many spells of a second each is believed.
const SPELLS: usize = 20;
/// Settled when for so long no packet came with less delay, by as much, than the best before.
const SETTLED_AFTER_NS: i64 = 300 * MS_NS;
const LESS_DELAY_NS: i64 = 5 * MS_NS;
/// What comes faster than real time for ever does not settle: then so much audio at once is enough.
const MOST_HELD_NS: i64 = 30 * SECOND_NS;
/// Once settled, the least delay may shrink by this much at once and by one part in a thousand of the time. What comes even earlier
/// comes faster than real time, and is made to wait.
const SLACK_NS: i64 = SECOND_NS;
const SLACK_PART: i64 = 1000;
/// If even the least delayed packet of the last twenty seconds came this much later than before, audio is missing in between that
/// the timestamps don't tell of.
const UNTOLD_LOSS_NS: i64 = 500 * MS_NS;

/// Where a packet lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placed {
    /// The stream's time of the packet's first frame: its timestamps without their jumps.
    stream_ns: i64,
    /// So much is missing before it: packets that the timestamps tell of.
    pub(super) lost: Option<Duration>,
    /// So much is missing somewhere in the last twenty seconds, by the times of arrival.
    pub(super) late: Option<Duration>,
    /// It came so much before its time. Wait before the next one.
    pub(super) ahead: Duration,
}

/// Follows a stream's timestamps and the arrival of its packets. Times of arrival are monotonic, in ns.
#[derive(Debug)]
pub(super) struct StreamClock {
    sample_rate_hz: i64,
    /// Where the next packet begins if none is lost.
    next_ns: i64,
    /// Timestamps minus stream time: where they began, and what their jumps add up to.
    jumps_ns: i64,
    /// What the frames so far lasted beyond whole nanoseconds, in units of 1/rate.
    fraction: i64,
    phase: Phase,
    least: LeastDelay,
    /// The least delay that is believed now: arrival minus stream time at the end of a packet.
    believed_ns: i64,
}

#[derive(Debug)]
enum Phase {
    /// No packet came yet.
    New,
    /// It is not known yet whether packets come in real time.
    Settling { held_ns: i64, best_at_ns: i64 },
    /// They do, or are made to. Since when, and the least delay then.
    Settled { since_ns: i64, delay_ns: i64 },
}

impl StreamClock {
    pub(super) fn new(sample_rate_hz: u32) -> Self {
        Self {
            sample_rate_hz: i64::from(sample_rate_hz.max(1)),
            next_ns: 0,
            jumps_ns: 0,
            fraction: 0,
            phase: Phase::New,
            least: LeastDelay::default(),
            believed_ns: 0,
        }
    }

    /// Whether it is known how the stream lies in time. Until then packets are to be held, for thirty seconds of audio at most.
    pub(super) fn is_settled(&self) -> bool {
        matches!(self.phase, Phase::Settled { .. })
    }

    /// Believes what is known so far: no more packets come.
    pub(super) fn settle(&mut self, now_ns: i64) {
        if !self.is_settled() {
            self.least.take(self.believed_ns, now_ns);
            self.phase = Phase::Settled { since_ns: now_ns, delay_ns: self.believed_ns };
        }
    }

    /// The monotonic time at which a packet's first frame was captured, as believed now.
    pub(super) fn captured_ns(&self, placed: &Placed) -> i64 {
        placed.stream_ns.saturating_add(self.believed_ns)
    }

    /// Takes a packet in.
    pub(super) fn place(&mut self, timestamp_ns: i64, frames: u64, arrived_ns: i64) -> Placed {
        let duration_ns = self.duration_ns(frames);
        if matches!(self.phase, Phase::New) {
            self.jumps_ns = timestamp_ns;
        }
        let deviation_ns = timestamp_ns.saturating_sub(self.jumps_ns).saturating_sub(self.next_ns);
        let sent_ns = self.next_ns.saturating_add(duration_ns.saturating_mul(1 + PACKETS_KEPT_BACK));
        let delay_if_whole_ns = arrived_ns.saturating_sub(sent_ns);
        // A hole there can only be if the packet after it came in its own time, or late.
        let room_ns = delay_if_whole_ns.saturating_sub(self.believed_ns).saturating_add(PRESCIENCE_NS);
        let mut lost_ns = 0;
        if deviation_ns.saturating_abs() < SMALLEST_HOLE_NS.max(duration_ns / 2) {
            // Rounding, or a server whose clock of timestamps is not quite that of its samples.
            self.jumps_ns = self.jumps_ns.saturating_add(deviation_ns / 16);
        } else if deviation_ns > 0 && deviation_ns <= room_ns {
            lost_ns = deviation_ns;
        } else {
            self.jumps_ns = self.jumps_ns.saturating_add(deviation_ns);
        }
        let stream_ns = self.next_ns.saturating_add(lost_ns);
        self.next_ns = stream_ns.saturating_add(duration_ns);
        let lost = (lost_ns > 0).then(|| Duration::from_nanos(lost_ns.unsigned_abs()));
        let mut placed = Placed { stream_ns, lost, late: None, ahead: Duration::ZERO };
        self.follow(&mut placed, duration_ns, delay_if_whole_ns.saturating_sub(lost_ns), arrived_ns);
        placed
    }

    /// Takes in how long after its stream time a packet came.
    fn follow(&mut self, placed: &mut Placed, duration_ns: i64, delay_ns: i64, arrived_ns: i64) {
        match &mut self.phase {
            Phase::New => {
                self.believed_ns = delay_ns;
                self.phase = Phase::Settling { held_ns: duration_ns, best_at_ns: arrived_ns };
            }
            Phase::Settling { held_ns, best_at_ns } => {
                *held_ns = held_ns.saturating_add(duration_ns);
                if delay_ns < self.believed_ns.saturating_sub(LESS_DELAY_NS) {
                    *best_at_ns = arrived_ns;
                }
                self.believed_ns = self.believed_ns.min(delay_ns);
                let calm = arrived_ns.saturating_sub(*best_at_ns) >= SETTLED_AFTER_NS;
                if calm || *held_ns >= MOST_HELD_NS {
                    self.settle(arrived_ns);
                }
            }
            Phase::Settled { since_ns, delay_ns: then_ns } => {
                let slack_ns = SLACK_NS.saturating_add(arrived_ns.saturating_sub(*since_ns) / SLACK_PART);
                let earliest_ns = then_ns.saturating_sub(slack_ns);
                let early_ns = earliest_ns.saturating_sub(delay_ns).max(0);
                placed.ahead = Duration::from_nanos(early_ns.unsigned_abs());
                let least_ns = self.least.take(delay_ns.max(earliest_ns), arrived_ns);
                let later_ns = least_ns.saturating_sub(self.believed_ns);
                if later_ns > UNTOLD_LOSS_NS {
                    placed.late = Some(Duration::from_nanos(later_ns.unsigned_abs()));
                    (*since_ns, *then_ns) = (arrived_ns, least_ns);
                }
                self.believed_ns = least_ns;
            }
        }
    }

    fn duration_ns(&mut self, frames: u64) -> i64 {
        let frames = i64::try_from(frames).unwrap_or(i64::MAX);
        let units = frames.saturating_mul(SECOND_NS).saturating_add(self.fraction);
        self.fraction = units % self.sample_rate_hz;
        units / self.sample_rate_hz
    }
}

/// The least of the last twenty seconds, by spells of one.
#[derive(Debug, Default)]
struct LeastDelay {
    /// When each spell began, and its least delay.
    spells: VecDeque<(i64, i64)>,
}

impl LeastDelay {
    /// Takes a delay in, and tells the least.
    fn take(&mut self, delay_ns: i64, now_ns: i64) -> i64 {
        match self.spells.back_mut() {
            Some((began_ns, least_ns)) if now_ns.saturating_sub(*began_ns) < SECOND_NS => {
                *least_ns = (*least_ns).min(delay_ns);
            }
            _ => self.spells.push_back((now_ns, delay_ns)),
        }
        while self.spells.len() > SPELLS {
            self.spells.pop_front();
        }
        self.spells.iter().map(|(_, least_ns)| *least_ns).min().unwrap_or(delay_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET_FRAMES: u64 = 960;
    const PACKET_NS: i64 = 20 * MS_NS;
    /// When the first packet was captured, on the monotonic clock.
    const CAPTURED_NS: i64 = 5_000 * SECOND_NS;

    /// A stream of 20 ms packets whose timestamps, whole milliseconds from 77 s on, and delays the tests play with.
    struct Stream {
        clock: StreamClock,
        sent: i64,
        timestamp_jump_ns: i64,
        /// What was placed, and how far from the truth it is believed to be at the end.
        placed: Vec<(i64, Placed)>,
    }

    impl Stream {
        fn new() -> Self {
            Self { clock: StreamClock::new(48_000), sent: 0, timestamp_jump_ns: 0, placed: Vec::new() }
        }

        fn lose(&mut self, packets: i64) {
            self.sent += packets;
        }

        /// Sends a packet that comes so much later than it would on a wire without delay.
        fn send(&mut self, delay_ns: i64) -> Placed {
            let begin_ns = self.sent * PACKET_NS;
            self.sent += 1;
            let timestamp_ns = (77 * SECOND_NS + begin_ns + self.timestamp_jump_ns) / MS_NS * MS_NS;
            let arrived_ns = CAPTURED_NS + begin_ns + PACKET_NS * (1 + PACKETS_KEPT_BACK) + delay_ns;
            let placed = self.clock.place(timestamp_ns, PACKET_FRAMES, arrived_ns);
            self.placed.push((CAPTURED_NS + begin_ns, placed));
            placed
        }

        fn send_many(&mut self, packets: i64, delay_ns: impl Fn(i64) -> i64) {
            for _ in 0..packets {
                let delay_ns = delay_ns(self.sent);
                self.send(delay_ns);
            }
        }

        /// How much later than it was a packet is believed to be captured.
        fn error_ns(&self, number: usize) -> i64 {
            let (captured_ns, placed) = &self.placed[number];
            self.clock.captured_ns(placed) - captured_ns
        }

        fn holes(&self) -> Vec<Duration> {
            self.placed.iter().filter_map(|(_, placed)| placed.lost).collect()
        }
    }

    /// 0 to 40 ms, each packet its own, without a trend.
    fn jitter(packet: i64) -> i64 {
        ((packet.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) % 40) as i64 * MS_NS
    }

    #[test]
    fn jitter_is_no_hole_and_the_least_delayed_packets_tell_the_time() {
        let mut stream = Stream::new();
        stream.send_many(3000, jitter);
        assert!(stream.clock.is_settled());
        assert_eq!(stream.holes(), []);
        assert!(stream.error_ns(0).abs() <= MS_NS && stream.error_ns(2999).abs() <= MS_NS);
        assert!(stream.placed.iter().all(|(_, placed)| placed.ahead.is_zero() && placed.late.is_none()));
    }

    #[test]
    fn each_lost_packet_is_a_hole_of_its_length_though_others_jitter() {
        let mut stream = Stream::new();
        stream.send_many(50, jitter);
        let mut lost = Vec::new();
        for round in 0..100 {
            let packets = 1 + round % 3;
            stream.lose(packets);
            lost.push(Duration::from_millis(20 * packets.unsigned_abs()));
            stream.send_many(7, jitter);
        }
        assert_eq!(stream.holes(), lost);
        let last = stream.placed.len() - 1;
        assert!(stream.error_ns(last).abs() <= MS_NS, "{}", stream.error_ns(last));
    }

    #[test]
    fn seconds_that_are_past_are_not_called_the_present() {
        let mut stream = Stream::new();
        // The first four seconds come at once, at the end of their time.
        stream.send_many(200, |packet| (200 - packet) * PACKET_NS);
        assert!(!stream.clock.is_settled());
        stream.send_many(100, |_| 0);
        assert!(stream.clock.is_settled());
        assert_eq!(stream.holes(), []);
        assert!(stream.error_ns(0).abs() <= MS_NS && stream.error_ns(299).abs() <= MS_NS);
    }

    #[test]
    fn a_network_that_stops_for_three_seconds_and_catches_up_loses_nothing() {
        let mut stream = Stream::new();
        stream.send_many(100, |_| 0);
        stream.send_many(150, |packet| (250 - packet) * PACKET_NS);
        stream.send_many(2000, |_| 0);
        assert_eq!(stream.holes(), []);
        assert!(stream.placed.iter().all(|(_, placed)| placed.late.is_none()));
        assert!(stream.error_ns(2249).abs() <= MS_NS);
    }

    #[test]
    fn timestamps_that_jump_are_not_believed() {
        let mut stream = Stream::new();
        stream.send_many(50, |_| 0);
        for jump_ns in [500 * MS_NS, -800 * MS_NS, 3600 * SECOND_NS, -3600 * SECOND_NS] {
            stream.timestamp_jump_ns += jump_ns;
            stream.send_many(50, |_| 0);
        }
        assert_eq!(stream.holes(), []);
        assert!(stream.error_ns(0).abs() <= MS_NS && stream.error_ns(249).abs() <= MS_NS);
    }

    #[test]
    fn loss_that_no_timestamp_tells_of_is_found_by_the_times() {
        let mut stream = Stream::new();
        stream.send_many(100, |_| 0);
        stream.lose(100);
        stream.timestamp_jump_ns = -100 * PACKET_NS;
        stream.send_many(2000, |_| 0);
        assert_eq!(stream.holes(), []);
        let late: Vec<_> = stream.placed.iter().filter_map(|(_, placed)| placed.late).collect();
        assert_eq!(late, [Duration::from_secs(2)]);
        assert!(stream.error_ns(2099).abs() <= MS_NS);
    }

    #[test]
    fn a_clock_that_drifts_is_followed_both_ways() {
        for drift_ppm in [-200, 200] {
            let mut stream = Stream::new();
            // An hour of packets, each a little longer or shorter than it says.
            stream.send_many(180_000, |packet| jitter(packet) + packet * PACKET_NS * drift_ppm / 1_000_000);
            assert_eq!(stream.holes(), []);
            assert!(stream.placed.iter().all(|(_, placed)| placed.ahead.is_zero() && placed.late.is_none()));
            let drifted_ns = 3600 * SECOND_NS * drift_ppm / 1_000_000;
            let error_ns = stream.error_ns(179_999) - drifted_ns;
            assert!(error_ns.abs() <= 6 * MS_NS, "{drift_ppm} ppm: {error_ns} ns");
        }
    }

    #[test]
    fn what_comes_faster_than_real_time_is_made_to_wait() {
        let mut stream = Stream::new();
        let mut now_ns = CAPTURED_NS;
        let mut timestamp_ns = 0;
        for packet in 0..10_000 {
            let placed = stream.clock.place(timestamp_ns, PACKET_FRAMES, now_ns);
            timestamp_ns += PACKET_NS;
            // A thousandth of its duration to get it, and what it is made to wait.
            now_ns += PACKET_NS / 1000 + placed.ahead.as_nanos() as i64;
            if packet >= 1500 {
                let ahead_ns = stream.clock.captured_ns(&placed) + PACKET_NS - now_ns;
                assert!(ahead_ns <= 0, "packet {packet} is from {ahead_ns} ns in the future");
            }
        }
        let waited_ns = now_ns - CAPTURED_NS;
        assert!(waited_ns > 200 * SECOND_NS - MOST_HELD_NS - 2 * SECOND_NS, "{waited_ns}");
    }

    #[test]
    fn absurd_timestamps_do_not_overflow() {
        let mut clock = StreamClock::new(1);
        for timestamp_ns in [i64::MIN, i64::MAX, 0, i64::MAX, i64::MIN] {
            let placed = clock.place(timestamp_ns, u64::MAX, i64::MAX);
            let _ = clock.captured_ns(&placed);
        }
        clock.settle(i64::MAX);
    }
}
