//! Holes in a stream, found by its timestamps.
//!
//! Even timestamps count samples: a lost packet leaves a hole of exactly its length. Those of many
//! cameras and relays are uneven: they jitter, or say when a packet was sent. Then one packet's
//! timestamp says nothing; what counts is by how much even the earliest timestamps of some seconds
//! are late against the sum of all samples. In both cases a hole is believed only if the packet
//! arrives late enough for it: timestamps may also jump. And a hole that one timestamp shows is
//! believed only if the next one shows it, too.

use std::time::Duration;

pub(super) const MS_NS: i64 = 1_000_000;
pub(super) const SECOND_NS: i64 = 1_000_000_000;

/// The smallest hole. Timestamps are whole milliseconds, so a smaller deviation, or one of less
/// than half a packet, is none.
const SMALLEST_HOLE_NS: i64 = 4 * MS_NS;
/// The distance of two timestamps is exact within this: they are whole milliseconds.
const EXACT_NS: i64 = 3 * MS_NS / 2;
/// A hole within this of a whole number of packets is one of whole packets.
const WHOLE_WITHIN_NS: i64 = 2 * MS_NS;
/// The part of the distances that are exact, averaged over this many packets: below the first limit
/// timestamps are uneven, above the second one even again.
const AVERAGED: f64 = 16.0;
const EXACT_PARTS: (f64, f64) = (0.6, 0.9);
/// The time of arrival over which uneven timestamps are compared: longer than any burst.
const WINDOW_NS: i64 = 2 * SECOND_NS;
/// A window has at least this many packets.
const WINDOW_PACKETS: u32 = 8;
/// The most by which uneven timestamps may drift against the samples in a window.
const DRIFT_NS: i64 = MS_NS;

/// The timestamps of a stream against the sum of its samples.
#[derive(Debug, Default)]
pub(super) struct Stamps {
    /// The stream time of the next packet, if none is lost: the sum of all samples and holes.
    next_ns: i64,
    /// Timestamps minus stream time: their origin plus all jumps. `None` before the first packet.
    jumps_ns: Option<i64>,
    /// The timestamp and the duration of the last packet.
    last: Option<(i64, i64)>,
    /// The part of the distances that are not exact.
    inexact: f64,
    is_uneven: bool,
    window: Window,
    /// The window before, once it is whole.
    before: Option<Window>,
}

/// Deviations of timestamps over some time.
#[derive(Debug, Clone, Copy, Default)]
struct Window {
    began_ns: i64,
    packets: u32,
    earliest_ns: i64,
    latest_ns: i64,
    /// The durations of all packets are the same.
    duration_ns: Option<i64>,
}

/// A packet, as far as it matters here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp {
    pub(super) timestamp_ns: i64,
    pub(super) duration_ns: i64,
    pub(super) arrived_ns: i64,
}

/// The place of a packet in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The stream time of its first frame: the sum of all samples and holes before.
    pub(super) stream_ns: i64,
    /// The duration of the hole before it.
    pub(super) lost_ns: i64,
}

impl Place {
    /// The duration of the hole before it, if there is one.
    pub(super) fn lost(self) -> Option<Duration> {
        (self.lost_ns > 0).then(|| Duration::from_nanos(self.lost_ns.unsigned_abs()))
    }
}

impl Stamps {
    /// Begins. It may be known already that timestamps are uneven.
    pub(super) fn new(is_uneven: bool) -> Self {
        let inexact = if is_uneven { 1.0 } else { 0.0 };
        Self { is_uneven, inexact, ..Self::default() }
    }

    /// Returns whether a packet seems to follow a hole: place it once the next one is known.
    /// `room_ns` is by how much later than expected it arrives: a hole is not larger.
    pub(super) fn seems_lost(&self, timestamp_ns: i64, duration_ns: i64, room_ns: i64) -> bool {
        let deviation_ns = self.deviation_ns(timestamp_ns);
        let is_hole = deviation_ns >= tolerance_ns(duration_ns) && deviation_ns <= room_ns;
        !self.is_uneven && is_hole && is_whole(deviation_ns, duration_ns)
    }

    /// Places a packet. `next_ns` is the next timestamp, if it is known.
    pub(super) fn place(&mut self, packet: Stamp, room_ns: i64, next_ns: Option<i64>) -> Place {
        let Stamp { timestamp_ns, duration_ns, arrived_ns } = packet;
        self.jumps_ns.get_or_insert(timestamp_ns);
        let deviation_ns = self.deviation_ns(timestamp_ns);
        self.note(timestamp_ns, duration_ns);
        let lost_ns = if self.is_uneven {
            self.uneven(deviation_ns, duration_ns, arrived_ns, room_ns)
        } else {
            let shows_too = |next_ns: i64| {
                let expected_ns = timestamp_ns.saturating_add(duration_ns);
                next_ns >= expected_ns.saturating_sub(tolerance_ns(duration_ns) / 2)
            };
            self.even(deviation_ns, duration_ns, if next_ns.is_none_or(shows_too) { room_ns } else { 0 })
        };
        let stream_ns = self.next_ns.saturating_add(lost_ns);
        self.next_ns = stream_ns.saturating_add(duration_ns);
        Place { stream_ns, lost_ns }
    }

    fn deviation_ns(&self, timestamp_ns: i64) -> i64 {
        let jumps_ns = self.jumps_ns.unwrap_or(timestamp_ns);
        timestamp_ns.saturating_sub(jumps_ns).saturating_sub(self.next_ns)
    }

    /// The stream time of the next packet, if none is lost.
    pub(super) fn next_ns(&self) -> i64 {
        self.next_ns
    }

    /// True for timestamps that do not count samples.
    pub(super) fn is_uneven(&self) -> bool {
        self.is_uneven
    }

    /// Notes whether the distance to the timestamp before is that of samples: one packet, or more
    /// where some are lost.
    fn note(&mut self, timestamp_ns: i64, duration_ns: i64) {
        if let Some((before_ns, lasts_ns)) = self.last.replace((timestamp_ns, duration_ns)) {
            let distance_ns = timestamp_ns.saturating_sub(before_ns);
            let over_ns = distance_ns.checked_rem(lasts_ns).unwrap_or(0);
            let is_exact = distance_ns >= lasts_ns.saturating_sub(EXACT_NS)
                && over_ns.min(lasts_ns.saturating_sub(over_ns)) <= EXACT_NS;
            self.inexact += (f64::from(u8::from(!is_exact)) - self.inexact) / AVERAGED;
        }
        let limit = if self.is_uneven { EXACT_PARTS.1 } else { EXACT_PARTS.0 };
        let is_uneven = 1.0 - self.inexact < limit;
        if is_uneven != self.is_uneven {
            (self.is_uneven, self.window, self.before) = (is_uneven, Window::default(), None);
        }
    }

    /// Finds a hole by one timestamp.
    fn even(&mut self, deviation_ns: i64, duration_ns: i64, room_ns: i64) -> i64 {
        if deviation_ns.saturating_abs() < tolerance_ns(duration_ns) {
            // Rounding, or timestamps whose clock differs slightly from the sample clock.
            self.jump(deviation_ns / 16);
        } else if deviation_ns > 0 && deviation_ns <= room_ns && is_whole(deviation_ns, duration_ns) {
            return whole_ns(deviation_ns, duration_ns);
        } else {
            self.jump(deviation_ns);
        }
        0
    }

    /// Finds a hole by the timestamps of a window.
    fn uneven(&mut self, deviation_ns: i64, duration_ns: i64, arrived_ns: i64, room_ns: i64) -> i64 {
        let lasted_ns = arrived_ns.saturating_sub(self.window.began_ns);
        let ended = self.window.packets >= WINDOW_PACKETS && lasted_ns >= WINDOW_NS;
        let whole = ended.then(|| std::mem::take(&mut self.window));
        self.window.add(deviation_ns, duration_ns, arrived_ns);
        let Some(now) = whole else { return 0 };
        let Some(before) = self.before.replace(now) else { return 0 };
        let late_ns = now.earliest_ns.saturating_sub(before.earliest_ns);
        let jitter_ns = before.latest_ns.saturating_sub(before.earliest_ns);
        if late_ns.saturating_abs() < tolerance_ns(duration_ns).max(jitter_ns / 2) {
            self.move_windows(late_ns.clamp(-DRIFT_NS, DRIFT_NS));
            return 0;
        }
        // Of packets of one length whole ones are lost.
        let lost_ns = match now.duration_ns {
            Some(duration_ns) => whole_ns(late_ns, duration_ns),
            _ => late_ns,
        };
        self.move_windows(late_ns);
        // Arrivals bound what uneven timestamps say too roughly.
        let lost_ns = if lost_ns.saturating_sub(room_ns) < jitter_ns { lost_ns.min(room_ns) } else { lost_ns };
        if lost_ns > 0 && lost_ns <= room_ns {
            // The sum of all samples and holes grows instead.
            self.jump(lost_ns.saturating_neg());
            return lost_ns;
        }
        0
    }

    /// Takes a part of the deviations of the windows for a jump of the timestamps.
    fn move_windows(&mut self, ns: i64) {
        self.jump(ns);
        for window in self.before.iter_mut().chain([&mut self.window]) {
            window.earliest_ns = window.earliest_ns.saturating_sub(ns);
            window.latest_ns = window.latest_ns.saturating_sub(ns);
        }
    }

    fn jump(&mut self, ns: i64) {
        self.jumps_ns = self.jumps_ns.map(|jumps_ns| jumps_ns.saturating_add(ns));
    }
}

impl Window {
    fn add(&mut self, deviation_ns: i64, duration_ns: i64, arrived_ns: i64) {
        if self.packets == 0 {
            *self = Self {
                began_ns: arrived_ns,
                packets: 0,
                earliest_ns: deviation_ns,
                latest_ns: deviation_ns,
                duration_ns: Some(duration_ns),
            };
        }
        self.packets += 1;
        self.earliest_ns = self.earliest_ns.min(deviation_ns);
        self.latest_ns = self.latest_ns.max(deviation_ns);
        // Rates that do not divide a second: durations differ by a nanosecond.
        self.duration_ns = self.duration_ns.filter(|same| same.abs_diff(duration_ns) <= 1);
    }
}

/// True for a hole of whole packets: parts of one are not lost.
fn is_whole(hole_ns: i64, duration_ns: i64) -> bool {
    hole_ns.abs_diff(whole_ns(hole_ns, duration_ns)) <= WHOLE_WITHIN_NS.unsigned_abs()
}

/// The whole packets nearest to a hole.
fn whole_ns(hole_ns: i64, duration_ns: i64) -> i64 {
    let packets = hole_ns.saturating_add(duration_ns / 2).checked_div(duration_ns);
    packets.map_or(hole_ns, |packets| packets.saturating_mul(duration_ns))
}

/// A deviation of less is rounding.
fn tolerance_ns(duration_ns: i64) -> i64 {
    SMALLEST_HOLE_NS.max(duration_ns / 2)
}
