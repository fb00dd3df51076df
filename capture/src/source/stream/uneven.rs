//! Streams whose timestamps are uneven, on an injected clock: no hole is invented, and what is
//! missing is found.

use std::time::Duration;

use super::clock::{Stamped, StreamClock};
use super::course::Course;

const MS_NS: i64 = 1_000_000;
const SECOND_NS: i64 = 1_000_000_000;
const BEGAN_NS: i64 = 5_000 * SECOND_NS;
/// The longest time without a packet that is allowed, as of the watchdog.
const NOTHING_FOR: Duration = Duration::from_secs(15);
const SEEDS: u64 = 20;

/// The packets of a codec.
#[derive(Debug, Clone, Copy)]
struct Codec {
    name: &'static str,
    rate_hz: u32,
    frames: u64,
}

const CODECS: [Codec; 4] = [
    Codec { name: "PCMU", rate_hz: 8000, frames: 160 },
    Codec { name: "AAC at 16 kHz", rate_hz: 16_000, frames: 1024 },
    Codec { name: "AAC at 48 kHz", rate_hz: 48_000, frames: 1024 },
    Codec { name: "Opus", rate_hz: 48_000, frames: 960 },
];

impl Codec {
    /// The time of the first frame of a packet since the beginning.
    fn begin_ns(self, number: i64) -> i64 {
        number * self.frames.cast_signed() * SECOND_NS / i64::from(self.rate_hz)
    }
}

/// The way in which a server stamps and sends.
#[derive(Debug, Clone, Copy, Default)]
struct Server {
    /// The standard deviation of timestamps.
    sigma_ns: i64,
    /// The period in which it sends.
    burst_ns: i64,
    /// Timestamps are the time of sending.
    stamps_at_sending: bool,
    /// The time for which it sends nothing each ten seconds, to send everything at once then.
    stall_ns: i64,
    /// The jump of the timestamps each seven seconds.
    jump_ns: i64,
    /// The audio of the past with which it begins.
    backlog_ns: i64,
}

fn gauss(random: &mut fastrand::Rng) -> f64 {
    (0..12).map(|_| random.f64()).sum::<f64>() - 6.0
}

/// Sends a minute. `is_lost` says of each packet whether it is.
fn play(codec: Codec, server: Server, seed: u64, is_lost: impl Fn(i64) -> bool) -> Course {
    let mut random = fastrand::Rng::with_seed(seed);
    let clock = StreamClock::new(codec.rate_hz, NOTHING_FOR);
    let mut course = Course::new(clock);
    for number in 0..60 * SECOND_NS / codec.begin_ns(1) {
        let (begin_ns, end_ns) = (codec.begin_ns(number), codec.begin_ns(number + 1));
        let mut sent_ns = end_ns.max(server.backlog_ns);
        if server.burst_ns > 0 {
            sent_ns = (sent_ns + server.burst_ns - 1) / server.burst_ns * server.burst_ns;
        }
        let since_ns = sent_ns % (10 * SECOND_NS);
        if server.stall_ns > 0 && sent_ns > 10 * SECOND_NS && since_ns < server.stall_ns {
            sent_ns += server.stall_ns - since_ns;
        }
        let mut timestamp_ns = if server.stamps_at_sending { sent_ns } else { begin_ns };
        timestamp_ns += (gauss(&mut random) * server.sigma_ns as f64) as i64;
        timestamp_ns += begin_ns / (7 * SECOND_NS) * server.jump_ns;
        // Whole milliseconds, on a clock of any origin.
        let timestamp_ns = (77 * SECOND_NS + timestamp_ns) / MS_NS * MS_NS;
        let held_ns = 2 * (end_ns - begin_ns);
        let arrived_ns = BEGAN_NS + sent_ns + held_ns + random.i64(0..3 * MS_NS);
        if is_lost(number) {
            continue;
        }
        course.take(Stamped { timestamp_ns, frames: codec.frames, arrived_ns });
    }
    course
}

#[test]
fn uneven_timestamps_of_whole_audio_are_no_hole() {
    let even = Server::default();
    let ms = |ms: i64| ms * MS_NS;
    let mut servers = vec![even];
    servers.extend([1, 2, 5, 10, 20, 50].map(|sigma| Server { sigma_ns: ms(sigma), ..even }));
    servers.extend([20, 40, 100, 250, 500, 1000].map(|burst| Server { burst_ns: ms(burst), ..even }));
    let at_sending = |burst| Server { burst_ns: ms(burst), stamps_at_sending: true, ..even };
    servers.extend([0, 20, 40, 100, 250, 500, 1000].map(at_sending));
    servers.extend([300, 1000, 3000].map(|stall| Server { stall_ns: ms(stall), ..even }));
    for burst in [20, 40, 300] {
        servers.extend([300, 1000, 3000].map(|stall| Server { stall_ns: ms(stall), ..at_sending(burst) }));
    }
    servers.extend([500, -800, 3_600_000].map(|jump| Server { jump_ns: ms(jump), ..even }));
    servers.extend([500, 3000, 10_000].map(|backlog| Server { backlog_ns: ms(backlog), ..even }));
    for server in servers {
        for codec in CODECS {
            for seed in 0..SEEDS {
                let course = play(codec, server, seed, |_| false);
                let settled_ns = course.settled_ns.expect("settled") - BEGAN_NS;
                let pause_ns = server.burst_ns.max(codec.begin_ns(1));
                let within_ns = server.backlog_ns + 2 * SECOND_NS + pause_ns;
                assert_eq!(course.holes(), [], "{} of {server:?}, seed {seed}", codec.name);
                assert!(settled_ns <= within_ns, "{} of {server:?}: settled at {settled_ns} ns", codec.name);
            }
        }
    }
}

#[test]
fn lost_packets_are_a_hole_at_once_if_timestamps_are_even() {
    for codec in CODECS {
        for packets in [1, 2, 7] {
            let first = 20 * SECOND_NS / codec.begin_ns(1);
            let course = play(codec, Server::default(), 1, |number| (first..first + packets).contains(&number));
            let hole = Duration::from_nanos(codec.begin_ns(packets).unsigned_abs());
            let [(at, lost)] = course.holes()[..] else { panic!("{}: {:?}", codec.name, course.holes()) };
            assert_eq!(at, first as usize, "{}", codec.name);
            assert!(lost.abs_diff(hole) < Duration::from_micros(1), "{}: {lost:?}", codec.name);
        }
    }
}

#[test]
fn loss_among_uneven_timestamps_is_a_hole_of_whole_packets_once_it_persists() {
    let servers = [
        (Server { sigma_ns: 5 * MS_NS, ..Server::default() }, 100),
        (Server { sigma_ns: 20 * MS_NS, ..Server::default() }, 300),
        (Server { burst_ns: 40 * MS_NS, stamps_at_sending: true, ..Server::default() }, 400),
    ];
    for (server, lost_ms) in servers {
        for codec in CODECS {
            for seed in 0..SEEDS {
                let packet_ns = codec.begin_ns(1);
                let first = 20 * SECOND_NS / packet_ns;
                let packets = (lost_ms * MS_NS + packet_ns - 1) / packet_ns;
                let course = play(codec, server, seed, |number| (first..first + packets).contains(&number));
                let (hole, lost) = (Duration::from_nanos((packets * packet_ns).unsigned_abs()), course.lost());
                let within =
                    Duration::from_nanos((3 * server.sigma_ns.max(server.burst_ns) + packet_ns).unsigned_abs());
                let Some((at, _)) = course.holes().first().copied() else {
                    panic!("{} of {server:?}, seed {seed}: no hole", codec.name)
                };
                let at = at as i64;
                let shown = format!("{} of {server:?}, seed {seed}: {:?}", codec.name, course.holes());
                assert!(lost.abs_diff(hole) <= within, "{shown}, lost {hole:?}");
                assert!((first..first + 5 * SECOND_NS / packet_ns).contains(&at), "{shown}");
            }
        }
    }
}

#[test]
fn large_writes_settle_after_three_of_them_and_before_the_watchdog() {
    for burst_ns in [500, 1000, 2000, 4000].map(|ms| ms * MS_NS) {
        let course = play(CODECS[0], Server { burst_ns, ..Server::default() }, 1, |_| false);
        let settled_ns = course.settled_ns.expect("settled") - BEGAN_NS;
        let most_ns = (3 * burst_ns).max(2 * SECOND_NS) + 100 * MS_NS;
        assert!(settled_ns <= most_ns, "writes of {burst_ns} ns: settled at {settled_ns} ns");
        assert!(settled_ns - burst_ns < NOTHING_FOR.as_nanos() as i64);
    }
}
