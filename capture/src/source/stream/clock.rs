//! Capture times of the packets of a stream.
//!
//! Two clocks are available. The timestamps of the stream count samples: they are even, and a lost
//! packet leaves a hole of exactly its length; but their origin is arbitrary, and some servers
//! jump. The times of arrival are right except for delays: of the network, of bursts, of a server
//! that starts with seconds of the past. So the timestamps determine how packets follow each other,
//! and the least delayed packets determine the offset to the monotonic clock. (Times of arrival
//! alone cannot distinguish a lost packet from a late one.)

use std::time::Duration;

use super::least_delay::LeastDelay;

const MS_NS: i64 = 1_000_000;
const SECOND_NS: i64 = 1_000_000_000;

/// ffmpeg's Matroska muxer sends a packet after the second one that follows: it holds one for the
/// interleaving with video, and sends a cluster when the next one begins.
const PACKETS_HELD_BY_MUXER: i64 = 2;
/// The smallest hole. Timestamps are whole milliseconds, so a smaller deviation, or one of less
/// than half a packet, is none.
const SMALLEST_HOLE_NS: i64 = 4 * MS_NS;
/// The tolerance for a hole: by how much its audio may seem to arrive before it was captured.
/// Beyond it the timestamps have jumped.
const EARLY_TOLERANCE_NS: i64 = 20 * MS_NS;
/// The clock settles when the least delay has not improved for this time...
const SETTLED_AFTER_NS: i64 = 300 * MS_NS;
/// ...by more than this.
const IMPROVEMENT_NS: i64 = 5 * MS_NS;
/// Or after this much audio: a stream faster than real time would never settle.
const MAX_HELD_NS: i64 = 30 * SECOND_NS;
/// Once settled, the least delay may shrink by this much at once, and by one part in a thousand of
/// the time. An earlier packet comes faster than real time, and the stream is delayed.
const SLACK_NS: i64 = SECOND_NS;
const SLACK_PART: i64 = 1000;
/// If the least delay of the last twenty seconds grows by this, audio is missing that the
/// timestamps do not show.
const HIDDEN_LOSS_NS: i64 = 500 * MS_NS;

/// The place of a packet in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placed {
    /// The stream time of its first frame: timestamps without jumps.
    stream_ns: i64,
    /// The duration of lost packets before it, by the timestamps.
    pub(super) lost: Option<Duration>,
    /// The duration of audio lost within the last twenty seconds, by the times of arrival.
    pub(super) late: Option<Duration>,
    /// By how much it is early. Wait for this time before the next one.
    pub(super) ahead: Duration,
}

/// Maps the timestamps of a stream to the monotonic clock. All times are in ns.
#[derive(Debug)]
pub(super) struct StreamClock {
    sample_rate_hz: i64,
    /// The stream time of the next packet, if none is lost.
    next_ns: i64,
    /// Timestamps minus stream time: their origin plus all jumps.
    jumps_ns: i64,
    /// The duration of all frames beyond whole nanoseconds, in units of 1/rate.
    fraction: i64,
    phase: Phase,
    least: LeastDelay,
    /// The estimated offset: the least of arrival minus stream time, at the end of a packet.
    offset_ns: i64,
}

#[derive(Debug)]
enum Phase {
    /// Before the first packet.
    New,
    /// Packets may arrive faster than real time: the start of a stream.
    Settling { held_ns: i64, best_at_ns: i64 },
    /// Packets arrive in real time, or are delayed to it; the start of this phase, and the least
    /// delay then.
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
            offset_ns: 0,
        }
    }

    /// Returns whether the offset is known. Until then hold the packets: up to 30 seconds of audio.
    pub(super) fn is_settled(&self) -> bool {
        matches!(self.phase, Phase::Settled { .. })
    }

    /// Settles with the current estimate: no more packets come.
    pub(super) fn settle(&mut self, now_ns: i64) {
        if !self.is_settled() {
            self.least.add(self.offset_ns, now_ns);
            self.phase = Phase::Settled { since_ns: now_ns, delay_ns: self.offset_ns };
        }
    }

    /// Returns the estimated monotonic time at which the first frame of a packet was captured.
    pub(super) fn captured_ns(&self, placed: &Placed) -> i64 {
        placed.stream_ns.saturating_add(self.offset_ns)
    }

    /// Places a packet of `frames` frames.
    pub(super) fn place(&mut self, timestamp_ns: i64, frames: u64, arrived_ns: i64) -> Placed {
        let duration_ns = self.duration_ns(frames);
        if matches!(self.phase, Phase::New) {
            self.jumps_ns = timestamp_ns;
        }
        let deviation_ns = timestamp_ns.saturating_sub(self.jumps_ns).saturating_sub(self.next_ns);
        let sent_ns = self.next_ns.saturating_add(duration_ns.saturating_mul(1 + PACKETS_HELD_BY_MUXER));
        let delay_if_whole_ns = arrived_ns.saturating_sub(sent_ns);
        // After a hole the packet arrives on time or late.
        let room_ns = delay_if_whole_ns.saturating_sub(self.offset_ns).saturating_add(EARLY_TOLERANCE_NS);
        let mut lost_ns = 0;
        if deviation_ns.saturating_abs() < SMALLEST_HOLE_NS.max(duration_ns / 2) {
            // Rounding, or timestamps whose clock differs slightly from the sample clock.
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
        self.update(&mut placed, duration_ns, delay_if_whole_ns.saturating_sub(lost_ns), arrived_ns);
        placed
    }

    /// Updates the estimate with the delay of a packet.
    fn update(&mut self, placed: &mut Placed, duration_ns: i64, delay_ns: i64, arrived_ns: i64) {
        match &mut self.phase {
            Phase::New => {
                self.offset_ns = delay_ns;
                self.phase = Phase::Settling { held_ns: duration_ns, best_at_ns: arrived_ns };
            }
            Phase::Settling { held_ns, best_at_ns } => {
                *held_ns = held_ns.saturating_add(duration_ns);
                if delay_ns < self.offset_ns.saturating_sub(IMPROVEMENT_NS) {
                    *best_at_ns = arrived_ns;
                }
                self.offset_ns = self.offset_ns.min(delay_ns);
                let calm = arrived_ns.saturating_sub(*best_at_ns) >= SETTLED_AFTER_NS;
                if calm || *held_ns >= MAX_HELD_NS {
                    self.settle(arrived_ns);
                }
            }
            Phase::Settled { since_ns, delay_ns: then_ns } => {
                let slack_ns = SLACK_NS.saturating_add(arrived_ns.saturating_sub(*since_ns) / SLACK_PART);
                let earliest_ns = then_ns.saturating_sub(slack_ns);
                let early_ns = earliest_ns.saturating_sub(delay_ns).max(0);
                placed.ahead = Duration::from_nanos(early_ns.unsigned_abs());
                let least_ns = self.least.add(delay_ns.max(earliest_ns), arrived_ns);
                let later_ns = least_ns.saturating_sub(self.offset_ns);
                if later_ns > HIDDEN_LOSS_NS {
                    placed.late = Some(Duration::from_nanos(later_ns.unsigned_abs()));
                    (*since_ns, *then_ns) = (arrived_ns, least_ns);
                }
                self.offset_ns = least_ns;
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

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET_FRAMES: u64 = 960;
    const PACKET_NS: i64 = 20 * MS_NS;
    /// The monotonic capture time of the first packet.
    const CAPTURED_NS: i64 = 5_000 * SECOND_NS;

    /// A stream of 20 ms packets, with timestamps of whole milliseconds that start at 77 s.
    struct Stream {
        clock: StreamClock,
        sent: i64,
        timestamp_jump_ns: i64,
        /// The true capture times of the packets, and their places.
        placed: Vec<(i64, Placed)>,
    }

    impl Stream {
        fn new() -> Self {
            Self { clock: StreamClock::new(48_000), sent: 0, timestamp_jump_ns: 0, placed: Vec::new() }
        }

        fn lose(&mut self, packets: i64) {
            self.sent += packets;
        }

        /// Sends a packet with a delay beyond that of the muxer.
        fn send(&mut self, delay_ns: i64) -> Placed {
            let begin_ns = self.sent * PACKET_NS;
            self.sent += 1;
            let timestamp_ns = (77 * SECOND_NS + begin_ns + self.timestamp_jump_ns) / MS_NS * MS_NS;
            let arrived_ns = CAPTURED_NS + begin_ns + PACKET_NS * (1 + PACKETS_HELD_BY_MUXER) + delay_ns;
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

        /// Returns the error of the estimated capture time of a packet.
        fn error_ns(&self, number: usize) -> i64 {
            let (captured_ns, placed) = &self.placed[number];
            self.clock.captured_ns(placed) - captured_ns
        }

        fn holes(&self) -> Vec<Duration> {
            self.placed.iter().filter_map(|(_, placed)| placed.lost).collect()
        }
    }

    /// A pseudorandom delay of 0 to 40 ms.
    fn jitter(packet: i64) -> i64 {
        ((packet.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) % 40) as i64 * MS_NS
    }

    #[test]
    fn jitter_is_no_hole_and_does_not_shift_capture_times() {
        let mut stream = Stream::new();
        stream.send_many(3000, jitter);
        assert!(stream.clock.is_settled());
        assert_eq!(stream.holes(), []);
        assert!(stream.error_ns(0).abs() <= MS_NS && stream.error_ns(2999).abs() <= MS_NS);
        assert!(stream.placed.iter().all(|(_, placed)| placed.ahead.is_zero() && placed.late.is_none()));
    }

    #[test]
    fn each_lost_packet_is_a_hole_of_its_length_despite_jitter() {
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
    fn burst_of_the_past_at_the_start_is_dated_to_the_past() {
        let mut stream = Stream::new();
        // The first four seconds arrive at once, at their end.
        stream.send_many(200, |packet| (200 - packet) * PACKET_NS);
        assert!(!stream.clock.is_settled());
        stream.send_many(100, |_| 0);
        assert!(stream.clock.is_settled());
        assert_eq!(stream.holes(), []);
        assert!(stream.error_ns(0).abs() <= MS_NS && stream.error_ns(299).abs() <= MS_NS);
    }

    #[test]
    fn network_stall_that_is_caught_up_with_is_no_loss() {
        let mut stream = Stream::new();
        stream.send_many(100, |_| 0);
        stream.send_many(150, |packet| (250 - packet) * PACKET_NS);
        stream.send_many(2000, |_| 0);
        assert_eq!(stream.holes(), []);
        assert!(stream.placed.iter().all(|(_, placed)| placed.late.is_none()));
        assert!(stream.error_ns(2249).abs() <= MS_NS);
    }

    #[test]
    fn jumps_of_the_timestamps_do_not_shift_capture_times() {
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
    fn loss_hidden_by_timestamps_is_found_by_times_of_arrival() {
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
    fn clock_drift_of_both_signs_is_followed() {
        for drift_ppm in [-200, 200] {
            let mut stream = Stream::new();
            // An hour of packets, each slightly longer or shorter than declared.
            stream.send_many(180_000, |packet| jitter(packet) + packet * PACKET_NS * drift_ppm / 1_000_000);
            assert_eq!(stream.holes(), []);
            assert!(stream.placed.iter().all(|(_, placed)| placed.ahead.is_zero() && placed.late.is_none()));
            let drifted_ns = 3600 * SECOND_NS * drift_ppm / 1_000_000;
            let error_ns = stream.error_ns(179_999) - drifted_ns;
            assert!(error_ns.abs() <= 6 * MS_NS, "{drift_ppm} ppm: {error_ns} ns");
        }
    }

    #[test]
    fn stream_faster_than_real_time_is_delayed() {
        let mut stream = Stream::new();
        let mut now_ns = CAPTURED_NS;
        let mut timestamp_ns = 0;
        for packet in 0..10_000 {
            let placed = stream.clock.place(timestamp_ns, PACKET_FRAMES, now_ns);
            timestamp_ns += PACKET_NS;
            // Arrives in a thousandth of its duration, plus the requested delay.
            now_ns += PACKET_NS / 1000 + placed.ahead.as_nanos() as i64;
            if packet >= 1500 {
                let ahead_ns = stream.clock.captured_ns(&placed) + PACKET_NS - now_ns;
                assert!(ahead_ns <= 0, "packet {packet} is from {ahead_ns} ns in the future");
            }
        }
        let waited_ns = now_ns - CAPTURED_NS;
        assert!(waited_ns > 200 * SECOND_NS - MAX_HELD_NS - 2 * SECOND_NS, "{waited_ns}");
    }

    #[test]
    fn extreme_timestamps_do_not_overflow() {
        let mut clock = StreamClock::new(1);
        for timestamp_ns in [i64::MIN, i64::MAX, 0, i64::MAX, i64::MIN] {
            let placed = clock.place(timestamp_ns, u64::MAX, i64::MAX);
            let _ = clock.captured_ns(&placed);
        }
        clock.settle(i64::MAX);
    }
}
