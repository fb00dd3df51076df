//! Writes packets at their capture times.

use capbuf::{BEHIND_NS, GapReason};

use super::clock::{Placed, StreamClock};
use super::packets::Packet;
use crate::error::Result;
use crate::source::format::Format;
use crate::source::instant::utc_of;
use crate::source::processing::output::Output;
use crate::stop::Stop;

/// Writes packets at the times of a [`StreamClock`].
pub(super) struct PacketWriter {
    output: Output,
    clock: StreamClock,
    frame_bytes: usize,
    /// Packets that arrived before the clock settled.
    held: Vec<(Placed, Packet)>,
    held_bytes: usize,
}

/// The most bytes that are held: 30 s of all but the largest formats.
const MOST_HELD_BYTES: usize = 16 << 20;

impl PacketWriter {
    pub(super) fn new(output: Output, format: Format) -> Self {
        let clock = StreamClock::new(format.sample_rate_hz);
        let frame_bytes = format.sample_format.bytes() * usize::from(format.channels);
        Self { output, clock, frame_bytes, held: Vec::new(), held_bytes: 0 }
    }

    pub(super) fn add(&mut self, packet: Packet, stop: &Stop) -> Result<()> {
        let frames = (packet.data.len() / self.frame_bytes) as u64;
        if frames == 0 {
            return Ok(());
        }
        let settled = self.clock.is_settled();
        let arrived_ns = self.output.buffer().clock().monotonic_ns();
        let placed = self.clock.place(packet.timestamp_ns, frames, arrived_ns);
        if !placed.ahead.is_zero() && stop.sleep(placed.ahead) {
            return Ok(());
        }
        if settled {
            return self.write(&placed, &packet);
        }
        self.held_bytes += packet.data.len();
        self.held.push((placed, packet));
        if self.clock.is_settled() || self.held_bytes > MOST_HELD_BYTES { self.settle() } else { Ok(()) }
    }

    /// Writes the held packets: their capture times are known only now.
    pub(super) fn settle(&mut self) -> Result<()> {
        let mut held = std::mem::take(&mut self.held);
        self.held_bytes = 0;
        let buffer = self.output.buffer();
        self.clock.settle(buffer.clock().monotonic_ns());
        if let Some(newest_utc_ns) = buffer.status().newest_utc_ns {
            // Servers start with some seconds of the past. After a reconnect those are in the
            // buffer, and are dropped. If the buffer's end lies in the future, a wrong clock gave
            // those times: then all are kept, and the first chunk begins a new epoch.
            let clock = &**buffer.clock();
            let is_wrong = newest_utc_ns.saturating_sub(clock.utc_ns()) > BEHIND_NS;
            held.retain(|(placed, _)| is_wrong || utc_of(clock, self.clock.captured_ns(placed)) >= newest_utc_ns);
        }
        held.iter().try_for_each(|(placed, packet)| self.write(placed, packet))
    }

    /// Writes what a conversion holds, at the end.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.output.finish()
    }

    fn write(&mut self, placed: &Placed, packet: &Packet) -> Result<()> {
        if let Some(lost) = placed.lost {
            self.output.gap_for(GapReason::PacketLoss, lost);
        }
        if let Some(undetected) = placed.late {
            self.output.gap_for(GapReason::Detected, undetected);
        }
        let capture_utc_ns = utc_of(&**self.output.buffer().clock(), self.clock.captured_ns(placed));
        self.output.write_bytes_at(&packet.data, capture_utc_ns)
    }
}
