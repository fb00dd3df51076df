//! Times of arrival of the packets of a stream, and the holes between them.
//!
//! The timestamps of a stream say how packets follow each other: see [`Stamps`]. The times of
//! arrival say when they were captured, except for delays; the buffer's writer estimates that from
//! all of them. Here the start is held until it is known how much of it is of the past, and a
//! stream that is faster than real time is delayed to it.

use std::time::Duration;

use super::least_delay::LeastDelay;
use super::stamps::{MS_NS, Place, SECOND_NS, Stamp, Stamps};

/// ffmpeg's Matroska muxer sends a packet after the second one that follows: it holds one for the
/// interleaving with video, and sends a cluster when the next one begins.
pub(super) const PACKETS_HELD_BY_MUXER: i64 = 2;
/// The tolerance for a hole: by how much its audio may seem to arrive before it was captured.
/// Beyond it the timestamps have jumped.
const EARLY_TOLERANCE_NS: i64 = 20 * MS_NS;
/// The start is settled when the least delay has not improved for this time, and for twice the
/// longest pause...
const SETTLED_AFTER_NS: i64 = 300 * MS_NS;
/// ...by more than this.
const IMPROVEMENT_NS: i64 = 5 * MS_NS;
/// Or after this much time, or twice the longest pause.
const HELD_FOR_NS: i64 = 1900 * MS_NS;
/// But a source that is faster than real time is held on. It is faster if the least delay shrinks
/// by this part of the time, over this time.
const FASTER_PART: i64 = 20;
const FASTER_FOR_NS: i64 = 500 * MS_NS;
/// Packets within this time have come in one write.
const AT_ONCE_NS: i64 = 50 * MS_NS;
/// After pauses of at most this, the time before the first packet counts as one.
const SHORT_PAUSE_NS: i64 = 1100 * MS_NS;
/// In any case before this part of the time that the watchdog waits for a frame.
const HELD_PART: (i64, i64) = (2, 3);
/// Or after this much audio: a file comes as fast as it is read.
pub(super) const MOST_HELD_NS: i64 = 30 * SECOND_NS;
/// Once settled, the least delay may shrink by this much at once, and by one part in a thousand of
/// the time. An earlier packet comes faster than real time, and the stream is delayed.
const SLACK_NS: i64 = SECOND_NS;
const SLACK_PART: i64 = 1000;
/// If the least delay of the last twenty seconds grows by this, the slack begins anew.
const LATER_NS: i64 = 500 * MS_NS;

/// A packet as it came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamped {
    pub(super) timestamp_ns: i64,
    pub(super) frames: u64,
    /// The monotonic time of its arrival.
    pub(super) arrived_ns: i64,
}

/// The place of a packet in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placed {
    /// The monotonic time at which it arrived, without delays that are known.
    pub(super) arrived_ns: i64,
    /// Its duration.
    pub(super) duration_ns: i64,
    /// The duration of lost packets before it, by the timestamps.
    pub(super) lost: Option<Duration>,
    /// By how much it is early. Wait for this time before the next one.
    pub(super) ahead: Duration,
}

/// Places packets. All times are in ns.
#[derive(Debug)]
pub(super) struct StreamClock {
    sample_rate_hz: i64,
    /// The duration of all frames beyond whole nanoseconds, in units of 1/rate.
    fraction: i64,
    stamps: Stamps,
    least: LeastDelay,
    /// The least of arrival minus stream time, at the end of a packet.
    offset_ns: i64,
    longest_held_ns: i64,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// Packets may arrive faster than real time: the start of a stream.
    Settling(Settling),
    /// Packets arrive in real time, or are delayed to it; the start of this phase, and the least
    /// delay then.
    Settled { since_ns: i64, delay_ns: i64 },
}

/// The start of a stream.
#[derive(Debug, Default)]
struct Settling {
    held_ns: i64,
    /// Arrivals of the first packet, of the last one, and of the last one that was less delayed
    /// than all before.
    first_ns: Option<i64>,
    last_ns: i64,
    best_at_ns: i64,
    pause_ns: i64,
    /// Time and least delay at the last comparison, and whether it had shrunk.
    compared: (i64, i64),
    is_faster: bool,
}

impl Settling {
    /// Adds a packet that arrived now, and the least delay with it and before it. Returns whether
    /// the start is settled, which `most_ns` bounds.
    fn add(&mut self, arrived_ns: i64, duration_ns: i64, (least_ns, before_ns): (i64, i64), most_ns: i64) -> bool {
        let Some(first_ns) = self.first_ns else {
            *self = Self {
                held_ns: duration_ns,
                first_ns: Some(arrived_ns),
                last_ns: arrived_ns,
                best_at_ns: arrived_ns,
                pause_ns: 0,
                compared: (arrived_ns, least_ns),
                is_faster: true,
            };
            return duration_ns >= MOST_HELD_NS;
        };
        self.held_ns = self.held_ns.saturating_add(duration_ns);
        self.pause_ns = self.pause_ns.max(arrived_ns.saturating_sub(self.last_ns));
        self.last_ns = arrived_ns;
        if least_ns < before_ns.saturating_sub(IMPROVEMENT_NS) {
            self.best_at_ns = arrived_ns;
        }
        let passed_ns = arrived_ns.saturating_sub(self.compared.0);
        if passed_ns < AT_ONCE_NS {
            self.compared.1 = least_ns;
        } else if passed_ns >= FASTER_FOR_NS {
            self.is_faster = self.compared.1.saturating_sub(least_ns) > passed_ns / FASTER_PART;
            self.compared = (arrived_ns, least_ns);
        }
        // Pauses are never quite alike.
        let two_pauses_ns = self.pause_ns.saturating_mul(2).saturating_sub(self.pause_ns / 8);
        let is_calm = arrived_ns.saturating_sub(self.best_at_ns) >= SETTLED_AFTER_NS.max(two_pauses_ns);
        // The first packets have gathered as well.
        let gathered_ns = if self.pause_ns <= SHORT_PAUSE_NS { self.pause_ns } else { 0 };
        let lasted_ns = arrived_ns.saturating_sub(first_ns);
        let is_over = lasted_ns.saturating_add(gathered_ns) >= HELD_FOR_NS.max(two_pauses_ns);
        // The next packet may come as late again.
        let is_last = lasted_ns.saturating_add(self.pause_ns) >= most_ns || self.held_ns >= MOST_HELD_NS;
        is_calm || (is_over && !self.is_faster) || is_last
    }
}

impl StreamClock {
    /// `nothing_for` is how long the watchdog waits for a frame.
    pub(super) fn new(sample_rate_hz: u32, nothing_for: Duration) -> Self {
        let nothing_for_ns = i64::try_from(nothing_for.as_nanos()).unwrap_or(i64::MAX);
        Self {
            sample_rate_hz: i64::from(sample_rate_hz.max(1)),
            fraction: 0,
            stamps: Stamps::default(),
            least: LeastDelay::default(),
            offset_ns: i64::MAX,
            longest_held_ns: nothing_for_ns / HELD_PART.1 * HELD_PART.0,
            phase: Phase::Settling(Settling::default()),
        }
    }

    /// Returns whether the start is settled. Until then hold the packets.
    pub(super) fn is_settled(&self) -> bool {
        matches!(self.phase, Phase::Settled { .. })
    }

    /// Notes a packet of the start. Returns true once to [`settle`](Self::settle), and the duration
    /// of the packets that seem lost before it.
    pub(super) fn hold(&mut self, packet: Stamped) -> (bool, Option<Duration>) {
        let (place, duration_ns, delay_ns) = self.locate(packet, None);
        let lost = place.lost();
        let Phase::Settling(start) = &mut self.phase else { return (true, lost) };
        let least_ns = self.offset_ns.min(delay_ns);
        let is_settled = start.add(packet.arrived_ns, duration_ns, (least_ns, self.offset_ns), self.longest_held_ns);
        self.offset_ns = least_ns;
        (is_settled, lost)
    }

    /// Settles, and places all packets of the start, as of `now_ns`.
    pub(super) fn settle(&mut self, held: &[Stamped], now_ns: i64) -> Vec<Placed> {
        if held.is_empty() {
            self.offset_ns = if self.offset_ns == i64::MAX { now_ns } else { self.offset_ns };
        }
        // Now it is known whether their timestamps are even.
        self.stamps = Stamps::new(self.stamps.is_uneven());
        self.fraction = 0;
        let next_of = |number: usize| held.get(number + 1).map(|next| next.timestamp_ns);
        let located = held.iter().enumerate().map(|(number, packet)| self.locate(*packet, next_of(number)));
        let located: Vec<_> = located.collect();
        self.offset_ns = located.iter().map(|(.., delay_ns)| *delay_ns).min().unwrap_or(self.offset_ns);
        self.least.add(self.offset_ns, now_ns);
        self.phase = Phase::Settled { since_ns: now_ns, delay_ns: self.offset_ns };
        let placed = located.iter().map(|(place, duration_ns, _)| {
            let end_ns = place.stream_ns.saturating_add(*duration_ns);
            placed(*place, *duration_ns, end_ns.saturating_add(self.offset_ns), 0)
        });
        placed.collect()
    }

    /// Returns whether a packet seems to follow a hole: place it once the next one is known.
    pub(super) fn seems_lost(&self, packet: Stamped) -> bool {
        let duration_ns = self.duration_of(packet.frames).0;
        self.stamps.seems_lost(packet.timestamp_ns, duration_ns, self.room_ns(packet, duration_ns))
    }

    /// Places a packet, once settled. `next` is the one after it, if it is known.
    pub(super) fn place(&mut self, packet: Stamped, next: Option<Stamped>) -> Placed {
        let (place, duration_ns, delay_ns) = self.locate(packet, next.map(|next| next.timestamp_ns));
        let arrived_ns = packet.arrived_ns;
        let end_ns = place.stream_ns.saturating_add(duration_ns);
        let Phase::Settled { since_ns, delay_ns: then_ns } = &mut self.phase else {
            return placed(place, duration_ns, end_ns.saturating_add(delay_ns), 0);
        };
        let slack_ns = SLACK_NS.saturating_add(arrived_ns.saturating_sub(*since_ns) / SLACK_PART);
        let earliest_ns = then_ns.saturating_sub(slack_ns);
        let early_ns = earliest_ns.saturating_sub(delay_ns).max(0);
        let delay_ns = delay_ns.max(earliest_ns);
        let least_ns = self.least.add(delay_ns, arrived_ns);
        if least_ns.saturating_sub(self.offset_ns) > LATER_NS {
            (*since_ns, *then_ns) = (arrived_ns, least_ns);
        }
        self.offset_ns = least_ns;
        placed(place, duration_ns, end_ns.saturating_add(delay_ns), early_ns)
    }

    /// Returns the place of a packet by its timestamp and the next one, its duration, and the delay
    /// of its arrival against stream time.
    fn locate(&mut self, packet: Stamped, next_ns: Option<i64>) -> (Place, i64, i64) {
        let (duration_ns, fraction) = self.duration_of(packet.frames);
        self.fraction = fraction;
        let delay_ns = self.delay_if_whole_ns(packet, duration_ns);
        let room_ns = self.room_ns(packet, duration_ns);
        let Stamped { timestamp_ns, arrived_ns, .. } = packet;
        let place = self.stamps.place(Stamp { timestamp_ns, duration_ns, arrived_ns }, room_ns, next_ns);
        (place, duration_ns, delay_ns.saturating_sub(place.lost_ns))
    }

    /// The delay of a packet, if nothing is lost before it.
    fn delay_if_whole_ns(&self, packet: Stamped, duration_ns: i64) -> i64 {
        let sent_ns = self.stamps.next_ns().saturating_add(duration_ns.saturating_mul(1 + PACKETS_HELD_BY_MUXER));
        packet.arrived_ns.saturating_sub(sent_ns)
    }

    /// The largest hole before a packet: after one it arrives on time or late.
    fn room_ns(&self, packet: Stamped, duration_ns: i64) -> i64 {
        if self.offset_ns == i64::MAX {
            return 0;
        }
        let later_ns = self.delay_if_whole_ns(packet, duration_ns).saturating_sub(self.offset_ns);
        later_ns.saturating_add(EARLY_TOLERANCE_NS)
    }

    /// The duration of frames, and the fraction that it leaves.
    fn duration_of(&self, frames: u64) -> (i64, i64) {
        let frames = i64::try_from(frames).unwrap_or(i64::MAX);
        let units = frames.saturating_mul(SECOND_NS).saturating_add(self.fraction);
        (units / self.sample_rate_hz, units % self.sample_rate_hz)
    }
}

fn placed(place: Place, duration_ns: i64, arrived_ns: i64, early_ns: i64) -> Placed {
    Placed { arrived_ns, duration_ns, lost: place.lost(), ahead: Duration::from_nanos(early_ns.unsigned_abs()) }
}
