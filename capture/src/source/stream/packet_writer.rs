//! Writes packets at their capture times.

use std::collections::VecDeque;
use std::time::Duration;

use capbuf::{BEHIND_NS, ClockSource, GapReason};

use super::arrival_rate::ArrivalRate;
use super::clock::{Placed, Stamped, StreamClock};
use super::packets::Packet;
use super::sender::SenderClock;
use crate::error::{Error, Result};
use crate::source::format::Format;
use crate::source::instant::utc_of;
use crate::source::processing::output::Output;
use crate::stop::Stop;

/// Writes packets at the sender's times while those are believed, otherwise at the times of arrival
/// that a [`StreamClock`] gives them.
pub(super) struct PacketWriter<'a> {
    output: Output,
    sender: &'a mut SenderClock,
    /// True if nothing is written without the sender's time.
    by_sender_alone: bool,
    /// Packets that wait for it, and since when.
    unknown: VecDeque<(Placed, Packet)>,
    unknown_since_ns: i64,
    unknown_bytes: usize,
    /// Returns whether the server declares a length, as it does for a file. Blocks for seconds.
    has_length: Box<dyn Fn() -> bool + 'a>,
    clock: StreamClock,
    arrivals: ArrivalRate,
    frame_bytes: usize,
    /// The rate that the stream says, and the one at which its frames are known to come.
    rates_hz: (u32, u32),
    /// Packets that arrived before the start was settled.
    held: Vec<(Stamped, Packet)>,
    /// A packet that seems to follow a hole: the next one decides.
    waiting: Option<(Stamped, Packet)>,
    /// Packets that arrived early, and the monotonic time at which each is due.
    early: VecDeque<(i64, Placed, Packet)>,
    /// The size of all these.
    held_bytes: usize,
}

/// The most bytes that are held: 30 s of all but the largest formats.
const MOST_HELD_BYTES: usize = 16 << 20;
/// The longest wait for the sender's time, as a part of the watchdog's, whose error says less.
const UNKNOWN_PART: (u32, u32) = (4, 5);

impl<'a> PacketWriter<'a> {
    /// Takes packets in `format`, which is that of `output` but for its rate, if it is corrected.
    pub(super) fn new(
        output: Output,
        format: Format,
        has_length: impl Fn() -> bool + 'a,
        sender: &'a mut SenderClock,
    ) -> Self {
        let rate_hz = output.format().sample_rate_hz;
        let frame_bytes = format.sample_format.bytes() * usize::from(format.channels);
        Self {
            clock: StreamClock::new(rate_hz, output.nothing_for()),
            arrivals: ArrivalRate::new(rate_hz, output.rate_within()),
            output,
            sender,
            by_sender_alone: false,
            unknown: VecDeque::new(),
            unknown_since_ns: 0,
            unknown_bytes: 0,
            has_length: Box::new(has_length),
            frame_bytes,
            rates_hz: (format.sample_rate_hz, rate_hz),
            held: Vec::new(),
            waiting: None,
            early: VecDeque::new(),
            held_bytes: 0,
        }
    }

    /// Writes nothing without the sender's time, if `by_sender_alone`.
    pub(super) fn by_sender_alone(self, by_sender_alone: bool) -> Self {
        Self { by_sender_alone, ..self }
    }

    /// Adds a packet, and writes what is due.
    ///
    /// # Errors
    /// [`Error::WrongRate`] if the packets of a live stream come faster or slower than it says,
    /// [`Error::Stream`] if the sender's times are required and not known in time.
    pub(super) fn add(&mut self, packet: Packet, stop: &Stop) -> Result<()> {
        let frames = (packet.data.len() / self.frame_bytes) as u64;
        if frames == 0 {
            return Ok(());
        }
        let arrived_ns = self.output.buffer().clock().monotonic_ns();
        let stamped = Stamped { timestamp_ns: self.corrected_ns(packet.timestamp_ns), frames, arrived_ns };
        if !self.clock.is_settled() {
            return self.hold(stamped, packet);
        }
        self.held_bytes += packet.data.len();
        if let Some((waiting, first)) = self.waiting.take() {
            self.place(waiting, Some(stamped), first, stop)?;
        }
        if self.clock.seems_lost(stamped) {
            self.waiting = Some((stamped, packet));
            return Ok(());
        }
        self.place(stamped, None, packet, stop)
    }

    /// Places a packet, and writes what is due. `next` is the packet after it, if it is known.
    fn place(&mut self, stamped: Stamped, next: Option<Stamped>, packet: Packet, stop: &Stop) -> Result<()> {
        let placed = self.clock.place(stamped, next);
        self.check_rate(stamped, placed.lost)?;
        let arrived_ns = stamped.arrived_ns;
        if placed.ahead.is_zero() {
            self.arrivals.on_time();
        }
        let ahead_ns = i64::try_from(placed.ahead.as_nanos()).unwrap_or(i64::MAX);
        self.early.push_back((arrived_ns.saturating_add(ahead_ns), placed, packet));
        self.write_due(ahead_ns, stop)
    }

    /// Holds a packet of the start, and settles once its place in time is known.
    fn hold(&mut self, stamped: Stamped, packet: Packet) -> Result<()> {
        self.held_bytes += packet.data.len();
        let (is_settled, lost) = self.clock.hold(stamped);
        self.check_rate(stamped, lost)?;
        self.held.push((stamped, packet));
        if is_settled || self.held_bytes > MOST_HELD_BYTES { self.settle() } else { Ok(()) }
    }

    fn check_rate(&mut self, packet: Stamped, lost: Option<Duration>) -> Result<()> {
        if let Some(come_hz) = self.arrivals.add(packet.arrived_ns, packet.frames, lost) {
            if !(self.has_length)() {
                return Err(self.wrong_rate(come_hz));
            }
            self.arrivals.set_file();
        }
        Ok(())
    }

    fn wrong_rate(&self, come_hz: u32) -> Error {
        let (source_name, declared_hz) = (self.output.buffer().source().to_string(), self.rates_hz.1);
        Error::WrongRate { source_name, come_hz, declared_hz, is_corrected: false }
    }

    /// Converts a timestamp, which counts frames at the rate that the stream says.
    fn corrected_ns(&self, timestamp_ns: i64) -> i64 {
        let (declared_hz, rate_hz) = self.rates_hz;
        if declared_hz == rate_hz {
            return timestamp_ns;
        }
        let corrected_ns = i128::from(timestamp_ns) * i128::from(declared_hz) / i128::from(rate_hz);
        i64::try_from(corrected_ns).unwrap_or(i64::MAX)
    }

    /// Writes the packets that are due. Waits for the others once the rate is known; the newest is
    /// early by `ahead_ns`.
    fn write_due(&mut self, ahead_ns: i64, stop: &Stop) -> Result<()> {
        while let Some((due_ns, ..)) = self.early.front() {
            let now_ns = self.output.buffer().clock().monotonic_ns();
            let early_ns = due_ns.saturating_sub(now_ns);
            if early_ns > 0 {
                if self.held_bytes <= MOST_HELD_BYTES && self.arrivals.may_hold(ahead_ns, now_ns) {
                    return Ok(());
                }
                self.arrivals.restart();
                if stop.sleep(Duration::from_nanos(early_ns.unsigned_abs())) {
                    return Ok(());
                }
            }
            if let Some((_, placed, packet)) = self.early.pop_front() {
                self.held_bytes -= packet.data.len();
                self.write(placed, packet)?;
            }
        }
        Ok(())
    }

    /// Writes all packets, at the end of the stream: those that are early when they are due.
    pub(super) fn drain(&mut self, stop: &Stop) -> Result<()> {
        self.settle()?;
        if let Some((waiting, packet)) = self.waiting.take() {
            self.place(waiting, None, packet, stop)?;
        }
        self.write_due(i64::MAX, stop)
    }

    /// Writes the held packets: their capture times are known only now.
    fn settle(&mut self) -> Result<()> {
        if self.clock.is_settled() {
            return Ok(());
        }
        let (stamped, packets): (Vec<_>, Vec<_>) = std::mem::take(&mut self.held).into_iter().unzip();
        self.held_bytes -= packets.iter().map(|packet| packet.data.len()).sum::<usize>();
        let buffer = self.output.buffer();
        let placed = self.clock.settle(&stamped, buffer.clock().monotonic_ns());
        self.sender.update(buffer.clock().utc_ns());
        let mut from_utc_ns = i64::MIN;
        if let Some(newest_utc_ns) = buffer.status().newest_utc_ns {
            // Servers start with some seconds of the past. After a reconnect those are in the
            // buffer, and are dropped. If the buffer's end lies in the future, a wrong clock gave
            // those times: then all are kept, and the first chunk begins a new epoch.
            let is_wrong = newest_utc_ns.saturating_sub(buffer.clock().utc_ns()) > BEHIND_NS;
            from_utc_ns = if is_wrong { i64::MIN } else { newest_utc_ns };
        }
        for (placed, packet) in placed.into_iter().zip(packets) {
            let captured_ns = placed.arrived_ns.saturating_sub(placed.duration_ns);
            let by_sender_ns = self.sender.utc_ns(packet.timestamp_ns);
            if by_sender_ns.unwrap_or_else(|| utc_of(self.output.clock(), captured_ns)) >= from_utc_ns {
                self.write(placed, packet)?;
            }
        }
        Ok(())
    }

    /// Writes what a conversion holds, at the end.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.output.finish()
    }

    fn write(&mut self, placed: Placed, packet: Packet) -> Result<()> {
        self.sender.update(self.output.clock().utc_ns());
        if self.sender.utc_ns(packet.timestamp_ns).is_some() {
            self.unknown_bytes = 0;
            for (placed, packet) in std::mem::take(&mut self.unknown) {
                self.write_now(&placed, &packet)?;
            }
        } else if self.by_sender_alone {
            return self.hold_unknown(placed, packet);
        }
        self.write_now(&placed, &packet)
    }

    /// Holds a packet whose time the sender has to say.
    fn hold_unknown(&mut self, placed: Placed, packet: Packet) -> Result<()> {
        let now_ns = self.output.clock().monotonic_ns();
        if self.unknown.is_empty() {
            self.unknown_since_ns = now_ns;
        }
        self.unknown_bytes += packet.data.len();
        self.unknown.push_back((placed, packet));
        let waited_ns = now_ns.saturating_sub(self.unknown_since_ns);
        let (part, of) = UNKNOWN_PART;
        let most_ns = i64::try_from((self.output.nothing_for() / of * part).as_nanos()).unwrap_or(i64::MAX);
        if waited_ns <= most_ns && self.unknown_bytes <= MOST_HELD_BYTES {
            return Ok(());
        }
        let cause = if self.sender.has_reports() {
            "its reports of its clock do not hold together, or differ from this machine's clock"
        } else {
            "the server does not report its clock"
        };
        let reason = format!("times = sender, and {cause}; allowed: times = auto or arrival");
        Err(Error::Stream { source_name: self.output.buffer().source().to_string(), reason })
    }

    fn write_now(&mut self, placed: &Placed, packet: &Packet) -> Result<()> {
        if let Some(lost) = placed.lost {
            self.output.gap_for(GapReason::PacketLoss, lost);
        }
        if let Some(utc_ns) = self.sender.utc_ns(packet.timestamp_ns) {
            if self.sender.take_step() {
                // A change of clock moves times at once, on record, and no audio is missing.
                self.output.set_clock(ClockSource::Arrival);
            }
            self.output.set_clock(ClockSource::Sender);
            return self.output.write_bytes_at(&packet.data, utc_ns);
        }
        self.output.set_clock(ClockSource::Arrival);
        let arrived_utc_ns = utc_of(self.output.clock(), placed.arrived_ns);
        self.output.write_bytes_arrived_at(&packet.data, arrived_utc_ns)
    }
}
