//! The packets of a stream on an injected clock: what is lost, what is held, what is delayed.

use std::time::Duration;

use super::clock::{MOST_HELD_NS, PACKETS_HELD_BY_MUXER, Stamped, StreamClock};
use super::course::Course;
use super::stamps::{MS_NS, SECOND_NS};

const PACKET_FRAMES: u64 = 960;
const PACKET_NS: i64 = 20 * MS_NS;
/// The monotonic capture time of the first packet.
const CAPTURED_NS: i64 = 5_000 * SECOND_NS;
const NOTHING_FOR: Duration = Duration::from_secs(15);

/// A stream of 20 ms packets, with timestamps of whole milliseconds that start at 77 s.
struct Stream {
    course: Course,
    sent: i64,
    timestamp_jump_ns: i64,
    /// The true ends of the packets.
    ends_ns: Vec<i64>,
}

impl Stream {
    fn new() -> Self {
        let course = Course::new(StreamClock::new(48_000, NOTHING_FOR));
        Self { course, sent: 0, timestamp_jump_ns: 0, ends_ns: Vec::new() }
    }

    fn lose(&mut self, packets: i64) {
        self.sent += packets;
    }

    /// Sends a packet that arrives `delay_ns` after the muxer's delay, its timestamp off by
    /// `stamp_ns`.
    fn send_stamped(&mut self, delay_ns: i64, stamp_ns: i64) {
        let begin_ns = self.sent * PACKET_NS;
        self.sent += 1;
        let timestamp_ns = (77 * SECOND_NS + begin_ns + self.timestamp_jump_ns + stamp_ns) / MS_NS * MS_NS;
        let arrived_ns = CAPTURED_NS + begin_ns + PACKET_NS * (1 + PACKETS_HELD_BY_MUXER) + delay_ns;
        let packet = Stamped { timestamp_ns, frames: PACKET_FRAMES, arrived_ns };
        self.ends_ns.push(CAPTURED_NS + begin_ns + PACKET_NS);
        self.course.take(packet);
    }

    fn send_many(&mut self, packets: i64, delay_ns: impl Fn(i64) -> i64) {
        for _ in 0..packets {
            self.send_stamped(delay_ns(self.sent), 0);
        }
    }

    /// By how much later than its end a packet has arrived, as placed.
    fn late_ns(&self, number: usize) -> i64 {
        self.course.placed[number].arrived_ns - self.ends_ns[number]
    }

    fn holes(&self) -> Vec<Duration> {
        self.course.holes().into_iter().map(|(_, lost)| lost).collect()
    }

    fn held_ms(&self) -> i64 {
        self.course.held.last().map_or(0, |last| (last.arrived_ns - self.course.held[0].arrived_ns) / MS_NS)
    }
}

/// A pseudorandom number in 0..1000, by packet and seed.
fn random(packet: i64, seed: i64) -> i64 {
    let mut bits = (packet * 1_000_003 + seed).cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((bits ^ (bits >> 27)) >> 33) as i64 % 1000
}

/// A delay of 0 to 40 ms.
fn jitter(packet: i64) -> i64 {
    random(packet, 0) * 40 * MS_NS / 1000
}

/// A deviation of about `sigma_ms`: a sum of even ones.
fn normal(packet: i64, seed: i64, sigma_ms: i64) -> i64 {
    let sum: i64 = (0..12).map(|number| random(packet, seed * 100 + number + 1)).sum();
    (sum - 5994) * sigma_ms * MS_NS / 1000
}

#[test]
fn jitter_is_no_hole_and_its_arrivals_are_passed_on() {
    let mut stream = Stream::new();
    stream.send_many(3000, jitter);
    assert!(stream.course.clock.is_settled() && stream.holes().is_empty());
    assert!((0..3000).all(|number| (0..=41 * MS_NS).contains(&stream.late_ns(number))));
    assert!(stream.course.placed.iter().all(|placed| placed.ahead.is_zero()));
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
    let last = stream.course.placed.len() - 1;
    assert!((-MS_NS..=41 * MS_NS).contains(&stream.late_ns(last)), "{}", stream.late_ns(last));
}

#[test]
fn packets_lost_within_the_start_are_holes() {
    let mut stream = Stream::new();
    for _ in 0..4 {
        stream.send_many(3, jitter);
        stream.lose(2);
    }
    stream.send_many(100, jitter);
    assert_eq!(stream.holes(), [Duration::from_millis(40); 4]);
}

#[test]
fn burst_of_the_past_at_the_start_is_dated_to_the_past() {
    for (seconds, rest_ms) in [(1, 300), (4, 300), (10, 300)] {
        let mut stream = Stream::new();
        let packets = seconds * 50;
        // They arrive at once, at their end.
        stream.send_many(packets, |packet| (packets - packet) * PACKET_NS);
        assert!(!stream.course.clock.is_settled());
        stream.send_many(100, |_| 0);
        assert!(stream.course.clock.is_settled() && stream.holes().is_empty());
        assert!(stream.course.placed.iter().enumerate().all(|(number, _)| stream.late_ns(number).abs() <= MS_NS));
        assert!(stream.held_ms() <= rest_ms + 40, "{} ms", stream.held_ms());
    }
}

#[test]
fn start_is_held_for_the_largest_pause_or_two_and_never_as_long_as_the_watchdog_waits() {
    for (pause_ms, held_ms) in
        [(20, 300), (100, 300), (500, 1000), (1000, 1000), (2000, 4000), (4000, 8000), (9000, 9000)]
    {
        let mut stream = Stream::new();
        // Each write has all packets since the one before.
        let per_write = (pause_ms / 20).max(1);
        stream.send_many(3000, |packet| (per_write - 1 - packet % per_write) * PACKET_NS);
        let within = held_ms..held_ms + pause_ms.max(40) + 40;
        assert!(within.contains(&stream.held_ms()), "pauses of {pause_ms} ms: {} ms", stream.held_ms());
        assert!(stream.held_ms() < 15_000 && stream.holes().is_empty());
        let held = 0..stream.course.held.len();
        assert!(held.into_iter().all(|number| stream.late_ns(number).abs() <= MS_NS), "pauses of {pause_ms} ms");
    }
}

#[test]
fn network_stall_that_is_caught_up_with_is_no_loss() {
    for stalled in [15, 150, 500] {
        let mut stream = Stream::new();
        stream.send_many(100, |_| 0);
        stream.send_many(stalled, |packet| (100 + stalled - packet) * PACKET_NS);
        stream.send_many(2000, |_| 0);
        assert!(stream.holes().is_empty());
        assert!(stream.course.placed.iter().all(|placed| placed.ahead.is_zero()));
        assert!(stream.late_ns(stream.course.placed.len() - 1).abs() <= MS_NS);
    }
}

#[test]
fn jumps_of_the_timestamps_are_no_holes() {
    let mut stream = Stream::new();
    stream.send_many(50, |_| 0);
    for jump_ns in [500 * MS_NS, -800 * MS_NS, 3600 * SECOND_NS, -3600 * SECOND_NS, 700 * MS_NS, 300 * MS_NS] {
        stream.timestamp_jump_ns += jump_ns;
        stream.send_many(400, |_| 0);
    }
    assert!(stream.holes().is_empty(), "{:?}", stream.holes());
    assert!(stream.late_ns(stream.course.placed.len() - 1).abs() <= MS_NS);
}

#[test]
fn uneven_timestamps_of_whole_audio_are_no_holes() {
    for seed in 0..20 {
        for sigma_ms in [2, 3, 5, 10, 20, 50] {
            let mut stream = Stream::new();
            for packet in 0..3000 {
                stream.send_stamped(random(packet, 7) * 30 * MS_NS / 1000, normal(packet, seed, sigma_ms));
            }
            assert!(stream.holes().is_empty(), "sigma {sigma_ms} ms, seed {seed}: {:?}", stream.holes());
            assert!(stream.held_ms() <= 2100, "{} ms", stream.held_ms());
            assert!((0..3000).all(|number| (-MS_NS..=31 * MS_NS).contains(&stream.late_ns(number))));
        }
    }
}

#[test]
fn timestamps_of_sending_are_no_holes() {
    for burst_ms in [20, 40, 100, 300, 500, 1000] {
        let mut stream = Stream::new();
        let per_burst = burst_ms / 20;
        for packet in 0..3000_i64 {
            // A stall of two seconds, in which nothing is lost.
            let until_ns = ((packet / per_burst + 1) * per_burst * PACKET_NS).max(if (1000..1100).contains(&packet) {
                1100 * PACKET_NS
            } else {
                0
            });
            let delay_ns = until_ns - (packet + 1) * PACKET_NS;
            stream.send_stamped(delay_ns, delay_ns);
        }
        assert!(stream.holes().is_empty(), "bursts of {burst_ms} ms: {:?}", stream.holes());
        assert!(stream.held_ms() <= 2 * burst_ms.max(500) + 1000, "{} ms", stream.held_ms());
    }
}

#[test]
fn hole_among_uneven_timestamps_is_found_once_all_of_them_are_later() {
    for (sigma_ms, lost) in [(5, 5), (5, 50), (20, 20), (50, 50)] {
        let mut stream = Stream::new();
        for packet in 0..1000 {
            stream.send_stamped(jitter(packet), normal(packet, 3, sigma_ms));
        }
        stream.lose(lost);
        for packet in 1000..2000 {
            stream.send_stamped(jitter(packet), normal(packet, 3, sigma_ms));
        }
        let found: Duration = stream.holes().iter().sum();
        let off_ms = found.as_millis() as i64 - lost * 20;
        assert!(off_ms.abs() <= 2 * sigma_ms, "sigma {sigma_ms} ms: {found:?} of {} ms", lost * 20);
    }
}

#[test]
fn clock_drift_of_both_signs_is_followed() {
    for drift_ppm in [-200, 200] {
        let mut stream = Stream::new();
        // An hour of packets, each slightly longer or shorter than declared.
        stream.send_many(180_000, |packet| jitter(packet) + packet * PACKET_NS * drift_ppm / 1_000_000);
        assert!(stream.holes().is_empty());
        assert!(stream.course.placed.iter().all(|placed| placed.ahead.is_zero()));
    }
}

#[test]
fn stream_faster_than_real_time_is_delayed() {
    let mut stream = StreamClock::new(48_000, NOTHING_FOR);
    let (mut now_ns, mut held, mut last_ns) = (CAPTURED_NS, Vec::new(), 0);
    for packet in 0..10_000 {
        let stamped = Stamped { timestamp_ns: packet * PACKET_NS, frames: PACKET_FRAMES, arrived_ns: now_ns };
        // Arrives in a thousandth of its duration, plus the requested delay.
        now_ns += PACKET_NS / 1000;
        if !stream.is_settled() {
            held.push(stamped);
            if stream.hold(stamped).0 {
                stream.settle(&held, now_ns);
            }
            continue;
        }
        let placed = stream.place(stamped, None);
        now_ns += placed.ahead.as_nanos() as i64;
        assert!(placed.arrived_ns <= now_ns, "packet {packet} is from the future");
        assert!(placed.arrived_ns > last_ns);
        last_ns = placed.arrived_ns;
    }
    let waited_ns = now_ns - CAPTURED_NS;
    assert!(waited_ns > 200 * SECOND_NS - MOST_HELD_NS - 2 * SECOND_NS, "{waited_ns}");
}

#[test]
fn extreme_timestamps_do_not_overflow() {
    let mut clock = StreamClock::new(1, NOTHING_FOR);
    let extremes = [i64::MIN, i64::MAX, 0, i64::MAX, i64::MIN];
    let stamped = extremes.map(|timestamp_ns| Stamped { timestamp_ns, frames: u64::MAX, arrived_ns: i64::MAX });
    for packet in stamped {
        clock.hold(packet);
    }
    clock.settle(&stamped, i64::MAX);
    for packet in stamped {
        clock.seems_lost(packet);
        clock.place(packet, Some(packet));
    }
}
